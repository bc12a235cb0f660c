/**
 * Plays the market: takes ticks from the source when they are due, lets the venue trade on each, and sends it on. One loop
 * for all speeds; nothing else moves the market. Main thread of the simulator.
 *
 * For every tick the venue comes first: what trades on it goes out as trade updates before the tick goes out as data.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { calendarOf } from "../core/market/calendar.ts";
import type { Instrument } from "../core/market/instrument.ts";
import type { SimulatorConfig } from "./config.ts";
import type { MarketData } from "./data/market-data.ts";
import type { Exchange } from "./exchange.ts";
import type { Lockstep } from "./lockstep.ts";
import type { MarketSource, MarketTick } from "./market-source.ts";
import type { VenuePace } from "./venue-pace.ts";

export interface MarketDriverOptions {
  readonly config: SimulatorConfig;
  readonly source: MarketSource;
  readonly exchange: Exchange;
  readonly data: MarketData;
  readonly lockstep: Lockstep;
  readonly pace: VenuePace;
  readonly signal: AbortSignal;
}

/** At `max`: ticks between looks at the readers, and what they may be behind. */
const BURST_TICKS = 256;
const BACKLOG_BYTES = 1 << 20;
/** The longest that the loop sleeps: orders expire and days end without ticks, too. */
const IDLE_MS = 250;
const RECORDED_CURSOR_MS = 1000;
const SYNTHETIC_CURSOR_MS = 60_000;
const DAY_US = 86_400_000_000;

export class MarketDriver {
  readonly #options: MarketDriverOptions;
  readonly #instruments: readonly Instrument[];
  #subscribed: (() => void) | null = null;
  #sinceCheck = 0;
  #sinceBarrier = 0;
  #cursorAtMs = 0;
  #dayEndUs = 0;
  #done = false;

  constructor(options: MarketDriverOptions) {
    this.#options = options;
    this.#instruments = options.source.instruments;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Share of a recording that has been played; 0 for a market without an end. */
  get progress(): number {
    const { source, exchange } = this.#options;
    if (this.#done) return 1;
    return source.tickCount === null ? 0 : exchange.position / source.tickCount;
  }

  /** Somebody has subscribed to market data. */
  subscribed(): void {
    this.#subscribed?.();
    this.#subscribed = null;
  }

  /** Runs to the end of the data or until the signal; rejects on bad data. */
  async run(): Promise<void> {
    const { source, exchange, pace, lockstep, signal } = this.#options;
    const resumeAfter = source.tickCount === null ? 0 : exchange.position;
    let waited = false;
    try {
      for await (const ticks of source.ticks(pace.nowUs())) {
        if (signal.aborted) return;
        for (const tick of ticks) {
          if (tick.position <= resumeAfter) this.#replayed(tick);
          else {
            if (!waited) await this.#begin();
            waited = true;
            await this.#play(tick);
          }
          if (signal.aborted) return;
        }
      }
      await this.#finish();
      lockstep.end();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** A tick of an earlier life: only what it means to the market and to history. */
  #replayed(tick: MarketTick): void {
    this.#options.exchange.observe(tick);
    this.#options.pace.observe(tick.timeUs);
    this.#options.data.observe(tick);
  }

  async #begin(): Promise<void> {
    const { config, source, data, lockstep, pace, signal } = this.#options;
    if (config.speed === "lockstep") await this.#orAborted(lockstep.attached());
    const waits = source.tickCount !== null || config.speed === "lockstep" || config.speed === "max";
    if (waits && config.waitForSubscriber && !data.streams.subscribed) await this.#subscription();
    signal.throwIfAborted();
    pace.start();
  }

  #subscription(): Promise<void> {
    return this.#orAborted(
      new Promise((resolve) => {
        this.#subscribed = resolve;
      }),
    );
  }

