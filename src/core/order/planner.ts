/**
 * Turns targets into orders: at most one unresolved order for each holding, first the part that closes or reduces, then,
 * once that is over, the part that opens; the newest target wins while an order is out. Owned by one engine; all that
 * leaves it has passed the pre-trade checks and carries an identity that was never used before.
 *
 * A target's quantity is fixed when its exposure changes and stays while the exposure does, so that a moving price alone
 * causes no orders. After a refusal, or an order that ended without a fill and without our cancel, nothing is tried until
 * the target changes or a bar ends.
 */
import type { MarketTable } from "../market/market-table.ts";
import { TRADING_HALTED } from "../market/record.ts";
import { checkOrder, type TradingConditions } from "../risk/pre-trade.ts";
import {
  REFUSAL_BELOW_MINIMUM,
  REFUSAL_ENGINE_FAILED_CLOSED,
  REFUSAL_NONE,
  REFUSAL_OUT_OF_RANGE,
  REFUSAL_QUOTE_MISSING,
  REFUSAL_REPEATED_EXECUTION,
  REFUSAL_STRATEGY_FAULT,
  REFUSAL_TRIGGER_REUSED,
} from "../risk/refusal.ts";
import type { Instance, RefusalHandler } from "../strategy/instance.ts";
import type { Holding } from "./holding.ts";
import { LEG_CLOSE, LEG_OPEN, SIDE_BUY, SIDE_SELL, TIF_DAY, TIF_GTC, TYPE_LIMIT, TYPE_MARKET } from "./intent.ts";
import type { IntentWriter } from "./intent-writer.ts";
import { OrderDraft } from "./order-draft.ts";
import type { Trigger } from "./trigger.ts";

const FIXED_SCALE = 1e9;
/** Keeps the noise of double arithmetic from costing a whole increment when the exact quotient is one. */
const QUOTIENT_TOLERANCE = 2 ** -44;
/** Pause before a cancel is tried again for which there was no room, venue microseconds. */
const CANCEL_RETRY_US = 10_000;

export class Planner {
  /** Orders and cancels written. */
  orders = 0;
  cancels = 0;
  /** Earliest time at which `expire` has something to do, venue microseconds. */
  nextExpiryUs = Number.POSITIVE_INFINITY;

  readonly #market: MarketTable;
  readonly #conditions: TradingConditions;
  readonly #writer: IntentWriter;
  readonly #handler: RefusalHandler;
  readonly #current: Trigger;
  readonly #state: Float64Array;
  readonly #draft = new OrderDraft();

  /** `current`: the record being processed; `stateDoublesMax`: the largest snapshot of any instance. */
  constructor(
    market: MarketTable,
    conditions: TradingConditions,
    writer: IntentWriter,
    handler: RefusalHandler,
    current: Trigger,
    stateDoublesMax: number,
  ) {
    this.#market = market;
    this.#conditions = conditions;
    this.#writer = writer;
    this.#handler = handler;
    this.#current = current;
    this.#state = new Float64Array(stateDoublesMax);
  }

