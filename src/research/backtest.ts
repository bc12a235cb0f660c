/**
 * A backtest: recorded ticks through the same engine, order manager and journal model as live, with the venue in the same
 * process. One thread, no sockets, no real clock; the same inputs give the same intents by hash as the same day in
 * lockstep through the live path.
 *
 * Order within a tick: the venue takes it, fills of resting orders reach the engine, then the engine sees the tick (after
 * the timer that it may end), then each intent is journalled, sent and answered before the next one is looked at.
 */
import { randomUUID } from "node:crypto";
import type { Config } from "../config/config.ts";
import { journalLimits } from "../config/config.ts";
import { CodedError } from "../core/errors.ts";
import type { Fixed } from "../core/fixed.ts";
import { Engine, type IntentSink } from "../core/engine.ts";
import {
  ACCOUNT_DONE,
  ACCOUNT_FILL,
  ACCOUNT_REFUSED,
  CONTROL_RESUME,
  FLAG_NOT_VOLUME,
  FLAG_OUT_OF_SEQUENCE,
  KIND_ACCOUNT,
  KIND_CONTROL,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  NO_INSTRUMENT,
  RecordBuffer,
} from "../core/market/record.ts";
import { IntentHash, IntentList } from "../core/order/intent-list.ts";
import { INTENT_ORDER } from "../core/order/intent.ts";
import { refusalNumber } from "../core/risk/refusal.ts";
import { Books, type Valuation } from "../orders/books.ts";
import { orderIntent } from "../orders/order-intent.ts";
import { place, type Placement } from "../workers/placement.ts";
import { InboundSequencer } from "../feed/inbound-sequencer.ts";
import type { Tick } from "../feed/tick.ts";
import { IntentDecoder, type IntentOwner } from "../orders/intent-decoder.ts";
import { MemoryJournal } from "../orders/journal-memory.ts";
import { type EngineFeedback, OrderManager } from "../orders/order-manager.ts";
import type { VenueEvent } from "../venue/order.ts";
import { Venue } from "../venue/venue.ts";
import { isRecorded, writeTick } from "./tick-record.ts";
import { VenueBroker } from "./venue-broker.ts";

export interface BacktestOptions {
  readonly config: Config;
  /** Batches in time order; see `openRecording` and `mergeRecordings`. */
  readonly ticks: AsyncIterable<readonly Tick[]>;
  /** Called now and then with the number of ticks and the venue time. */
  readonly onProgress?: (ticks: number, venueTimeUs: number) => void;
}

export interface BacktestResult {
  readonly ticks: number;
  readonly intents: number;
  /** Of orders and their snapshots, in order. */
  readonly intentHash: string;
  readonly fills: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly valuation: Valuation;
  readonly positions: readonly { readonly symbol: string; readonly quantity: Fixed }[];
  readonly startingCash: Fixed;
  /** Largest fall of equity from a peak, seen at each fill and at the end. */
  readonly drawdown: Fixed;
  readonly firstTimeUs: number;
  readonly lastTimeUs: number;
}

const PROGRESS_EVERY = 100_000;

/** Throws the configuration's and the data's CodedErrors. */
export async function runBacktest(options: BacktestOptions): Promise<BacktestResult> {
  const run = new BacktestRun(options.config);
  await run.start();
  let shownAt = PROGRESS_EVERY;
  for await (const batch of options.ticks) {
    for (let at = 0; at < batch.length; ) {
      at = run.advance(batch, at);
      await run.settle();
    }
    if (run.ticks < shownAt) continue;
    shownAt = run.ticks + PROGRESS_EVERY;
    options.onProgress?.(run.ticks, run.lastTimeUs);
  }
  return run.result();
}

class BacktestRun {
  readonly #config: Config;
  readonly #placement: Placement;
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #list = new IntentList();
  readonly #engine: Engine;
  readonly #decoder = new IntentDecoder(0);
  readonly #hash = new IntentHash();
  readonly #venue: Venue;
  readonly #broker: VenueBroker;
  readonly #manager: OrderManager;
  readonly #journal: MemoryJournal;
  readonly #books = new Books();
  readonly #sequencer: InboundSequencer;
  readonly #market = RecordBuffer.allocate(1);
  readonly #scratch = RecordBuffer.allocate(1);
  readonly #refusals: Record<string, number> = {};
  #inboundNumber = 0;
  #intents = 0;
  #fills = 0;
  #firstTimeUs = 0;
  #lastSymbol = "";
  #lastIndex = -1;
  /** The venue has taken the tick that `advance` stopped at; the engine has not. */
  #isHalfDone = false;
  lastTimeUs = 0;
  ticks = 0;

