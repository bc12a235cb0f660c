/**
 * The contract suite that every bar strategy passes: checked parameters, determinism, silence while warming up, bounded
 * targets, saving and continuing. Register a new strategy by calling `testStrategyContract` in its own test file.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Bar } from "../../../src/core/market/bar.ts";
import type { Strategy, StrategyDefinition } from "../../../src/core/strategy/contract.ts";
import { type RawParameters, validateParameters } from "../../../src/core/strategy/parameters.ts";
import { reasonName } from "../../../src/core/strategy/reason.ts";
import { STRATEGIES } from "../../../src/core/strategy/registry.ts";
import { randomBars, type TestBar } from "../support/bars.ts";

export interface Target {
  /** Which bar it was stated at, counted from 0. */
  readonly bar: number;
  readonly local: number;
  readonly exposure: number;
  readonly reason: number;
  readonly signal: number;
}

/** Runs one instance of a strategy over bars and keeps what it states. */
export class StrategyRun {
  readonly targets: Target[] = [];
  readonly strategy: Strategy;
  readonly warmUpBars: number;
  readonly #bar = new Bar();
  #count: number;

  constructor(definition: StrategyDefinition, raw: RawParameters, count = 0) {
    const parameters = validateParameters(definition.parameters, raw);
    definition.check?.(parameters);
    this.#count = count;
    this.warmUpBars = definition.warmUpBars(parameters);
    const host = {
      target: (local: number, exposure: number, reason: number, signal: number): void => {
        this.targets.push({ bar: this.#count, local, exposure, reason, signal });
      },
    };
    this.strategy = definition.create(parameters, host, 1);
  }

  feed(bars: readonly TestBar[]): this {
    for (const { open, high, low, close, volume } of bars) {
      this.#bar.set(this.#count * 60e6, open, high, low, close, volume);
      this.strategy.onBar?.(0, this.#bar);
      this.#count++;
    }
    return this;
  }

  state(): Float64Array {
    const state = new Float64Array(this.strategy.stateSize);
    assert.equal(this.strategy.snapshot(state, 0), state.length);
    return state;
  }
}

/** Bars whose prices are all one. */
export function flatBars(closes: readonly number[]): TestBar[] {
  return closes.map((close) => ({ open: close, high: close, low: close, close, volume: 1 }));
}

const BARS = randomBars(3_000, 7);

/** `parameters`: sets that must be valid; the defaults are added. */
export function testStrategyContract(definition: StrategyDefinition, parameters: readonly RawParameters[]): void {
  describe(`${definition.name} keeps the strategy contract`, () => {
    const sets = [{}, ...parameters];

    it("is registered under its name, and says what it is", () => {
      assert.equal(STRATEGIES.get(definition.name), definition);
      assert.match(definition.name, /^[a-z]+(-[a-z]+)*$/);
      assert.ok(Number.isInteger(definition.version) && definition.version >= 1);
      for (const text of [definition.title, definition.description]) assert.ok(text.length > 5);
      assert.ok(definition.minInstruments >= 1 && definition.maxInstruments >= definition.minInstruments);
    });

    it("names every parameter that is out of range, of another kind, or unknown", () => {
      for (const [name, spec] of Object.entries(definition.parameters)) {
        const bad = spec.kind === "boolean" ? [0, "true"] : [spec.min - 1, spec.max + 1, Number.NaN, "5", true];
        if (spec.kind === "integer") bad.push(spec.min + 0.5);
        for (const value of bad) {
          assert.throws(() => validateParameters(definition.parameters, { [name]: value }), {
            code: "STRATEGY_PARAMETER",
            field: name,
          });
        }
      }
      assert.throws(() => validateParameters(definition.parameters, { toString: 1 }), { field: "toString" });
    });

    it("states nothing before its warm-up bars have passed, and something after", () => {
      for (const set of sets) {
        const run = new StrategyRun(definition, set).feed(BARS);
        const first = run.targets[0];
        assert.ok(first !== undefined && first.bar + 1 >= run.warmUpBars, `${first?.bar}, warm-up ${run.warmUpBars}`);
      }
    });

    it("wants different things over time, always within the capital, for a reason with a name", () => {
      for (const set of sets) {
        const { targets } = new StrategyRun(definition, set).feed(BARS);
        const allowShort = (set as RawParameters)["allowShort"] === true;
        assert.ok(new Set(targets.map(({ exposure }) => exposure)).size >= 2);
        assert.equal(
          targets.some(({ exposure }) => exposure < 0),
          allowShort,
        );
        for (const { local, exposure, reason, signal } of targets) {
          assert.equal(local, 0);
          assert.ok(exposure <= 1 && exposure >= (allowShort ? -1 : 0), `exposure ${exposure}`);
          assert.ok(Number.isFinite(signal));
          assert.doesNotMatch(reasonName(reason), /^reason_/);
        }
      }
    });

    it("wants the same for the same bars", () => {
      for (const set of sets) {
        const [first, second] = [new StrategyRun(definition, set), new StrategyRun(definition, set)];
        assert.deepEqual(second.feed(BARS).targets, first.feed(BARS).targets);
        assert.deepEqual(second.state(), first.state());
      }
    });

    it("continues from a snapshot as if it had never stopped", () => {
      fc.assert(
        fc.property(fc.constantFrom(...sets), fc.integer({ min: 0, max: 1_500 }), (set, cut) => {
          const whole = new StrategyRun(definition, set).feed(BARS.slice(0, cut));
          const state = whole.state();
          assert.ok(state.every((value) => Number.isFinite(value)));
          const continued = new StrategyRun(definition, set, cut).feed([]);
          assert.equal(continued.strategy.restore(state, 0), state.length);
          whole.feed(BARS.slice(cut, cut + 400));
          continued.feed(BARS.slice(cut, cut + 400));
          assert.deepEqual(
            continued.targets,
            whole.targets.filter(({ bar }) => bar >= cut),
          );
          assert.deepEqual(continued.state(), whole.state());
        }),
        { numRuns: 25 },
      );
    });
  });
}
