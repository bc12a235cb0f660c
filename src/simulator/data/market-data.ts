/**
 * The market-data side of the simulator: what is played becomes messages of the streams and history for REST. The driver
 * tells it of ticks and of time; it decides nothing about the market. Main thread of the simulator.
 */
import type { Instrument } from "../../core/market/instrument.ts";
import type { SimulatorConfig } from "../config.ts";
import type { StreamGate } from "../faults/stream-gate.ts";
import type { DividendTick, MarketSource, MarketTick, SplitTick } from "../market-source.ts";
import { SLOT_US } from "../synthetic/synthetic-line.ts";
import { SyntheticMarket } from "../synthetic/synthetic-market.ts";
import { Adjustments } from "./history/adjustments.ts";
import { BarHistory } from "./history/bar-history.ts";
import { BarStore } from "./history/bar-store.ts";
import { LatestTicks } from "./history/latest-ticks.ts";
import {
  MINUTE_SECONDS,
  MINUTE_US,
  MinuteSource,
  type OlderMinutes,
  RecordedMinutes,
  SeededMinutes,
} from "./history/minute-source.ts";
import { OrderBooks } from "./history/order-books.ts";
import { RecentTicks } from "./history/recent-ticks.ts";
import { RecordedArchive, SeededArchive } from "./history/tick-archive.ts";
import { TickHistory } from "./history/tick-history.ts";
import { dayClockOf } from "./history/timeframe.ts";
import { DelayedFeed } from "./live/delayed-feed.ts";
import { FeedPublisher } from "./live/feed-publisher.ts";
import { TEST_INSTRUMENTS, TestFeed } from "./live/test-feed.ts";
import { BOOK_RESET } from "./message/messages.ts";
import { type NewsArticle, NewsArchive } from "./news.ts";
import { PLAN_LIMITS } from "./plan.ts";
import type { DataRoutesOptions } from "./rest/data-market.ts";
import type { DataConnection } from "./stream/data-connection.ts";
import { DataStreams } from "./stream/data-streams.ts";
import { type FeedSource, MARKET_SOURCES } from "./stream/endpoint.ts";
import { type AnyMessage, sealed } from "./stream/stream-message.ts";
import type { StreamSettings } from "./stream/stream-settings.ts";
import type { SubscriptionChange } from "./stream/subscription.ts";

export interface MarketDataOptions {
  readonly source: MarketSource;
  readonly config: SimulatorConfig;
  readonly news: readonly NewsArticle[];
  /** Where faults take hold of the streams' frames. */
  readonly gate: StreamGate;
  /** The first tick to be played is not before this; a recording is played from its beginning. */
  readonly startUs: number;
  readonly authTimeoutMs: number;
  /** Somebody has subscribed to the simulated market. */
  readonly onSubscribed: () => void;
}

/** Bars kept of all instruments together, about: 150 bytes each. */
const RETAINED_BARS = 500_000;
const RETAINED_BARS_PER_INSTRUMENT = 50_000;
/** Messages that wait for their second time on the delayed tape, at most. */
const DELAYED_MESSAGES = 200_000;

export class MarketData {
  readonly streams: DataStreams;
  readonly #options: MarketDataOptions;
  readonly #instruments: readonly Instrument[];
  readonly #recent: RecentTicks;
  readonly #store: BarStore;
  readonly #older: OlderMinutes;
  readonly #bars: BarHistory;
  readonly #ticks: TickHistory;
  readonly #latest: LatestTicks;
  readonly #adjustments = new Adjustments();
  readonly #books = new OrderBooks();
  readonly #news: NewsArchive;
  readonly #live: FeedPublisher;
  readonly #delayed: DelayedFeed;
  readonly #test: TestFeed;
  /** Instruments whose day of the start is in the store. */
  readonly #loadedDays = new Set<number>();
  /** From then on everything is played or observed. */
  readonly #knownSinceUs: number;
  #timeUs = Number.NEGATIVE_INFINITY;