  constructor(config: Config) {
    this.#config = config;
    this.#placement = place(config, 1);
    const spec = this.#placement.specs[0];
    if (spec === undefined) throw new CodedError("BACKTEST_EMPTY", "there is no strategy instance to test");
    this.#indexes = new Map(config.instruments.map((instrument) => [instrument.symbol, instrument.index]));
    this.#engine = new Engine(spec, this.#list as IntentSink);
    this.#venue = new Venue({
      instruments: config.instruments,
      startingCash: config.simulator.startingCash,
      seed: String(config.simulator.seed),
    });
    this.#broker = new VenueBroker(this.#venue);
    // A backtest's leases never expire: no time but the data's passes.
    this.#journal = new MemoryJournal({ nowMs: () => 0, bookId: randomUUID() });
    this.#manager = this.#createManager();
    this.#sequencer = new InboundSequencer(
      { append: (records, slot) => this.#engine.process(records, slot, this.#inboundNumber++) },
      RecordBuffer.allocate(1),
    );
  }

  async start(): Promise<void> {
    const { startingCash } = this.#config.simulator;
    await this.#journal.bind({
      brokerAccountId: "backtest",
      mode: "simulated",
      openingCash: startingCash,
      openedAtUs: 0,
    });
    await this.#journal.acquireLease(OWNER, 1);
    this.#books.load(startingCash, []);
    this.#broker.watch({
      connected() {},
      disconnected() {},
      update: (update) => this.#manager.onTradeUpdate(update),
    });
    for (const instance of this.#placement.instances) {
      this.#scratch.header(0, KIND_CONTROL, CONTROL_RESUME, NO_INSTRUMENT, 0, 0, 0);
      this.#scratch.setInteger(0, LANE_E, instance.index);
      this.#engine.process(this.#scratch, 0, this.#inboundNumber++);
    }
  }

  /**
   * Plays ticks from index `from` on, without waiting, until one of them causes something in the venue or the engine.
   * Returns where to go on after `settle`.
   */
  advance(batch: readonly Tick[], from: number): number {
    for (let at = from; at < batch.length; at++) {
      const tick = batch[at] as Tick;
      const index = this.#indexOf(tick.symbol);
      if (index === -1 || !isRecorded(tick)) continue;
      if (!this.#isHalfDone && this.#toVenue(index, tick)) {
        this.#isHalfDone = true;
        return at;
      }
      this.#isHalfDone = false;
      if (this.#toEngine(index, tick)) return at + 1;
    }
    return batch.length;
  }

  /** Journals, sends and answers everything that is wanted, and what follows from it, to the end. */
  async settle(): Promise<void> {
    do {
      this.#drain();
      await this.#manager.settle();
    } while (this.#list.count > 0);
  }

  result(): BacktestResult {
    const valuation = this.#books.valuation();
    return {
      ticks: this.ticks,
      intents: this.#intents,
      intentHash: this.#hash.hex(),
      fills: this.#fills,
      refusals: this.#refusals,
      valuation,
      positions: [...this.#venue.positions()].map(([symbol, { quantity }]) => ({ symbol, quantity })),
      startingCash: this.#config.simulator.startingCash,
      drawdown: this.#books.observeEquity(valuation.equity),
      firstTimeUs: this.#firstTimeUs,
      lastTimeUs: this.lastTimeUs,
    };
  }

  /** First half of a tick. True when it did something to an order. */
  #toVenue(index: number, tick: Tick): boolean {
    this.ticks += 1;
    if (this.#firstTimeUs === 0) this.#firstTimeUs = tick.timeUs;
    this.lastTimeUs = tick.timeUs;
    this.#manager.setVenueTimeUs(tick.timeUs);
    const events = this.#onVenue(index, tick);
    if (events.length === 0) return false;
    this.#broker.tell(events);
    return true;
  }

  /** As the simulator shows it to its venue: late prints and official prices say nothing of what can be traded now. */
  #onVenue(index: number, tick: Tick): readonly VenueEvent[] {
    const { timeUs } = tick;
    if (tick.kind === "quote") {
      return this.#venue.onQuote(index, tick.bid, tick.ask, timeUs, tick.bidSize, tick.askSize);
    }
    if (tick.kind !== "trade") return this.#venue.onTrade(index, tick.close, timeUs);
    if ((tick.conditions & (FLAG_OUT_OF_SEQUENCE | FLAG_NOT_VOLUME)) !== 0) return this.#venue.onTime(timeUs);
    return this.#venue.onTrade(index, tick.price, timeUs, tick.size, tick.aggressor);
  }

  /** Second half. True when the engine gave intents. */
  #toEngine(index: number, tick: Tick): boolean {
    writeTick(this.#market, 0, index, tick);
    if (tick.kind === "quote") this.#books.quote(tick.symbol, tick.bid, tick.ask, tick.timeUs);
    this.#sequencer.append(this.#market, 0);
    return this.#list.count > 0;
  }

  /** The instrument's index, −1 for none; recorded ticks often come in runs of one symbol. */
  #indexOf(symbol: string): number {
    if (symbol !== this.#lastSymbol) {
      this.#lastSymbol = symbol;
      this.#lastIndex = this.#indexes.get(symbol) ?? -1;
    }
    return this.#lastIndex;
  }

  #drain(): void {
    const { intents, count } = this.#list;
    for (let slot = 0; slot < count; slot++) {
      this.#hash.add(intents, slot);
      if (intents.kind(slot) === INTENT_ORDER) this.#intents += 1;
      const decoded = this.#decoder.decode(intents, slot);
      if (decoded?.kind === "order") this.#manager.onOrder(decoded);
      else if (decoded?.kind === "cancel") this.#manager.onCancel(decoded);
    }
    this.#list.clear();
  }

  #createManager(): OrderManager {
    const config = this.#config;
    return new OrderManager({
      journal: this.#journal,
      broker: this.#broker,
      fence: () => ({ owner: OWNER, generation: 1n }),
      limits: journalLimits(config.risk),
      feedback: this.#feedback(),
      observer: {
        order() {},
        fill: (applied, execution) => {
          this.#fills += 1;
          this.#books.setPosition(applied.position);
          this.#books.applyCash(execution);
          this.#books.observeEquity(this.#books.valuation().equity);
        },
        outcome: (_intent, _decoded, outcome) => {
          if (outcome.kind === "refused") this.#refusals[outcome.code] = (this.#refusals[outcome.code] ?? 0) + 1;
        },
        storeDown() {},
        fenced() {},
        alert: (code, message) => {
          throw new CodedError(code, message);
        },
        latency() {},
      },
      toIntent: (decoded) => {
        const instance = this.#placement.instances.find((i) => i.index === decoded.owner.instanceIndex);
        const instrument = config.instruments[decoded.owner.instrumentIndex];
        if (instance === undefined || instrument === undefined) throw new RangeError("intent names no instance");
        return orderIntent(decoded, instance, instrument, "backtest", config.risk.collarBps);
      },
      postDeadlineMs: 1,
      intentAgeMaxMs: Number.POSITIVE_INFINITY,
      sequential: true,
      nowMs: () => 0,
      wallUs: () => 0,
      sleep: async () => {},
    });
  }

  #feedback(): EngineFeedback {
    const scratch = this.#scratch;
    const account = (code: number, owner: IntentOwner, venueTimeUs: number) => {
      scratch.header(0, KIND_ACCOUNT, code, owner.instrumentIndex, 0, venueTimeUs, venueTimeUs);
      scratch.setInteger(0, LANE_A, owner.intentNumber);
      scratch.setInteger(0, LANE_E, owner.instanceIndex);
    };
    const process = () => this.#engine.process(scratch, 0, this.#inboundNumber++);
    return {
      fill: (owner, signedQuantity, price, positionAfter, venueTimeUs) => {
        account(ACCOUNT_FILL, owner, venueTimeUs);
        scratch.setInteger(0, LANE_B, Number(signedQuantity));
        scratch.setInteger(0, LANE_C, Number(price));
        scratch.setInteger(0, LANE_D, Number(positionAfter));
        process();
      },
      done: (owner, venueTimeUs) => {
        account(ACCOUNT_DONE, owner, venueTimeUs);
        process();
      },
      refused: (owner, code, venueTimeUs) => {
        account(ACCOUNT_REFUSED, owner, venueTimeUs);
        scratch.setInteger(0, LANE_B, refusalNumber(code));
        process();
      },
    };
  }
}

const OWNER = "backtest";
