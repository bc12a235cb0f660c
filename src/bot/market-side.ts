/**
 * The market data of one trading life on its way from the feed to the engines: in the sequencer's order, kept for charts and
 * valuation, judged for silence, lag and holes. Main thread only. When data is not to be traded on, the engines are told.
 */
import type { Broker, HistoricalBar } from "../broker/broker.ts";
import {
  CONTROL_FEED_STALE,
  KIND_GAP,
  KIND_QUOTE,
  KIND_TIMER,
  LANE_A,
  LANE_C,
  LANE_VENUE_TIME_US,
  NO_INSTRUMENT,
  RecordBuffer,
} from "../core/market/record.ts";
import { InboundSequencer } from "../feed/inbound-sequencer.ts";
import type { Books } from "../orders/books.ts";
import type { Placement } from "../workers/placement.ts";
import type { BarKeeper } from "./bar-keeper.ts";
import { BarRepair, BROKER_INTERVAL_SECONDS, type RepairedSeries } from "./bar-repair.ts";
import { FeedLag } from "./feed-lag.ts";
import type { InboundHub } from "./inbound-hub.ts";
import type { TraderLog } from "./trader-log.ts";
import type { VenueClock } from "./venue-clock.ts";
import { writeBar } from "./warm-up.ts";

/** A quiet market's timers lag by this much venue time, so that ticks on their way come before them. */
const CLOCK_LAG_US = 250_000;

/** The stream client over its socket, as it is needed here. */
export interface MarketFeed {
  start(handler: MarketFeedHandler): void;
  close(): Promise<void>;
}

export interface MarketFeedHandler {
  frame(records: RecordBuffer, count: number): void;
  connected(): void;
  disconnected(cause: string): void;
  stale(isStale: boolean): void;
  /** Trades may have been lost although the connection is up. */
  gap(): void;
}

export interface MarketSideOptions {
  readonly feed: MarketFeed;
  readonly hub: InboundHub;
  readonly placement: Placement;
  readonly broker: Broker;
  readonly books: Books;
  readonly keeper: BarKeeper;
  readonly clock: VenueClock;
  /** True where the venue's time stands still while the feed is away. */
  readonly simulated: boolean;
  /** True in lockstep: nothing may depend on the real clock. */
  readonly lockstep: boolean;
  /** Sets the clock by the venue's. */
  readonly readClock: () => Promise<void>;
  readonly onRecord: (records: RecordBuffer, slot: number) => void;
  /** A frame with so many records has gone on its way. */
  readonly onFrame: (count: number) => void;
  readonly onFeedDelayUs: (us: number) => void;
  /** The data has become fit to be traded on. */
  readonly onUp: () => void;
  readonly log: TraderLog;
  readonly nowMs: () => number;
  readonly wallUs: () => number;
}

export class MarketSide {
  readonly #options: MarketSideOptions;
  readonly #sequencer: InboundSequencer;
  readonly #lag: FeedLag;
  readonly #repair: BarRepair;
  readonly #scratch = RecordBuffer.allocate(1);
  #connected = false;
  /** The venue's clock was read since market data came: only then does time pass without data. */
  #clockInStep = false;
  /** Nothing comes, or nothing is connected. */
  #silent = true;
  /** What the engines were told last: that market data is not to be traded on. */
  #stale = true;

  constructor(options: MarketSideOptions) {
    this.#options = options;
    this.#sequencer = new InboundSequencer(
      { append: (records, slot) => this.#forward(records, slot) },
      RecordBuffer.allocate(1),
    );
    this.#lag = new FeedLag(options.clock, options.nowMs);
    this.#repair = this.#createRepair();
  }

  /** Connected, and fit to be traded on. */
  get isUp(): boolean {
    return this.#connected && !this.#stale;
  }

  get isStale(): boolean {
    return this.#stale;
  }

