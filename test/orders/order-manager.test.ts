import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { comparePositions } from "../../src/orders/reconciler.ts";
import type { StreamFault, SubmitFault } from "./faulty-broker.ts";
import { decision, type JournalFault, setUp, SHARE } from "./manager-harness.ts";

test("a committed order is sent once and its fills reach journal and engine", async () => {
  const { manager, broker, told, positions } = await setUp();
  manager.onOrder(decision(1, "buy", 10));
  await manager.settle();
  assert.equal(broker.submits.length, 1);
  assert.equal(told.fills, 10n * SHARE);
  assert.equal(told.done, 1);
  assert.equal(positions.get("s XYZ")?.quantity, 10n * SHARE);
});

test("an order whose answer was lost is found by its id and not sent again", async () => {
  const { manager, broker, reconciler, told } = await setUp();
  broker.nextSubmit = ["drop_answer"];
  broker.nextStream = ["lose", "lose", "lose"];
  manager.onOrder(decision(1, "buy", 10));
  await manager.settle();
  assert.equal([...manager.liveOrders()][0]?.order.state, "unknown");
  await reconciler.sweep();
  await manager.settle();
  assert.equal(broker.submits.length, 1);
  assert.equal(told.fills, 10n * SHARE);
  assert.equal(told.done, 1);
});

test("an order that never reached the broker is settled under its own id and trades nothing", async () => {
  const { manager, broker, reconciler, told } = await setUp();
  broker.nextSubmit = ["drop_request"];
  manager.onOrder(decision(1, "buy", 10));
  await manager.settle();
  await reconciler.sweep();
  await manager.settle();
  assert.equal(new Set(broker.submits).size, 1);
  assert.equal(broker.orders.size, 1);
  assert.equal(told.fills, 0n);
  assert.equal(told.done, 1);
});

test("a request that arrives late is refused by the id that settling has used up", async () => {
  const { manager, broker, reconciler, told } = await setUp();
  broker.nextSubmit = ["late"];
  manager.onOrder(decision(1, "buy", 10));
  await manager.settle();
  await reconciler.sweep();
  for (const arrive of broker.late) arrive();
  await manager.settle();
  assert.equal(broker.orders.size, 1);
  assert.equal(broker.fills.length, 0);
  assert.equal(told.done, 1);
});

test("a request that arrives before it is settled is adopted with its fills", async () => {
  const { manager, broker, reconciler, told } = await setUp();
  broker.nextSubmit = ["late"];
  manager.onOrder(decision(1, "buy", 10));
  await manager.settle();
  for (const arrive of broker.late) arrive();
  await reconciler.sweep();
  await manager.settle();
  assert.equal(broker.orders.size, 1);
  assert.equal(told.fills, 10n * SHARE);
  assert.equal(told.done, 1);
});

test("a halted manager refuses new intents and sends nothing that was committed", async () => {
  const { manager, broker, told } = await setUp();
  manager.setHalted(true);
  manager.onOrder(decision(1, "buy", 10));
  await manager.settle();
  assert.deepEqual(told.refused, ["TRADING_HALTED"]);
  assert.equal(broker.submits.length, 0);
});

test("the same decision made twice is journalled once", async () => {
  const { manager, broker, told } = await setUp();
  manager.onOrder(decision(1, "buy", 10));
  await manager.settle();
  manager.onOrder(decision(1, "buy", 10));
  await manager.settle();
  assert.equal(broker.submits.length, 1);
  assert.deepEqual(told.refused, ["DUPLICATE"]);
});

test("an order whose commit was not answered is settled in the same life, and trades nothing", async () => {
  const { manager, broker, reconciler, memory, told, journalFaults, pass } = await setUp();
  journalFaults.push("after");
  manager.onOrder(decision(1, "buy", 10));
  await manager.settle();
  assert.equal([...manager.liveOrders()][0]?.order.state, "unknown");
  for (let round = 0; round < 3; round++) {
    pass(2000);
    await reconciler.sweep();
    await manager.settle();
  }
  assert.deepEqual([...manager.liveOrders()], []);
  assert.deepEqual((await memory.load()).openOrders, []);
  assert.equal(broker.orders.size, 1);
  assert.equal(broker.fills.length, 0);
  assert.deepEqual([told.done, told.refused], [1, []]);
});

