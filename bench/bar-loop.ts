/**
 * The backtest loop on bars: an EMA cross through the engine, each bar after the quote that it is traded on, and a venue
 * in the loop that fills every order at once at the far touch. Checked against a recomputation that shares no code with
 * it. One thread.
 */
import { Engine, type IntentSink } from "../src/core/engine.ts";
import { parseFixed } from "../src/core/fixed.ts";
import { equity } from "../src/core/market/instrument.ts";
import {
  ACCOUNT_DONE,
  ACCOUNT_FILL,
  BAR_INTERVAL_SHIFT,
  CONTROL_RESUME,
  KIND_ACCOUNT,
  KIND_BAR,
  KIND_CONTROL,
  KIND_QUOTE,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  LANE_VENUE_TIME_US,
  NO_INSTRUMENT,
  RECORD_LANES,
  RecordBuffer,
} from "../src/core/market/record.ts";
import {
  INTENT_LANE_NUMBER,
  INTENT_LANE_QUANTITY,
  INTENT_ORDER,
  IntentBuffer,
  SIDE_BUY,
} from "../src/core/order/intent.ts";
import { DEFAULT_LIMITS } from "../src/core/risk/limits.ts";
import { checkAnswer } from "./harness.ts";

const FAST = 20;
const SLOW = 100;
const CAPITAL = 10_000;
const BAR_SECONDS = 60;
const BAR_US = BAR_SECONDS * 1e6;
const START_US = 1_514_764_800_000_000;
/** Closes that are played round and round. */
const TAPE_BARS = 65_536;
const SHARE = 1e9;

/** The same closes as a recording holds them: doubles in dollars, each bar with its quote. */
class Tape {
  readonly close: Float64Array;
  readonly ask: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;

  constructor(closes: Int32Array) {
    const dollars = (cents: (bar: number) => number) => Float64Array.from(closes, (_, bar) => cents(bar) / 100);
    const at = (bar: number) => closes[(bar + TAPE_BARS) % TAPE_BARS] as number;
    this.close = dollars(at);
    this.ask = dollars((bar) => at(bar) + 1);
    this.high = dollars((bar) => Math.max(at(bar - 1), at(bar)));
    this.low = dollars((bar) => Math.min(at(bar - 1), at(bar)));
  }
}

/** A random walk in cents that stays between 50 and 150 dollars; the same every time. */
function closesInCents(): Int32Array {
  const closes = new Int32Array(TAPE_BARS);
  let cents = 10_000;
  let state = 42;
  for (let i = 0; i < TAPE_BARS; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    cents = Math.min(15_000, Math.max(5_000, cents + ((state >>> 16) % 21) - 10));
    closes[i] = cents;
  }
  return closes;
}

/** Room for the intents of one bar. */
class BarSink implements IntentSink {
  readonly intents = IntentBuffer.allocate(16);
  #claimed = 0;
  orderSlot = -1;

  available(): number {
    return 16;
  }

  claim(): number {
    return this.#claimed++ & 15;
  }

  publish(): void {
    const slot = (this.#claimed - 1) & 15;
    if (this.intents.kind(slot) === INTENT_ORDER) this.orderSlot = slot;
  }
}

interface Outcome {
  readonly orders: number;
  readonly shares: number;
  readonly cashCents: number;
}

class BarLoop {
  readonly #sink = new BarSink();
  readonly #engine: Engine;
  readonly #records = RecordBuffer.allocate(2);
  readonly #account = RecordBuffer.allocate(1);
  #orders = 0;
  #shares = 0;
  #cashCents = 0;

  constructor() {
    const instance = {
      index: 0,
      id: "ema",
      strategy: "ema-cross",
      parameters: { fast: FAST, slow: SLOW, barSeconds: BAR_SECONDS, allowShort: false },
      instruments: [0],
      capital: parseFixed(String(CAPITAL), "capital"),
      execution: { type: "market" } as const,
    };
    const spec = { instruments: [equity(0, "BARS")], instances: [instance], limits: DEFAULT_LIMITS };
    this.#engine = new Engine(spec, this.#sink);
    this.#records.header(0, KIND_QUOTE, 0, 0, 0, 0, 0);
    this.#records.setLane(0, LANE_B, 100);
    this.#records.setLane(0, LANE_D, 100);
    this.#records.header(1, KIND_BAR, 0, 0, BAR_SECONDS << BAR_INTERVAL_SHIFT, 0, 0);
    this.#records.setLane(1, LANE_E, 1_000);
    this.#account.header(0, KIND_CONTROL, CONTROL_RESUME, NO_INSTRUMENT, 0, 0, 0);
    this.#engine.process(this.#account, 0, 0);
  }

