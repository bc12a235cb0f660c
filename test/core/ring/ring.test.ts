/** The two sides of a ring on one thread: order, fullness, reserve, wrap, canaries, header and stop word. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { CodedError } from "../../../src/core/errors.ts";
import { KIND_QUOTE, LANE_A, RECORD_BYTES, RecordBuffer } from "../../../src/core/market/record.ts";
import { INTENT_BYTES, INTENT_LANE_QUANTITY, IntentBuffer } from "../../../src/core/order/intent.ts";
import { createRing, RING_DATA_OFFSET, readRingCounters } from "../../../src/core/ring/descriptor.ts";
import { RingReader } from "../../../src/core/ring/ring-reader.ts";
import { RingWriter } from "../../../src/core/ring/ring-writer.ts";

const EVENT = { recordBytes: 8 };

function eventRing(capacity: number, firstSequence = 0, reserve = 0) {
  const buffer = createRing({ recordBytes: 8, capacity, firstSequence });
  return {
    buffer,
    writer: new RingWriter(buffer, { recordBytes: 8, reserve }),
    reader: new RingReader(buffer, EVENT),
    values: new Float64Array(buffer, RING_DATA_OFFSET, capacity),
  };
}

function hasCode(code: string, field: string) {
  return (error: unknown) => error instanceof CodedError && error.code === code && error.field === field;
}

describe("a ring", () => {
  it("shows nothing before it is published and everything after", () => {
    const { writer, reader, values } = eventRing(8);
    for (let i = 0; i < 3; i++) values[writer.claim()] = 10 + i;
    assert.equal(reader.poll(8), 0);
    assert.equal(writer.unpublished, 3);
    writer.publish();
    assert.equal(reader.poll(2), 2);
    assert.equal(reader.poll(8), 3);
    assert.deepEqual(
      [0, 1, 2].map((index) => values[reader.slot(index)]),
      [10, 11, 12],
    );
    reader.release(3);
    assert.equal(reader.poll(8), 0);
  });

  it("refuses a claim when it is full and counts the refusal", () => {
    const { buffer, writer, reader } = eventRing(4);
    for (let i = 0; i < 4; i++) assert.equal(writer.claim(), i);
    assert.equal(writer.claim(), -1);
    assert.equal(writer.available(), 0);
    writer.publish();
    assert.equal(writer.claim(), -1);
    assert.equal(reader.poll(4), 4);
    reader.release(1);
    assert.equal(writer.available(), 1);
    assert.equal(writer.claim(), 0);
    assert.equal(writer.claim(), -1);
    assert.equal(readRingCounters(buffer, 8).refusals, 3);
  });

  it("keeps its reserve for reserved claims", () => {
    const { writer, reader } = eventRing(8, 0, 3);
    assert.equal(writer.available(), 5);
    for (let i = 0; i < 5; i++) assert.equal(writer.claim(), i);
    assert.equal(writer.claim(), -1);
    for (let i = 5; i < 8; i++) assert.equal(writer.claimReserved(), i);
    assert.equal(writer.claimReserved(), -1);
    writer.publish();
    reader.release(reader.poll(3));
    assert.equal(writer.available(), 0);
    assert.equal(writer.claim(), -1);
    assert.equal(writer.claimReserved(), 0);
  });

  it("forgets rolled-back records and gives their slots out again", () => {
    const { writer, reader, values } = eventRing(4);
    values[writer.claim()] = 1;
    writer.publish();
    values[writer.claim()] = 2;
    values[writer.claim()] = 3;
    writer.rollback();
    assert.equal(writer.sequence, 1);
    assert.equal(writer.available(), 3);
    values[writer.claim()] = 4;
    writer.publish();
    assert.equal(reader.poll(4), 2);
    assert.equal(values[reader.slot(1)], 4);
  });

  it("throws when more is released than was read", () => {
    const { writer, reader } = eventRing(4);
    writer.claim();
    writer.publish();
    assert.throws(() => reader.release(1), RangeError);
    reader.poll(4);
    assert.throws(() => reader.release(2), RangeError);
    assert.throws(() => reader.release(-1), RangeError);
    reader.release(1);
  });

  it("counts what it did", () => {
    const { buffer, writer, reader } = eventRing(8, 100);
    for (let i = 0; i < 5; i++) writer.claim();
    writer.publish();
    writer.publish();
    reader.poll(8);
    reader.release(2);
    assert.equal(reader.park(1000), "ready");
    assert.equal(writer.occupancy, 3);
    writer.claim();
    assert.equal(writer.occupancy, 4);
    assert.deepEqual(readRingCounters(buffer, 8), {
      published: 105,
      released: 102,
      publications: 1,
      refusals: 0,
      parks: 0,
      wakes: 0,
      stopped: false,
    });
  });

  it("carries market records and intents in its data area", () => {
    const inbound = createRing({ recordBytes: RECORD_BYTES, capacity: 4 });
    const records = new RecordBuffer(inbound, RING_DATA_OFFSET, 4);
    const slot = new RingWriter(inbound, { recordBytes: RECORD_BYTES }).claim();
    records.header(slot, KIND_QUOTE, 0, 7, 0, 1, 2);
    records.setLane(slot, LANE_A, 99.5);
    assert.equal(new RecordBuffer(inbound, RING_DATA_OFFSET, 4).lane(slot, LANE_A), 99.5);
    const outbound = createRing({ recordBytes: INTENT_BYTES, capacity: 4 });
    const intents = new IntentBuffer(outbound, RING_DATA_OFFSET, 4);
    intents.setInteger(3, INTENT_LANE_QUANTITY, -5_000_000_001);
    assert.equal(new IntentBuffer(outbound, RING_DATA_OFFSET, 4).integer(3, INTENT_LANE_QUANTITY), -5_000_000_001);
  });

  it("agrees with a queue under random commands around every wrap of its cursors", () => {
    const wraps = fc.constantFrom(0, 2 ** 31, 2 ** 32, 3 * 2 ** 32, 2 ** 50);
    const command = fc.record({
      act: fc.constantFrom("claim", "reserved", "publish", "rollback", "poll", "attach"),
      count: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(
        wraps,
        fc.integer({ min: 0, max: 3 }),
        fc.array(command, { maxLength: 120 }),
        (wrap, power, commands) => {
          const capacity = 2 << power;
          const first = Math.max(0, wrap - 13);
          const reserve = Math.min(3, capacity - 1);
          const ring = eventRing(capacity, first, reserve);
          let { writer, reader } = ring;
          let published: number[] = [];
          let claimed: number[] = [];
          let read = first;
          for (const { act, count } of commands) {
            if (act === "claim" || act === "reserved") {
              for (let i = 0; i < count; i++) {
                const sequence = read + published.length + claimed.length;
                const room: number = capacity - published.length - claimed.length - (act === "claim" ? reserve : 0);
                assert.equal(writer.sequence, sequence);
                const slot: number = act === "claim" ? writer.claim() : writer.claimReserved();
                assert.equal(slot, room > 0 ? sequence % capacity : -1);
                if (slot < 0) break;
                ring.values[slot] = sequence;
                claimed.push(sequence);
              }
            } else if (act === "publish") {
              writer.publish();
              published = [...published, ...claimed];
              claimed = [];
            } else if (act === "rollback") {
              writer.rollback();
              claimed = [];
            } else if (act === "attach") {
              writer = new RingWriter(ring.buffer, { recordBytes: 8, reserve });
              reader = new RingReader(ring.buffer, EVENT);
              claimed = [];
              assert.equal(reader.sequence, read);
            } else {
              const readable = reader.poll(count);
              assert.ok(readable <= published.length && (readable > 0 || published.length === 0));
              for (let i = 0; i < readable; i++) assert.equal(ring.values[reader.slot(i)], published[i]);
              reader.release(readable);
              published = published.slice(readable);
              read += readable;
            }
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("writes nothing outside its own bytes", () => {
    const source = createRing({ recordBytes: 64, capacity: 8, firstSequence: 2 ** 32 - 3 });
    const records = new RecordBuffer(source, RING_DATA_OFFSET, 8);
    const writer = new RingWriter(source, { recordBytes: 64 });
    const reader = new RingReader(source, { recordBytes: 64 });
    for (let lap = 0; lap < 100; lap++) {
      const slot = writer.claim();
      const before = records.u8.slice();
      records.u8.fill(lap + 1, slot * 64, slot * 64 + 64);
      writer.publish();
      reader.poll(1);
      reader.release(1);
      const after = records.u8.slice();
      before.fill(lap + 1, slot * 64, slot * 64 + 64);
      assert.deepEqual(after, before);
    }
  });
});

describe("the header of a ring", () => {
  const good = () => createRing({ recordBytes: 64, capacity: 8 });

  it("is refused when a field is not as expected, naming the field", () => {
    const corrupt = (word: number, value: number) => {
      const buffer = good();
      new Uint32Array(buffer)[word] = value;
      return buffer;
    };
    for (const attach of [RingWriter, RingReader]) {
      const attempt =
        (buffer: SharedArrayBuffer, recordBytes = 64) =>
        () =>
          new attach(buffer, { recordBytes });
      assert.throws(attempt(corrupt(0, 0)), hasCode("RING_HEADER", "magic"));
      assert.throws(attempt(corrupt(1, 99)), hasCode("RING_HEADER", "version"));
      assert.throws(attempt(corrupt(2, 128)), hasCode("RING_HEADER", "recordBytes"));
      assert.throws(attempt(good(), 128), hasCode("RING_HEADER", "recordBytes"));
      assert.throws(attempt(corrupt(3, 7)), hasCode("RING_HEADER", "capacity"));
      assert.throws(attempt(corrupt(3, 16)), hasCode("RING_HEADER", "byteLength"));
      assert.throws(attempt(new SharedArrayBuffer(64)), hasCode("RING_HEADER", "byteLength"));
      assert.throws(attempt(new SharedArrayBuffer(4096)), hasCode("RING_HEADER", "magic"));
    }
  });

  it("is not made for a shape out of range, naming the field", () => {
    const make = (recordBytes: number, capacity: number, firstSequence = 0) => {
      return () => createRing({ recordBytes, capacity, firstSequence });
    };
    for (const bytes of [0, 4, 12, 1032, Number.NaN])
      assert.throws(make(bytes, 8), hasCode("RING_SHAPE", "recordBytes"));
    for (const count of [0, 1, 3, 2 ** 21, 2.5]) assert.throws(make(64, count), hasCode("RING_SHAPE", "capacity"));
    for (const first of [-1, 0.5, 2 ** 53]) assert.throws(make(64, 8, first), hasCode("RING_SHAPE", "firstSequence"));
  });

  it("admits only a reserve below the capacity and a bounded number of spins", () => {
    for (const reserve of [-1, 8, 1.5]) {
      assert.throws(() => new RingWriter(good(), { recordBytes: 64, reserve }), hasCode("RING_SHAPE", "reserve"));
    }
    for (const spins of [-1, 0.5, 2_000_000]) {
      assert.throws(() => new RingReader(good(), { recordBytes: 64, spins }), hasCode("RING_SHAPE", "spins"));
    }
  });

  it("keeps the words of different threads two cache lines apart", () => {
    const { buffer, writer, reader } = eventRing(4, 5);
    const before = new Uint8Array(buffer).slice();
    writer.claim();
    writer.publish();
    const afterWriter = new Uint8Array(buffer).slice();
    reader.poll(1);
    reader.release(1);
    const afterReader = new Uint8Array(buffer).slice();
    const changed = (from: Uint8Array, to: Uint8Array) => [...from.keys()].filter((i) => from[i] !== to[i]);
    for (const a of changed(before, afterWriter)) {
      for (const b of changed(afterWriter, afterReader)) assert.ok(Math.floor(a / 128) !== Math.floor(b / 128));
    }
  });
});

describe("a stopped ring", () => {
  it("gives what was published before it says stopped, and drops what was only claimed", () => {
    const { writer, reader } = eventRing(4);
    writer.claim();
    writer.publish();
    writer.claim();
    writer.stop();
    assert.equal(reader.isStopped, true);
    assert.equal(writer.isStopped, true);
    assert.equal(reader.park(1000), "ready");
    assert.equal(reader.poll(4), 1);
    reader.release(1);
    assert.equal(reader.park(1000), "stopped");
  });

  it("wakes an asynchronous reader, from either side", async () => {
    for (const side of ["writer", "reader"] as const) {
      const ring = eventRing(4);
      const parked = ring.reader.parkAsync();
      ring[side].stop();
      assert.equal(await parked, "stopped");
    }
  });
});

describe("a reader about to fall asleep", () => {
  for (const news of ["publication", "stop"] as const) {
    it(`does not sleep through a ${news} between its last look and its sleep`, (context) => {
      const { writer, reader } = eventRing(4, 2 ** 31 - 1);
      writer.claim();
      const original = Atomics.wait;
      const outcomes: string[] = [];
      const wait = context.mock.method(Atomics, "wait", (words: Int32Array, at: number, value: number, ms: number) => {
        if (news === "publication") writer.publish();
        else writer.stop();
        outcomes.push(original(words, at, value, ms));
      });
      reader.park(1000);
      wait.mock.restore();
      assert.deepEqual(outcomes, ["not-equal"]);
      assert.equal(reader.park(0), news === "publication" ? "ready" : "stopped");
    });
  }

  it("sleeps on when it is woken for nothing", (context) => {
    const { writer, reader } = eventRing(4);
    let sleeps = 0;
    const wait = context.mock.method(Atomics, "wait", () => {
      sleeps++;
      if (sleeps < 3) return "ok";
      writer.claim();
      writer.publish();
      return "ok";
    });
    assert.equal(reader.park(1000), "ready");
    wait.mock.restore();
    assert.equal(sleeps, 3);
  });
});

describe("an asynchronous reader", () => {
  it("is woken by a publication", async () => {
    const { buffer, writer, reader } = eventRing(4);
    for (let round = 0; round < 50; round++) {
      const parked = reader.parkAsync();
      writer.claim();
      writer.publish();
      assert.equal(await parked, "ready");
      reader.release(reader.poll(4));
    }
    const { parks, wakes } = readRingCounters(buffer, 8);
    assert.deepEqual({ parks, wakes }, { parks: 50, wakes: 50 });
  });

  it("gives up after its time", async () => {
    const { reader } = eventRing(4);
    const keepAlive = setTimeout(() => {}, 10_000);
    assert.equal(await reader.parkAsync(1), "timeout");
    clearTimeout(keepAlive);
    assert.equal(reader.park(1), "timeout");
  });
});
