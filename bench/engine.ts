/**
 * The engine on one core: a hundred instruments, three strategies on each that update six indicators on every trade and
 * quote through the public contracts, and one tick in a thousand that gives an intent with all its checks and is filled.
 * Counts garbage collections over the run. The strategies here are made for measuring only.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { Engine, type InstanceSpec } from "../src/core/engine.ts";
import { parseFixed } from "../src/core/fixed.ts";
import { Ema } from "../src/core/indicator/ema.ts";
import { Rsi } from "../src/core/indicator/rsi.ts";
import { Sma } from "../src/core/indicator/sma.ts";
import { Vwap } from "../src/core/indicator/vwap.ts";
import { ZScore } from "../src/core/indicator/z-score.ts";
import { equity } from "../src/core/market/instrument.ts";
import {
  ACCOUNT_DONE,
  ACCOUNT_FILL,
  CONTROL_RESUME,
  KIND_ACCOUNT,
  KIND_CONTROL,
  KIND_QUOTE,
  KIND_TRADE,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  LANE_VENUE_TIME_US,
  NO_INSTRUMENT,
  RecordBuffer,
} from "../src/core/market/record.ts";
import type { QuoteView, TradeView } from "../src/core/market/tick-view.ts";
import {
  INTENT_ORDER,
  INTENT_LANE_NUMBER,
  INTENT_LANE_QUANTITY,
  IntentBuffer,
  SIDE_BUY,
} from "../src/core/order/intent.ts";
import type { IntentSink } from "../src/core/order/intent-sink.ts";
import { DEFAULT_LIMITS } from "../src/core/risk/limits.ts";
import type { Strategy, StrategyDefinition, StrategyHost } from "../src/core/strategy/contract.ts";
import { REASON_CUSTOM } from "../src/core/strategy/reason.ts";
import { strategyRegistry } from "../src/core/strategy/registry.ts";
import { type Benchmark, type BenchOptions, type BenchResult, checkAnswer, median } from "./harness.ts";

const INSTRUMENTS = 100;
/** Ticks in the buffer that is played round and round: as many as an inbound ring holds. */
const TAPE_TICKS = 4_096;
/** Ticks for each intent, over all instances. */
const TICKS_PER_INTENT = 1_000;
const RUNS = 3;
const RUN_TICKS = 10_000_000;
const QUICK_TICKS = 20_000;
const STEP_US = 20;

/** Turns its wish over once in so many ticks of its own, so that the whole engine gives its share of intents. */
class Flip {
  readonly #host: StrategyHost;
  readonly #period: number;
  #left: number;
  #side = 0;

  constructor(host: StrategyHost, period: number, phase: number) {
    this.#host = host;
    this.#period = period;
    this.#left = 1 + (phase % period);
  }

  isDue(): boolean {
    return --this.#left === 0;
  }

  turn(signal: number): void {
    this.#left = this.#period;
    this.#side = 1 - this.#side;
    this.#host.target(0, this.#side, REASON_CUSTOM, Number.isFinite(signal) ? signal : 0);
  }
}

function keepNothing(_values: Float64Array, at: number): number {
  return at;
}

// Prices go through fields: a double handed to a method that is not inlined is put on the heap.

class TrendBench implements Strategy {
  readonly stateSize = 0;
  readonly #fast = new Ema(12);
  readonly #slow = new Ema(26);
  readonly #flip: Flip;
  #price = Number.NaN;

  constructor(flip: Flip) {
    this.#flip = flip;
  }

  onTrade(_local: number, trade: TradeView): void {
    this.#price = trade.price;
    this.#update();
  }

  onQuote(_local: number, quote: QuoteView): void {
    this.#price = (quote.bid + quote.ask) / 2;
    this.#update();
  }

  #update(): void {
    const price = this.#price;
    this.#fast.update(price);
    this.#slow.update(price);
    if (this.#flip.isDue()) this.#flip.turn(this.#fast.value - this.#slow.value);
  }

  snapshot = keepNothing;
  restore = keepNothing;
}

class ReversionBench implements Strategy {
  readonly stateSize = 0;
  readonly #zScore = new ZScore(20);
  readonly #rsi = new Rsi(14);
  readonly #flip: Flip;
  #price = Number.NaN;

  constructor(flip: Flip) {
    this.#flip = flip;
  }

  onTrade(_local: number, trade: TradeView): void {
    this.#price = trade.price;
    this.#update();
  }

  onQuote(_local: number, quote: QuoteView): void {
    this.#price = (quote.bid + quote.ask) / 2;
    this.#update();
  }

  #update(): void {
    const price = this.#price;
    this.#zScore.update(price);
    this.#rsi.update(price);
    if (this.#flip.isDue()) this.#flip.turn(this.#zScore.value * this.#rsi.value);
  }

  snapshot = keepNothing;
  restore = keepNothing;
}

