/**
 * Random orders under random faults, over real sockets: whatever goes wrong, once it is over no order is there twice, none
 * is lost, and the books equal the simulator's ledger. One world lives through all the sequences, so that what one of them
 * leaves behind is met by the next.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FaultInput } from "../../../src/simulator/faults/fault.ts";
import { FaultWorld, SYMBOLS } from "./fault-world.ts";

const SEQUENCES = Number(process.env["FAULT_SEQUENCES"] ?? 1000);
const WORLDS = 4;
const SEED = Number(process.env["FAULT_SEED"] ?? Date.now() % 1_000_000_007);

const REQUESTS = [
  "POST /v2/orders",
  "POST /v2/orders",
  "POST /v2/orders",
  "GET /v2/orders*",
  "GET /v2/account/activities*",
  "GET /v2/positions",
  "DELETE /v2/orders/*",
] as const;

const times = fc.integer({ min: 1, max: 3 });
const skip = fc.integer({ min: 0, max: 2 });
const shortMs = fc.integer({ min: 0, max: 40 });

function onRequest<F extends string>(...names: readonly F[]) {
  return fc.record({ fault: fc.constantFrom(...names), where: fc.constantFrom(...REQUESTS), times, skip });
}

const requestFault = fc.oneof(
  { weight: 4, arbitrary: onRequest("drop_request", "drop_answer", "truncate_answer", "malformed_answer") },
  { weight: 3, arbitrary: onRequest("rate_limit", "error_before", "error_after") },
  {
    weight: 2,
    arbitrary: fc.record({
      fault: fc.constant("accept_late"),
      where: fc.constantFrom(...REQUESTS),
      times,
      delayMs: shortMs,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      fault: fc.constant("slow_answer"),
      where: fc.constantFrom(...REQUESTS),
      times: fc.constant(1),
      delayMs: fc.constant(300),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      fault: fc.constant("lag"),
      where: fc.constantFrom("GET /v2/orders*", "GET /v2/positions", "GET /v2/account/activities*", "GET /v2/*"),
      times,
      lagMs: fc.integer({ min: 1, max: 200 }),
    }),
  },
);
const streamFault = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      fault: fc.constantFrom("lose", "duplicate"),
      where: fc.constant("trade_updates"),
      times,
      skip,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      fault: fc.constantFrom("delay", "reorder"),
      where: fc.constant("trade_updates"),
      times,
      skip,
      delayMs: shortMs,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      fault: fc.constant("cut"),
      where: fc.constant("trade_updates"),
      times: fc.constant(1),
      skip,
    }),
  },
  { weight: 1, arbitrary: fc.record({ fault: fc.constant("hold_slot"), where: fc.constant("trade_updates"), times }) },
  {
    weight: 1,
    arbitrary: fc.record({
      fault: fc.constant("freeze"),
      where: fc.constant("trade_updates"),
      times: fc.constant(1),
      skip,
    }),
  },
);
const clockFault = fc.record({
  fault: fc.constant("clock_skew"),
  skewMs: fc.integer({ min: -5_000_000, max: 5_000_000 }),
});
const fault = fc.oneof(
  { weight: 6, arbitrary: requestFault },
  { weight: 5, arbitrary: streamFault },
  { weight: 1, arbitrary: clockFault },
) as fc.Arbitrary<FaultInput>;

/** Prices at which a limit order trades at once, or rests. */
const LIMITS = {
  AAA: { buy: ["200", "10"], sell: ["50", "400"] },
  BBB: { buy: ["80", "4"], sell: ["20", "160"] },
  "CCC/USD": { buy: ["4000", "200"], sell: ["1000", "8000"] },
} as const;

const orderStep = fc.record({
  kind: fc.constant("order" as const),
  symbol: fc.constantFrom(...SYMBOLS),
  side: fc.constantFrom("buy" as const, "buy" as const, "sell" as const),
  quantity: fc.integer({ min: 1, max: 20 }),
  price: fc.constantFrom("market" as const, "market" as const, "through" as const, "rest" as const),
  waits: fc.boolean(),
});
const step = fc.oneof(
  { weight: 8, arbitrary: orderStep },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cancel" as const), which: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("round" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restart" as const) }) },
);
const sequence = fc.record({
  /** Between this sequence and the next one, as between two sessions. */
  action: fc.option(fc.constantFrom("split" as const, "dividend" as const), { freq: 2 }),
  steps: fc.array(fc.record({ faults: fc.array(fault, { maxLength: 2 }), step }), { minLength: 1, maxLength: 6 }),
});
const FAULTS = [
  "drop_request",
  "drop_answer",
  "accept_late",
  "slow_answer",
  "rate_limit",
  "error_before",
  "error_after",
  "truncate_answer",
  "malformed_answer",
  "lag",
  "lose",
  "duplicate",
  "delay",
  "reorder",
  "cut",
  "freeze",
  "hold_slot",
  "clock_skew",
];
type Sequence = typeof sequence extends fc.Arbitrary<infer T> ? T : never;

