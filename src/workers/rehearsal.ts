/**
 * Runs every engine once over a made-up market, and throws away what it decides: a thread that has loaded and compiled its
 * code takes over in a fraction of the time. Main thread only; it has rings of its own that nobody else reads.
 */
import type { EngineSpec } from "../core/engine.ts";
import {
  CONTROL_FEED_STALE,
  CONTROL_RESUME,
  KIND_CONTROL,
  KIND_QUOTE,
  KIND_TIMER,
  KIND_TRADE,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  NO_INSTRUMENT,
  RecordBuffer,
} from "../core/market/record.ts";
import { EnginePool, type EngineWorker } from "./engine-pool.ts";
import type { EngineThreads } from "./engine-threads.ts";

/** Steps of the market: enough for the compiler to take notice, few enough for a tenth of a second. */
const STEPS = 1500;
/** Written before the engine is waited for, so that the ring never overflows. */
const BATCH_RECORDS = 1000;
const STEP_US = 5_000_000;
/** A Wednesday, 15:00 in New York: exchanges are open. */
const BEGIN_US = 1_736_366_400_000_000;
const PRICE = 100;
const SWING = 5;
const PERIOD_STEPS = 90;

/** Resolves when all engines are through, or soon after the signal. The threads must not be in use. */
export async function rehearse(
  threads: EngineThreads,
  specs: readonly EngineSpec[],
  signal: AbortSignal,
): Promise<void> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const pool = new EnginePool({ specs, threads, spin: 0, onDeath: (_worker, error) => failed.reject(error) });
  try {
    const runs = specs.map((spec, index) => rehearseOne(pool, spec, index, signal));
    await Promise.race([Promise.all(runs), failed.promise]);
  } finally {
    await pool.stop();
  }
}

async function rehearseOne(pool: EnginePool, spec: EngineSpec, index: number, signal: AbortSignal): Promise<void> {
  const worker = pool.start(index, [], null);
  const instruments = [...new Set(spec.instances.flatMap((instance) => [...instance.instruments]))];
  const scratch = RecordBuffer.allocate(1);
  control(worker, scratch, CONTROL_FEED_STALE, 0);
  for (const instance of spec.instances) control(worker, scratch, CONTROL_RESUME, instance.index);
  let written = 0;
  for (let step = 0; step < STEPS && !signal.aborted; step++) {
    const timeUs = BEGIN_US + step * STEP_US;
    for (const instrument of instruments) market(worker, scratch, instrument, step, timeUs);
    scratch.header(0, KIND_TIMER, 0, NO_INSTRUMENT, 0, timeUs, 0);
    worker.inbound.append(scratch, 0);
    written += instruments.length * 2 + 1;
    if (written < BATCH_RECORDS) continue;
    written = 0;
    await drain(pool, worker);
  }
  await drain(pool, worker);
}

/** A quote and a trade of a price that swings, so that strategies have something to decide. */
function market(worker: EngineWorker, scratch: RecordBuffer, instrument: number, step: number, timeUs: number): void {
  const price = PRICE + SWING * Math.sin((2 * Math.PI * step) / PERIOD_STEPS);
  scratch.header(0, KIND_QUOTE, 0, instrument, 0, timeUs, 0);
  scratch.setLane(0, LANE_A, price - 0.01);
  scratch.setLane(0, LANE_B, 100);
  scratch.setLane(0, LANE_C, price + 0.01);
  scratch.setLane(0, LANE_D, 100);
  worker.inbound.append(scratch, 0);
  scratch.header(0, KIND_TRADE, 0, instrument, 0, timeUs, 0);
  scratch.setLane(0, LANE_A, price);
  scratch.setLane(0, LANE_B, 1);
  scratch.setLane(0, LANE_C, 0);
  worker.inbound.append(scratch, 0);
}

function control(worker: EngineWorker, scratch: RecordBuffer, code: number, instanceIndex: number): void {
  scratch.header(0, KIND_CONTROL, code, NO_INSTRUMENT, 0, BEGIN_US, 0);
  scratch.setInteger(0, LANE_A, 0);
  scratch.setInteger(0, LANE_E, instanceIndex);
  worker.inbound.append(scratch, 0);
  worker.inbound.flush();
}

/** The intents go nowhere: they are read only so that the engine goes on deciding. */
async function drain(pool: EnginePool, worker: EngineWorker): Promise<void> {
  worker.inbound.flush();
  await pool.drained();
  worker.intents.release(worker.intents.poll(Number.MAX_SAFE_INTEGER));
}
