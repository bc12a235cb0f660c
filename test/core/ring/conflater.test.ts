/** What an inbound ring does when its worker falls behind, against a model with plain lists. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  FLAG_CONFLATED,
  KIND_ACCOUNT,
  KIND_BAR,
  KIND_CONTROL,
  KIND_GAP,
  KIND_PRICE_BAND,
  KIND_QUOTE,
  KIND_STATUS,
  KIND_TIMER,
  KIND_TRADE,
  LANE_A,
  LANE_VENUE_TIME_US,
  NO_INSTRUMENT,
  RECORD_BYTES,
  RecordBuffer,
} from "../../../src/core/market/record.ts";
import { type AppendOutcome, InboundWriter } from "../../../src/core/ring/conflater.ts";
import { createRing, RING_DATA_OFFSET } from "../../../src/core/ring/descriptor.ts";
import { RingReader } from "../../../src/core/ring/ring-reader.ts";
import { RingWriter } from "../../../src/core/ring/ring-writer.ts";

const INSTRUMENTS = 3;

interface Entry {
  readonly kind: number;
  readonly instrument: number;
  /** Identity of the record appended; a gap has that of the first record it covers. */
  readonly id: number;
  readonly conflated: boolean;
}

function harness(capacity: number, reserve: number) {
  const buffer = createRing({ recordBytes: RECORD_BYTES, capacity, firstSequence: 2 ** 32 - 5 });
  const ring = new RingWriter(buffer, { recordBytes: RECORD_BYTES, reserve });
  const reader = new RingReader(buffer, { recordBytes: RECORD_BYTES });
  const records = new RecordBuffer(buffer, RING_DATA_OFFSET, capacity);
  const source = RecordBuffer.allocate(1);
  const tapped: Entry[] = [];
  const sequences: number[] = [];
  const entryAt = (from: RecordBuffer, slot: number): Entry => ({
    kind: from.kind(slot),
    instrument: from.instrument(slot),
    id: from.lane(slot, LANE_VENUE_TIME_US),
    conflated: (from.flags(slot) & FLAG_CONFLATED) !== 0,
  });
  const inbound = new InboundWriter(ring, {
    instrumentCount: INSTRUMENTS,
    tap(from, slot, sequence) {
      tapped.push(entryAt(from, slot));
      sequences.push(sequence);
    },
  });
  return {
    buffer,
    ring,
    inbound,
    tapped,
    sequences,
    append: (kind: number, instrument: number, id: number): AppendOutcome => {
      source.header(0, kind, 0, instrument, 0, id, id);
      source.setLane(0, LANE_A, id);
      return inbound.append(source, 0);
    },
    read: (limit: number): Entry[] => {
      const count = reader.poll(limit);
      const read = Array.from({ length: count }, (_, index) => entryAt(records, reader.slot(index)));
      reader.release(count);
      return read;
    },
  };
}

const entry = (kind: number, instrument: number, id: number, conflated = false): Entry => ({
  kind,
  instrument,
  id,
  conflated,
});

