/**
 * Reads the file that `run-recorder.ts` writes (its layout is drawn there). A torn tail, as a killed process leaves, ends
 * the reading and is reported; a damaged middle cannot be told from it and ends it as well. Any thread.
 */
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { RECORD_BYTES, RecordBuffer } from "../core/market/record.ts";
import {
  BLOCK_HEADER_BYTES,
  blockChecksum,
  MAX_BLOCK_RECORDS,
  RUN_FILE_MAGIC,
  RUN_FILE_VERSION,
  runFileError,
} from "./run-recorder.ts";

const FIXED_HEADER_BYTES = 12;
const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/** One recording, read block by block. */
export interface RunFile extends AsyncIterable<RecordBuffer> {
  /** The JSON that the recorder was given. */
  readonly header: unknown;
  /** Bytes after the last whole block; known when the iteration has ended, 0 for a clean end. */
  readonly tornBytes: number;
  close(): Promise<void>;
}

/**
 * Opens a recording. Iterate it once; each `RecordBuffer` holds `capacity` records and stays valid. Throws `RUN_FILE`
 * for a file that cannot be read or is no recording of this version.
 */
export async function readRecording(path: string): Promise<RunFile> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw runFileError(`cannot be read: ${(error as Error).message}`, path, error);
  }
  try {
    const { header, end } = await readHeader(file, path);
    return new BlockReader(file, header, end);
  } catch (error) {
    await file.close();
    throw error;
  }
}

class BlockReader implements RunFile {
  readonly header: unknown;
  readonly #file: FileHandle;
  #at: number;
  #tornBytes = 0;

  constructor(file: FileHandle, header: unknown, at: number) {
    this.#file = file;
    this.header = header;
    this.#at = at;
  }

  get tornBytes(): number {
    return this.#tornBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBuffer, void, void> {
    try {
      for (let block = await this.#block(); block !== null; block = await this.#block()) yield block;
      this.#tornBytes = (await this.#file.stat()).size - this.#at;
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => {});
  }

  /** The block at the reader's offset, null at the end or where no whole, sound block follows. */
  async #block(): Promise<RecordBuffer | null> {
    const head = await readExactly(this.#file, this.#at, BLOCK_HEADER_BYTES);
    if (head === null) return null;
    const count = head.readUInt32LE(0);
    if (count === 0 || count > MAX_BLOCK_RECORDS) return null;
    const bytes = await readExactly(this.#file, this.#at, BLOCK_HEADER_BYTES + count * RECORD_BYTES);
    if (bytes === null || blockChecksum(bytes) !== bytes.readUInt32LE(4)) return null;
    this.#at += bytes.length;
    return new RecordBuffer(bytes.buffer, BLOCK_HEADER_BYTES, count);
  }
}

async function readHeader(file: FileHandle, path: string): Promise<{ header: unknown; end: number }> {
  const fixed = await readExactly(file, 0, FIXED_HEADER_BYTES);
  if (fixed === null || fixed.toString("latin1", 0, 6) !== RUN_FILE_MAGIC) {
    throw runFileError("is no recorded run", path, null);
  }
  const version = fixed.readUInt16LE(6);
  if (version !== RUN_FILE_VERSION) {
    throw runFileError(`has format version ${version}; ${RUN_FILE_VERSION} is needed`, path, null);
  }
  const length = fixed.readUInt32LE(8);
  const rest = length > MAX_HEADER_BYTES ? null : await readExactly(file, FIXED_HEADER_BYTES, length + 4);
  if (rest === null || crc32(rest.subarray(0, length)) !== rest.readUInt32LE(length)) {
    throw runFileError("has a damaged header", path, null);
  }
  return { header: JSON.parse(rest.toString("utf8", 0, length)), end: FIXED_HEADER_BYTES + length + 4 };
}

/** Null when the file ends before `length` bytes. The buffer has memory of its own, aligned for records. */
async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer | null> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, length - at, position + at);
    if (bytesRead === 0) return null;
    at += bytesRead;
  }
  return bytes;
}
