import assert from "node:assert/strict";
import { it } from "node:test";
import { DEFAULT_LIMITS, type RiskLimits, validateLimits } from "../../../src/core/risk/limits.ts";

it("the defaults are limits", () => {
  assert.equal(validateLimits(DEFAULT_LIMITS), DEFAULT_LIMITS);
});

it("no limit can be absent, zero or infinite", () => {
  for (const name of Object.keys(DEFAULT_LIMITS) as (keyof RiskLimits)[]) {
    const amount = typeof DEFAULT_LIMITS[name] === "bigint";
    for (const value of amount ? [0n, -1n, undefined] : [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, undefined]) {
      const limits = { ...DEFAULT_LIMITS, [name]: value } as unknown as RiskLimits;
      assert.throws(() => validateLimits(limits), { code: "RISK_LIMIT", field: `limits.${name}` }, `${name} ${value}`);
    }
  }
});
