/** Rings between real threads. Forbidden outcomes: a torn, lost, doubled or reordered record; a wake-up that is lost. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { createRing, RING_DATA_OFFSET, readRingCounters } from "../../../src/core/ring/descriptor.ts";
import { RingWriter } from "../../../src/core/ring/ring-writer.ts";
import { type PeerTask, payload, type ReadReport, readChecked, seeded } from "./ring-peer.ts";

const SEED = 20_261_123;

function start(task: PeerTask): Worker {
  return new Worker(new URL("./ring-peer.ts", import.meta.url), { workerData: task });
}

async function answerOf(worker: Worker): Promise<unknown> {
  const [answer] = (await once(worker, "message")) as [unknown];
  await worker.terminate();
  return answer;
}

function checksumOf(first: number, count: number, words: number, seed: number): number {
  let checksum = 0;
  for (let sequence = first; sequence < first + count; sequence++) {
    for (let word = 0; word < words; word++) checksum = (checksum + payload(sequence, word, seed)) % 4294967296;
  }
  return checksum;
}

/** Fills the bytes of the header that nobody owns; `check` throws when one of them was written. */
function headerCanaries(buffer: SharedArrayBuffer): { check(): void } {
  const owned: readonly (readonly [number, number])[] = [
    [0, 24],
    [128, 132],
    [256, 260],
    [384, 388],
    [512, 544],
    [640, 656],
  ];
  const header = new Uint8Array(buffer, 0, RING_DATA_OFFSET);
  const free = [...header.keys()].filter((byte) => !owned.some(([from, to]) => byte >= from && byte < to));
  for (const byte of free) header[byte] = 0xa5;
  return {
    check() {
      for (const byte of free) assert.equal(header[byte], 0xa5, `header byte ${byte} was written`);
    },
  };
}

async function race(shape: {
  capacity: number;
  recordBytes: number;
  first: number;
  count: number;
  batchMax: number;
  spins: number;
}) {
  const { capacity, recordBytes, first, count, batchMax, spins } = shape;
  const buffer = createRing({ recordBytes, capacity, firstSequence: first });
  const canaries = headerCanaries(buffer);
  const task = { buffer, recordBytes, count, batchMax, seed: SEED + capacity, spins };
  const reader = answerOf(start({ ...task, role: "read" }));
  const writer = answerOf(start({ ...task, role: "write" }));
  const [report] = await Promise.all([reader, writer]);
  const expected: ReadReport = {
    read: count,
    checksum: checksumOf(first, count, recordBytes / 4, task.seed),
    fault: null,
  };
  assert.deepEqual(report, expected);
  canaries.check();
  const counters = readRingCounters(buffer, recordBytes);
  assert.deepEqual([counters.published, counters.released], [first + count, first + count]);
  return counters;
}

describe("a raced ring", () => {
  for (const [capacity, recordBytes, wrap] of [
    [2, 8, 2 ** 31],
    [4, 64, 2 ** 32],
    [8, 128, 2 ** 31],
    [64, 64, 2 ** 32],
    [512, 8, 2 ** 50],
  ] as const) {
    it(`of ${capacity} records of ${recordBytes} bytes carries at least 100 laps across the wrap at ${wrap}`, async () => {
      const count = Math.max(130 * capacity, 20_000);
      const shape = { capacity, recordBytes, count, batchMax: capacity * 2, spins: 0 };
      await race({ ...shape, first: wrap - Math.floor(count / 2) });
    });
  }

  it("carries the same with a spinning reader", async () => {
    await race({ capacity: 8, recordBytes: 64, first: 0, count: 20_000, batchMax: 5, spins: 200 });
  });

  it("loses no wake-up when every record is published by itself", async () => {
    const counters = await race({ capacity: 2, recordBytes: 8, first: 0, count: 50_000, batchMax: 1, spins: 0 });
    assert.equal(counters.publications, 50_000);
    assert.ok(counters.parks > 0 && counters.wakes > 0);
  });
});

describe("a ring whose writer is killed", () => {
  it("shows only whole published records when the writer dies between claim and publish", async () => {
    const buffer = createRing({ recordBytes: 64, capacity: 64 });
    const task = { buffer, recordBytes: 64, count: 37, batchMax: 5, seed: SEED, spins: 0 };
    const writer = start({ ...task, role: "write-half" });
    assert.equal(await answerOf(writer), "claimed");
    const report = readChecked({ ...task, role: "read", count: 64 }, 0);
    assert.deepEqual(report, { read: 37, checksum: checksumOf(0, 37, 16, SEED), fault: "timeout" });
    assert.equal(new RingWriter(buffer, { recordBytes: 64 }).sequence, 37);
  });

  it("is whole and goes on with a new writer when the writer dies anywhere", async () => {
    const buffer = createRing({ recordBytes: 64, capacity: 4096, firstSequence: 2 ** 32 - 20_000 });
    const task = { buffer, recordBytes: 64, count: 10_000_000, batchMax: 100, seed: SEED, spins: 0 };
    const random = seeded(SEED);
    for (let round = 0; round < 8; round++) {
      const writer = start({ ...task, role: "write" });
      const before = readRingCounters(buffer, 64).published;
      const enough = 1 + (random() % 5000);
      let seen = 0;
      while (seen < enough) {
        const report = readChecked({ ...task, role: "read", count: enough - seen }, 0);
        assert.ok(report.fault === null || report.fault === "timeout", report.fault ?? "");
        seen += report.read;
        await nextTurn();
      }
      await writer.terminate();
      const rest = readChecked({ ...task, role: "read" }, 0);
      assert.equal(rest.fault, "timeout");
      assert.equal(new RingWriter(buffer, { recordBytes: 64 }).sequence, before + seen + rest.read);
    }
  });
});

describe("a reader parked in another thread", () => {
  it("is woken by the stop word", async () => {
    const buffer = createRing({ recordBytes: 8, capacity: 4 });
    const reader = start({ role: "read", buffer, recordBytes: 8, count: 1, batchMax: 1, seed: SEED, spins: 0 });
    const answer = answerOf(reader);
    while (readRingCounters(buffer, 8).parks === 0) await nextTurn();
    new RingWriter(buffer, { recordBytes: 8 }).stop();
    assert.deepEqual(await answer, { read: 0, checksum: 0, fault: null });
  });
});
