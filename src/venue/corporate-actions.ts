/**
 * Splits and cash dividends: what they do to the position, the cash and the open orders of their symbol, and the account
 * activities that say so. Alpaca cancels open orders at a split and tells so by a reason of their cancellation.
 */
import { divideRounded, type Fixed, formatFixed, roundToIncrement } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { averageEntryPrice, notionalOf } from "./holdings.ts";
import type { VenueMarket } from "./market.ts";
import { isFinal, type VenueActivity } from "./order.ts";
import { close } from "./order-life.ts";
import { seededUuid, seedOf } from "./seeded-hash.ts";
import type { VenueState } from "./venue-state.ts";

export interface SplitRatio {
  /** Old shares … */
  readonly from: number;
  /** … that become so many new ones. */
  readonly to: number;
}

/**
 * Applies a split: quantity × to / from. What is left of a whole share, where the asset has no fractions, is paid in cash
 * at the last price after the split. Cost stays with the shares.
 */
export function applySplit(state: VenueState, market: VenueMarket, ratio: SplitRatio): VenueActivity[] {
  for (const order of market.open.slice()) {
    if (!isFinal(order.status)) close(state, order, "canceled", "CORPORATE_ACTION");
  }
  const { instrument } = market;
  const holding = state.holdings.get(instrument.symbol);
  const markBefore = holding === undefined ? null : (market.mark() ?? averageEntryPrice(instrument, holding));
  scaleMarket(market, ratio);
  if (holding === undefined || markBefore === null) return [];
  const exact = divideRounded(holding.quantity * BigInt(ratio.to), BigInt(ratio.from), "half_even");
  const kept = towardsZero(exact, instrument);
  const price = divideRounded(markBefore * BigInt(ratio.from), BigInt(ratio.to), "half_even");
  const paid = signed(exact - kept, (size) => notionalOf(instrument, size, price));
  const cost = divideRounded(holding.cost * absolute(kept), absolute(exact), "half_even");
  const netAmount = state.holdings.split(instrument.symbol, kept, cost, paid);
  return [
    keep(state, {
      type: "SPLIT",
      symbol: instrument.symbol,
      netAmount,
      quantity: kept - holding.quantity,
      perShareAmount: null,
      price: netAmount === 0n ? null : price,
      description: `${ratio.to} for ${ratio.from} split`,
      positionCost: cost,
    }),
  ];
}

/** Pays so much a share on the position of this moment; a short position pays it. */
export function applyDividend(state: VenueState, market: VenueMarket, perShare: Fixed): VenueActivity[] {
  const { instrument } = market;
  const quantity = state.positionOf(instrument.symbol);
  if (quantity === 0n) return [];
  const netAmount = state.holdings.pay(signed(quantity, (size) => notionalOf(instrument, size, perShare)));
  return [
    keep(state, {
      type: "DIV",
      symbol: instrument.symbol,
      netAmount,
      quantity,
      perShareAmount: perShare,
      price: null,
      description: `Cash dividend of ${formatFixed(perShare)} a share`,
      positionCost: null,
    }),
  ];
}

type ActivityTerms = Omit<VenueActivity, "id" | "timeUs" | "orderId" | "positionQuantity" | "cash">;

function keep(state: VenueState, terms: ActivityTerms): VenueActivity {
  const { timeUs, idSeed } = state;
  const activity = {
    ...terms,
    id: seededUuid(idSeed, seedOf(`${terms.type} ${terms.symbol} ${terms.description} ${timeUs}`)),
    timeUs,
    orderId: null,
    positionQuantity: state.positionOf(terms.symbol),
    cash: state.holdings.cash,
  };
  state.activities.push(activity);
  return activity;
}

/** The last price is brought to the new shares; quotes of the old ones are gone. */
export function scaleMarket(market: VenueMarket, ratio: SplitRatio): void {
  const last = market.last > 0 ? market.last : (market.bid + market.ask) / (market.bid > 0 && market.ask > 0 ? 2 : 1);
  market.last = (last * ratio.from) / ratio.to;
  market.bid = 0;
  market.ask = 0;
}

function towardsZero(quantity: Fixed, instrument: Instrument): Fixed {
  if (instrument.fractionable) return quantity;
  return signed(quantity, (size) => roundToIncrement(size, instrument.quantityIncrement, "floor"));
}

function absolute(quantity: Fixed): Fixed {
  return quantity < 0n ? -quantity : quantity;
}

/** A function of sizes for a signed quantity. */
function signed(quantity: Fixed, of: (size: Fixed) => Fixed): Fixed {
  return quantity < 0n ? -of(-quantity) : of(quantity);
}
