import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CodedError } from "../../../src/core/errors.ts";
import { checkFault, type FaultInput } from "../../../src/simulator/faults/fault.ts";
import { FaultPlan } from "../../../src/simulator/faults/fault-plan.ts";

const HOUR_US = 3_600_000_000;
const START_US = Date.parse("2026-03-02T15:00:00Z") * 1000;

function planOf(inputs: FaultInput[], seed = 1, clock = { nowUs: START_US }): FaultPlan {
  return new FaultPlan({ seed, script: inputs.map(checkFault), nowUs: () => clock.nowUs });
}

const strikes = (plan: FaultPlan, count: number, path = "/v2/orders"): (string | null)[] =>
  Array.from({ length: count }, () => plan.onRequest("POST", path)?.fault ?? null);

describe("fault plan", () => {
  test("a fault strikes the requests that its pattern fits, and no others", () => {
    const plan = planOf([{ fault: "drop_answer", where: "GET /v2/orders*" }]);
    assert.equal(plan.onRequest("GET", "/v2/orders")?.fault, "drop_answer");
    assert.equal(plan.onRequest("GET", "/v2/orders:by_client_order_id")?.fault, "drop_answer");
    assert.equal(plan.onRequest("POST", "/v2/orders"), null);
    assert.equal(plan.onRequest("GET", "/v2/positions"), null);
    const exact = planOf([{ fault: "drop_answer", where: "POST /v2/orders" }]);
    assert.deepEqual(strikes(exact, 1, "/v2/orders/1"), [null]);
  });

  test("it lets the first ones pass and strikes as often as it was told", () => {
    const plan = planOf([{ fault: "rate_limit", where: "POST /v2/orders", skip: 2, times: 2 }]);
    assert.deepEqual(strikes(plan, 6), [null, null, "rate_limit", "rate_limit", null, null]);
    assert.deepEqual(
      plan.list().map(({ seen, struck }) => [seen, struck]),
      [[6, 2]],
    );
  });

  test("it strikes within its venue time only", () => {
    const clock = { nowUs: START_US };
    const times = { from: "2026-03-02T16:00:00Z", until: "2026-03-02T17:00:00Z" };
    const plan = planOf([{ fault: "rate_limit", where: "POST /v2/orders", ...times }], 1, clock);
    const seen: (string | null)[] = [];
    for (let hour = 0; hour < 4; hour++) {
      seen.push(...strikes(plan, 1));
      clock.nowUs += HOUR_US;
    }
    assert.deepEqual(seen, [null, "rate_limit", null, null]);
  });

  test("the same seed strikes the same requests, another one others, at about the given rate", () => {
    const draw = (seed: number) =>
      strikes(planOf([{ fault: "lag", where: "POST /*", probability: 0.3, lagMs: 1 }], seed), 1000);
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
    const share = draw(7).filter((fault) => fault !== null).length / 1000;
    // Four standard deviations of 1,000 draws at 0.3: 4 × √(0.3 × 0.7 / 1000) = 0.058.
    assert.ok(Math.abs(share - 0.3) < 0.058, `${share}`);
  });

  test("streams have their own faults, and a held slot does not use up a message's", () => {
    const plan = planOf([
      { fault: "hold_slot", where: "trade_updates", times: 1 },
      { fault: "lose", where: "trade_updates" },
    ]);
    assert.equal(plan.onMessage("market_data"), null);
    assert.equal(plan.onMessage("trade_updates")?.fault, "lose");
    assert.equal(plan.holdsSlot("market_data"), false);
    assert.equal(plan.holdsSlot("trade_updates"), true);
    assert.equal(plan.holdsSlot("trade_updates"), false);
    assert.equal(plan.onRequest("POST", "/v2/orders"), null);
  });

  test("what is no fault is refused with the field and what is allowed", () => {
    const cases: readonly [object, RegExp][] = [
      [{ fault: "explode" }, /^fault: /],
      [{ fault: "drop_answer" }, /^where: /],
      [{ fault: "drop_answer", where: "/v2/orders" }, /^where: .*a method and a path/],
      [{ fault: "lose", where: "POST /v2/orders" }, /^where: .*trade_updates/],
      [{ fault: "accept_late", where: "POST /v2/orders" }, /^delayMs: /],
      [{ fault: "error_after", where: "POST /v2/orders", status: 404 }, /^status: .*500/],
      [{ fault: "lose", where: "market_data", probability: 2 }, /^probability: .*1/],
      [{ fault: "lose", where: "market_data", until: "noon" }, /^until: /],
    ];
    for (const [input, text] of cases) {
      assert.throws(
        () => checkFault(input),
        (error) => error instanceof CodedError && error.code === "SIMULATOR_FAULT" && text.test(error.message),
        JSON.stringify(input),
      );
    }
  });
});
