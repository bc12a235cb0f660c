/**
 * The bot's Prometheus metrics behind typed methods, so that names and labels are written down once. One instance a process,
 * made by the composition; main thread.
 */
import { Counter, Gauge, Histogram, Registry, Summary } from "prom-client";
import { addProcessMetrics } from "./process-metrics.ts";
import { type HistogramSource, type Stage, StageHistogram, StageHistograms } from "./stage-histograms.ts";

export interface AccountFigures {
  /** Realised and unrealised profit less fees, in account currency. */
  readonly pnl: number;
  /** Percent of closed round trips with a profit, 0 to 100; null before the first. */
  readonly winRate: number | null;
  /** Weighted by notional against the mid at decision; null before the first. */
  readonly averageSlippageBps: number | null;
  /** Largest fall of equity from an earlier high, in account currency, zero or above. */
  readonly drawdown: number;
}

export interface RingReading {
  /** Records written and not yet read. */
  readonly used: number;
  readonly capacity: number;
}

/** Totals since start; read at every scrape. */
export interface FeedReading {
  readonly conflatedQuotes: number;
  readonly gaps: number;
  readonly malformedFrames: number;
}

export interface StreamReading {
  readonly clients: number;
  readonly cut: number;
}

/** Of what replicas tell each other through Redis: totals since start, and the state now. */
export interface CacheReading {
  /** `ok`, or the fault's code. */
  readonly state: string;
  readonly publishedMessages: number;
  readonly publishedEvents: number;
  /** Messages that were not sent or not answered: Redis was away, slow, or refused them. */
  readonly lostMessages: number;
  readonly receivedMessages: number;
  /** Messages heard of that are malformed, of another format or of an earlier owner. */
  readonly droppedMessages: number;
  /** Times that messages of the owner were missed. */
  readonly gaps: number;
  /** Since the owner was last heard of, ms; null without a mirror. */
  readonly mirrorAgeMs: number | null;
}

const HANDOVER_SECONDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 15, 20, 30, 60];

export class Metrics {
  readonly registry = new Registry();
  readonly #trades: Counter;
  readonly #pnl: Gauge;
  readonly #winRate: Gauge;
  readonly #slippage: Gauge;
  readonly #drawdown: Gauge;
  readonly #keeper: Gauge;
  readonly #latency: Summary;
  readonly #requests: Counter<"route" | "method" | "status">;
  readonly #refusals: Counter<"code">;
  readonly #workerRestarts: Counter;
  readonly #handovers: Counter<"kind">;
  readonly #untradedSeconds: Histogram<"kind">;
  readonly #journalErrors: Counter<"code">;
  readonly #brokerErrors: Counter<"code">;
  readonly #cacheFaults: Counter<"fault">;
  readonly #stages = new StageHistograms();
  readonly #rings = new Map<string, () => RingReading>();
  #unsettledOrders: () => number = () => 0;
  #feed: () => FeedReading = () => ({ conflatedQuotes: 0, gaps: 0, malformedFrames: 0 });
  #cache: () => CacheReading | null = () => null;
  #stream: () => StreamReading = () => ({ clients: 0, cut: 0 });
  readonly #endProcessMetrics: () => void;