  /**
   * Brings the holding nearer to its target by at most one intent. `replanned`: not the strategy but an account record
   * asks; the order then keeps the identity of the record at which its target was stated, unless that is used up.
   */
  plan(instance: Instance, holding: Holding, replanned: boolean): void {
    if (!holding.hasTarget || holding.blocked) return;
    if (!holding.sized) {
      const refusal = this.#size(instance, holding);
      if (refusal !== REFUSAL_NONE) return this.#refuse(instance, holding, refusal);
    }
    if (holding.pendingNumber !== 0) return this.#reviewPending(holding);
    if (!this.#chooseLeg(holding)) return;
    const refusal = this.#price(instance, holding) || this.#check(instance, holding);
    if (refusal !== REFUSAL_NONE) return this.#refuse(instance, holding, refusal);
    const { leg } = this.#draft;
    const trigger = replanned && holding.isStatedFree(leg) ? holding.stated : this.#current;
    if (holding.used(leg).sameAs(trigger)) return this.#refuse(instance, holding, REFUSAL_TRIGGER_REUSED);
    this.#send(instance, holding, trigger);
  }

  /** Cancels what has waited too long. */
  expire(instances: readonly Instance[]): void {
    this.nextExpiryUs = Number.POSITIVE_INFINITY;
    for (const instance of instances) {
      for (const holding of instance.holdings) {
        if (holding.pendingExpiresUs <= this.#conditions.nowUs) this.#cancel(holding);
        if (holding.pendingExpiresUs < this.nextExpiryUs) this.nextExpiryUs = holding.pendingExpiresUs;
      }
    }
  }

  /** The position that the exposure asks for, rounded towards zero to the quantity increment. */
  #size(instance: Instance, holding: Holding): number {
    let quantity = 0;
    if (holding.exposure !== 0) {
      const price = this.#sizingPrice(instance, holding);
      if (price === 0) return REFUSAL_QUOTE_MISSING;
      const units = (Math.abs(holding.exposure) * instance.capital) / (price * holding.multiplier);
      const increments = (units * FIXED_SCALE) / holding.quantityIncrement;
      quantity = Math.floor(increments * (1 + QUOTIENT_TOLERANCE)) * holding.quantityIncrement;
    }
    if (!Number.isSafeInteger(quantity)) return REFUSAL_OUT_OF_RANGE;
    if (quantity < holding.minQuantity) quantity = 0;
    if (holding.exposure < 0) quantity = holding.instrument.shortable ? -quantity : 0;
    holding.targetQuantity = quantity;
    holding.sized = true;
    return REFUSAL_NONE;
  }

  /** The ask, so that an order of the whole capital does not exceed it; 0 without a quote. */
  #sizingPrice(instance: Instance, holding: Holding): number {
    const index = holding.instrument.index;
    const touch = (this.#market.ask[index] as number) || (this.#market.bid[index] as number);
    const { execution } = instance;
    if (touch === 0 || execution.type === "market" || execution.offsetTicks <= 0) return touch;
    const fixed = Math.round(touch * FIXED_SCALE);
    if (!Number.isSafeInteger(fixed)) return touch;
    return touch + (execution.offsetTicks * holding.priceIncrement(fixed)) / FIXED_SCALE;
  }

  /** An order is out already: a limit order that no longer fits the target is taken back, anything else is awaited. */
  #reviewPending(holding: Holding): void {
    if (holding.pendingIsLimit && !holding.cancelSent && holding.targetQuantity !== holding.pendingTarget) {
      this.#cancel(holding);
      if (holding.pendingExpiresUs < this.nextExpiryUs) this.nextExpiryUs = holding.pendingExpiresUs;
    }
  }

