/**
 * What every benchmark is made of: its shape, the median of interleaved runs for flows over several threads, and tinybench
 * for single functions. A benchmark checks the answer of what it times: a result that was not checked is not a result.
 */
import { Bench } from "tinybench";

export interface BenchResult {
  readonly name: string;
  readonly value: number;
  /** `M/s`, `us`, `ns`, …; whether more is better follows from it. */
  readonly unit: string;
  /** `value` divided by the peer's, measured in the same run on the same machine. */
  readonly ratio?: number;
  readonly peer?: string;
  /** The work was compared with what it had to give. A benchmark throws when it does not agree. */
  readonly checked: true;
  readonly note?: string;
}

export interface BenchOptions {
  /** Tiny sizes: the figures mean nothing, but everything runs and is checked. */
  readonly quick: boolean;
  /** Says what is being done, for a person who waits. */
  progress(text: string): void;
}

export interface Benchmark {
  /** What the command line calls it. */
  readonly name: string;
  readonly description: string;
  run(options: BenchOptions): Promise<BenchResult[]>;
}

/** One way through a flow; `run` does it once, checks its answer and gives its figure. */
export interface Flow {
  readonly name: string;
  run(): Promise<number>;
}

const ROUNDS = 7;
const MICRO_TIME_MS = 500;

/**
 * The median figure of each flow. The flows take turns, forwards and backwards, so that whatever else the machine does in
 * the meantime falls on all of them; the first round warms up and does not count. Quick runs each flow once.
 */
export async function interleavedMedians(
  flows: readonly Flow[],
  options: BenchOptions,
): Promise<ReadonlyMap<string, number>> {
  const figures = new Map<string, number[]>(flows.map(({ name }) => [name, []]));
  const rounds = options.quick ? 1 : ROUNDS + 1;
  for (let round = 0; round < rounds; round++) {
    for (const flow of round % 2 === 0 ? flows : flows.toReversed()) {
      options.progress(`round ${round + 1} of ${rounds}: ${flow.name}`);
      const figure = await flow.run();
      if (options.quick || round > 0) figures.get(flow.name)?.push(figure);
    }
  }
  return new Map([...figures].map(([name, values]) => [name, median(values)]));
}

/** A function to be timed: `work` does `operations` operations and returns nothing. */
export interface MicroTask {
  readonly name: string;
  readonly operations: number;
  readonly work: () => void;
}

/** The median nanoseconds of one operation of each task. */
export async function microNanoseconds(
  tasks: readonly MicroTask[],
  options: BenchOptions,
): Promise<ReadonlyMap<string, number>> {
  const size = options.quick ? { time: 0, iterations: 2, warmup: false } : { time: MICRO_TIME_MS };
  const bench = new Bench({ ...size, retainSamples: true });
  for (const { name, work } of tasks) bench.add(name, work);
  options.progress(`${tasks.length} functions`);
  await bench.run();
  return new Map(tasks.map(({ name, operations }) => [name, (latencyMsOf(bench, name) * 1e6) / operations]));
}

function latencyMsOf(bench: Bench, name: string): number {
  const result = bench.getTask(name)?.result;
  if (result?.state !== "completed") throw new Error(`benchmark ${name} ended as ${result?.state}`, { cause: result });
  return result.latency.p50;
}

/** Throws unless the work gave what it had to give. */
export function checkAnswer(what: string, found: number, expected: number): void {
  if (!Object.is(found, expected)) throw new Error(`${what}: expected ${expected}, found ${found}`);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
