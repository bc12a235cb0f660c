/**
 * What the main thread hands an engine worker when its task starts, and the words in shared memory by which the two watch
 * each other. Plain data: it crosses a structured clone.
 */
import type { EngineSpec } from "../core/engine.ts";

export interface RestoredInstance {
  readonly instanceIndex: number;
  /** State doubles as the journal kept them. */
  readonly snapshot: Float64Array;
}

export interface EngineTask {
  readonly worker: number;
  readonly spec: EngineSpec;
  readonly inbound: SharedArrayBuffer;
  readonly intents: SharedArrayBuffer;
  /** Stage histograms of this worker (see `STAGES`). */
  readonly histograms: SharedArrayBuffer;
  /** Int32 words, see PROGRESS_*. */
  readonly progress: SharedArrayBuffer;
  /** Float64 counts of the engine's own refusals: `REFUSAL_COUNT` per instance, by instance and refusal number. */
  readonly refusals: SharedArrayBuffer;
  readonly restored: readonly RestoredInstance[];
  /** Times to look again before parking; 0 parks at once. */
  readonly spin: number;
}

/** Rises with every loop of the worker; also the word that the main thread waits on in lockstep. */
export const PROGRESS_LOOPS = 0;
/** 1 once the engine is built and reads its ring. */
export const PROGRESS_READY = 1;
/** 1 when the engine has failed closed (intent ring full). */
export const PROGRESS_FAILED_CLOSED = 2;
export const PROGRESS_WORDS = 16;

/** How long a parked worker sleeps before it shows that it is alive, ms. */
export const PARK_MS = 250;

/** Stages measured inside a worker, in the order of their histograms. */
export const STAGE_DECODE_TO_ENGINE = 0;
export const STAGE_ENGINE = 1;
export const STAGES = ["decode_to_engine", "engine"] as const;
