import assert from "node:assert/strict";
import { it } from "node:test";
import { Drawdown } from "../../../src/core/accounting/drawdown.ts";

it("follows the peak, the fall from it, and the largest fall", () => {
  const drawdown = new Drawdown();
  assert.equal(drawdown.peak, null);
  const seen = [100n, 90n, 120n, 95n, 110n, 130n, 125n].map((equity) => {
    drawdown.observe(equity);
    return [drawdown.peak, drawdown.current, drawdown.largest];
  });
  assert.deepEqual(seen, [
    [100n, 0n, 0n],
    [100n, 10n, 10n],
    [120n, 0n, 10n],
    [120n, 25n, 25n],
    [120n, 10n, 25n],
    [130n, 0n, 25n],
    [130n, 5n, 25n],
  ]);
});
