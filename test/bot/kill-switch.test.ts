import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { kill } from "../../src/bot/kill-switch.ts";
import type { Broker } from "../../src/broker/broker.ts";
import type { Journal } from "../../src/orders/journal.ts";

const TURNS = 50;

/** A journal that is out of reach for the first `outages` halts, and a broker that does as it is told. */
function setUp(outages: number) {
  let isOver = false;
  let told = 0;
  const journal = {
    async setTradingState() {
      told += 1;
      if (told <= outages) throw new Error("the database is gone");
    },
  } as unknown as Journal;
  const broker = {
    cancelAll: async () => ({ kind: "requested", orders: 2 }),
    suspendTrade: async () => ({ kind: "requested" }),
    openOrders: async () => ({ kind: "ok", value: [] }),
  } as unknown as Broker;
  const calls: string[] = [];
  const options = {
    journal,
    broker,
    haltHere: () => calls.push("halted"),
    isOver: () => isOver,
    sleep: () => turn(),
    nowMs: () => 0,
  };
  return {
    calls,
    thrown: kill(options, "someone", "a reason"),
    told: () => told,
    lift: () => {
      isOver = true;
    },
  };
}

describe("the kill switch", () => {
  it("halts this process before anything else has answered", () => {
    assert.deepEqual(setUp(0).calls, ["halted"]);
  });

  it("reports what the broker and the journal were told", async () => {
    const { thrown, told } = setUp(0);
    assert.deepEqual(await thrown.report, {
      state: "halted",
      cancel_requested: 2,
      journalled: true,
      broker_suspended: true,
      broker_cancelled: true,
    });
    await thrown.told;
    assert.equal(told(), 1);
  });

  it("tells a journal that was out of reach until it knows, and then no more", async () => {
    const { thrown, told } = setUp(3);
    assert.equal((await thrown.report).journalled, false);
    await thrown.told;
    assert.equal(told(), 4);
  });

  it("writes nothing once the halt is lifted", async () => {
    const { thrown, told, lift } = setUp(Number.POSITIVE_INFINITY);
    await thrown.report;
    lift();
    await thrown.told;
    const before = told();
    for (let i = 0; i < TURNS; i += 1) await turn();
    assert.equal(told(), before);
  });
});
