import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { CodedError } from "../../src/core/errors.ts";
import { KIND_QUOTE, LANE_A, RECORD_BYTES, RecordBuffer } from "../../src/core/market/record.ts";
import { readRecording } from "../../src/feed/run-file.ts";
import { RunRecorder, type RunRecorderOptions, type RunSink } from "../../src/feed/run-recorder.ts";

const HEADER = { instruments: ["AAPL"], note: "ü" };

let folder: string;
let files = 0;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "run-recorder-"));
});
after(() => rmSync(folder, { recursive: true }));

const newPath = (): string => join(folder, `run-${files++}`);

function fill(recorder: RunRecorder, count: number): void {
  const records = RecordBuffer.allocate(1);
  for (let i = 0; i < count; i++) {
    records.header(0, KIND_QUOTE, 0, 1, 0, i, i);
    records.setLane(0, LANE_A, i / 3);
    recorder.append(records, 0);
  }
}

async function record(count: number, options?: RunRecorderOptions): Promise<string> {
  const path = newPath();
  const recorder = await RunRecorder.create(path, HEADER, options);
  fill(recorder, count);
  await recorder.close();
  assert.equal(recorder.fault, null);
  assert.deepEqual(recorder.counters, { appended: count, written: count, dropped: 0 });
  return path;
}

async function readBack(path: string): Promise<{ values: number[]; tornBytes: number; header: unknown }> {
  const run = await readRecording(path);
  const values: number[] = [];
  for await (const records of run) {
    for (let slot = 0; slot < records.capacity; slot++) values.push(records.lane(slot, LANE_A));
  }
  return { values, tornBytes: run.tornBytes, header: run.header };
}

const thirds = (count: number): number[] => Array.from({ length: count }, (_, i) => i / 3);

describe("a recorded run", () => {
  for (const count of [0, 1, 7, 8, 9, 1000]) {
    test(`of ${count} records reads back as it was, with its header`, async () => {
      const path = await record(count, { blockRecords: 8, maxBlocks: 200 });
      assert.deepEqual(await readBack(path), { values: thirds(count), tornBytes: 0, header: HEADER });
    });
  }

  test("whose tail is torn anywhere gives its whole blocks and tells the rest", async () => {
    const path = await record(20, { blockRecords: 8 });
    const size = statSync(path).size;
    const block = 8 + 8 * RECORD_BYTES;
    const last = 8 + 4 * RECORD_BYTES;
    const begin = size - 2 * block - last;
    for (let length = size - 1; length > begin; length -= 13) {
      truncateSync(path, length);
      const { values, tornBytes } = await readBack(path);
      const whole = Math.floor((length - begin) / block);
      assert.deepEqual(values, thirds(whole * 8));
      assert.equal(tornBytes, length - begin - whole * block);
    }
  });

  test("with a damaged block ends before it", async () => {
    const path = await record(24, { blockRecords: 8 });
    const bytes = readFileSync(path);
    const at = bytes.length - 2 * (8 + 8 * RECORD_BYTES) + 100;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(path, bytes);
    const { values, tornBytes } = await readBack(path);
    assert.deepEqual(values, thirds(8));
    assert.ok(tornBytes > 0);
  });

  test("with garbage behind it tells the garbage", async () => {
    const path = await record(3);
    appendFileSync(path, Buffer.alloc(50, 0xff));
    assert.deepEqual(await readBack(path), { values: thirds(3), tornBytes: 50, header: HEADER });
  });

  test("of another kind, version or with a damaged header is refused", async () => {
    const path = await record(3);
    const bytes = readFileSync(path);
    const refused = async (offset: number, pattern: RegExp): Promise<void> => {
      const changed = Buffer.from(bytes);
      changed[offset] = (changed[offset] as number) ^ 0x10;
      writeFileSync(path, changed);
      await assert.rejects(
        readRecording(path),
        (error: CodedError) => error.code === "RUN_FILE" && pattern.test(error.message),
      );
    };
    await refused(0, /is no recorded run/);
    await refused(6, /has format version/);
    await refused(20, /damaged header/);
    await refused(11, /damaged header/);
    await assert.rejects(readRecording(join(folder, "none")), { code: "RUN_FILE" });
  });

  test("never overwrites another one", async () => {
    const path = await record(1);
    await assert.rejects(RunRecorder.create(path, HEADER), { code: "RUN_FILE" });
  });

  test("stops, counts and reports when the disk does not keep pace, keeping what came before", async () => {
    const path = newPath();
    const stops: CodedError[] = [];
    const recorder = await RunRecorder.create(path, HEADER, {
      blockRecords: 4,
      maxBlocks: 2,
      stopped: (e) => stops.push(e),
    });
    fill(recorder, 100);
    await recorder.close();
    assert.deepEqual(recorder.counters, { appended: 100, written: 8, dropped: 92 });
    assert.equal(stops.length, 1);
    assert.equal(recorder.fault?.code, "RUN_FILE");
    assert.deepEqual((await readBack(path)).values, thirds(8));
  });

  test("stops, counts and reports when the disk is full, and blocks nobody", async () => {
    const stops: CodedError[] = [];
    let writes = 0;
    const file: RunSink = {
      write: (bytes, offset) => {
        if (++writes > 2) return Promise.reject(new Error("ENOSPC: no space left on device"));
        return Promise.resolve({ bytesWritten: bytes.length - offset });
      },
      sync: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const recorder = new RunRecorder(file, { blockRecords: 4, stopped: (error) => stops.push(error) });
    fill(recorder, 18);
    await recorder.flush();
    fill(recorder, 5);
    await recorder.close();
    assert.deepEqual(recorder.counters, { appended: 23, written: 8, dropped: 15 });
    assert.deepEqual(stops, [recorder.fault]);
    assert.match(String(recorder.fault?.message), /cannot be written: ENOSPC/);
  });

  test("is written whole by a disk that takes a few bytes at a time", async () => {
    const chunks: Buffer[] = [];
    const file: RunSink = {
      write: (bytes, offset, length) => {
        const bytesWritten = Math.min(7, length);
        chunks.push(Buffer.from(bytes.subarray(offset, offset + bytesWritten)));
        return Promise.resolve({ bytesWritten });
      },
      sync: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const recorder = new RunRecorder(file, { blockRecords: 4 });
    fill(recorder, 6);
    await recorder.close();
    const whole = await record(6, { blockRecords: 4 });
    const bytes = Buffer.concat(chunks);
    assert.deepEqual(bytes, readFileSync(whole).subarray(-bytes.length));
    assert.equal(bytes.length, 2 * 8 + 6 * RECORD_BYTES);
  });
});
