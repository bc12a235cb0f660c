/** Exits that are known through their parent, orders that take the place of others, and orders that come too late. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseFixed } from "../../src/core/fixed.ts";
import { type JournalOrder, MANUAL_INSTANCE, type OrderIntent, SIMPLE_TERMS } from "../../src/orders/journal.ts";
import { LIMITS, setUp, SHARE } from "./manager-harness.ts";

const fixed = (text: string): bigint => parseFixed(text, "test");
type World = Awaited<ReturnType<typeof setUp>>;

let count = 0;

function manual(overrides: Partial<OrderIntent> = {}): OrderIntent {
  count += 1;
  return {
    ...SIMPLE_TERMS,
    clientOrderId: `atb-manual-${count}`,
    instanceId: MANUAL_INSTANCE,
    replaces: null,
    symbol: "XYZ",
    side: "buy",
    type: "limit",
    timeInForce: "gtc",
    quantity: 10n * SHARE,
    limitPrice: fixed("90"),
    worstPrice: fixed("90"),
    reducing: false,
    trigger: `manual:${count}`,
    reason: "manual",
    midAtDecision: null,
    decidedAtUs: 1,
    snapshot: null,
    snapshotTimeUs: null,
    fingerprint: null,
    ...overrides,
  };
}

const BRACKET = {
  type: "market",
  limitPrice: null,
  orderClass: "bracket",
  takeProfitPrice: fixed("110"),
  stopLossPrice: fixed("95"),
} as const;

/** Commits and takes up as a process that trades does. */
async function order(world: World, intent: OrderIntent): Promise<void> {
  const outcomes = await world.memory.commit(null, [intent], LIMITS);
  assert.deepEqual(outcomes, [{ kind: "committed", clientOrderId: intent.clientOrderId }]);
  for (const open of (await world.memory.load()).openOrders) {
    if (open.state === "journalled") world.manager.takeUp(open);
  }
  await world.manager.settle();
}

async function journalled(world: World, clientOrderId: string): Promise<JournalOrder> {
  return (await world.memory.requestCancel(clientOrderId)) as JournalOrder;
}

async function states(world: World): Promise<Record<string, string>> {
  const { openOrders } = await world.memory.load();
  return Object.fromEntries(openOrders.map((open) => [open.clientOrderId, open.state]));
}

describe("exits", () => {
  test("are taken from their parent's answer and filled under it", async () => {
    const world = await setUp();
    const entry = manual(BRACKET);
    await order(world, entry);
    assert.deepEqual(await states(world), {
      [`${entry.clientOrderId}-tp`]: "accepted",
      [`${entry.clientOrderId}-sl`]: "accepted",
    });
    world.broker.fill("broker-1-tp", 10n * SHARE);
    world.broker.change("broker-1-sl", "canceled", { status: "canceled" });
    await world.manager.settle();
    assert.deepEqual(await states(world), {});
    assert.equal((await world.memory.load()).positions[0]?.quantity, 0n);
    assert.equal(world.broker.submits.length, 1);
  });

  test("a stop-loss that its sibling has shrunk ends filled with what was left", async () => {
    const world = await setUp();
    const entry = manual(BRACKET);
    await order(world, entry);
    world.broker.fill("broker-1-tp", 4n * SHARE);
    world.broker.change("broker-1-sl", "new", { status: "new", quantity: 6n * SHARE });
    world.broker.fill("broker-1-sl", 6n * SHARE);
    world.broker.change("broker-1-tp", "canceled", { status: "canceled" });
    await world.manager.settle();
    assert.deepEqual(await states(world), {});
    const stop = await journalled(world, `${entry.clientOrderId}-sl`);
    assert.deepEqual([stop.state, stop.quantity, stop.filledQuantity], ["filled", 6n * SHARE, 6n * SHARE]);
    assert.equal((await world.memory.load()).positions[0]?.quantity, 0n);
  });

  test("of an order whose answer was lost are found through it, and nothing is sent for them", async () => {
    const world = await setUp();
    world.broker.nextSubmit = ["drop_answer"];
    world.broker.nextStream = Array.from({ length: 8 }, () => "lose");
    const entry = manual(BRACKET);
    await order(world, entry);
    for (let round = 0; round < 3; round++) {
      world.pass(30_000);
      await world.reconciler.sweep();
      await world.manager.settle();
    }
    assert.deepEqual(await states(world), {
      [`${entry.clientOrderId}-tp`]: "accepted",
      [`${entry.clientOrderId}-sl`]: "accepted",
    });
    assert.equal((await world.memory.load()).positions[0]?.quantity, 10n * SHARE);
    assert.equal(world.broker.submits.length, 1);
  });

  test("end with a parent that the broker refused, and with one that it never got", async () => {
    for (const fault of ["reject", "drop_request"] as const) {
      const world = await setUp();
      world.broker.nextSubmit = [fault];
      const entry = manual(BRACKET);
      await order(world, entry);
      for (let round = 0; round < 4; round++) {
        world.pass(30_000);
        await world.reconciler.sweep();
        await world.manager.settle();
      }
      assert.deepEqual(await states(world), {}, fault);
      const exit = await journalled(world, `${entry.clientOrderId}-tp`);
      assert.equal(exit.state, fault === "reject" ? "rejected" : "canceled");
      assert.equal(world.broker.fills.length, 0);
    }
  });

  test("a life that ended before it knew them is followed by one that finds them", async () => {
    const world = await setUp();
    const entry = manual(BRACKET);
    await world.memory.commit(null, [entry], LIMITS);
    await world.memory.transition(world.lease, [{ clientOrderId: entry.clientOrderId, state: "sending" }]);
    await world.broker.submit({ ...entry, notional: null });
    const next = await setUp(world);
    const snapshot = await next.memory.load();
    for (const open of snapshot.openOrders) next.manager.resume(open, null);
    const report = await next.reconciler.full(snapshot, next.books);
    assert.deepEqual(report.breaks, []);
    assert.deepEqual(await states(next), {
      [`${entry.clientOrderId}-tp`]: "accepted",
      [`${entry.clientOrderId}-sl`]: "accepted",
    });
  });
});