  constructor(options: MarketDataOptions) {
    const { source, config, startUs } = options;
    const { instruments } = source;
    const { retainedTicks } = config;
    this.#options = options;
    this.#instruments = instruments;
    this.#store = new BarStore(instruments.length, retainedBars(instruments.length));
    const seeded = source instanceof SyntheticMarket ? source : null;
    this.#knownSinceUs = seeded === null ? Number.NEGATIVE_INFINITY : Math.floor(startUs / MINUTE_US) * MINUTE_US;
    this.#recent = new RecentTicks(retainedTicks, this.#knownSinceUs);
    const archive = seeded === null ? new RecordedArchive(source) : new SeededArchive(seeded);
    this.#older = seeded === null ? new RecordedMinutes(archive, startUs) : new SeededMinutes(seeded);
    this.#ticks = new TickHistory(this.#recent, archive, this.#older.firstUs);
    this.#latest = new LatestTicks(instruments.length, this.#ticks);
    const minutes = new MinuteSource(this.#store, this.#knownSinceUs, this.#older);
    this.#bars = new BarHistory(minutes, this.#adjustments);
    this.#news = new NewsArchive(options.news);
    this.streams = new DataStreams({
      settings: streamSettings(options),
      gate: options.gate,
      instruments: (shown) => this.#shown(shown),
      onSubscribed: (connection, change) => this.#subscribed(connection, change),
    });
    this.#delayed = new DelayedFeed(DELAYED_MESSAGES, (message) => this.streams.publish("delayed", message));
    this.#live = new FeedPublisher({
      instruments,
      store: this.#store,
      recent: this.#recent,
      publish: (message) => this.#publish(message),
      isDayKnown: (index, dayStartUs) => dayStartUs >= this.#knownSinceUs || this.#loadedDays.has(index),
      wantsDays: () => this.streams.isWanted("dailyBars"),
    });
    this.#test = new TestFeed(config.seed, () => Date.now(), {
      hasListener: () => this.streams.has("test"),
      publish: (message) => this.streams.publish("test", message),
      flush: () => this.streams.flush(),
    });
    if (seeded !== null) this.#observeMinute(seeded, startUs);
  }

  /** The first bar is of a whole minute. */
  #observeMinute(market: SyntheticMarket, startUs: number): void {
    const ticks: MarketTick[] = [];
    for (let slot = this.#knownSinceUs / SLOT_US; slot < Math.ceil(startUs / SLOT_US); slot++) market.slot(slot, ticks);
    for (const tick of ticks) this.observe(tick);
  }

  /** What the routes of REST read. */
  routes(nowUs: () => number): DataRoutesOptions {
    return {
      instruments: this.#instruments,
      plan: this.#options.config.dataPlan,
      bars: this.#bars,
      ticks: this.#ticks,
      latest: this.#latest,
      books: this.#books,
      news: this.#news,
      nowUs,
    };
  }

  /** A tick of an earlier life: history, but no messages. */
  observe(tick: MarketTick): void {
    this.#remember(tick);
    this.#live.observe(tick);
    this.#news.advance(tick.timeUs);
  }

  /** Messages wait for `flush`. */
  play(tick: MarketTick): void {
    this.#remember(tick);
    this.#live.play(tick);
    this.#pass(tick.timeUs);
  }

  /** Time has come this far without a tick. */
  advance(timeUs: number): void {
    this.#timeUs = Math.max(this.#timeUs, timeUs);
    this.#live.advance(timeUs);
    this.#pass(timeUs);
  }

  flush(): void {
    this.streams.flush();
  }

  close(): void {
    this.#test.stop();
  }

  #pass(timeUs: number): void {
    this.#delayed.advance(timeUs);
    for (const article of this.#news.advance(timeUs)) this.streams.publishNews(article);
  }

  #remember(tick: MarketTick): void {
    this.#timeUs = Math.max(this.#timeUs, tick.timeUs);
    this.#recent.add(tick);
    if (tick.kind === "book") this.#books.apply(tick);
    else if (tick.kind === "correction" || tick.kind === "cancelError") this.#ticks.correct(tick);
    else if (tick.kind === "split" || tick.kind === "dividend") this.#adjust(tick);
    else this.#latest.observe(tick);
  }

  #adjust(tick: SplitTick | DividendTick): void {
    const instrument = this.#instruments[tick.index] as Instrument;
    this.#adjustments.add(instrument, tick, this.#latest.lastPrice(tick.index));
  }

  #publish(message: AnyMessage): void {
    if (message.instrument.assetClass === "crypto") return this.streams.publish("crypto", message);
    this.streams.publish("stocks", message);
    // Kept for those who are there: what waits is old by the time it goes, and costs the collector much.
    if (this.streams.has("delayed")) this.#delayed.add(message, this.#timeUs);
  }

  #shown(source: FeedSource): readonly Instrument[] {
    switch (source) {
      case "stocks":
      case "delayed":
        return this.#instruments.filter(({ assetClass }) => assetClass === "us_equity");
      case "crypto":
        return this.#instruments.filter(({ assetClass }) => assetClass === "crypto");
      case "test":
        return TEST_INSTRUMENTS;
      default:
        return [];
    }
  }

  #subscribed(connection: DataConnection, change: SubscriptionChange): void {
    const { source } = connection.endpoint;
    if (source === "test") this.#test.start();
    if (source === "crypto") this.#showBooks(connection, change);
    if (source === "stocks" || source === "crypto") this.#loadDays(source, change);
    if (MARKET_SOURCES.includes(source)) this.#options.onSubscribed();
  }

  /** Bars of the day need its minutes before the start, which a seeded market can make. */
  #loadDays(source: FeedSource, change: SubscriptionChange): void {
    const wanted = change.channels.get("dailyBars") ?? [];
    for (const instrument of this.#shown(source)) {
      if (!wanted.includes(instrument.symbol) && !wanted.includes("*")) continue;
      if (!this.#loadedDays.has(instrument.index)) void this.#loadDay(instrument);
    }
  }

  async #loadDay(instrument: Instrument): Promise<void> {
    const sinceUs = this.#knownSinceUs;
    if (!Number.isFinite(sinceUs)) return;
    const clock = dayClockOf(instrument);
    const { index } = instrument;
    const minutes = await this.#older.minutes(index, clock.startUs(clock.dayOf(sinceUs)), sinceUs, sinceUs);
    if (!this.#loadedDays.has(index)) this.#store.prepend(index, MINUTE_SECONDS, minutes);
    this.#loadedDays.add(index);
  }

  /** Who subscribes to a book is shown all of it first. */
  #showBooks(connection: DataConnection, change: SubscriptionChange): void {
    const wanted = change.channels.get("orderbooks") ?? [];
    for (const instrument of this.#shown("crypto")) {
      if (!wanted.includes(instrument.symbol) && !wanted.includes("*")) continue;
      const book = this.#books.of(instrument.index);
      if (book === undefined) continue;
      const about = { channel: "orderbooks", instrument, timeUs: book.timeUs } as const;
      this.streams.deliver(connection, sealed({ ...about, shape: BOOK_RESET, value: book }));
    }
    connection.flush();
  }
}

function retainedBars(instruments: number): number {
  return Math.min(RETAINED_BARS_PER_INSTRUMENT, Math.ceil(RETAINED_BARS / instruments));
}

function streamSettings({ config, authTimeoutMs }: MarketDataOptions): StreamSettings {
  const { keyId, secret, dataPlan: plan, dataConnections: connectionLimit, slowClientBytes } = config;
  const { dataSymbols: symbolLimit = PLAN_LIMITS[plan].streamSymbols } = config;
  return { keyId, secret, plan, connectionLimit, symbolLimit, authTimeoutMs, slowClientBytes };
}
