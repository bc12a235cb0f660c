/**
 * The contract suite that every indicator passes: readiness, refusal of what is no number, saving and continuing, reset,
 * and no drift. Register a new indicator by calling `testIndicatorContract` in its own test file.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Indicator } from "../../../src/core/indicator/contract.ts";
import { randomBars, type TestBar } from "../support/bars.ts";

export interface IndicatorCase<I extends Indicator> {
  readonly name: string;
  create(): I;
  update(indicator: I, bar: TestBar): boolean;
  /** Every output. */
  outputs(indicator: I): number[];
  /** Fields of a bar that it reads. */
  readonly reads: readonly (keyof TestBar)[];
  /** Inputs after which the past no longer shows, to the tolerance of the drift test; null when it never fades. */
  readonly memory: number | null;
}

const BARS = randomBars(400, 20_261_123);
const DRIFT_UPDATES = 10_000_000;
const DRIFT_TOLERANCE = 1e-9;

export function testIndicatorContract<I extends Indicator>(subject: IndicatorCase<I>): void {
  describe(`${subject.name} keeps the indicator contract`, () => {
    it("has a value from the warm-up count on, and none before", () => {
      const indicator = subject.create();
      for (let i = 1; i <= indicator.warmUpCount + 20; i++) {
        assert.ok(subject.outputs(indicator).every((value) => Number.isNaN(value) === !indicator.ready));
        assert.equal(subject.update(indicator, BARS[i] as TestBar), true);
        assert.equal(indicator.ready, i >= indicator.warmUpCount, `after ${i} inputs`);
      }
      assert.ok(subject.outputs(indicator).every((value) => Number.isFinite(value)));
    });

    it("refuses inputs that are no finite numbers and does not change", () => {
      const indicator = subject.create();
      for (const bar of BARS.slice(0, 100)) subject.update(indicator, bar);
      const before = stateOf(indicator);
      for (const field of subject.reads) {
        for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          assert.equal(
            subject.update(indicator, { ...(BARS[100] as TestBar), [field]: bad }),
            false,
            `${field} ${bad}`,
          );
        }
      }
      assert.deepEqual(stateOf(indicator), before);
    });

    it("continues from a snapshot as if it had never stopped", () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 7 }), (cut, offset) => {
          const whole = subject.create();
          for (const bar of BARS.slice(0, cut)) subject.update(whole, bar);
          const saved = new Float64Array(whole.stateSize + 8).fill(-7);
          assert.equal(whole.snapshot(saved, offset), offset + whole.stateSize);
          assert.ok(saved.every((value, i) => (i >= offset && i < offset + whole.stateSize) || value === -7));
          const continued = subject.create();
          for (const bar of BARS.slice(300)) subject.update(continued, bar);
          assert.equal(continued.restore(saved, offset), offset + whole.stateSize);
          for (const bar of BARS.slice(cut, cut + 60)) {
            subject.update(whole, bar);
            subject.update(continued, bar);
            assert.deepEqual(subject.outputs(continued), subject.outputs(whole));
          }
          assert.deepEqual(stateOf(continued), stateOf(whole));
        }),
        { numRuns: 40 },
      );
    });

    it("keeps finite numbers only, so that any snapshot can be stored and compared", () => {
      const indicator = subject.create();
      for (const bar of BARS) {
        subject.update(indicator, bar);
        assert.ok(stateOf(indicator).every((value) => Number.isFinite(value)));
      }
    });

    it("is as new after a reset", () => {
      const indicator = subject.create();
      for (const bar of BARS) subject.update(indicator, bar);
      indicator.reset();
      assert.equal(indicator.ready, false);
      assert.deepEqual(stateOf(indicator), stateOf(subject.create()));
    });

    if (subject.memory !== null) testNoDrift(subject, subject.memory);
  });
}

function testNoDrift<I extends Indicator>(subject: IndicatorCase<I>, memory: number): void {
  it("does not drift over ten million updates", () => {
    const old = subject.create();
    for (let i = 0; i < DRIFT_UPDATES; i++) subject.update(old, BARS[i % BARS.length] as TestBar);
    const fresh = subject.create();
    for (let i = DRIFT_UPDATES - memory; i < DRIFT_UPDATES; i++) {
      subject.update(fresh, BARS[i % BARS.length] as TestBar);
    }
    const expected = subject.outputs(fresh);
    for (const [i, value] of subject.outputs(old).entries()) assertClose(value, expected[i] as number, DRIFT_TOLERANCE);
  });
}

export function stateOf(indicator: Indicator): number[] {
  const state = new Float64Array(indicator.stateSize);
  indicator.snapshot(state, 0);
  return [...state];
}

/** Equal within `tolerance` of the greater of 1 and the expected value. */
export function assertClose(actual: number, expected: number, tolerance: number, what = ""): void {
  const distance = Math.abs(actual - expected) / Math.max(1, Math.abs(expected));
  assert.ok(distance <= tolerance, `${what} expected ${expected}, got ${actual}`);
}
