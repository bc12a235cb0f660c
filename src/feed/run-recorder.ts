/**
 * Records what a run's engine workers were given: a file per worker, from which the run can be repeated to the same
 * intents. Main thread; copying a record is all that the hot path pays. It must never hold trading up: when the disk
 * does not keep pace or fails, recording stops, is counted and reported, and trading goes on.
 *
 * File, little endian:
 *   8 bytes  magic "ATBRUN" and version u16
 *   u32      length of the header JSON · the JSON (UTF-8) · u32 CRC-32 of the JSON
 *   blocks   u32 count of records · u32 CRC-32 of count and records · count × 64 bytes
 */
import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { CodedError } from "../core/errors.ts";
import { RECORD_BYTES, RecordBuffer } from "../core/market/record.ts";

export const RUN_FILE_VERSION = 1;
export const RUN_FILE_MAGIC = "ATBRUN";
export const BLOCK_HEADER_BYTES = 8;
/** Largest block a reader accepts. */
export const MAX_BLOCK_RECORDS = 65_536;

/** Where blocks go: an open file. */
export interface RunSink {
  write(bytes: Buffer, offset: number, length: number): Promise<{ readonly bytesWritten: number }>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface RunRecorderOptions {
  /** Records gathered before a block is written. */
  readonly blockRecords?: number;
  /** Blocks in memory at most, the one being filled included. */
  readonly maxBlocks?: number;
  /** Called once when recording stops for a fault. */
  readonly stopped?: (error: CodedError) => void;
}

/** What became of the records given to `append`. */
export interface RunRecorderCounters {
  readonly appended: number;
  readonly written: number;
  readonly dropped: number;
}

/** A block in the making: its header's eight bytes, then records. */
interface Block {
  readonly bytes: Buffer;
  readonly records: RecordBuffer;
  count: number;
}

export class RunRecorder {
  readonly #file: RunSink;
  readonly #blockRecords: number;
  readonly #stoppedCallback: (error: CodedError) => void;
  readonly #free: Block[];
  readonly #full: Block[] = [];
  #filling: Block | null;
  #writing: Promise<void> | null = null;
  #fault: CodedError | null = null;
  #appended = 0;
  #written = 0;
  #dropped = 0;

  /** On a file whose header is written already; `create` does both. */
  constructor(file: RunSink, options: RunRecorderOptions) {
    this.#file = file;
    this.#blockRecords = options.blockRecords ?? 1024;
    this.#stoppedCallback = options.stopped ?? (() => {});
    this.#free = Array.from({ length: options.maxBlocks ?? 64 }, () => makeBlock(this.#blockRecords));
    this.#filling = this.#free.pop() ?? null;
  }

  /**
   * Makes the file, which must not exist, with `header` (plain JSON: the engine's specification) in front. Throws
   * `RUN_FILE` when it cannot be made.
   */
  static async create(path: string, header: unknown, options: RunRecorderOptions = {}): Promise<RunRecorder> {
    try {
      const file = await open(path, "wx");
      await file.write(encodeHeader(header));
      return new RunRecorder(file, options);
    } catch (error) {
      throw runFileError(`cannot be made: ${(error as Error).message}`, path, error);
    }
  }

  get counters(): RunRecorderCounters {
    return { appended: this.#appended, written: this.#written, dropped: this.#dropped };
  }

  /** The fault that stopped recording, or null. */
  get fault(): CodedError | null {
    return this.#fault;
  }

  /** Copies record `slot`; never waits. After a fault it only counts. */
  append(records: RecordBuffer, slot: number): void {
    this.#appended++;
    const block = this.#filling;
    if (block === null) {
      this.#dropped++;
      return;
    }
    block.records.copyFrom(records, slot, block.count++);
    if (block.count === this.#blockRecords) this.#turn();
  }

  /** Writes what has gathered; resolves when it is handed to the operating system or recording has stopped. */
  async flush(): Promise<void> {
    if (this.#filling !== null && this.#filling.count > 0) this.#turn();
    while (this.#writing !== null) await this.#writing;
  }

  /** Flushes, syncs and closes. Never throws; `fault` tells what went wrong. */
  async close(): Promise<void> {
    await this.flush();
    this.#filling = null;
    try {
      if (this.#fault === null) await this.#file.sync();
    } catch (error) {
      this.#stop(runFileError(`cannot be synced: ${(error as Error).message}`, "recording", error));
    }
    await this.#file.close().catch(() => {});
  }

  /** Queues the full block and takes an empty one; without one the disk is too slow and recording ends. */
  #turn(): void {
    this.#full.push(this.#filling as Block);
    this.#filling = this.#free.pop() ?? null;
    this.#writing ??= this.#drain();
    if (this.#filling === null) this.#stop(runFileError("the disk does not keep pace with the run", "recording", null));
  }

  async #drain(): Promise<void> {
    for (let block = this.#full.shift(); block !== undefined; block = this.#full.shift()) {
      try {
        const bytes = seal(block);
        await writeAll(this.#file, bytes);
        this.#written += block.count;
      } catch (error) {
        this.#dropped += block.count;
        this.#stop(runFileError(`cannot be written: ${(error as Error).message}`, "recording", error));
      }
      block.count = 0;
      this.#free.push(block);
    }
    this.#writing = null;
  }

  /** A recording with a hole repeats nothing: after a fault nothing more is added, what is queued is dropped. */
  #stop(fault: CodedError): void {
    if (this.#fault !== null) return;
    this.#fault = fault;
    this.#dropped += this.#filling?.count ?? 0;
    this.#filling = null;
    if (fault.cause !== null && fault.cause !== undefined)
      for (const block of this.#full.splice(0)) this.#dropped += block.count;
    this.#stoppedCallback(fault);
  }
}

function makeBlock(records: number): Block {
  const bytes = Buffer.from(new ArrayBuffer(BLOCK_HEADER_BYTES + records * RECORD_BYTES));
  return { bytes, records: new RecordBuffer(bytes.buffer, BLOCK_HEADER_BYTES, records), count: 0 };
}

function seal(block: Block): Buffer {
  const end = BLOCK_HEADER_BYTES + block.count * RECORD_BYTES;
  block.bytes.writeUInt32LE(block.count, 0);
  block.bytes.writeUInt32LE(blockChecksum(block.bytes.subarray(0, end)), 4);
  return block.bytes.subarray(0, end);
}

/** CRC-32 of a whole block without its own checksum. */
export function blockChecksum(block: Buffer): number {
  return crc32(block.subarray(BLOCK_HEADER_BYTES), crc32(block.subarray(0, 4)));
}

async function writeAll(file: RunSink, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
}

function encodeHeader(header: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(header), "utf8");
  const head = Buffer.alloc(12);
  head.write(RUN_FILE_MAGIC, "latin1");
  head.writeUInt16LE(RUN_FILE_VERSION, 6);
  head.writeUInt32LE(json.length, 8);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(json));
  return Buffer.concat([head, json, checksum]);
}

export function runFileError(message: string, path: string, cause: unknown): CodedError {
  return new CodedError("RUN_FILE", `${path}: ${message}`, { field: "path", cause });
}