class AnchorBench implements Strategy {
  readonly stateSize = 0;
  readonly #vwap = new Vwap();
  readonly #sma = new Sma(20);
  readonly #flip: Flip;
  #price = Number.NaN;
  #size = Number.NaN;

  constructor(flip: Flip) {
    this.#flip = flip;
  }

  onTrade(_local: number, trade: TradeView): void {
    this.#price = trade.price;
    this.#size = trade.size;
    this.#update();
  }

  onQuote(_local: number, quote: QuoteView): void {
    this.#price = (quote.bid + quote.ask) / 2;
    this.#size = quote.bidSize;
    this.#update();
  }

  #update(): void {
    const price = this.#price;
    this.#vwap.update(price, price, price, this.#size);
    this.#sma.update(price);
    if (this.#flip.isDue()) this.#flip.turn(this.#sma.value - this.#vwap.value);
  }

  snapshot = keepNothing;
  restore = keepNothing;
}

type BenchClass = new (flip: Flip) => Strategy;

function definition(name: string, Made: BenchClass): StrategyDefinition {
  return {
    name,
    version: 1,
    title: name,
    description: "Made for measuring.",
    parameters: {
      period: { kind: "integer", min: 1, max: 1_000_000_000, default: 1, description: "own ticks between two wishes" },
      phase: { kind: "integer", min: 0, max: 1_000_000_000, default: 0, description: "where it begins" },
    },
    minInstruments: 1,
    maxInstruments: 1,
    barSeconds: () => 0,
    warmUpBars: () => 0,
    create: (parameters, host) => new Made(new Flip(host, parameters.number("period"), parameters.number("phase"))),
  };
}

const STRATEGIES = strategyRegistry([
  definition("trend-bench", TrendBench),
  definition("reversion-bench", ReversionBench),
  definition("anchor-bench", AnchorBench),
]);

/** A small ring of intents whose orders are all filled as they come; counts them. */
class FillingSink implements IntentSink {
  readonly intents = IntentBuffer.allocate(64);
  orders = 0;
  #next = 0;
  #published = 0;

  available(): number {
    return 32;
  }

  claim(): number {
    const slot = this.#next % 64;
    this.#next++;
    return slot;
  }

  publish(): void {
    this.#published = this.#next;
  }