async function run(world: FaultWorld, { steps, action }: Sequence): Promise<void> {
  for (const { faults, step: each } of steps) {
    await world.commit(faults);
    if (each.kind === "order") {
      await world.ready();
      const [through, rests] = LIMITS[each.symbol][each.side];
      const limit = each.price === "market" ? null : each.price === "through" ? through : rests;
      world.decide({ symbol: each.symbol, side: each.side, quantity: String(each.quantity), limit });
      if (each.waits) await world.manager.settle();
    } else if (each.kind === "cancel") {
      const ids = [...world.manager.liveOrders()].map((live) => live.order.clientOrderId);
      const id = ids[each.which % Math.max(1, ids.length)];
      if (id !== undefined) world.cancel(id);
    } else if (each.kind === "round") await world.round();
    else await world.restart();
  }
  await world.heal();
  await world.check();
  if (action === null) return;
  await world.corporateAction(action);
  await world.heal();
  await world.check();
}

/** What happened in all worlds together, so that a run that met no fault is seen. */
class Tally {
  readonly struck = new Map<string, number>();
  readonly refusals = new Map<string, number>();
  orders = 0;
  unknown = 0;
  feesInKind = 0;
  actions = 0;

  add(world: FaultWorld): void {
    for (const [name, count] of world.struck) this.struck.set(name, (this.struck.get(name) ?? 0) + count);
    for (const [code, count] of world.refusals) this.refusals.set(code, (this.refusals.get(code) ?? 0) + count);
    this.orders += world.judge.orders.size;
    this.unknown += world.unknown.size;
    this.feesInKind += world.judge.feesInKind;
    this.actions += world.judge.actions;
  }
}

/** One world through many sequences; a failure ends it, so that what is shrunk begins in a new one. */
async function liveThrough(seed: number, sequences: number, tally: Tally): Promise<void> {
  let world: FaultWorld | null = null;
  const retire = async () => {
    if (world !== null) tally.add(world);
    await world?.close();
    world = null;
  };
  const property = fc.asyncProperty(sequence, async (each) => {
    world ??= await FaultWorld.open();
    try {
      await run(world, each);
    } catch (error) {
      await retire();
      throw error;
    }
  });
  const limits = { interruptAfterTimeLimit: 240_000, markInterruptAsFailure: true };
  try {
    await fc.assert(property, { numRuns: sequences, seed, ...limits });
  } finally {
    await retire();
  }
}

test(`${SEQUENCES} random sequences of orders and faults leave the books equal to the ledger`, async (t) => {
  t.diagnostic(`seed ${SEED}: FAULT_SEED=${SEED} repeats it`);
  const tally = new Tally();
  // Most of a sequence is waiting: for sockets, deadlines, the disk.
  const worlds = Array.from({ length: WORLDS }, (_, world) => liveThrough(SEED + world, SEQUENCES / WORLDS, tally));
  const ends = await Promise.allSettled(worlds);
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  const { orders, unknown, struck, refusals, feesInKind, actions } = tally;
  t.diagnostic(`${orders} orders at the broker, ${unknown} were of unknown outcome for a while`);
  t.diagnostic(`faults ${JSON.stringify(Object.fromEntries(struck))}`);
  t.diagnostic(`refusals ${JSON.stringify(Object.fromEntries(refusals))}`);
  t.diagnostic(`${feesInKind} fills with a fee in kind, ${actions} splits and dividends of what was held`);
  assert.ok(feesInKind > 0 && actions > 0);
  assert.ok(orders > SEQUENCES && unknown > SEQUENCES / 20);
  for (const name of FAULTS) assert.ok((struck.get(name) ?? 0) > 0, `${name} struck`);
  assert.ok((refusals.get("SELF_TRADE") ?? 0) > 0, "wash trades were tried");
});