describe("a replacement", () => {
  async function resting(): Promise<{ world: World; old: OrderIntent; next: OrderIntent }> {
    const world = await setUp();
    const old = manual();
    await order(world, old);
    return { world, old, next: manual({ replaces: old.clientOrderId, limitPrice: fixed("91") }) };
  }

  test("is journalled under its own id, sends what changes, and takes the old order's place", async () => {
    const { world, old, next } = await resting();
    await order(world, next);
    assert.deepEqual(world.broker.replacements, [
      {
        clientOrderId: next.clientOrderId,
        quantity: null,
        limitPrice: fixed("91"),
        stopPrice: null,
        trail: null,
        timeInForce: null,
      },
    ]);
    assert.deepEqual(await states(world), { [next.clientOrderId]: "accepted" });
    assert.equal((await journalled(world, old.clientOrderId)).state, "replaced");
  });

  test("of an order with fills is for the rest, and fills as such", async () => {
    const { world, old, next } = await resting();
    world.broker.fill("broker-1", 4n * SHARE);
    await world.manager.settle();
    await order(world, next);
    world.broker.fill("broker-2", 6n * SHARE);
    await world.manager.settle();
    assert.deepEqual(await states(world), {});
    const [before, after] = [await journalled(world, old.clientOrderId), await journalled(world, next.clientOrderId)];
    assert.deepEqual([before.state, before.filledQuantity], ["replaced", 4n * SHARE]);
    assert.deepEqual([after.state, after.quantity, after.filledQuantity], ["filled", 6n * SHARE, 6n * SHARE]);
    assert.equal((await world.memory.load()).positions[0]?.quantity, 10n * SHARE);
  });

  test("that the broker refuses leaves the old order alone", async () => {
    const { world, old, next } = await resting();
    world.broker.nextSubmit = ["reject"];
    await order(world, next);
    assert.deepEqual(await states(world), { [old.clientOrderId]: "accepted" });
    assert.equal((await journalled(world, next.clientOrderId)).rejectCode, "BROKER_NOT_REPLACEABLE");
  });

  for (const about of ["the old order", "the new order"] as const) {
    test(`that came after the old order's fill is rejected, told of ${about}`, async () => {
      const { world, old, next } = await resting();
      // The broker has taken the request, but the old order fills first.
      world.broker.nextSubmit = ["late"];
      await order(world, next);
      world.broker.fill("broker-1", 10n * SHARE);
      const filled = await read(world, "broker-1");
      world.broker.orders.set("broker-9", {
        ...filled,
        id: "broker-9",
        clientOrderId: next.clientOrderId,
        status: "rejected",
        filledQuantity: 0n,
        replaces: "broker-1",
      });
      world.broker.change(about === "the old order" ? "broker-1" : "broker-9", "order_replace_rejected", {});
      await world.manager.settle();
      world.pass(60_000);
      await world.reconciler.sweep();
      await world.manager.settle();
      assert.deepEqual(await states(world), {});
      assert.equal((await journalled(world, old.clientOrderId)).state, "filled");
      assert.equal((await journalled(world, next.clientOrderId)).state, "rejected");
    });
  }

  test("whose answer was lost is found by its id", async () => {
    const { world, old, next } = await resting();
    world.broker.nextSubmit = ["drop_answer"];
    world.broker.nextStream = ["lose", "lose"];
    await order(world, next);
    world.pass(2000);
    await world.reconciler.sweep();
    await world.manager.settle();
    world.pass(60_000);
    await world.reconciler.sweep();
    await world.manager.settle();
    assert.deepEqual(await states(world), { [next.clientOrderId]: "accepted" });
    assert.equal((await journalled(world, old.clientOrderId)).state, "replaced");
  });

  test("whose request was lost is settled by cancelling the order that it replaces", async () => {
    const { world, old, next } = await resting();
    world.broker.nextSubmit = ["drop_request"];
    await order(world, next);
    for (let round = 0; round < 6; round++) {
      world.pass(60_000);
      await world.reconciler.sweep();
      await world.manager.settle();
    }
    assert.deepEqual(await states(world), {});
    assert.equal((await journalled(world, old.clientOrderId)).state, "canceled");
    assert.equal((await journalled(world, next.clientOrderId)).state, "rejected");
    assert.equal(world.broker.submits.length, 1, "nothing is posted under its id");
  });

  test("whose request arrives late is adopted", async () => {
    const { world, old, next } = await resting();
    world.broker.nextSubmit = ["late"];
    await order(world, next);
    world.pass(2000);
    await world.reconciler.sweep();
    for (const arrive of world.broker.late.splice(0)) arrive();
    for (let round = 0; round < 3; round++) {
      world.pass(60_000);
      await world.reconciler.sweep();
      await world.manager.settle();
    }
    assert.deepEqual(await states(world), { [next.clientOrderId]: "accepted" });
    assert.equal((await journalled(world, old.clientOrderId)).state, "replaced");
  });

  test("is not sent when the old order is to be cancelled or is over", async () => {
    const { world, old, next } = await resting();
    await world.memory.commit(null, [next], LIMITS);
    world.manager.cancel(old.clientOrderId);
    await world.manager.settle();
    const waiting = (await world.memory.load()).openOrders.find((open) => open.clientOrderId === next.clientOrderId);
    world.manager.takeUp(waiting as JournalOrder);
    await world.manager.settle();
    assert.equal((await journalled(world, next.clientOrderId)).rejectCode, "NOT_REPLACEABLE");
    assert.equal(world.broker.replacements.length, 0);
  });
});

