/** Compares an indicator with another library's over random and real bars, input by input. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { randomBars, realBars, type TestBar } from "../support/bars.ts";
import { MISSING } from "../support/market-data.ts";
import { assertClose } from "./contract.ts";

/** Takes a bar and gives the outputs, or null while there are none. */
export type Step = (bar: TestBar) => readonly number[] | null;

/**
 * `create` gives the indicator's step and the oracle's. Where the indicator has outputs the oracle must have them too, and
 * they must agree to one part in 10⁹.
 */
export function testAgainstOracle(name: string, create: () => { readonly mine: Step; readonly oracle: Step }): void {
  describe(`${name} agrees with trading-signals`, () => {
    it("on random bars", () => {
      for (const seed of [1, 2, 3]) compare(randomBars(2_000, seed), create());
    });

    it("on real bars", (test) => {
      const bars = realBars();
      if (bars === null) return test.skip(MISSING);
      compare(bars, create());
    });
  });
}

function compare(bars: readonly TestBar[], pair: { readonly mine: Step; readonly oracle: Step }): void {
  let compared = 0;
  for (const [i, bar] of bars.entries()) {
    const expected = pair.oracle(bar);
    const actual = pair.mine(bar);
    if (actual === null) continue;
    assert.ok(expected !== null, `the oracle has no value at ${i}`);
    for (const [k, value] of actual.entries())
      assertClose(value, expected[k] as number, 1e-9, `input ${i}, output ${k}:`);
    compared++;
  }
  assert.ok(compared > bars.length / 2, `compared ${compared} of ${bars.length}`);
}
