/**
 * One fault at a time, with the order that meets it: the adapter and the order manager end with books equal to the
 * simulator's ledger, and the order ends as it should.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FaultInput } from "../../../src/simulator/faults/fault.ts";
import { FaultWorld } from "./fault-world.ts";

let world: FaultWorld;

before(async () => {
  world = await FaultWorld.open({ partialFillRate: 0 });
});

after(() => world.close());

const SUBMIT = "POST /v2/orders";
const LOOK_UP = "GET /v2/orders*";
const buy = { symbol: "AAA", side: "buy", quantity: "3", limit: null } as const;

interface Case {
  readonly name: string;
  readonly faults: readonly FaultInput[];
  /** How the order ends: traded, or its id used up; null where the race decides. */
  readonly ends: "filled" | "canceled" | null;
  /** Whether its outcome is unknown for a while. */
  readonly unknown: boolean;
}

const CASES: readonly Case[] = [
  {
    name: "a request that is lost",
    faults: [{ fault: "drop_request", where: SUBMIT, times: 1 }],
    ends: "canceled",
    unknown: true,
  },
  {
    name: "an answer that is lost",
    faults: [{ fault: "drop_answer", where: SUBMIT, times: 1 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "an answer that is lost with all news of the order",
    faults: [
      { fault: "drop_answer", where: SUBMIT, times: 1 },
      { fault: "lose", where: "trade_updates" },
    ],
    ends: "filled",
    unknown: true,
  },
  {
    name: "an order that enters late",
    faults: [{ fault: "accept_late", where: SUBMIT, times: 1, delayMs: 30 }],
    ends: null,
    unknown: true,
  },
  {
    name: "an order that enters after its id was used up",
    faults: [{ fault: "accept_late", where: SUBMIT, times: 1, delayMs: 400 }],
    ends: "canceled",
    unknown: true,
  },
  {
    name: "an answer that comes after the deadline",
    faults: [{ fault: "slow_answer", where: SUBMIT, times: 1, delayMs: 400 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "a storm of 429",
    faults: [{ fault: "rate_limit", where: SUBMIT, times: 5 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "5xx before the order was taken",
    faults: [{ fault: "error_before", where: SUBMIT, times: 1, status: 503 }],
    ends: "canceled",
    unknown: true,
  },
  {
    name: "5xx although the order was taken",
    faults: [{ fault: "error_after", where: SUBMIT, times: 1, status: 504 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "an answer that is cut off",
    faults: [{ fault: "truncate_answer", where: SUBMIT, times: 1 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "an answer that is no answer",
    faults: [{ fault: "malformed_answer", where: SUBMIT, times: 1 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "look-ups that fail in every way",
    faults: [
      { fault: "drop_answer", where: SUBMIT, times: 1 },
      { fault: "lose", where: "trade_updates" },
      { fault: "error_before", where: LOOK_UP, times: 2 },
      { fault: "truncate_answer", where: LOOK_UP, times: 1 },
      { fault: "malformed_answer", where: LOOK_UP, times: 7 },
      { fault: "drop_request", where: LOOK_UP, times: 1 },
    ],
    ends: "filled",
    unknown: true,
  },
  {
    name: "lists that lag behind an order that was taken",
    faults: [
      { fault: "lag", where: "GET /v2/*", lagMs: 60_000 },
      { fault: "drop_answer", where: SUBMIT, times: 1 },
      { fault: "lose", where: "trade_updates" },
    ],
    ends: "filled",
    unknown: true,
  },
  {
    name: "trade updates that are lost",
    faults: [{ fault: "lose", where: "trade_updates" }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "trade updates that come twice",
    faults: [{ fault: "duplicate", where: "trade_updates" }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "a fill that overtakes the acceptance",
    faults: [{ fault: "reorder", where: "trade_updates", times: 1 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "trade updates that come late",
    faults: [{ fault: "delay", where: "trade_updates", delayMs: 50 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "a stream that is cut",
    faults: [{ fault: "cut", where: "trade_updates", times: 1 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "a stream that freezes",
    faults: [{ fault: "freeze", where: "trade_updates", times: 1 }],
    ends: "filled",
    unknown: false,
  },
  {
    name: "a slot that is held by a half-dead connection",
    faults: [
      { fault: "cut", where: "trade_updates", times: 1 },
      { fault: "hold_slot", where: "trade_updates", times: 3 },
    ],
    ends: "filled",
    unknown: false,
  },
  {
    name: "a clock that is an hour ahead",
    faults: [
      { fault: "clock_skew", skewMs: 3_600_000 },
      { fault: "lose", where: "trade_updates", skip: 1 },
    ],
    ends: "filled",
    unknown: false,
  },
  {
    name: "a clock that is an hour behind",
    faults: [
      { fault: "clock_skew", skewMs: -3_600_000 },
      { fault: "lose", where: "trade_updates", skip: 1 },
    ],
    ends: "filled",
    unknown: false,
  },
];

describe("books equal the ledger after", () => {
  for (const { name, faults, ends, unknown } of CASES) {
    test(name, async () => {
      await world.ready();
      await world.commit(faults);
      const id = world.decide(buy);
      await world.round();
      await world.round();
      await world.untilStruck();
      await world.heal(false);
      await world.check();
      const order = world.orders.get(id);
      if (ends !== null) assert.equal(order?.state, ends);
      if (unknown) assert.ok(world.unknown.has(id), "its outcome was unknown");
      assert.ok(world.judge.ofClient(id).length === 1, "it is at the broker once");
    });
  }
});

test("a sale of what is not held is settled although the broker would refuse it", async () => {
  await world.ready();
  await world.commit([{ fault: "drop_request", where: SUBMIT, times: 1 }]);
  const id = world.decide({ symbol: "CCC/USD", side: "sell", quantity: "5", limit: "1000" });
  await world.round();
  await world.heal(false);
  await world.check();
  assert.equal(world.orders.get(id)?.state, "canceled");
});

test("a wash trade is refused by the journal before the broker hears of it", async () => {
  await world.ready();
  world.decide({ symbol: "BBB", side: "buy", quantity: "1", limit: "4" });
  await world.manager.settle();
  const before_ = world.judge.orders.size;
  const id = world.decide({ symbol: "BBB", side: "sell", quantity: "1", limit: null });
  await world.manager.settle();
  assert.equal(world.orders.get(id), undefined);
  assert.equal(world.refusals.get("SELF_TRADE"), 1);
  await world.heal(true);
  await world.check();
  assert.equal(world.judge.orders.size, before_ + 1);
});