  /** `cpuLimit`: processors that this process may use (the container's quota, else the machine's). */
  constructor(cpuLimit: number) {
    const registers = [this.registry];
    const counter = (name: string, help: string) => new Counter({ name, help, registers });
    const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
    const byCode = (name: string, help: string) => new Counter({ name, help, labelNames: ["code"], registers });

    this.#trades = counter("trading_trades_executed_total", "Fills that this process applied first");
    this.#pnl = gauge("trading_pnl", "Realised and unrealised profit less fees, in account currency");
    this.#winRate = gauge(
      "trading_win_rate",
      "Percent of closed round trips with a profit, 0 to 100; 0 before the first",
    );
    this.#slippage = gauge("trading_avg_slippage_bps", "Slippage against the mid at decision, weighted by notional");
    this.#drawdown = gauge("trading_drawdown", "Largest fall of equity from an earlier high, in account currency");
    this.#keeper = gauge("trading_account_keeper", "1 where the account's figures are this process's own to report");
    this.#latency = new Summary({
      name: "system_request_latency_ms",
      help: "Time to answer a REST request, over the last ten minutes",
      percentiles: [0.5, 0.9, 0.99],
      maxAgeSeconds: 600,
      ageBuckets: 5,
      registers,
    });
    this.#requests = new Counter({
      name: "system_requests_total",
      help: "REST requests answered",
      labelNames: ["route", "method", "status"],
      registers,
    });
    this.#refusals = byCode("trading_refusals_total", "Intents refused, by code");
    this.#handovers = new Counter({
      name: "trading_handovers_total",
      help: "Times that this process began to trade: after one that stopped or nobody (clean), or one that vanished (takeover)",
      labelNames: ["kind"],
      registers,
    });
    this.#untradedSeconds = new Histogram({
      name: "trading_handover_seconds",
      help: "How long nobody traded before this process did, by the database's clock; takeovers count from the last renewal",
      labelNames: ["kind"],
      buckets: HANDOVER_SECONDS,
      registers,
    });
    this.#workerRestarts = counter("system_worker_restarts_total", "Engine workers replaced");
    this.#journalErrors = byCode("trading_journal_errors_total", "Failed journal calls, by code");
    this.#brokerErrors = byCode("trading_broker_errors_total", "Failed broker calls, by code");
    this.#cacheFaults = new Counter({
      name: "cache_faults_total",
      help: "Times that Redis went into a fault, by fault",
      labelNames: ["fault"],
      registers,
    });
    // It has what the registry asks of a metric, but not prom-client's base class.
    this.registry.registerMetric(this.#stages as unknown as Gauge);
    this.#addReadings(registers);
    this.#endProcessMetrics = addProcessMetrics(this.registry, cpuLimit);
  }

  /** A fill that this process applied first. */
  fillApplied(): void {
    this.#trades.inc();
  }

  /** Only the account keeper reports; everyone else calls `notKeeper`. */
  accountGauges(figures: AccountFigures): void {
    this.#keeper.set(1);
    this.#pnl.set(figures.pnl);
    this.#winRate.set(figures.winRate ?? 0);
    this.#slippage.set(figures.averageSlippageBps ?? 0);
    this.#drawdown.set(figures.drawdown);
  }

  /** This process no longer keeps the account: its figures go to zero, so that sums over replicas stay right. */
  notKeeper(): void {
    for (const gauge of [this.#keeper, this.#pnl, this.#winRate, this.#slippage, this.#drawdown]) gauge.set(0);
  }

  requestAnswered(route: string, method: string, status: number, latencyMs: number): void {
    this.#latency.observe(latencyMs);
    this.#requests.inc({ route, method, status });
  }

  /** `code` is one of the bot's stable refusal codes, never input. */
  refused(code: string): void {
    this.#refusals.inc({ code });
  }

  workerRestarted(): void {
    this.#workerRestarts.inc();
  }

  /** This process has begun to trade; `untradedMs` is how long nobody had, null where nobody ever has. */
  handover(kind: "clean" | "takeover", untradedMs: number | null): void {
    this.#handovers.inc({ kind });
    if (untradedMs !== null) this.#untradedSeconds.observe({ kind }, untradedMs / 1000);
  }

  journalFailed(code: string): void {
    this.#journalErrors.inc({ code });
  }

  brokerFailed(code: string): void {
    this.#brokerErrors.inc({ code });
  }

  /** The stage's histogram; keep it and call `observe(durationUs)`. */
  stage(stage: Stage): StageHistogram {
    return this.#stages.stage(stage);
  }

  /** A stage's histogram that a worker keeps in shared memory, in microseconds. Returns what takes it away again. */
  addStageSource(stage: Stage, source: HistogramSource): () => void {
    return this.#stages.addSource(stage, source);
  }

  /** A ring's fill level under the given name, such as `inbound-0`. Returns what takes it away again. */
  addRing(ring: string, read: () => RingReading): () => void {
    this.#rings.set(ring, read);
    return () => this.#rings.delete(ring);
  }

  /** Where the feed's totals are read from. */
  setFeed(read: () => FeedReading): void {
    this.#feed = read;
  }

  /** Where the number of orders with an unknown outcome is read from; null when this process does not trade. */
  setUnsettledOrders(read: (() => number) | null): void {
    this.#unsettledOrders = read ?? (() => 0);
  }

  /** Where the figures of what replicas tell each other are read from. */
  setCache(read: () => CacheReading | null): void {
    this.#cache = read;
  }

  /** Redis has another fault than before, by code. */
  cacheFailed(fault: string): void {
    this.#cacheFaults.inc({ fault });
  }

  /** Where the stream's figures are read from. */
  setStream(read: () => StreamReading): void {
    this.#stream = read;
  }

  /** The text that Prometheus scrapes. */
  async text(): Promise<string> {
    return this.registry.metrics();
  }

  /** Ends the observers of the runtime. */
  close(): void {
    this.#endProcessMetrics();
  }

  #addReadings(registers: Registry[]): void {
    const rings = this.#rings;
    new Gauge({
      name: "trading_ring_occupancy_ratio",
      help: "Unread records over capacity, by ring",
      labelNames: ["ring"],
      registers,
      collect() {
        this.reset();
        for (const [ring, read] of rings) {
          const { used, capacity } = read();
          this.set({ ring }, used / capacity);
        }
      },
    });
    const total = (name: string, help: string, read: () => number): void => {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    };
    total("trading_quotes_conflated_total", "Quotes replaced by newer ones", () => this.#feed().conflatedQuotes);
    total("trading_feed_gaps_total", "Gaps in the market data", () => this.#feed().gaps);
    total("trading_feed_malformed_frames_total", "Market-data frames skipped", () => this.#feed().malformedFrames);
    total("stream_clients_cut_total", "Stream readers cut for being too slow", () => this.#stream().cut);
    const cached =
      (field: "publishedMessages" | "publishedEvents" | "lostMessages" | "droppedMessages" | "gaps") => () =>
        this.#cache()?.[field] ?? 0;
    total("cache_messages_published_total", "Messages sent to other replicas", cached("publishedMessages"));
    total("cache_events_published_total", "Events in these messages", cached("publishedEvents"));
    total("cache_messages_lost_total", "Messages to other replicas that Redis did not take", cached("lostMessages"));
    total(
      "cache_messages_dropped_total",
      "Malformed or outdated messages of other replicas",
      cached("droppedMessages"),
    );
    total("cache_gaps_total", "Times that messages of the owner were missed", cached("gaps"));
    this.#addCacheGauges(registers);
    const stream = (): StreamReading => this.#stream();
    const unsettled = () => this.#unsettledOrders();
    new Gauge({
      name: "trading_unsettled_orders",
      help: "Orders whose outcome stays unknown: no new risk on their symbols until each is settled",
      registers,
      collect() {
        this.set(unsettled());
      },
    });
    new Gauge({
      name: "stream_clients",
      help: "Connected stream readers",
      registers,
      collect() {
        this.set(stream().clients);
      },
    });
  }

  #addCacheGauges(registers: Registry[]): void {
    const cache = () => this.#cache();
    new Gauge({
      name: "cache_up",
      help: "1 where Redis is connected and takes what it is given; absent without Redis",
      registers,
      collect() {
        this.reset();
        const state = cache()?.state ?? null;
        if (state === null) this.remove();
        else this.set(state === "ok" ? 1 : 0);
      },
    });
    new Gauge({
      name: "cache_mirror_age_seconds",
      help: "Since a replica that stands by last heard of the one that trades; absent where it does not",
      registers,
      collect() {
        this.reset();
        const ageMs = cache()?.mirrorAgeMs ?? null;
        if (ageMs === null) this.remove();
        else this.set(ageMs / 1000);
      },
    });
  }
}