  /** Fills in side, leg, quantity and the position after; false when there is nothing to do. */
  #chooseLeg(holding: Holding): boolean {
    const draft = this.#draft;
    const have = holding.position;
    const want = holding.targetQuantity;
    if (want === have) return false;
    draft.side = want > have ? SIDE_BUY : SIDE_SELL;
    const reduces = have > 0 ? want < have : have < 0 && want > have;
    draft.leg = reduces ? LEG_CLOSE : LEG_OPEN;
    const crossing = reduces && Math.sign(want) === -Math.sign(have);
    const distance = Math.abs((crossing ? 0 : want) - have);
    draft.quantity = Math.floor(distance / holding.quantityIncrement) * holding.quantityIncrement;
    draft.positionAfter = draft.side === SIDE_BUY ? have + draft.quantity : have - draft.quantity;
    return draft.quantity > 0;
  }

  #price(instance: Instance, holding: Holding): number {
    const draft = this.#draft;
    const index = holding.instrument.index;
    draft.farTouch = (draft.side === SIDE_BUY ? this.#market.ask[index] : this.#market.bid[index]) as number;
    draft.mid = this.#market.mid(index);
    draft.timeInForce = holding.instrument.assetClass === "crypto" ? TIF_GTC : TIF_DAY;
    const { execution } = instance;
    if (draft.farTouch === 0) return REFUSAL_QUOTE_MISSING;
    if (execution.type === "limit") return this.#limit(holding, execution.offsetTicks);
    draft.type = TYPE_MARKET;
    draft.limitPrice = 0;
    draft.worstPrice = draft.side === SIDE_BUY ? draft.farTouch * (1 + instance.limits.collar) : draft.farTouch;
    return REFUSAL_NONE;
  }

  /** A limit on the price grid: never worse than the far touch moved by the offset. */
  #limit(holding: Holding, offsetTicks: number): number {
    const draft = this.#draft;
    const touch = Math.round(draft.farTouch * FIXED_SCALE);
    if (!Number.isSafeInteger(touch)) return REFUSAL_OUT_OF_RANGE;
    const increment = holding.priceIncrement(touch);
    const buying = draft.side === SIDE_BUY;
    const ticks = buying ? Math.floor(touch / increment) + offsetTicks : Math.ceil(touch / increment) - offsetTicks;
    draft.type = TYPE_LIMIT;
    draft.limitPrice = ticks * increment;
    draft.worstPrice = draft.limitPrice / FIXED_SCALE;
    return draft.limitPrice > 0 && Number.isSafeInteger(draft.limitPrice) ? REFUSAL_NONE : REFUSAL_OUT_OF_RANGE;
  }

  #check(instance: Instance, holding: Holding): number {
    const draft = this.#draft;
    if (!Number.isSafeInteger(draft.quantity) || !Number.isSafeInteger(draft.positionAfter))
      return REFUSAL_OUT_OF_RANGE;
    const refusal = checkOrder(draft, holding, instance.limits, instance.tradingState, this.#conditions, this.#market);
    if (refusal !== REFUSAL_NONE) return refusal;
    const value = (draft.quantity / FIXED_SCALE) * draft.farTouch * holding.multiplier;
    if (draft.quantity < holding.minQuantity || value < holding.minNotional) return REFUSAL_BELOW_MINIMUM;
    if (this.#writer.hasRoom(instance.stateSize)) return REFUSAL_NONE;
    this.#conditions.failedClosed = true;
    return REFUSAL_ENGINE_FAILED_CLOSED;
  }

  #send(instance: Instance, holding: Holding, trigger: Trigger): void {
    const { nowUs } = this.#conditions;
    try {
      instance.snapshot(this.#state);
    } catch (cause) {
      instance.fail(cause);
      return this.#refuse(instance, holding, REFUSAL_STRATEGY_FAULT);
    }
    const draft = this.#draft;
    holding.pendingNumber = this.#writer.order(draft, holding, trigger, this.#state, instance.stateSize);
    holding.pendingTarget = holding.targetQuantity;
    holding.pendingFilled = 0;
    holding.cancelSent = false;
    holding.pendingIsLimit = draft.type === TYPE_LIMIT;
    const { execution } = instance;
    holding.pendingExpiresUs =
      execution.type === "limit" ? nowUs + execution.cancelAfterSeconds * 1e6 : Number.POSITIVE_INFINITY;
    if (holding.pendingExpiresUs < this.nextExpiryUs) this.nextExpiryUs = holding.pendingExpiresUs;
    holding.guard(draft.side).record(nowUs);
    holding.use(draft.leg, trigger);
    instance.intents++;
    this.orders++;
  }

  /** Cancels need room and nothing else: no state, no limit and no budget holds them back. */
  #cancel(holding: Holding): void {
    const { nowUs } = this.#conditions;
    if (!this.#writer.hasRoom(0)) {
      holding.pendingExpiresUs = nowUs + CANCEL_RETRY_US;
      return;
    }
    this.#writer.cancel(holding, this.#current);
    this.cancels++;
    holding.cancelSent = true;
    holding.pendingExpiresUs = Number.POSITIVE_INFINITY;
  }

  #refuse(instance: Instance, holding: Holding, refusal: number): void {
    holding.blocked = true;
    holding.sized = false;
    if (refusal === REFUSAL_REPEATED_EXECUTION) instance.tradingState = TRADING_HALTED;
    this.#handler.refuse(instance, holding, refusal);
  }
}