  #orAborted(wait: Promise<void>): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      void wait.then(() => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
    });
  }

  async #play(tick: MarketTick): Promise<void> {
    const { config, pace } = this.#options;
    if (config.speed === "lockstep") return this.#step(tick);
    if (config.speed === "max") await this.#readers();
    else if (tick.timeUs > pace.nowUs()) await this.#until(tick.timeUs);
    this.#apply(tick);
    this.#send(tick);
    this.#cursor(tick.timeUs);
    if (++this.#sinceCheck < BURST_TICKS) return;
    this.#flush();
    this.#sinceCheck = 0;
    await nextTurn();
  }

  /** Sleeps until the venue's clock shows `timeUs`, with everything sent and done that is due before. */
  async #until(timeUs: number): Promise<void> {
    const { pace, signal } = this.#options;
    this.#flush();
    while (pace.nowUs() < timeUs) {
      await sleep(Math.min(IDLE_MS, Math.ceil(pace.msUntil(timeUs))), undefined, { signal });
      this.#advance(Math.min(pace.nowUs(), timeUs - 1));
    }
  }

  /** Time passes without a tick. */
  #advance(timeUs: number): void {
    const { exchange, data } = this.#options;
    exchange.advance(timeUs);
    exchange.ledger.afterCommit(() => data.advance(timeUs));
    this.#flush();
  }

  /** At `max`: waits while nobody listens and while a reader is far behind. */
  async #readers(): Promise<void> {
    const { streams } = this.#options.data;
    const { config, signal } = this.#options;
    if (this.#sinceCheck !== 0) return;
    while (config.waitForSubscriber && !streams.subscribed) await this.#subscription();
    while (streams.backlogBytes > BACKLOG_BYTES) await sleep(1, undefined, { signal });
  }

  async #step(tick: MarketTick): Promise<void> {
    const { config, exchange, lockstep } = this.#options;
    if (this.#apply(tick) > 0) {
      this.#flush();
      await exchange.ledger.committed();
      await this.#orAborted(lockstep.barrier());
    }
    this.#send(tick);
    this.#cursor(tick.timeUs);
    if (++this.#sinceBarrier < config.ticksPerStep) return;
    await this.#barrier();
  }

  async #barrier(): Promise<void> {
    this.#sinceBarrier = 0;
    this.#flush();
    await this.#options.exchange.ledger.committed();
    await this.#orAborted(this.#options.lockstep.barrier());
  }

  /** The venue trades on the tick; returns the number of events. */
  #apply(tick: MarketTick): number {
    const { exchange, pace } = this.#options;
    // What a bar shows has happened before its end.
    this.#endDay(tick.kind === "bar" ? tick.timeUs - 1 : tick.timeUs);
    pace.observe(tick.timeUs);
    return exchange.play(tick);
  }

  /** The tick as data, after the updates that it caused. */
  #send(tick: MarketTick): void {
    const { exchange, data } = this.#options;
    exchange.ledger.afterCommit(() => data.play(tick));
  }

  #flush(): void {
    const { exchange, data } = this.#options;
    exchange.ledger.afterCommit(() => data.flush());
  }

  #cursor(timeUs: number): void {
    const { source, exchange } = this.#options;
    const nowMs = performance.now();
    if (nowMs < this.#cursorAtMs) return;
    this.#cursorAtMs = nowMs + (source.tickCount === null ? SYNTHETIC_CURSOR_MS : RECORDED_CURSOR_MS);
    exchange.markPosition(timeUs);
  }

  /** A day ends at the close of New York's session, or at midnight UTC where nothing keeps sessions. */
  #endDay(timeUs: number): void {
    if (timeUs < this.#dayEndUs) return;
    if (this.#dayEndUs > 0) this.#options.exchange.endDay(this.#dayEndUs);
    const sessions = this.#instruments.some((instrument) => instrument.calendar === "nyse");
    this.#dayEndUs = sessions ? calendarOf("nyse").nextCloseUs(timeUs) : (Math.floor(timeUs / DAY_US) + 1) * DAY_US;
  }

  async #finish(): Promise<void> {
    const { config, exchange, pace } = this.#options;
    this.#flush();
    exchange.markPosition(pace.nowUs());
    if (config.speed === "lockstep" && this.#sinceBarrier > 0) await this.#barrier();
    await exchange.ledger.committed();
    pace.stop();
    this.#done = true;
  }
}
