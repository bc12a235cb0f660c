/**
 * Recordings of a run: one file per engine worker and life, from which `replay` repeats every decision. Main thread; a
 * fault of the disk ends the recording, never the trading.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { EngineSpec } from "../core/engine.ts";
import type { RecordBuffer } from "../core/market/record.ts";
import { RunRecorder } from "../feed/run-recorder.ts";
import type { RestoredInstance } from "../workers/protocol.ts";

/** What a recording's header holds: all that an engine needs to run it again. */
export interface RunHeader {
  readonly worker: number;
  readonly spec: EngineSpec;
  readonly restored: readonly { readonly instanceIndex: number; readonly snapshot: readonly number[] }[];
}

export class RunRecordings {
  readonly #directory: string;
  readonly #runId: string;
  readonly #recorders: RunRecorder[] = [];
  readonly #onFault: (error: Error) => void;
  #lives = 0;

  constructor(directory: string, runId: string, onFault: (error: Error) => void) {
    this.#directory = directory;
    this.#runId = runId;
    this.#onFault = onFault;
  }

  /** Opens the file of one worker's life and returns what takes its records; null when the disk does not let it. */
  async begin(
    worker: number,
    spec: EngineSpec,
    restored: readonly RestoredInstance[],
  ): Promise<((records: RecordBuffer, slot: number) => void) | null> {
    this.#lives += 1;
    const path = join(this.#directory, `${this.#runId}-worker${worker}-${this.#lives}.run`);
    const header = {
      worker,
      spec,
      restored: restored.map(({ instanceIndex, snapshot }) => ({ instanceIndex, snapshot: [...snapshot] })),
    } satisfies RunHeader;
    try {
      mkdirSync(this.#directory, { recursive: true });
      const recorder = await RunRecorder.create(path, encodeBigints(header), { stopped: this.#onFault });
      this.#recorders.push(recorder);
      return (records, slot) => recorder.append(records, slot);
    } catch (error) {
      this.#onFault(error as Error);
      return null;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#recorders.map((recorder) => recorder.close()));
  }
}

const BIGINT_KEY = "$bigint";

/** JSON has no 64-bit integers: they are written as `{"$bigint": "…"}`. */
function encodeBigints(value: unknown): unknown {
  if (typeof value === "bigint") return { [BIGINT_KEY]: value.toString() };
  if (Array.isArray(value)) return value.map(encodeBigints);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, encodeBigints(member)]));
}

/** The other way around; for readers of recordings. */
export function decodeBigints(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(decodeBigints);
  if (value === null || typeof value !== "object") return value;
  const text = (value as Record<string, unknown>)[BIGINT_KEY];
  if (typeof text === "string") return BigInt(text);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, decodeBigints(member)]));
}
