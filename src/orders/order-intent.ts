/**
 * Makes the journal's intent from what an engine decided: its id, its worst price, its words for people. Pure.
 */
import { type Fixed, fixedFromNumber, multiplyFixed, parseFixed } from "../core/fixed.ts";
import { type Instrument, roundPrice } from "../core/market/instrument.ts";
import { formatTriggerKey } from "../core/order/trigger-key.ts";
import { reasonName } from "../core/strategy/reason.ts";
import type { DecodedOrder } from "./intent-decoder.ts";
import { type OrderIntent, SIMPLE_TERMS } from "./journal.ts";
import { strategyOrderId } from "./order-id.ts";

/** The strategy instance that decided. */
export interface DecidingInstance {
  readonly id: string;
  /** Version of its strategy. */
  readonly version: number;
  /** What its snapshots belong to. */
  readonly fingerprint: string;
}

/** `collarBps`: how far beyond the far touch a market order is assumed to trade at worst. */
export function orderIntent(
  decoded: DecodedOrder,
  instance: DecidingInstance,
  instrument: Instrument,
  bookId: string,
  collarBps: number,
): OrderIntent {
  const trigger = formatTriggerKey({
    kind: decoded.triggerKind,
    symbol: instrument.symbol,
    venueTimeUs: decoded.triggerVenueTimeUs,
    ordinal: decoded.triggerOrdinal,
  });
  return {
    ...SIMPLE_TERMS,
    replaces: null,
    clientOrderId: strategyOrderId(bookId, instance.id, instance.version, trigger, decoded.leg),
    instanceId: instance.id,
    symbol: instrument.symbol,
    side: decoded.side,
    type: decoded.type,
    timeInForce: instrument.assetClass === "crypto" && decoded.timeInForce === "day" ? "gtc" : decoded.timeInForce,
    quantity: decoded.quantity,
    limitPrice: decoded.limitPrice,
    worstPrice: decoded.limitPrice ?? worstMarketPrice(decoded, instrument, collarBps),
    reducing: decoded.reducing,
    trigger,
    reason: reasonName(decoded.reason),
    midAtDecision: decoded.mid > 0 ? fixedFromNumber(decoded.mid, "mid") : null,
    decidedAtUs: decoded.engineTimeUs,
    snapshot: decoded.snapshot,
    snapshotTimeUs: decoded.engineTimeUs,
    fingerprint: instance.fingerprint,
  };
}

/** The far touch plus the collar, upwards for both sides: it is what the order may cost, not what it may fetch. */
function worstMarketPrice(decoded: DecodedOrder, instrument: Instrument, collarBps: number): Fixed {
  const touch = fixedFromNumber(decoded.farTouch, "far touch");
  const collared = multiplyFixed(touch, parseFixed("1", "one") + BigInt(collarBps) * 100_000n, "ceil", "worst price");
  return roundPrice(instrument, collared, "ceil");
}
