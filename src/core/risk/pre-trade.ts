/**
 * The checks that every order passes in the engine worker before it becomes an intent. Cheap, in market doubles, and
 * erring towards refusal; the journal's transaction decides exactly. Pure: it reads, and changes nothing.
 *
 * Orders that only close or reduce pass the size limits (they must always be possible), never those on state and data.
 */
import { fixedToNumber } from "../fixed.ts";
import type { MarketTable } from "../market/market-table.ts";
import { TRADING_ACTIVE, TRADING_HALTED } from "../market/record.ts";
import type { Holding } from "../order/holding.ts";
import { LEG_OPEN, TYPE_LIMIT, TYPE_MARKET } from "../order/intent.ts";
import type { OrderDraft } from "../order/order-draft.ts";
import type { RiskLimits } from "./limits.ts";
import {
  REFUSAL_ENGINE_FAILED_CLOSED,
  REFUSAL_FEED_STALE,
  REFUSAL_INSTRUMENT_HALTED,
  REFUSAL_MARKET_ORDER_QUOTE_STALE,
  REFUSAL_MAX_ORDER_NOTIONAL,
  REFUSAL_MAX_ORDER_QUANTITY,
  REFUSAL_MAX_POSITION,
  REFUSAL_NONE,
  REFUSAL_NOT_TRADABLE,
  REFUSAL_PRICE_BAND,
  REFUSAL_PRICE_COLLAR,
  REFUSAL_QUOTE_CROSSED,
  REFUSAL_QUOTE_MISSING,
  REFUSAL_QUOTE_STALE,
  REFUSAL_REPEATED_EXECUTION,
  REFUSAL_TRADING_HALTED,
  REFUSAL_TRADING_REDUCING,
} from "./refusal.ts";

/** What the checks must know of the engine; written by control records. */
export class TradingConditions {
  /** Engine time, venue microseconds. */
  nowUs = 0;
  /** TRADING_* of the account. */
  accountState = TRADING_ACTIVE;
  feedStale = false;
  /** The engine could not write an intent; nothing goes out until the account is set active again. */
  failedClosed = false;
}

/** A `RiskLimits` as the checks use it: doubles, quote currency and units. */
export class CheckLimits {
  readonly maxOrderQuantity: number;
  readonly maxOrderNotional: number;
  readonly maxPositionNotional: number;
  /** As a fraction. */
  readonly collar: number;
  readonly quoteStaleUs: number;
  readonly marketQuoteStaleUs: number;

  constructor(limits: RiskLimits) {
    this.maxOrderQuantity = fixedToNumber(limits.maxOrderQuantity);
    this.maxOrderNotional = fixedToNumber(limits.maxOrderNotional);
    this.maxPositionNotional = fixedToNumber(limits.maxPositionNotional);
    this.collar = limits.collarBps / 10_000;
    this.quoteStaleUs = limits.quoteStaleUs;
    this.marketQuoteStaleUs = limits.marketQuoteStaleUs;
  }
}

/** Returns the number of the first refusal, or `REFUSAL_NONE`. `instanceState` is a TRADING_* state. */
export function checkOrder(
  draft: OrderDraft,
  holding: Holding,
  limits: CheckLimits,
  instanceState: number,
  conditions: TradingConditions,
  market: MarketTable,
): number {
  const refusal = checkState(draft, holding, instanceState, conditions, market);
  if (refusal !== REFUSAL_NONE) return refusal;
  const dataRefusal = checkQuote(draft, holding, limits, conditions, market);
  if (dataRefusal !== REFUSAL_NONE) return dataRefusal;
  const priceRefusal = checkPrice(draft, holding, limits, market);
  if (priceRefusal !== REFUSAL_NONE) return priceRefusal;
  const sizeRefusal = draft.leg === LEG_OPEN ? checkSize(draft, holding, limits) : REFUSAL_NONE;
  if (sizeRefusal !== REFUSAL_NONE) return sizeRefusal;
  return holding.guard(draft.side).isExhausted(conditions.nowUs) ? REFUSAL_REPEATED_EXECUTION : REFUSAL_NONE;
}

function checkState(
  draft: OrderDraft,
  holding: Holding,
  instanceState: number,
  conditions: TradingConditions,
  market: MarketTable,
): number {
  const state = Math.max(instanceState, conditions.accountState);
  if (conditions.failedClosed) return REFUSAL_ENGINE_FAILED_CLOSED;
  if (state >= TRADING_HALTED) return REFUSAL_TRADING_HALTED;
  if (state !== TRADING_ACTIVE && draft.leg === LEG_OPEN) return REFUSAL_TRADING_REDUCING;
  if (!holding.instrument.tradable) return REFUSAL_NOT_TRADABLE;
  return market.halted[holding.instrument.index] === 1 ? REFUSAL_INSTRUMENT_HALTED : REFUSAL_NONE;
}

function checkQuote(
  draft: OrderDraft,
  holding: Holding,
  limits: CheckLimits,
  conditions: TradingConditions,
  market: MarketTable,
): number {
  if (conditions.feedStale) return REFUSAL_FEED_STALE;
  const index = holding.instrument.index;
  const bid = market.bid[index] as number;
  const ask = market.ask[index] as number;
  if (draft.farTouch === 0) return REFUSAL_QUOTE_MISSING;
  if (bid > 0 && ask > 0 && bid > ask) return REFUSAL_QUOTE_CROSSED;
  const ageUs = conditions.nowUs - (market.quoteTimeUs[index] as number);
  if (!(ageUs <= limits.quoteStaleUs)) return REFUSAL_QUOTE_STALE;
  if (draft.type === TYPE_MARKET && !(ageUs <= limits.marketQuoteStaleUs)) return REFUSAL_MARKET_ORDER_QUOTE_STALE;
  return REFUSAL_NONE;
}

/**
 * The order's price must lie within the collar around the reference: the last eligible trade or bar, else the mid, else
 * the far touch. A known price band halves its own half-width into the collar and bounds the price.
 */
function checkPrice(draft: OrderDraft, holding: Holding, limits: CheckLimits, market: MarketTable): number {
  const index = holding.instrument.index;
  const price = draft.type === TYPE_LIMIT ? draft.limitPrice / 1e9 : draft.farTouch;
  const lower = market.bandLower[index] as number;
  const upper = market.bandUpper[index] as number;
  if (upper > 0 && (price < lower || price > upper)) return REFUSAL_PRICE_BAND;
  const reference = (market.reference[index] as number) || draft.mid || draft.farTouch;
  const half = upper > 0 ? (upper - lower) / (4 * reference) : limits.collar;
  const distance = Math.abs(price - reference) / reference;
  return distance <= Math.min(limits.collar, half) ? REFUSAL_NONE : REFUSAL_PRICE_COLLAR;
}

function checkSize(draft: OrderDraft, holding: Holding, limits: CheckLimits): number {
  const quantity = draft.quantity / 1e9;
  if (quantity > limits.maxOrderQuantity) return REFUSAL_MAX_ORDER_QUANTITY;
  const unitValue = draft.worstPrice * holding.multiplier;
  if (quantity * unitValue > limits.maxOrderNotional) return REFUSAL_MAX_ORDER_NOTIONAL;
  const positionAfter = Math.abs(draft.positionAfter) / 1e9;
  return positionAfter * unitValue > limits.maxPositionNotional ? REFUSAL_MAX_POSITION : REFUSAL_NONE;
}