  /** Slot of the newest order not taken yet, or −1. */
  take(): number {
    if (this.#published === 0) return -1;
    const slot = (this.#published - 1) % 64;
    this.#published = 0;
    this.#next = 0;
    this.orders++;
    return this.intents.kind(slot) === INTENT_ORDER ? slot : -1;
  }
}

class Flow {
  readonly sink = new FillingSink();
  readonly engine: Engine;
  readonly #tape = tape();
  readonly #answer = RecordBuffer.allocate(1);
  readonly #positions = new Float64Array(INSTRUMENTS * STRATEGIES.size);
  #tick = 0;

  constructor() {
    const limits = { ...DEFAULT_LIMITS, repeatedExecutionsPerMinute: 1_000 };
    const instruments = Array.from({ length: INSTRUMENTS }, (_, i) => equity(i, `S${i}`));
    this.engine = new Engine({ instruments, instances: instances(), limits }, this.sink, { strategies: STRATEGIES });
    for (let index = 0; index < INSTRUMENTS * STRATEGIES.size; index++) {
      this.#answer.header(0, KIND_CONTROL, CONTROL_RESUME, NO_INSTRUMENT, 0, 0, 0);
      this.#answer.setInteger(0, LANE_E, index);
      this.engine.process(this.#answer, 0, 0);
    }
  }

  /** Ticks played so far. */
  get ticks(): number {
    return this.#tick;
  }

  /** Plays so many ticks; venue time goes on from run to run. */
  play(ticks: number): void {
    const { engine, sink } = this;
    for (let i = 0; i < ticks; i++) {
      const slot = this.#tick & (TAPE_TICKS - 1);
      this.#tape.f64[slot * 8 + LANE_VENUE_TIME_US] = 1e15 + this.#tick * STEP_US;
      engine.process(this.#tape, slot, this.#tick);
      this.#tick++;
      const order = sink.take();
      if (order !== -1) this.#fill(order);
    }
  }

  #fill(slot: number): void {
    const { intents } = this.sink;
    const instance = intents.word(slot, 2);
    const quantity = intents.integer(slot, INTENT_LANE_QUANTITY);
    const signed = intents.byte(slot, 1) === SIDE_BUY ? quantity : -quantity;
    this.#positions[instance] = (this.#positions[instance] as number) + signed;
    for (let code = ACCOUNT_FILL; code <= ACCOUNT_DONE; code++) {
      this.#answer.header(0, KIND_ACCOUNT, code, intents.half(slot, 2), 0, 1e15 + this.#tick * STEP_US, 0);
      this.#answer.setInteger(0, LANE_A, intents.integer(slot, INTENT_LANE_NUMBER));
      this.#answer.setInteger(0, LANE_B, signed);
      this.#answer.setInteger(0, LANE_D, this.#positions[instance] as number);
      this.#answer.setInteger(0, LANE_E, instance);
      this.engine.process(this.#answer, 0, 0);
    }
  }
}

/** Own ticks of an instance between two of its wishes: it sees one tick in a hundred, as two others do. */
const PERIOD = STRATEGIES.size * TICKS_PER_INTENT;

function phaseOf(instance: number): number {
  return (instance * 7_919) % PERIOD;
}

function instrumentOf(tapeSlot: number): number {
  return (tapeSlot * 37) % INSTRUMENTS;
}

/** Wishes of all instances in the first `ticks` ticks, counted from the tape alone: each has to become one order. */
function flipsBefore(ticks: number): number {
  let flips = 0;
  const seen = Array.from({ length: INSTRUMENTS }, () => 0);
  for (let slot = 0; slot < TAPE_TICKS; slot++) {
    const rounds = Math.floor(ticks / TAPE_TICKS) + (slot < ticks % TAPE_TICKS ? 1 : 0);
    seen[instrumentOf(slot)] = (seen[instrumentOf(slot)] as number) + rounds;
  }
  for (let instance = 0; instance < INSTRUMENTS * STRATEGIES.size; instance++) {
    const own = seen[Math.floor(instance / STRATEGIES.size)] as number;
    flips += Math.floor((own - phaseOf(instance) - 1) / PERIOD) + 1;
  }
  return flips;
}

/** Together the instances give one intent for every `TICKS_PER_INTENT` ticks. */
function instances(): InstanceSpec[] {
  const names = [...STRATEGIES.keys()];
  return Array.from({ length: INSTRUMENTS * names.length }, (_, index) => ({
    index,
    id: `bench-${index}`,
    strategy: names[index % names.length] as string,
    parameters: { period: PERIOD, phase: phaseOf(index) },
    instruments: [Math.floor(index / names.length)],
    capital: parseFixed("10000", "capital"),
    execution: { type: "market" },
  }));
}

/** Quotes and trades in turn, prices walking around 100. */
function tape(): RecordBuffer {
  const records = RecordBuffer.allocate(TAPE_TICKS);
  for (let slot = 0; slot < TAPE_TICKS; slot++) {
    const instrument = instrumentOf(slot);
    const price = 100 + Math.round(Math.sin(slot / 900 + instrument) * 100) / 100;
    const isQuote = Math.floor(slot / INSTRUMENTS) % 2 === 0;
    records.header(slot, isQuote ? KIND_QUOTE : KIND_TRADE, 0, instrument, 0, 0, 0);
    records.setLane(slot, LANE_A, isQuote ? price - 0.01 : price);
    records.setLane(slot, LANE_B, 100);
    if (isQuote) {
      records.setLane(slot, LANE_C, price + 0.01);
      records.setLane(slot, LANE_D, 100);
    }
  }
  return records;
}

/** Garbage collections during `work`, by the runtime's own account. */
async function collectionsDuring(work: () => void): Promise<number> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as PerformanceEntry & { readonly detail: { readonly kind: number } }).detail;
      if (kind !== constants.NODE_PERFORMANCE_GC_WEAKCB) collections++;
    }
  });
  observer.observe({ entryTypes: ["gc"] });
  work();
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  observer.disconnect();
  return collections;
}

async function run(options: BenchOptions): Promise<BenchResult[]> {
  const ticks = options.quick ? QUICK_TICKS : RUN_TICKS;
  const rates: number[] = [];
  const flow = new Flow();
  flow.play(options.quick ? QUICK_TICKS : RUN_TICKS / 5);
  const collections: number[] = [];
  for (let i = 0; i < (options.quick ? 1 : RUNS); i++) {
    options.progress(`run ${i + 1} of ${RUNS}`);
    const orders = flow.sink.orders;
    const first = flow.ticks;
    let elapsedMs = 0;
    const found = await collectionsDuring(() => {
      const startMs = performance.now();
      flow.play(ticks);
      elapsedMs = performance.now() - startMs;
    });
    collections.push(found);
    checkAnswer("intents", flow.sink.orders - orders, flipsBefore(flow.ticks) - flipsBefore(first));
    rates.push(ticks / elapsedMs / 1_000);
  }
  checkAnswer(
    "refusals",
    flow.engine.stats.refusals.reduce((sum, count) => sum + count, 0),
    0,
  );
  const note = `${INSTRUMENTS} instruments, ${STRATEGIES.size} strategies and 6 indicators a tick, 0.1 % intents`;
  return [
    { name: "engine ticks", value: median(rates), unit: "M/s", checked: true, note },
    { name: "engine collections", value: median(collections), unit: `in ${ticks / 1e6} M ticks`, checked: true },
  ];
}

export const engine: Benchmark = {
  name: "engine",
  description: "ticks through indicators, strategies, planner and checks on one core",
  run,
};
