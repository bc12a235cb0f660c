/** An engine over a list of intents, with readable intents, counted refusals and a venue that fills at once on demand. */
import { Engine, type EngineOptions, type InstanceSpec } from "../../../src/core/engine.ts";
import { parseFixed } from "../../../src/core/fixed.ts";
import { equity, type Instrument } from "../../../src/core/market/instrument.ts";
import {
  INTENT_CANCEL,
  INTENT_LANE_ENGINE_TIME_US,
  INTENT_LANE_LIMIT_PRICE,
  INTENT_LANE_NUMBER,
  INTENT_LANE_QUANTITY,
  INTENT_LANE_TARGET,
  INTENT_LANE_TRIGGER_VENUE_TIME_US,
  INTENT_STATE,
  LEG_CLOSE,
  SIDE_BUY,
  TYPE_LIMIT,
} from "../../../src/core/order/intent.ts";
import { IntentList } from "../../../src/core/order/intent-list.ts";
import { DEFAULT_LIMITS, type RiskLimits } from "../../../src/core/risk/limits.ts";
import { refusalCode } from "../../../src/core/risk/refusal.ts";
import type { StrategyRegistry } from "../../../src/core/strategy/registry.ts";
import { RecordWriter } from "./record-writer.ts";

export interface ReadIntent {
  readonly kind: "order" | "cancel";
  readonly number: number;
  readonly instance: number;
  readonly instrument: number;
  readonly side: "buy" | "sell";
  readonly type: "market" | "limit";
  readonly leg: "open" | "close";
  /** Units. */
  readonly quantity: number;
  readonly limitPrice: number;
  readonly positionAfter: number;
  readonly triggerKind: number;
  readonly triggerOrdinal: number;
  readonly triggerTimeUs: number;
  readonly engineTimeUs: number;
  readonly cancels: number;
}

/** Liberal sizes, so that a test meets the limit it is about. */
export const WIDE_LIMITS: RiskLimits = {
  ...DEFAULT_LIMITS,
  maxOrderQuantity: parseFixed("1000000", "quantity"),
  maxOrderNotional: parseFixed("1000000", "notional"),
  maxPositionNotional: parseFixed("1000000", "notional"),
  repeatedExecutionsPerMinute: 1_000,
};

export interface HarnessOptions {
  readonly instruments?: readonly Instrument[];
  readonly instances?: readonly Partial<InstanceSpec>[];
  readonly limits?: Partial<RiskLimits>;
  readonly strategies?: StrategyRegistry;
  readonly room?: number;
  readonly barGraceUs?: number;
}

export class Harness {
  readonly list: IntentList;
  readonly engine: Engine;
  readonly write: RecordWriter;
  /** Codes in order. */
  readonly refusals: string[] = [];
  /** Fixed integers by `instance:instrument`. */
  readonly positions = new Map<string, number>();
  #inbound = 0;
  #read = 0;

  constructor(options: HarnessOptions = {}) {
    const instruments = options.instruments ?? [equity(0, "AAA")];
    const instances = (options.instances ?? [{}]).map((partial, index): InstanceSpec => {
      const defaults = { id: `instance-${index}`, strategy: "puppet", parameters: {}, instruments: [0] };
      return { ...defaults, capital: parseFixed("10000", "capital"), execution: { type: "market" }, ...partial, index };
    });
    const engineOptions: EngineOptions = {
      refusals: { refused: (_instance, _instrument, refusal) => this.refusals.push(refusalCode(refusal)) },
      ...(options.strategies === undefined ? {} : { strategies: options.strategies }),
    };
    this.list = new IntentList(options.room === undefined ? {} : { limit: options.room });
    const spec = { instruments, instances, limits: { ...WIDE_LIMITS, ...options.limits } };
    const graced = options.barGraceUs === undefined ? spec : { ...spec, barGraceUs: options.barGraceUs };
    this.engine = new Engine(graced, this.list, engineOptions);
    this.write = new RecordWriter((records, slot) => this.engine.process(records, slot, this.#inbound++));
  }

  /** Orders and cancels written since the last call. */
  news(): ReadIntent[] {
    const found: ReadIntent[] = [];
    for (; this.#read < this.list.count; this.#read++) {
      if (this.list.intents.kind(this.#read) !== INTENT_STATE) found.push(this.#intent(this.#read));
    }
    return found;
  }

  /** The one order written since the last call. */
  order(): ReadIntent {
    const [order, ...rest] = this.news();
    if (order === undefined || rest.length > 0 || order.kind !== "order") {
      throw new Error(`expected one order, got ${JSON.stringify([order, ...rest])}; refusals ${this.refusals.join()}`);
    }
    return order;
  }

  /** Fills a part of the order, or all of it, in the books of this harness, and tells the engine. */
  fill(order: ReadIntent, timeUs: number, quantity = order.quantity): void {
    const key = `${order.instance}:${order.instrument}`;
    const signed = Math.round((order.side === "buy" ? quantity : -quantity) * 1e9);
    const position = (this.positions.get(key) ?? 0) + signed;
    this.positions.set(key, position);
    this.write.fill(timeUs, order.number, signed, 0, position, order.instance, order.instrument);
  }

  done(order: ReadIntent, timeUs: number): void {
    this.write.done(timeUs, order.number, order.instance, order.instrument);
  }

  /** Fills and ends everything new, again and again until nothing new is written. */
  fillAll(timeUs: number): void {
    for (let intents = this.news(); intents.length > 0; intents = this.news()) {
      for (const intent of intents) {
        if (intent.kind !== "order") continue;
        this.fill(intent, timeUs);
        this.done(intent, timeUs);
      }
    }
  }

  #intent(slot: number): ReadIntent {
    const { intents } = this.list;
    return {
      kind: intents.kind(slot) === INTENT_CANCEL ? "cancel" : "order",
      number: intents.integer(slot, INTENT_LANE_NUMBER),
      instance: intents.word(slot, 2),
      instrument: intents.half(slot, 2),
      side: intents.byte(slot, 1) === SIDE_BUY ? "buy" : "sell",
      type: intents.byte(slot, 2) === TYPE_LIMIT ? "limit" : "market",
      leg: intents.half(slot, 3) === LEG_CLOSE ? "close" : "open",
      quantity: intents.integer(slot, INTENT_LANE_QUANTITY) / 1e9,
      limitPrice: intents.integer(slot, INTENT_LANE_LIMIT_PRICE) / 1e9,
      positionAfter: intents.integer(slot, INTENT_LANE_TARGET) / 1e9,
      triggerKind: intents.word(slot, 6),
      triggerOrdinal: intents.word(slot, 7),
      triggerTimeUs: intents.lane(slot, INTENT_LANE_TRIGGER_VENUE_TIME_US),
      engineTimeUs: intents.lane(slot, INTENT_LANE_ENGINE_TIME_US),
      cancels: intents.word(slot, 31),
    };
  }
}