  play(tape: Tape, bars: number): Outcome {
    const engine = this.#engine;
    const records = this.#records;
    const { f64 } = records;
    const { close, ask, high, low } = tape;
    for (let bar = 0; bar < bars; bar++) {
      const at = bar & (TAPE_BARS - 1);
      const startUs = START_US + bar * BAR_US;
      f64[LANE_VENUE_TIME_US] = startUs + BAR_US - 1;
      f64[LANE_A] = close[at] as number;
      f64[LANE_C] = ask[at] as number;
      f64[RECORD_LANES + LANE_VENUE_TIME_US] = startUs;
      f64[RECORD_LANES + LANE_A] = close[(bar - 1) & (TAPE_BARS - 1)] as number;
      f64[RECORD_LANES + LANE_B] = high[at] as number;
      f64[RECORD_LANES + LANE_C] = low[at] as number;
      f64[RECORD_LANES + LANE_D] = close[at] as number;
      engine.process(records, 0, bar * 2);
      engine.process(records, 1, bar * 2 + 1);
      if (this.#sink.orderSlot !== -1) this.#fill(Math.round((close[at] as number) * 100), startUs + BAR_US);
    }
    const refusals = engine.stats.refusals.reduce((sum, count) => sum + count, 0);
    checkAnswer("refusals", refusals, 0);
    return { orders: this.#orders, shares: this.#shares, cashCents: this.#cashCents };
  }

  #fill(bidCents: number, timeUs: number): void {
    const { intents } = this.#sink;
    const slot = this.#sink.orderSlot;
    this.#sink.orderSlot = -1;
    const quantity = intents.integer(slot, INTENT_LANE_QUANTITY);
    const number = intents.integer(slot, INTENT_LANE_NUMBER);
    const buys = intents.byte(slot, 1) === SIDE_BUY;
    const shares = quantity / SHARE;
    this.#orders++;
    this.#shares += buys ? shares : -shares;
    this.#cashCents += buys ? -shares * (bidCents + 1) : shares * bidCents;
    this.#answer(ACCOUNT_FILL, number, buys ? quantity : -quantity, timeUs);
    this.#answer(ACCOUNT_DONE, number, 0, timeUs);
  }

  #answer(code: number, number: number, signedQuantity: number, timeUs: number): void {
    const account = this.#account;
    account.header(0, KIND_ACCOUNT, code, 0, 0, timeUs, timeUs);
    account.setInteger(0, LANE_A, number);
    account.setInteger(0, LANE_B, signedQuantity);
    account.setInteger(0, LANE_D, this.#shares * SHARE);
    this.#engine.process(account, 0, 0);
  }
}

/** What has to come out, from the rules of the strategy alone. */
function recompute(closes: Int32Array, bars: number): Outcome {
  let fast = 0;
  let slow = 0;
  let orders = 0;
  let shares = 0;
  let cashCents = 0;
  for (let bar = 0; bar < bars; bar++) {
    const cents = closes[bar % TAPE_BARS] as number;
    const close = cents / 100;
    fast = bar === 0 ? close : fast + (2 / (FAST + 1)) * (close - fast);
    slow = bar === 0 ? close : slow + (2 / (SLOW + 1)) * (close - slow);
    if (bar + 1 < SLOW || fast === slow) continue;
    if (fast > slow && shares === 0) {
      shares = Math.floor((CAPITAL * 100) / (cents + 1));
      cashCents -= shares * (cents + 1);
      orders++;
    } else if (fast < slow && shares > 0) {
      cashCents += shares * cents;
      shares = 0;
      orders++;
    }
  }
  return { orders, shares, cashCents };
}

export interface BarLoopRun {
  readonly barsPerSecond: number;
  readonly orders: number;
}

/** Plays so many bars once, with a new engine. Throws when the outcome is not the recomputed one. */
export function runBarLoop(bars: number): BarLoopRun {
  const closes = closesInCents();
  const expected = recompute(closes, bars);
  const tape = new Tape(closes);
  const loop = new BarLoop();
  const startMs = performance.now();
  const outcome = loop.play(tape, bars);
  const elapsedMs = performance.now() - startMs;
  checkAnswer("orders", outcome.orders, expected.orders);
  checkAnswer("position", outcome.shares, expected.shares);
  checkAnswer("cash, cents", outcome.cashCents, expected.cashCents);
  return { barsPerSecond: (bars / elapsedMs) * 1000, orders: outcome.orders };
}