describe("an inbound writer", () => {
  it("writes records in order while there is room", () => {
    const { append, inbound, read } = harness(8, 2);
    assert.equal(append(KIND_TRADE, 0, 1), "written");
    assert.equal(append(KIND_QUOTE, 1, 2), "written");
    assert.deepEqual(read(8), []);
    assert.equal(inbound.flush(), 0);
    assert.deepEqual(read(8), [entry(KIND_TRADE, 0, 1), entry(KIND_QUOTE, 1, 2)]);
  });

  it("keeps only the newest quote of each instrument while the ring is full, and says that it replaced others", () => {
    const { append, inbound, read } = harness(4, 2);
    append(KIND_TRADE, 0, 1);
    append(KIND_TRADE, 0, 2);
    assert.equal(append(KIND_QUOTE, 0, 3), "conflated");
    assert.equal(append(KIND_QUOTE, 1, 4), "conflated");
    assert.equal(append(KIND_QUOTE, 0, 5), "conflated");
    assert.equal(inbound.flush(), 2);
    assert.equal(inbound.conflated, 1);
    assert.equal(read(4).length, 2);
    assert.equal(inbound.flush(), 0);
    assert.deepEqual(read(4), [entry(KIND_QUOTE, 0, 5, true), entry(KIND_QUOTE, 1, 4)]);
  });

  it("leaves one gap record for the lost trades of an instrument, before its next record", () => {
    const { append, inbound, read } = harness(4, 2);
    append(KIND_QUOTE, 0, 1);
    append(KIND_QUOTE, 1, 2);
    assert.equal(append(KIND_TRADE, 2, 3), "gap");
    assert.equal(append(KIND_BAR, 2, 4), "gap");
    assert.equal(inbound.lost, 2);
    read(4);
    assert.equal(append(KIND_TRADE, 2, 5), "written");
    inbound.flush();
    assert.deepEqual(read(4), [entry(KIND_GAP, 2, 3), entry(KIND_TRADE, 2, 5)]);
    assert.equal(inbound.gaps, 1);
    append(KIND_TRADE, 0, 6);
    append(KIND_TRADE, 0, 7);
    assert.equal(append(KIND_TRADE, 2, 8), "gap");
    read(4);
    inbound.flush();
    assert.deepEqual(read(4), [entry(KIND_GAP, 2, 8)]);
    assert.equal(inbound.gaps, 2);
  });

  it("delivers account and control records from the reserve, then halts rather than lose one", () => {
    const { append, inbound, read } = harness(4, 2);
    append(KIND_TRADE, 0, 1);
    append(KIND_TRADE, 0, 2);
    append(KIND_QUOTE, 0, 3);
    assert.equal(append(KIND_ACCOUNT, 0, 4), "written");
    assert.equal(append(KIND_CONTROL, NO_INSTRUMENT, 5), "written");
    assert.equal(append(KIND_ACCOUNT, 0, 6), "undeliverable");
    assert.deepEqual(
      read(4).map(({ id }) => id),
      [1, 2, 4, 5],
    );
    assert.equal(append(KIND_ACCOUNT, 0, 7), "undeliverable");
    assert.equal(append(KIND_TRADE, 0, 8), "undeliverable");
    assert.equal(inbound.undeliverable, 3);
  });

  it("publishes by itself in a long frame and whenever the ring is full", () => {
    const long = harness(256, 64);
    for (let id = 0; id < 100; id++) long.append(KIND_TRADE, 0, id);
    assert.equal(long.read(256).length, 64);
    const full = harness(8, 2);
    for (let id = 0; id < 7; id++) full.append(KIND_TRADE, 0, id);
    assert.equal(full.read(8).length, 6);
  });

  it("tells a source that must lose nothing how much it may append", () => {
    const { append, inbound, read } = harness(8, 2);
    assert.equal(inbound.available(), 6);
    for (let id = 0; id < 6; id++) assert.equal(append(KIND_TRADE, 0, id), "written");
    assert.equal(inbound.available(), 0);
    append(KIND_QUOTE, 0, 6);
    assert.equal(read(1).length, 1);
    assert.equal(inbound.available(), 0);
    assert.equal(inbound.pending, 0);
    assert.equal(read(2).length, 2);
    assert.equal(inbound.available(), 2);
  });

  it("throws on an instrument that it does not know", () => {
    const { append } = harness(4, 3);
    append(KIND_QUOTE, 0, 1);
    assert.throws(() => append(KIND_QUOTE, INSTRUMENTS, 2), RangeError);
  });

  it("does what its model does under random records, reads and flushes", () => {
    const kinds = [
      KIND_TRADE,
      KIND_TRADE,
      KIND_QUOTE,
      KIND_QUOTE,
      KIND_QUOTE,
      KIND_BAR,
      KIND_STATUS,
      KIND_PRICE_BAND,
      KIND_TIMER,
      KIND_GAP,
      KIND_ACCOUNT,
      KIND_CONTROL,
    ];
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ act: fc.constant("append" as const), kind: fc.constantFrom(...kinds) }) },
      {
        weight: 1,
        arbitrary: fc.record({ act: fc.constant("read" as const), count: fc.integer({ min: 1, max: 20 }) }),
      },
      { weight: 1, arbitrary: fc.record({ act: fc.constant("flush" as const) }) },
    );
    const instruments = fc.infiniteStream(fc.constantFrom(0, 1, 2, NO_INSTRUMENT));
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 250 }),
        instruments,
        fc.integer({ min: 2, max: 5 }),
        (steps, rows, power) => {
          const capacity = 2 ** power;
          const reserve = capacity / 2 - 1;
          const real = harness(capacity, reserve);
          const model = new Model(capacity, reserve);
          const read: Entry[] = [];
          let id = 0;
          for (const now of steps) {
            if (now.act === "append") {
              const instrument = rows.next().value as number;
              id++;
              assert.equal(real.append(now.kind, instrument, id), model.append(entry(now.kind, instrument, id)));
            } else if (now.act === "flush") {
              assert.equal(real.inbound.flush(), model.flush());
            } else {
              const part = real.read(now.count);
              model.unread -= part.length;
              read.push(...part);
            }
            assert.deepEqual(real.tapped, model.delivered);
          }
          for (let drained = real.read(capacity); ; drained = real.read(capacity)) {
            model.unread -= drained.length;
            read.push(...drained);
            assert.equal(real.inbound.flush(), model.flush());
            if (drained.length === 0 && model.unread === 0) break;
          }
          assert.deepEqual(read, model.delivered);
          assert.deepEqual(
            real.sequences,
            [...read.keys()].map((index) => 2 ** 32 - 5 + index),
          );
          assert.equal(real.inbound.written, read.length);
          assert.equal(real.inbound.conflated, model.conflated);
          assert.equal(real.inbound.lost, model.lost);
          assert.equal(real.inbound.gaps, read.filter(({ kind }) => kind === KIND_GAP).length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** The rules of the inbound writer with plain lists: `delivered` is everything that entered the ring, in order. */
class Model {
  readonly delivered: Entry[] = [];
  readonly waiting = new Map<string, Entry>();
  readonly capacity: number;
  readonly reserve: number;
  unread = 0;
  conflated = 0;
  lost = 0;
  broken = false;

  constructor(capacity: number, reserve: number) {
    this.capacity = capacity;
    this.reserve = reserve;
  }

  append(record: Entry): AppendOutcome {
    if (this.broken) return "undeliverable";
    if (record.kind === KIND_ACCOUNT || record.kind === KIND_CONTROL) {
      this.broken = this.unread === this.capacity;
      return this.broken ? "undeliverable" : this.deliver(record);
    }
    this.flush();
    if (this.waiting.size === 0 && this.unread < this.capacity - this.reserve) return this.deliver(record);
    return this.hold(record);
  }

  flush(): number {
    for (const [key, record] of this.waiting) {
      if (this.unread >= this.capacity - this.reserve) break;
      this.waiting.delete(key);
      this.deliver(record);
    }
    return this.waiting.size;
  }

  private deliver(record: Entry): AppendOutcome {
    this.delivered.push(record);
    this.unread++;
    return "written";
  }

  private hold(record: Entry): AppendOutcome {
    const replaceable = [KIND_QUOTE, KIND_STATUS, KIND_PRICE_BAND, KIND_TIMER].includes(record.kind);
    const key = `${record.instrument} ${replaceable ? record.kind : "gap"}`;
    const older = this.waiting.get(key);
    if (!replaceable) {
      if (record.kind !== KIND_GAP) this.lost++;
      this.waiting.set(key, older ?? { ...record, kind: KIND_GAP });
      return "gap";
    }
    if (older !== undefined) this.conflated++;
    this.waiting.set(key, { ...record, conflated: older !== undefined });
    return "conflated";
  }
}