describe("news that nobody waits for", () => {
  test("a status that this release does not know is told once and changes nothing", async () => {
    const world = await setUp();
    const resting = manual();
    await order(world, resting);
    world.broker.change("broker-1", "pondering", { status: "pondering" });
    world.broker.change("broker-1", "pondering", { status: "pondering" });
    await world.manager.settle();
    assert.deepEqual(world.alerts, ["BROKER_STATUS_UNKNOWN"]);
    assert.deepEqual(await states(world), { [resting.clientOrderId]: "accepted" });
  });

  test("a fill that comes after an order's end is booked once, and the order cancelled where it lives on", async () => {
    const world = await setUp();
    const lost = manual();
    await world.memory.commit(null, [lost], LIMITS);
    await world.memory.transition(world.lease, [{ clientOrderId: lost.clientOrderId, state: "rejected" }]);
    await world.broker.submit({ ...lost, notional: null });
    world.broker.nextStream = ["twice"];
    world.broker.fill("broker-1", 4n * SHARE);
    await world.manager.settle();
    const { positions } = await world.memory.load();
    assert.equal(positions[0]?.quantity, 4n * SHARE);
    assert.equal((await read(world, "broker-1")).status, "canceled");
    assert.ok(world.alerts.includes("LATE_ORDER"));
  });

  test("what came late while nobody listened is found by the break that it makes", async () => {
    const world = await setUp();
    const lost = manual({ type: "market", limitPrice: null });
    await world.memory.commit(null, [lost], LIMITS);
    await world.memory.transition(world.lease, [{ clientOrderId: lost.clientOrderId, state: "rejected" }]);
    world.broker.nextStream = Array.from({ length: 5 }, () => "lose");
    await world.broker.submit({ ...lost, notional: null });
    const report = await world.reconciler.full(await world.memory.load(), world.books);
    assert.deepEqual(report.breaks, []);
    assert.equal((await world.memory.load()).positions[0]?.quantity, 10n * SHARE);
  });

  test("an order with our prefix that the journal does not know is told, and its fills are not booked", async () => {
    const world = await setUp();
    await world.broker.submit({ ...manual({ type: "market", limitPrice: null }), notional: null });
    await world.manager.settle();
    assert.ok(world.alerts.includes("UNKNOWN_BROKER_ORDER"));
    assert.deepEqual((await world.memory.load()).positions, []);
  });
});

async function read(world: World, id: string) {
  const found = await world.broker.order(id);
  assert.ok(found.kind === "ok");
  return found.value;
}