  connect(): void {
    const { feed, log, clock, simulated, lockstep, readClock } = this.#options;
    feed.start({
      frame: (records, count) => this.#onFrame(records, count),
      connected: () => {
        this.#connected = true;
        log.info("market data connected");
        void readClock().then(() => this.#onInStep());
      },
      disconnected: (cause) => {
        this.#connected = false;
        // A simulator's time stands still while it is away, and at its start until somebody listens.
        if (simulated) this.#clockInStep = false;
        log.warn("market data lost", { cause });
        this.#onGap();
        this.#repair.lost(clock.nowUs());
      },
      stale: (isStale) => {
        // In lockstep silence means nothing: the market waits for this process.
        if (!isStale || !lockstep) this.#silent = isStale;
        this.#judge();
      },
      gap: () => {
        this.#onGap();
        this.#repair.gap(clock.nowUs());
      },
    });
  }

  /** Some times a second, not in lockstep: time passes for the engines also while nothing comes. */
  tick(): void {
    const { clock, hub, wallUs } = this.#options;
    if (this.#clockInStep && clock.nowUs() > 0) this.#sequencer.onClock(clock.nowUs() - CLOCK_LAG_US, wallUs());
    hub.flush();
    this.#judge();
  }

  /** Fetches bars that were missed; one round at a time. */
  repair(): Promise<void> {
    return this.#repair.round(this.#options.clock.nowUs());
  }

  close(): Promise<void> {
    return this.#options.feed.close();
  }

  /** Data comes, and the venue's clock was read since. Whatever bar is open now misses what came before the connection. */
  #onInStep(): void {
    this.#clockInStep = true;
    this.#lag.reset();
    if (this.#options.lockstep || !this.#repair.isLost) return;
    this.#onGap();
    this.#repair.back(this.#options.clock.nowUs());
  }

  #onGap(): void {
    const { keeper, clock, hub, placement, wallUs } = this.#options;
    keeper.gap(clock.nowUs());
    this.#scratch.header(0, KIND_GAP, 0, NO_INSTRUMENT, 0, clock.nowUs(), wallUs());
    for (let worker = 0; worker < placement.specs.length; worker++) hub.marketTo(worker, this.#scratch, 0);
    hub.flush();
  }

  /** Tells the engines when market data has become, or is no longer, what must not be traded on. */
  #judge(): void {
    const { clock, hub } = this.#options;
    const isStale = this.#silent || this.#lag.isLagging || this.#repair.isOverdue(clock.nowUs());
    if (isStale === this.#stale) return;
    this.#stale = isStale;
    hub.controlAll(CONTROL_FEED_STALE, isStale ? 1 : 0, clock.nowUs());
    if (this.isUp) this.#options.onUp();
  }

  /** The intervals that instances use and the broker keeps. */
  #createRepair(): BarRepair {
    const { broker, placement, log } = this.#options;
    const series = new Map<string, RepairedSeries>();
    for (const { barSeconds, instruments, symbols } of placement.instances) {
      if (barSeconds === 0 || barSeconds % BROKER_INTERVAL_SECONDS !== 0) continue;
      for (const [local, instrument] of instruments.entries()) {
        const symbol = symbols[local] as string;
        series.set(`${symbol} ${barSeconds}`, { instrument, symbol, intervalSeconds: barSeconds });
      }
    }
    return new BarRepair({
      series: [...series.values()],
      broker,
      onBar: (one, bar, decides) => this.#onRepairedBar(one, bar, decides),
      onFailed: ({ symbol }, cause) => log.warn("missed bars could not be read; trying again", { symbol, cause }),
    });
  }

  #onRepairedBar({ instrument, intervalSeconds }: RepairedSeries, bar: HistoricalBar, decides: boolean): void {
    writeBar(this.#scratch, instrument, intervalSeconds, bar, decides, this.#options.wallUs());
    this.#sequencer.append(this.#scratch, 0);
    this.#options.hub.flush();
  }

  #onFrame(records: RecordBuffer, count: number): void {
    const { clock, hub, lockstep, wallUs, onFrame, onFeedDelayUs } = this.#options;
    for (let slot = 0; slot < count; slot++) this.#sequencer.append(records, slot);
    hub.flush();
    if (count === 0) return;
    if (!lockstep && this.#clockInStep) this.#lag.frame(records, count);
    clock.observe(records.lane(count - 1, LANE_VENUE_TIME_US));
    onFrame(count);
    if (!lockstep) onFeedDelayUs(wallUs() - records.lane(count - 1, LANE_VENUE_TIME_US));
  }

  #forward(records: RecordBuffer, slot: number): void {
    const { keeper, hub, onRecord } = this.#options;
    const kind = records.kind(slot);
    if (kind === KIND_TIMER) keeper.time(records.lane(slot, LANE_VENUE_TIME_US));
    else {
      keeper.record(records, slot);
      if (kind === KIND_QUOTE) this.#quote(records, slot);
      onRecord(records, slot);
    }
    hub.market(records, slot);
  }

  #quote(records: RecordBuffer, slot: number): void {
    const { placement, books } = this.#options;
    const symbol = placement.specs[0]?.instruments[records.instrument(slot)]?.symbol;
    if (symbol === undefined) return;
    const timeUs = records.lane(slot, LANE_VENUE_TIME_US);
    books.quote(symbol, records.lane(slot, LANE_A), records.lane(slot, LANE_C), timeUs);
  }
}
