/**
 * What the account is worth and what it may still buy. Pure functions of holdings, markets and open orders.
 *
 * buying power = (equity − coins) × multiplier − gross value of shares − value that open orders keep, not below 0, where
 * the value that orders for coins keep counts as often as the multiplier says, because nothing is lent on coins. With
 * multiplier 1 that is the cash that no open buy needs; with 2 it is Alpaca's (equity − initial margin) × 2. An account of
 * less than $2,000 has the multiplier 1.
 *
 * Initial margin: half of shares, all of coins. Maintenance margin: shares held 30 % (all of it below $2.50), shares sold
 * short the more of $5 a share and 30 % (below $5 of $2.50 a share and all of it), coins all of it.
 */
import { divideRounded, type Fixed, parseFixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { averageEntryPrice, type Holdings, notionalOf } from "./holdings.ts";
import type { VenueMarket } from "./market.ts";
import { heldValue } from "./reservations.ts";

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
  /** The one that applies: 1 below $2,000 of equity, else the account's. */
  readonly multiplier: 1 | 2 | 4;
}

const MARGIN_EQUITY = parseFixed("2000", "margin equity");
const LOW_LONG_PRICE = parseFixed("2.5", "low price");
const LOW_SHORT_PRICE = parseFixed("5", "low price of a short");
const SHORT_PER_SHARE = parseFixed("5", "margin per share");
const LOW_SHORT_PER_SHARE = parseFixed("2.5", "margin per share");
/** An account whose positions are worth more than so many times its equity may only close. */
const CLOSING_ONLY_LEVERAGE = 6n;

export function accountFigures(
  holdings: Holdings,
  markets: ReadonlyMap<string, VenueMarket>,
  mostMultiplier: 1 | 2 | 4,
  timeUs: number,
): AccountFigures {
  const sums = positionSums(holdings, markets);
  const { cash } = holdings;
  const equity = cash + sums.long + sums.short;
  const multiplier = equity < MARGIN_EQUITY ? 1 : mostMultiplier;
  const shares = sums.long - sums.short - sums.coins;
  const reserved = reservedValue(holdings, markets, timeUs);
  const times = BigInt(multiplier);
  return {
    cash,
    equity,
    longMarketValue: sums.long,
    shortMarketValue: sums.short,
    initialMargin: divideRounded(shares, 2n, "half_even") + sums.coins,
    maintenanceMargin: sums.maintenance,
    buyingPower: positive((equity - sums.coins - reserved.coins) * times - shares - reserved.shares),
    nonMarginableBuyingPower: positive(cash - reserved.shares - reserved.coins),
    multiplier,
  };
}

export function mayOnlyClose(figures: AccountFigures): boolean {
  return figures.longMarketValue - figures.shortMarketValue > figures.equity * CLOSING_ONLY_LEVERAGE;
}

export function mayShort(figures: AccountFigures): boolean {
  return figures.multiplier > 1 && figures.equity >= MARGIN_EQUITY;
}

interface PositionSums {
  readonly long: Fixed;
  readonly short: Fixed;
  readonly coins: Fixed;
  readonly maintenance: Fixed;
}

function positionSums(holdings: Holdings, markets: ReadonlyMap<string, VenueMarket>): PositionSums {
  const sums = { long: 0n, short: 0n, coins: 0n, maintenance: 0n };
  for (const [symbol, holding] of holdings.all()) {
    const market = markets.get(symbol);
    if (market === undefined) continue;
    const mark = market.mark() ?? averageEntryPrice(market.instrument, holding);
    const size = holding.quantity < 0n ? -holding.quantity : holding.quantity;
    const value = notionalOf(market.instrument, size, mark);
    if (holding.quantity > 0n) sums.long += value;
    else sums.short -= value;
    if (market.instrument.assetClass === "crypto") sums.coins += value;
    sums.maintenance += maintenanceOf(market.instrument, holding.quantity, mark, value);
  }
  return sums;
}

function maintenanceOf(instrument: Instrument, quantity: Fixed, price: Fixed, value: Fixed): Fixed {
  if (instrument.assetClass === "crypto") return value;
  if (quantity > 0n) return price < LOW_LONG_PRICE ? value : percent(value, 30n);
  const low = price < LOW_SHORT_PRICE;
  const perShare = notionalOf(instrument, -quantity, low ? LOW_SHORT_PER_SHARE : SHORT_PER_SHARE);
  const share = low ? value : percent(value, 30n);
  return perShare > share ? perShare : share;
}

function reservedValue(
  holdings: Holdings,
  markets: ReadonlyMap<string, VenueMarket>,
  timeUs: number,
): { readonly shares: Fixed; readonly coins: Fixed } {
  const reserved = { shares: 0n, coins: 0n };
  for (const market of markets.values()) {
    for (const order of market.open) {
      const kind = market.instrument.assetClass === "crypto" ? "coins" : "shares";
      reserved[kind] += heldValue(order, market, holdings, timeUs);
    }
  }
  return reserved;
}

function percent(value: Fixed, share: bigint): Fixed {
  return divideRounded(value * share, 100n, "half_even");
}

function positive(value: Fixed): Fixed {
  return value > 0n ? value : 0n;
}
