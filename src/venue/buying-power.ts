/**
 * What the account is worth and what it may still buy. Pure functions of holdings, markets and open orders.
 *
 * buying power = equity × multiplier − gross position value − worst-case value of open orders that open risk, not below 0.
 * With multiplier 1 that is the cash that no open buy needs; with 2 and 4 it agrees with Alpaca's
 * (equity − initial margin) × multiplier for an initial margin of 1 / multiplier.
 */
import { divideRounded, type Fixed } from "../core/fixed.ts";
import { averageEntryPrice, type Holdings, notionalOf } from "./holdings.ts";
import type { VenueMarket } from "./market.ts";
import { remainingOf, type VenueOrder } from "./order.ts";

export interface AccountFigures {
  readonly cash: Fixed;
  readonly equity: Fixed;
  readonly longMarketValue: Fixed;
  /** Not above 0. */
  readonly shortMarketValue: Fixed;
  readonly initialMargin: Fixed;
  readonly maintenanceMargin: Fixed;
  readonly buyingPower: Fixed;
  /** Cash that no open order needs: what crypto may be bought with. */
  readonly nonMarginableBuyingPower: Fixed;
}

/** A short sale is checked against 3 % above the ask, as Alpaca does. */
const SHORT_COLLAR_PERCENT = 103n;

export function accountFigures(
  holdings: Holdings,
  markets: ReadonlyMap<string, VenueMarket>,
  multiplier: bigint,
): AccountFigures {
  let longMarketValue = 0n;
  let shortMarketValue = 0n;
  for (const [symbol, holding] of holdings.all()) {
    const market = markets.get(symbol);
    if (market === undefined) continue;
    const mark = market.mark() ?? averageEntryPrice(market.instrument, holding);
    if (holding.quantity > 0n) longMarketValue += notionalOf(market.instrument, holding.quantity, mark);
    else shortMarketValue -= notionalOf(market.instrument, -holding.quantity, mark);
  }
  let reserved = 0n;
  for (const market of markets.values())
    for (const order of market.open) reserved += openingCost(order, market, holdings);
  const cash = holdings.cash;
  const equity = cash + longMarketValue + shortMarketValue;
  const gross = longMarketValue - shortMarketValue;
  return {
    cash,
    equity,
    longMarketValue,
    shortMarketValue,
    initialMargin: divideRounded(gross, 2n, "half_even"),
    maintenanceMargin: divideRounded(gross * 30n, 100n, "half_even"),
    buyingPower: positive(equity * multiplier - gross - reserved),
    nonMarginableBuyingPower: positive(cash - reserved),
  };
}

/** What of an order its cost depends on. */
export type CostBasis = Pick<VenueOrder, "side" | "limitPrice" | "expectedQuantity" | "filledQuantity">;

/** Worst-case value of what an order may open; 0 for one that reduces a position. */
export function openingCost(order: CostBasis, market: VenueMarket, holdings: Holdings): Fixed {
  const held = holdings.quantityOf(market.instrument.symbol);
  if (order.side === "buy" ? held < 0n : held > 0n) return 0n;
  const price = worstPrice(order, market);
  return price === null ? 0n : notionalOf(market.instrument, remainingOf(order), price);
}

function worstPrice(order: CostBasis, market: VenueMarket): Fixed | null {
  if (order.side === "buy") return order.limitPrice ?? market.reference("buy");
  const ask = market.reference("buy");
  if (ask === null) return order.limitPrice;
  const collared = divideRounded(ask * SHORT_COLLAR_PERCENT, 100n, "half_even");
  return order.limitPrice !== null && order.limitPrice > collared ? order.limitPrice : collared;
}

function positive(value: Fixed): Fixed {
  return value > 0n ? value : 0n;
}
