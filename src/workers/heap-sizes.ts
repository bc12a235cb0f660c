/**
 * How the memory that the container allows is divided: heaps of main thread and engine workers, and the rest for buffers,
 * code and stacks. Pure, but for the limit's default, which Node reads from the cgroup (version 1 or 2).
 */
import { getHeapStatistics } from "node:v8";
import { CodedError } from "../core/errors.ts";

const MIB = 2 ** 20;
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: MIB,
  Gi: 2 ** 30,
};
/** Above this a limit stands for none: version 1 of the cgroups says "unlimited" so. */
const NO_LIMIT_BYTES = 2 ** 43;
/** Of the limit, for the main thread's old space. The image starts Node with it (`NODE_OPTIONS`): it is fixed from then on. */
export const MAIN_HEAP_SHARE = 0.45;
/** Of the limit, for all engine workers together. */
const WORKERS_SHARE = 0.15;
/** Node's figure has the nursery in it as well. */
const HEAP_TOLERANCE = 1.25;
const WORKER_MIN_MB = 48;
/** An engine allocates nothing for a tick: a small nursery is enough, and it is resident for good. */
const WORKER_YOUNG_MB = 8;

export interface WorkerHeap {
  readonly maxOldGenerationSizeMb: number;
  readonly maxYoungGenerationSizeMb: number;
}

export interface HeapSizes {
  /** Old space that the main thread may use, MiB. */
  readonly mainMb: number;
  readonly worker: WorkerHeap;
}

/** Sizes for `workers` engine workers under a limit in bytes; null without a limit: Node's own sizes apply then. */
export function heapSizes(limitBytes: number | null, workers: number): HeapSizes | null {
  if (limitBytes === null) return null;
  const limitMb = limitBytes / MIB;
  const share = Math.floor((limitMb * WORKERS_SHARE) / Math.max(1, workers));
  return {
    mainMb: Math.floor(limitMb * MAIN_HEAP_SHARE),
    worker: {
      maxOldGenerationSizeMb: Math.max(WORKER_MIN_MB, share),
      maxYoungGenerationSizeMb: WORKER_YOUNG_MB,
    },
  };
}

/**
 * Bytes that may be used: what the deployment says (`MEMORY_LIMIT`, such as `1Gi`), else what the cgroup says; null where
 * nothing limits. Throws `MEMORY_LIMIT` for what is no quantity.
 */
export function memoryLimit(limit: string | null, constrained = process.constrainedMemory()): number | null {
  if (limit !== null) return parseMemoryQuantity(limit);
  return constrained > 0 && constrained < NO_LIMIT_BYTES ? constrained : null;
}

/** The main thread's heap is fixed when Node starts: one that the container cannot hold is said, not mended. */
export function warnOfHeap(
  sizes: HeapSizes | null,
  log: { warn(detail: object, message: string): void },
  heapLimitBytes = getHeapStatistics().heap_size_limit,
): void {
  const limitMb = Math.round(heapLimitBytes / MIB);
  if (sizes === null || limitMb <= sizes.mainMb * HEAP_TOLERANCE) return;
  log.warn(
    { heapLimitMb: limitMb, wantedMb: sizes.mainMb },
    `the heap may outgrow the memory limit: start Node with NODE_OPTIONS=--max-old-space-size=${sizes.mainMb}`,
  );
}

function parseMemoryQuantity(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|k|M|G)?$/.exec(text.trim());
  const bytes = match === null ? 0 : Number(match[1]) * (UNITS[match[2] ?? ""] as number);
  if (bytes > 0) return bytes;
  throw new CodedError("MEMORY_LIMIT", `MEMORY_LIMIT must be bytes, or such as 1Gi, got ${JSON.stringify(text)}`, {
    field: "MEMORY_LIMIT",
  });
}
