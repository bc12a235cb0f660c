/** Latency histograms against exact quantiles of the same values. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { CodedError } from "../../../src/core/errors.ts";
import {
  createHistograms,
  LATENCY_US_MAX,
  LatencyRecorder,
  LatencySnapshot,
} from "../../../src/core/ring/latency-histogram.ts";

const NAMES = ["decode", "engine", "journal"];

function recorded(values: readonly number[]): LatencySnapshot {
  const buffer = createHistograms(NAMES);
  const recorder = new LatencyRecorder(buffer, NAMES, "engine");
  for (const value of values) recorder.record(value);
  return new LatencySnapshot(buffer, NAMES, "engine");
}

function hasCode(code: string, field: string) {
  return (error: unknown) => error instanceof CodedError && error.code === code && error.field === field;
}

/** Microseconds spread evenly over the decades from 100 ns to 100 s. */
const latencyUs = fc.double({ min: -1, max: 8, noNaN: true }).map((exponent) => 10 ** exponent);

describe("a latency histogram", () => {
  it("gives every quantile within 1.6 % of the exact one from 100 ns to 100 s", () => {
    const shares = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(latencyUs, { minLength: 1, maxLength: 300 }), shares, (values, q) => {
        const snapshot = recorded(values);
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] as number;
        assert.ok(Math.abs(snapshot.quantile(q) / exact - 1) <= 0.016, `${snapshot.quantile(q)} for ${exact}`);
        assert.equal(snapshot.count, values.length);
      }),
    );
  });

  it("counts the values up to each bound, off only by those within 1.6 % of it", () => {
    const bounds = fc.array(latencyUs, { minLength: 1, maxLength: 10 }).map((list) => list.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(fc.array(latencyUs, { maxLength: 200 }), bounds, (values, boundsUs) => {
        const counts = recorded(values).cumulative(boundsUs);
        for (const [index, bound] of boundsUs.entries()) {
          const surely = values.filter((value) => value <= bound * 0.983).length;
          const possibly = values.filter((value) => value <= bound * 1.017).length;
          const count = counts[index] as number;
          assert.ok(surely <= count && count <= possibly, `${count} at ${bound}, expected ${surely} to ${possibly}`);
        }
      }),
    );
  });

  it("sums exactly what was recorded", () => {
    const snapshot = recorded([0.25, 1.5, 1000, 0.03125]);
    assert.equal(snapshot.sumUs, 1001.78125);
    assert.equal(snapshot.count, 4);
    assert.equal(snapshot.clamped, 0);
  });

  it("counts what is out of range at the ends and notes it", () => {
    const snapshot = recorded([-5, Number.NaN, 0, 1e12, Number.POSITIVE_INFINITY]);
    assert.equal(snapshot.count, 5);
    assert.equal(snapshot.clamped, 4);
    assert.equal(snapshot.sumUs, 2 * LATENCY_US_MAX);
    assert.deepEqual(snapshot.cumulative([0.1, 1e8]), [3, 3]);
    assert.ok(snapshot.quantile(1) > 1e8);
  });

  it("has no quantile before its first value, and none outside 0 to 1", () => {
    assert.ok(Number.isNaN(recorded([]).quantile(0.5)));
    assert.throws(() => recorded([1]).quantile(1.5), RangeError);
  });

  it("keeps the histograms of one buffer apart", () => {
    const buffer = createHistograms(NAMES);
    new LatencyRecorder(buffer, NAMES, "journal").record(5);
    assert.deepEqual(
      NAMES.map((name) => new LatencySnapshot(buffer, NAMES, name).count),
      [0, 0, 1],
    );
  });

  it("is read from one thread while another records", async () => {
    const count = 400_000;
    const buffer = createHistograms(NAMES);
    const workerData = { buffer, names: NAMES, count };
    const worker = new Worker(new URL("./latency-peer.ts", import.meta.url), { workerData });
    const done = once(worker, "message");
    let before = 0;
    let recording = true;
    void done.then(() => {
      recording = false;
    });
    while (recording) {
      const snapshot = new LatencySnapshot(buffer, NAMES, "decode");
      assert.ok(snapshot.count >= before);
      assert.equal(snapshot.cumulative([1e8])[0], snapshot.count);
      before = snapshot.count;
      await new Promise(setImmediate);
    }
    await worker.terminate();
    const last = new LatencySnapshot(buffer, NAMES, "decode");
    assert.equal(last.count, count);
    assert.ok(Math.abs(last.quantile(0.5) / 20_000 - 1) < 0.016);
  });

  it("refuses a buffer made for other names, or for none", () => {
    const buffer = createHistograms(NAMES);
    const other = ["decode", "engine", "journey"];
    assert.throws(() => new LatencyRecorder(buffer, other, "engine"), hasCode("HISTOGRAM_HEADER", "names"));
    assert.throws(() => new LatencyRecorder(buffer, ["engine"], "engine"), hasCode("HISTOGRAM_HEADER", "byteLength"));
    const blank = new SharedArrayBuffer(buffer.byteLength);
    assert.throws(() => new LatencySnapshot(blank, NAMES, "engine"), hasCode("HISTOGRAM_HEADER", "magic"));
    assert.throws(() => new LatencySnapshot(buffer, NAMES, "wire"), hasCode("HISTOGRAM_NAMES", "name"));
    assert.throws(() => createHistograms([]), hasCode("HISTOGRAM_NAMES", "names"));
    assert.throws(() => createHistograms(["a", "a"]), hasCode("HISTOGRAM_NAMES", "names"));
  });
});