test("under random faults no order is doubled or lost and the books equal the broker's", async () => {
  const submitFault = fc.constantFrom<SubmitFault>("none", "drop_answer", "drop_request", "late", "reject", "busy");
  const streamFault = fc.constantFrom<StreamFault>("none", "none", "lose", "twice");
  const step = fc.record({
    side: fc.constantFrom<"buy" | "sell">("buy", "sell"),
    shares: fc.integer({ min: 1, max: 20 }),
    submit: submitFault,
    stream: fc.array(streamFault, { maxLength: 4 }),
    arrive: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const { manager, broker, reconciler, told, positions, pass } = await setUp();
      for (const [i, { side, shares, submit, stream, arrive }] of steps.entries()) {
        broker.nextSubmit = [submit];
        broker.nextStream = stream;
        manager.onOrder(decision(i + 1, side, shares));
        await manager.settle();
        if (arrive) for (const late of broker.late.splice(0)) late();
        pass(2000);
        await reconciler.sweep();
        await manager.settle();
      }
      broker.nextSubmit = [];
      broker.nextStream = [];
      for (const late of broker.late.splice(0)) late();
      for (let round = 0; round < 6; round++) {
        pass(60_000);
        await reconciler.sweep();
        await manager.settle();
      }
      assert.deepEqual([...manager.liveOrders()], []);
      assert.equal(told.done + told.refused.length, steps.length);
      const ids = [...broker.orders.values()].map((o) => o.clientOrderId);
      assert.equal(new Set(ids).size, ids.length);
      const theirs = await broker.positions();
      assert.deepEqual(comparePositions([...positions.values()], theirs.value), []);
    }),
    { numRuns: 300 },
  );
});

test("a life that ends at any moment is taken up by the next: nothing lost, nothing doubled, books equal", async () => {
  const submitFault = fc.constantFrom<SubmitFault>("none", "none", "drop_answer", "drop_request", "late", "reject");
  const streamFault = fc.constantFrom<StreamFault>("none", "none", "lose", "twice");
  const journalFault = fc.constantFrom<JournalFault>("none", "none", "none", "before", "after");
  const step = fc.record({
    side: fc.constantFrom<"buy" | "sell">("buy", "sell"),
    shares: fc.integer({ min: 1, max: 20 }),
    submit: submitFault,
    stream: fc.array(streamFault, { maxLength: 4 }),
    journal: fc.array(journalFault, { maxLength: 6 }),
    arrive: fc.boolean(),
    /** Turns of the event loop that the life goes on for after the decision; null when it lives on. */
    diesAfter: fc.option(fc.integer({ min: 0, max: 40 })),
    repeats: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      let life = await setUp();
      const { memory, broker } = life;
      const restart = async () => {
        life.manager.stop();
        broker.nextSubmit = [];
        broker.nextStream = [];
        life = await setUp(life);
        const snapshot = await memory.load();
        for (const order of snapshot.openOrders) life.manager.resume(order, null);
        await life.reconciler.full(snapshot, life.books);
        await life.manager.settle();
      };
      for (const [i, { side, shares, submit, stream, journal, arrive, diesAfter, repeats }] of steps.entries()) {
        broker.nextSubmit = [submit];
        broker.nextStream = stream;
        life.journalFaults.push(...journal);
        life.manager.onOrder(decision(i + 1, side, shares));
        if (diesAfter === null) await life.manager.settle();
        else {
          for (let turn = 0; turn < diesAfter; turn++) await Promise.resolve();
          await restart();
          if (repeats) life.manager.onOrder(decision(i + 1, side, shares));
          await life.manager.settle();
        }
        if (arrive) for (const late of broker.late.splice(0)) late();
        life.pass(2000);
        await life.reconciler.sweep();
        await life.manager.settle();
      }
      await restart();
      for (const late of broker.late.splice(0)) late();
      for (let round = 0; round < 6; round++) {
        life.pass(60_000);
        await life.reconciler.sweep();
        await life.manager.settle();
      }
      assert.deepEqual([...life.manager.liveOrders()], []);
      const ids = [...broker.orders.values()].map((order) => order.clientOrderId);
      assert.equal(new Set(ids).size, ids.length);
      const { positions, openOrders } = await memory.load();
      assert.deepEqual(openOrders, []);
      assert.deepEqual(comparePositions(positions, (await broker.positions()).value), []);
    }),
    { numRuns: 300 },
  );
});
