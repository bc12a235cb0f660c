/**
 * How long each stage of the way from tick to order takes, as one Prometheus histogram with the label `stage`. Stages of the
 * main thread are observed here; those of engine workers stay in shared memory and are read when Prometheus asks.
 */

export const STAGES = [
  "feed_delay",
  "decode_to_engine",
  "engine",
  "intent_to_journal",
  "journal",
  "send_to_acknowledgement",
  "tick_to_order",
] as const;
export type Stage = (typeof STAGES)[number];

export interface HistogramReading {
  /** Cumulative: values at or below the bound of the same index. */
  readonly counts: readonly number[];
  readonly sum: number;
  readonly count: number;
}

/** A histogram kept elsewhere, in microseconds. */
export interface HistogramSource {
  buckets(upperBounds: readonly number[]): HistogramReading;
}

/** Upper bounds in microseconds, 1 µs to 10 s. */
export const BOUNDS_US: readonly number[] = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
  2_000_000, 5_000_000, 10_000_000,
];

const NAME = "trading_stage_duration_seconds";

interface Sample {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** Observations of one stage; main thread only. */
export class StageHistogram implements HistogramSource {
  readonly #counts = new Float64Array(BOUNDS_US.length + 1);
  #sum = 0;
  #count = 0;

  /** One duration in microseconds; one below zero (clocks of two machines) counts as zero. */
  observe(durationUs: number): void {
    const value = Math.max(0, durationUs);
    let i = 0;
    while (i < BOUNDS_US.length && value > (BOUNDS_US[i] as number)) i++;
    this.#counts[i] = (this.#counts[i] as number) + 1;
    this.#sum += value;
    this.#count++;
  }

  buckets(): HistogramReading {
    let below = 0;
    const counts = BOUNDS_US.map((_, i) => (below += this.#counts[i] as number));
    return { counts, sum: this.#sum, count: this.#count };
  }
}

/** All stages; has what prom-client's registry asks of a metric. */
export class StageHistograms {
  readonly name = NAME;
  readonly help = "Time from one stage to the next on the way from tick to order";
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly #observed = new Map<Stage, StageHistogram>(STAGES.map((stage) => [stage, new StageHistogram()]));
  readonly #sources = new Map<Stage, Set<HistogramSource>>(STAGES.map((stage) => [stage, new Set()]));

  stage(stage: Stage): StageHistogram {
    return this.#observed.get(stage) as StageHistogram;
  }

  /** Adds a histogram kept elsewhere to the stage; returns the function that takes it away again. */
  addSource(stage: Stage, source: HistogramSource): () => void {
    const sources = this.#sources.get(stage) as Set<HistogramSource>;
    sources.add(source);
    return () => sources.delete(source);
  }

  async get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Sample[] }> {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: STAGES.flatMap((stage) => this.#samples(stage)) };
  }

  #samples(stage: Stage): Sample[] {
    const total = this.#read(stage);
    const bucket = (le: string | number, value: number): Sample => {
      return { metricName: `${NAME}_bucket`, labels: { le, stage }, value };
    };
    return [
      ...BOUNDS_US.map((boundUs, i) => bucket(boundUs / 1e6, total.counts[i] as number)),
      bucket("+Inf", total.count),
      { metricName: `${NAME}_sum`, labels: { stage }, value: total.sum / 1e6 },
      { metricName: `${NAME}_count`, labels: { stage }, value: total.count },
    ];
  }

  #read(stage: Stage): HistogramReading {
    const readings = [this.stage(stage), ...(this.#sources.get(stage) as Set<HistogramSource>)].map((source) =>
      source.buckets(BOUNDS_US),
    );
    return {
      counts: BOUNDS_US.map((_, i) => readings.reduce((sum, reading) => sum + (reading.counts[i] as number), 0)),
      sum: readings.reduce((sum, reading) => sum + reading.sum, 0),
      count: readings.reduce((sum, reading) => sum + reading.count, 0),
    };
  }
}
