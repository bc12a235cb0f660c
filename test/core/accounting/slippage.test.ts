import assert from "node:assert/strict";
import { it } from "node:test";
import { Slippage } from "../../../src/core/accounting/slippage.ts";
import { parseFixed } from "../../../src/core/fixed.ts";

const fixed = (text: string): bigint => parseFixed(text, "amount");

it("is positive when worse than the mid, for both sides, and weighted by notional", () => {
  const slippage = new Slippage();
  assert.equal(new Slippage().averageBps, null);
  // 1 bp worse on 100 × 100, then 2 bp better on 300 × 100: (1·1 − 2·3) / 4 = −1.25 bp.
  assert.equal(slippage.fill("buy", fixed("100"), fixed("100.01"), fixed("100")).toFixed(9), "1.000000000");
  assert.equal(slippage.fill("sell", fixed("300"), fixed("100.02"), fixed("100")).toFixed(9), "-2.000000000");
  assert.equal((slippage.averageBps ?? 0).toFixed(9), "-1.250000000");
});
