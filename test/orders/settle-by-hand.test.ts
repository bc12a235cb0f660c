/** An order whose settlement the broker keeps refusing: it stays unknown until a person ends it, and loses no fill. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BrokerOrder, NewOrder, SubmitOutcome } from "../../src/broker/broker.ts";
import { MANUAL_INSTANCE, type OrderIntent, SIMPLE_TERMS } from "../../src/orders/journal.ts";
import { LIMITS, setUp, SHARE } from "./manager-harness.ts";

type World = Awaited<ReturnType<typeof setUp>>;

const INTENT: OrderIntent = {
  ...SIMPLE_TERMS,
  clientOrderId: "atb-lost",
  instanceId: MANUAL_INSTANCE,
  replaces: null,
  symbol: "XYZ",
  side: "buy",
  type: "market",
  timeInForce: "day",
  quantity: 10n * SHARE,
  worstPrice: 103n * SHARE,
  reducing: false,
  trigger: "manual:lost",
  reason: "manual",
  midAtDecision: null,
  decidedAtUs: 1,
  snapshot: null,
  snapshotTimeUs: null,
  fingerprint: null,
};

/** The request is lost on its way; whatever is sent under its id later is refused, as by a suspended account. */
async function stuck(): Promise<{ world: World; arrive: () => void }> {
  const world = await setUp();
  const submit = world.broker.submit.bind(world.broker);
  let first: NewOrder | null = null;
  world.broker.submit = async (order): Promise<SubmitOutcome> => {
    first ??= order;
    if (first === order) return { kind: "unknown", cause: "time-out" };
    return { kind: "rejected", code: "BROKER_ACCOUNT_RESTRICTED", message: "new orders are rejected by user request" };
  };
  await world.memory.commit(null, [INTENT], LIMITS);
  for (const order of (await world.memory.load()).openOrders) world.manager.takeUp(order);
  await world.manager.settle();
  return { world, arrive: () => void submit(first as NewOrder) };
}

const stateNow = async (world: World) => (await world.memory.requestCancel("atb-lost"))?.state;

describe("an order that stays unknown", () => {
  test("is not ended by time, is told to people each time, and blocks new risk on its symbol", async () => {
    const { world } = await stuck();
    for (let round = 0; round < 20; round++) {
      world.pass(60_000);
      await world.reconciler.sweep();
      await world.manager.settle();
    }
    assert.equal(await stateNow(world), "unknown");
    assert.ok(world.unsettled.length >= 20);
    const [outcome] = await world.memory.commit(null, [{ ...INTENT, clientOrderId: "atb-next" }], LIMITS);
    assert.equal(outcome?.kind === "refused" && outcome.code, "UNKNOWN_ORDER");
  });

  test("is ended by a person once no request can be under way, and the symbol is free", async () => {
    const { world } = await stuck();
    assert.deepEqual(await world.reconciler.settleByHand("atb-lost", "me: looked"), { kind: "too_soon" });
    world.pass(60_000);
    assert.deepEqual(await world.reconciler.settleByHand("atb-lost", "me: looked"), { kind: "settled" });
    const ended = await world.memory.requestCancel("atb-lost");
    assert.deepEqual(
      [ended?.state, ended?.rejectCode, ended?.rejectMessage],
      ["rejected", "SETTLED_BY_HAND", "me: looked"],
    );
    const [outcome] = await world.memory.commit(null, [{ ...INTENT, clientOrderId: "atb-next" }], LIMITS);
    assert.equal(outcome?.kind, "committed");
    assert.deepEqual(await world.reconciler.settleByHand("atb-lost", "me: again"), { kind: "not_unknown" });
  });

  test("is not ended while the broker cannot be asked, and taken in when it is there after all", async () => {
    const { world, arrive } = await stuck();
    world.pass(60_000);
    const ask = world.broker.orderByClientId.bind(world.broker);
    world.broker.orderByClientId = async () => ({ kind: "failed", cause: "time-out" });
    assert.deepEqual(await world.reconciler.settleByHand("atb-lost", "x"), { kind: "failed", cause: "time-out" });
    world.broker.orderByClientId = ask;
    world.broker.nextStream = Array.from({ length: 5 }, () => "lose");
    arrive();
    assert.deepEqual(await world.reconciler.settleByHand("atb-lost", "x"), { kind: "found" });
    assert.equal(await stateNow(world), "filled");
    assert.equal((await world.memory.load()).positions[0]?.quantity, 10n * SHARE);
  });

  for (const listened of [true, false]) {
    test(`that arrives after a person has ended it loses no fill, ${listened ? "told by the stream" : "or found by the break"}`, async () => {
      const { world, arrive } = await stuck();
      world.pass(60_000);
      await world.reconciler.settleByHand("atb-lost", "me: looked");
      if (!listened) world.broker.nextStream = Array.from({ length: 5 }, () => "lose");
      arrive();
      await world.manager.settle();
      const report = await world.reconciler.full(await world.memory.load(), world.books);
      assert.deepEqual(report.breaks, []);
      assert.equal((await world.memory.load()).positions[0]?.quantity, 10n * SHARE);
      assert.equal(await stateNow(world), "rejected");
    });
  }

  test("that rests at the broker after a person has ended it is cancelled there, also when found at a start", async () => {
    for (const listened of [true, false]) {
      const { world } = await stuck();
      world.pass(60_000);
      await world.reconciler.settleByHand("atb-lost", "me: looked");
      const late = { id: "late", clientOrderId: "atb-lost", symbol: "XYZ", side: "buy", type: "market" } as const;
      const order = {
        ...late,
        status: "new",
        quantity: 10n * SHARE,
        filledQuantity: 0n,
        legs: [],
      } as unknown as BrokerOrder;
      world.broker.orders.set("late", order);
      if (listened) world.broker.change("late", "new", {});
      else await world.reconciler.full(await world.memory.load(), world.books);
      await world.manager.settle();
      assert.equal(world.broker.orders.get("late")?.status, "canceled", listened ? "stream" : "list");
      assert.ok(world.alerts.includes("LATE_ORDER"));
    }
  });
});
