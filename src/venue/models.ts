/**
 * The replaceable assumptions of the venue: when and at what price an order trades, what it costs, how long it travels.
 * Each model is pure and deterministic; randomness is a hash of what is being decided, so that a restart repeats it.
 */
import { divideRounded, type Fixed, FIXED_ONE, fixedFromNumber, multiplyFixed } from "../core/fixed.ts";
import { type Instrument, roundPrice } from "../core/market/instrument.ts";
import { remainingAt, type VenueSide, type WorkingOrder } from "./order.ts";
import { hashUnit } from "./seeded-hash.ts";

/** What a model may see of an instrument's market; prices are doubles, 0 where there is none. */
export interface MarketView {
  readonly bid: number;
  readonly ask: number;
  readonly last: number;
  readonly timeUs: number;
}

export interface FillDecision {
  readonly price: Fixed;
  /** Positive, at most `remainingAt(order, price)`. */
  readonly quantity: Fixed;
}

export interface FillModel {
  /** What of the order trades against this market now; null for nothing. Called after every quote and at activation. */
  decide(order: WorkingOrder, market: MarketView): FillDecision | null;
}

export interface FeeModel {
  /** `fee` in quote currency (positive costs), `feeQuantity` taken from what was bought (at most the quantity). */
  feeOf(instrument: Instrument, side: VenueSide, quantity: Fixed, price: Fixed): { fee: Fixed; feeQuantity: Fixed };
}

export interface LatencyModel {
  /** Microseconds from the submission until the order is in the market; at least 0. */
  latencyUs(order: WorkingOrder): number;
}

export interface SlippageModel {
  /** The price that is paid in place of `price`; the venue keeps it within the order's limit. */
  slip(instrument: Instrument, side: VenueSide, quantity: Fixed, price: Fixed): Fixed;
}

/**
 * Alpaca's paper rule: an order trades when it is marketable against the current quote, at the far touch, whatever the
 * quote's size. With `partialRate` (0..1) that share of the fills is partial, by a seeded draw over whole increments.
 */
export function quoteFill(options: { readonly partialRate?: number; readonly seed?: number } = {}): FillModel {
  const partialRate = options.partialRate ?? 0;
  const seed = options.seed ?? 0;
  return {
    decide(order, market) {
      const touch = order.side === "buy" ? market.ask : market.bid;
      if (!(touch > 0) || !withinLimit(order, touch)) return null;
      const price = fixedFromNumber(touch, "touch");
      const remaining = remainingAt(order, price);
      const quantity =
        partialRate > 0 ? partialQuantity(order, remaining, partialRate, seed, market.timeUs) : remaining;
      return { price, quantity };
    },
  };
}

/** Doubles suffice: both sides are the nearest double of their decimal, so equal decimals compare equal. */
function withinLimit(order: WorkingOrder, touch: number): boolean {
  return order.side === "buy" ? touch <= order.limitNumber : touch >= order.limitNumber;
}

function partialQuantity(order: WorkingOrder, remaining: Fixed, rate: number, seed: number, timeUs: number): Fixed {
  const increment = order.instrument.quantityIncrement;
  const increments = remaining / increment;
  if (increments < 2n || hashUnit(seed, order.number, order.fillCount, timeUs) >= rate) return remaining;
  const share = BigInt(Math.floor(hashUnit(seed + 1, order.number, order.fillCount, timeUs) * 1e9));
  return (1n + ((increments - 1n) * share) / FIXED_ONE) * increment;
}

export const NO_FEE: FeeModel = { feeOf: () => ({ fee: 0n, feeQuantity: 0n }) };

/** A fixed amount for each share or coin, half-even. */
export function feePerShare(amount: Fixed): FeeModel {
  return {
    feeOf: (_instrument, _side, quantity) => ({
      fee: multiplyFixed(quantity, amount, "half_even", "fee"),
      feeQuantity: 0n,
    }),
  };
}

/**
 * A share of the value in basis points; `inKind` takes it from what is received, as Alpaca does for crypto: coins of a
 * buy, cash of a sell.
 */
export function feeBps(bps: Fixed, inKind = false): FeeModel {
  const share = (amount: Fixed) => divideRounded(amount * bps, 10_000n * FIXED_ONE, "half_even");
  return {
    feeOf(_instrument, side, quantity, price) {
      if (inKind && side === "buy") return { fee: 0n, feeQuantity: share(quantity) };
      return { fee: share(multiplyFixed(quantity, price, "half_even", "notional")), feeQuantity: 0n };
    },
  };
}

export const NO_LATENCY: LatencyModel = { latencyUs: () => 0 };

/** Every order takes the same time. */
export function constantLatency(us: number): LatencyModel {
  return { latencyUs: () => us };
}

export const NO_SLIPPAGE: SlippageModel = { slip: (_instrument, _side, _quantity, price) => price };

/** Prices are worse by a share in basis points, rounded against the trader to the instrument's price grid. */
export function slippageBps(bps: Fixed): SlippageModel {
  return {
    slip(instrument, side, _quantity, price) {
      const shift = divideRounded(price * bps, 10_000n * FIXED_ONE, "ceil");
      return side === "buy"
        ? roundPrice(instrument, price + shift, "ceil")
        : roundPrice(instrument, price - shift, "floor");
    },
  };
}
