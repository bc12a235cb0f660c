import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { KillSwitch } from "../../src/bot/kill-switch.ts";
import type { Broker } from "../../src/broker/broker.ts";
import type { Journal, TradingState } from "../../src/orders/journal.ts";

const TURNS = 50;

/** What journal, broker and process were told last, where the journal is out of reach for the first `outages` writes. */
function setUp(outages = 0) {
  let writes = 0;
  let isEnding = false;
  const last: { journal?: TradingState; here?: TradingState; suspended?: boolean } = {};
  const hooks: { beforeWrite: (state: TradingState) => void; suspend: "requested" | "unknown" } = {
    beforeWrite: () => undefined,
    suspend: "requested",
  };
  const journal = {
    async setTradingState(_scope: string, state: TradingState) {
      writes += 1;
      const isLost = writes <= outages;
      await turn();
      hooks.beforeWrite(state);
      if (isLost) throw new Error("the database is gone");
      last.journal = state;
    },
  } as unknown as Journal;
  const broker = {
    cancelAll: async () => ({ kind: "requested", orders: 2 }),
    suspendTrade: async (suspended: boolean) => {
      await turn();
      if (hooks.suspend === "requested") last.suspended = suspended;
      return { kind: hooks.suspend };
    },
    openOrders: async () => ({ kind: "ok", value: [] }),
  } as unknown as Broker;
  const killSwitch = new KillSwitch({
    journal,
    broker,
    setHere: (state) => {
      last.here = state;
    },
    isEnding: () => isEnding,
    sleep: () => turn(),
    nowMs: () => 0,
  });
  return {
    killSwitch,
    last,
    hooks,
    writes: () => writes,
    end: () => {
      isEnding = true;
    },
  };
}

async function someTurns(): Promise<void> {
  for (let i = 0; i < TURNS; i += 1) await turn();
}

const HALTED = { journal: "halted", here: "halted", suspended: true };
const ACTIVE = { journal: "active", here: "active", suspended: false };

describe("the kill switch", () => {
  it("halts this process before anything else has answered", () => {
    const { killSwitch, last } = setUp();
    void killSwitch.throw("someone", "a reason");
    assert.deepEqual(last, { here: "halted" });
  });

  it("reports what the broker and the journal were told", async () => {
    const { killSwitch, last } = setUp();
    assert.deepEqual(await killSwitch.throw("someone", "a reason"), {
      state: "halted",
      cancel_requested: 2,
      journalled: true,
      broker_suspended: true,
      broker_cancelled: true,
    });
    assert.deepEqual(last, HALTED);
  });

  it("tells a journal that was out of reach until it knows, and then no more", async () => {
    const { killSwitch, last, writes } = setUp(3);
    assert.equal((await killSwitch.throw("someone", "a reason")).journalled, false);
    await someTurns();
    assert.deepEqual(last, HALTED);
    assert.equal(writes(), 4);
  });

  it("tells nobody any more once the process ends", async () => {
    const { killSwitch, writes, end } = setUp(Number.POSITIVE_INFINITY);
    await killSwitch.throw("someone", "a reason");
    end();
    await someTurns();
    const before = writes();
    await someTurns();
    assert.equal(writes(), before);
  });
});

describe("lifting a halt", () => {
  it("tells journal, broker and this process", async () => {
    const { killSwitch, last } = setUp();
    await killSwitch.throw("someone", "a reason");
    assert.deepEqual(await killSwitch.lift("someone", "it is over"), { kind: "lifted" });
    assert.deepEqual(last, ACTIVE);
  });

  it("comes after a halt that is still on its way to the journal", async () => {
    const { killSwitch, last } = setUp(1);
    const thrown = killSwitch.throw("someone", "a reason");
    assert.deepEqual(await killSwitch.lift("someone", "it is over"), { kind: "lifted" });
    await thrown;
    await someTurns();
    assert.deepEqual(last, ACTIVE);
  });

  it("leaves this process halted while the broker suspends trading", async () => {
    const { killSwitch, last, hooks } = setUp();
    await killSwitch.throw("someone", "a reason");
    hooks.suspend = "unknown";
    assert.deepEqual(await killSwitch.lift("someone", "it is over"), { kind: "suspended", cause: "unknown" });
    assert.equal(last.here, "halted");
  });

  it("gives way to a halt that is thrown meanwhile", async () => {
    const { killSwitch, last, hooks } = setUp();
    await killSwitch.throw("someone", "a reason");
    hooks.beforeWrite = (state) => {
      hooks.beforeWrite = () => undefined;
      if (state === "active") void killSwitch.throw("someone else", "another reason");
    };
    assert.deepEqual(await killSwitch.lift("someone", "it is over"), { kind: "thrown" });
    await someTurns();
    assert.deepEqual(last, HALTED);
  });

  it("gives way also where the journal is out of reach just then", async () => {
    const { killSwitch, last, hooks } = setUp();
    await killSwitch.throw("someone", "a reason");
    hooks.beforeWrite = () => {
      hooks.beforeWrite = () => undefined;
      void killSwitch.throw("someone else", "another reason");
      throw new Error("the database is gone");
    };
    await assert.rejects(killSwitch.lift("someone", "it is over"), /the database is gone/);
    await someTurns();
    assert.deepEqual(last, HALTED);
  });
});
