/**
 * Random commands for two journals at once, and the proof after each that both gave the same answer and hold the same book.
 * Expiry of leases is a command, so that no clock decides.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CodedError } from "../../src/core/errors.ts";
import { FIXED_ONE, type Fixed } from "../../src/core/fixed.ts";
import {
  type AccountActivity,
  type AppliedExecution,
  type Execution,
  type Fence,
  type Journal,
  type JournalLimits,
  type JournalOrder,
  type JournalSnapshot,
  type OrderChange,
  type OrderIntent,
  SIMPLE_TERMS,
} from "../../src/orders/journal.ts";
import { MemoryJournal } from "../../src/orders/journal-memory.ts";
import { SqlJournal } from "../../src/store/journal-sql.ts";
import type { Store } from "../../src/store/store.ts";
import { emptyBook, expireLease } from "./journal-database.ts";

const TTL_MS = 3_600_000;
const OWNERS = ["owner-a", "owner-b"] as const;
const INSTANCES = ["alpha", "beta", "manual"] as const;
const SYMBOLS = ["AAA", "BBB"] as const;

/** Both journals, and what the commands know of them. */
export interface Real {
  readonly store: Store;
  readonly sqlJournal: Journal;
  readonly memory: Journal;
  readonly illegal: { sql: string[]; memory: string[] };
  advanceMemory(ms: number): void;
  /** The fences that each side gave out last, per owner; generations differ by where the database's started. */
  readonly fences: Map<string, { sql: Fence; memory: Fence }>;
  /** Who acquired last. */
  readonly last: { owner: string };
  /** Intents of earlier commits, some of which are sent again. */
  readonly sent: OrderIntent[];
}

/** How often each kind of answer was given, so that a property that proves nothing is seen. */
export const seen = new Map<string, number>();

function tally(answer: unknown): void {
  const name = (value: unknown): string => {
    if (typeof value === "string") return value.split(" ")[0] as string;
    if (typeof value !== "object" || value === null) return String(value);
    if ("kind" in value) return "code" in value ? String(value.code) : String(value.kind);
    if ("first" in value) return `first ${String(value.first)}`;
    return "state" in value ? `order ${String(value.state)}` : "other";
  };
  for (const each of Array.isArray(answer) ? answer : [answer]) seen.set(name(each), (seen.get(name(each)) ?? 0) + 1);
}

interface Pair<T> {
  readonly sql: T;
  readonly memory: T;
}

async function settled<T>(work: Promise<T>): Promise<T | string> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof CodedError && error.code !== "STORE_UNAVAILABLE")
      return `${error.code} ${error.field ?? ""} ${error.message}`;
    throw error;
  }
}

async function both<T>(
  real: Real,
  run: (journal: Journal, side: "sql" | "memory") => Promise<T>,
): Promise<Pair<T | string>> {
  const pair = { sql: await settled(run(real.sqlJournal, "sql")), memory: await settled(run(real.memory, "memory")) };
  tally(pair.memory);
  return pair;
}

const withoutTimes = ({ createdAtMs: _created, updatedAtMs: _updated, ...order }: JournalOrder) => order;

function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  if ("createdAtMs" in value) return withoutTimes(value as JournalOrder);
  if ("first" in value)
    return { ...(value as AppliedExecution), order: withoutTimes((value as AppliedExecution).order) };
  return value;
}

function assertSame(pair: Pair<unknown>): void {
  assert.deepEqual(comparable(pair.sql), comparable(pair.memory));
}

function book(snapshot: JournalSnapshot): unknown {
  const { bookId: _book, openOrders, tradingStates, ...rest } = snapshot;
  return { ...rest, openOrders: openOrders.map(withoutTimes), tradingStates: Object.fromEntries(tradingStates) };
}

async function assertSameBook(real: Real): Promise<void> {
  const [inSql, inMemory] = [await real.sqlJournal.load(), await real.memory.load()];
  assert.deepEqual(book(inSql), book(inMemory));
  assert.deepEqual(real.illegal.sql, real.illegal.memory);
  assertCashIsExplained(inSql);
}

/** Cash = opening cash + Σ (realised − cost − fees): nothing appears and nothing is lost, to the billionth. */
function assertCashIsExplained(snapshot: JournalSnapshot): void {
  const explained = snapshot.positions.reduce((sum, p) => sum + p.realised - p.cost - p.fees, snapshot.openingCash);
  assert.equal(snapshot.cash, explained);
}

class Command implements fc.AsyncCommand<object, Real> {
  readonly #name: string;
  readonly #body: (real: Real) => Promise<void>;

  constructor(name: string, body: (real: Real) => Promise<void>) {
    this.#name = name;
    this.#body = body;
  }

  check(): boolean {
    return true;
  }

  async run(_model: object, real: Real): Promise<void> {
    await this.#body(real);
    await assertSameBook(real);
  }

  toString(): string {
    return this.#name;
  }
}

function show(name: string, ...values: unknown[]): string {
  const text = (value: unknown) =>
    JSON.stringify(value, (_key, v: unknown) =>
      typeof v === "bigint" ? `${v}n` : v instanceof Uint8Array ? [...v] : v,
    );
  return `${name}(${values.map(text).join(", ")})`;
}

/** Amounts around a scale, often with digits down to the billionth. */
const amount = (max: number): fc.Arbitrary<Fixed> =>
  fc.oneof(
    fc.integer({ min: 1, max }).map((units) => BigInt(units) * FIXED_ONE),
    fc.bigInt({ min: 1n, max: BigInt(max) * FIXED_ONE }),
  );

const id = fc.integer({ min: 0, max: 60 }).map((n) => `atb-${n}`);
const price = fc.oneof(
  fc.constantFrom(99n, 100n, 101n).map((p) => p * FIXED_ONE),
  amount(120),
);
const quantity = fc.oneof(
  fc.constantFrom(1n, 5n, 10n).map((q) => q * FIXED_ONE),
  amount(20),
);
const owner = fc.constantFrom(...OWNERS);
/** Mostly whoever acquired last. */
const writer = fc.oneof({ weight: 15, arbitrary: fc.constant("last") }, { weight: 1, arbitrary: owner });

/** True nine times in ten. */
const mostly = fc.integer({ min: 0, max: 9 }).map((n) => n > 0);

/** Exits where the type may have them; nonsense, which both refuse, is rare. */
function exitTerms(type: string, shape: string, exit: Fixed, hasLimit: boolean): Partial<OrderIntent> {
  const fits = type === "limit" || (type === "market" && (shape === "bracket" || shape === "oto"));
  if (!fits && shape !== "nonsense") return {};
  const stop = { stopLossPrice: exit, stopLossLimitPrice: hasLimit ? exit + FIXED_ONE : null };
  if (shape === "bracket") return { orderClass: "bracket", takeProfitPrice: exit * 2n, ...stop };
  if (shape === "oto") return hasLimit ? { orderClass: "oto", takeProfitPrice: exit } : { orderClass: "oto", ...stop };
  if (shape === "oco") return { orderClass: "oco", ...stop };
  if (shape === "extended") return { extendedHours: true };
  return shape === "nonsense" ? { orderClass: "bracket", stopLossLimitPrice: exit } : {};
}

const intentOf = fc
  .record({
    clientOrderId: id,
    instanceId: fc.constantFrom(...INSTANCES),
    symbol: fc.constantFrom(...SYMBOLS),
    side: fc.constantFrom("buy" as const, "sell" as const),
    type: fc.constantFrom("limit", "limit", "limit", "market", "stop", "stop_limit", "trailing_stop") as fc.Arbitrary<
      OrderIntent["type"]
    >,
    quantity: fc.oneof({ weight: 20, arbitrary: quantity }, { weight: 1, arbitrary: fc.constant(0n) }),
    limit: price,
    worstPrice: price,
    reducing: fc.boolean(),
    midAtDecision: fc.option(price),
    reason: fc.string({ unit: fc.constantFrom("a", '"', "\\", "é", "\u{1f600}", "\n"), maxLength: 5 }),
    snapshot: fc.uint8Array({ maxLength: 90 }),
    shape: fc.oneof(
      { weight: 20, arbitrary: fc.constant("simple") },
      { weight: 8, arbitrary: fc.constantFrom("bracket", "oto", "oco", "extended") },
      { weight: 1, arbitrary: fc.constant("nonsense") },
    ),
    trail: fc.constantFrom("trailPrice", "trailPercent"),
    exit: price,
    hasExitLimit: fc.boolean(),
  })
  .map(({ limit, shape, trail, exit, hasExitLimit, ...rest }): OrderIntent => {
    const isLimited = rest.type === "limit" || rest.type === "stop_limit";
    const isStopped = rest.type === "stop" || rest.type === "stop_limit";
    const isManual = rest.instanceId === "manual";
    const isTrailing = rest.type === "trailing_stop";
    return {
      ...SIMPLE_TERMS,
      ...rest,
      ...exitTerms(rest.type, shape, exit, hasExitLimit),
      ...(isTrailing ? { [trail]: limit } : {}),
      replaces: null,
      timeInForce: "day",
      limitPrice: isLimited ? limit : null,
      stopPrice: isStopped ? limit : null,
      trigger: `2:${rest.symbol}:1:0`,
      decidedAtUs: 1_700_000_000_000_001,
      snapshot: isManual ? null : rest.snapshot,
      snapshotTimeUs: isManual ? null : 1_700_000_000_000_002,
      fingerprint: isManual ? null : "ema@1",
    };
  });

const changeOf = fc
  .record(
    {
      clientOrderId: id,
      state: fc.constantFrom(
        "sending",
        "unknown",
        "unknown",
        "unknown",
        "accepted",
        "partially_filled",
        "filled",
        "canceled",
        "expired",
        "rejected",
        "replaced",
      ),
      brokerOrderId: fc.constantFrom("b-1", "b-2"),
      quantity: fc.oneof(quantity, fc.constant(0n)),
      cancelRequested: fc.constant(true as const),
      rejectCode: fc.constantFrom("X", "Y"),
      rejectMessage: fc.constantFrom("no", "never"),
    },
    { requiredKeys: ["clientOrderId"] },
  )
  .map((change) => change as OrderChange);

const limitsOf: fc.Arbitrary<JournalLimits> = fc.record({
  maxOrderNotional: fc.oneof(fc.constant(10n ** 16n), amount(3000)),
  maxSymbolNotional: fc.oneof(fc.constant(10n ** 16n), amount(6000)),
  maxGrossNotional: fc.oneof(fc.constant(10n ** 16n), amount(9000)),
  maxOpenOrders: fc.oneof(
    { weight: 4, arbitrary: fc.constant(100) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 12 }) },
  ),
});

interface Fill {
  readonly pick: number;
  readonly part: number;
  readonly price: Fixed;
  readonly fee: Fixed;
  readonly feePart: number;
  readonly executionId: string;
  readonly wrong: "no" | "symbol" | "side" | "order" | "over";
}

const fillOf: fc.Arbitrary<Fill> = fc.record({
  pick: fc.nat(30),
  part: fc.integer({ min: 1, max: 4 }),
  price,
  fee: fc.oneof(fc.constant(0n), fc.bigInt({ min: -FIXED_ONE, max: FIXED_ONE })),
  feePart: fc.constantFrom(0, 0, 0, 400, 7),
  executionId: fc.integer({ min: 0, max: 90 }).map((n) => `x@${n}`),
  wrong: fc.constantFrom(
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "no",
    "symbol",
    "side",
    "order",
    "over",
  ) as fc.Arbitrary<Fill["wrong"]>,
});

/** Fills are mostly for orders that are open, so that books grow. */
function executionFor(orders: readonly JournalOrder[], fill: Fill): Execution {
  const order = orders[fill.pick % Math.max(orders.length, 1)];
  const remaining = order === undefined ? FIXED_ONE : order.quantity - order.filledQuantity;
  const share = remaining / BigInt(fill.part);
  const filled = fill.wrong === "over" ? remaining + 1n : share > 0n ? share : 1n;
  const side = order?.side ?? "buy";
  return {
    executionId: fill.executionId,
    clientOrderId: fill.wrong === "order" ? "atb-none" : (order?.clientOrderId ?? "atb-0"),
    symbol: fill.wrong === "symbol" ? "ZZZ" : (order?.symbol ?? "AAA"),
    side: fill.wrong === "side" ? (side === "buy" ? "sell" : "buy") : side,
    quantity: filled,
    price: fill.price,
    fee: fill.fee,
    feeQuantity: fill.feePart === 0 ? 0n : filled / BigInt(fill.feePart),
    venueTimeUs: 1_700_000_000_000_000 + fill.pick,
  };
}

function fenceOf(real: Real, who: string, side: "sql" | "memory"): Fence {
  const name = who === "last" ? real.last.owner : who;
  return real.fences.get(name)?.[side] ?? { owner: name, generation: 0n };
}

type CommandArbitrary = fc.Arbitrary<Command>;

const commits: CommandArbitrary = fc
  .record({
    who: fc.option(writer, { freq: 12 }),
    intents: fc.array(intentOf, { minLength: 1, maxLength: 4 }),
    again: fc.option(fc.nat(), { freq: 3 }),
    limits: limitsOf,
  })
  .map(({ who, intents, again, limits }) => {
    const run = async (real: Real): Promise<void> => {
      const repeated = again === null ? undefined : real.sent[again % Math.max(real.sent.length, 1)];
      const batch = repeated === undefined ? intents : [...intents, repeated];
      real.sent.push(...intents);
      const fence = (side: "sql" | "memory") => (who === null ? null : fenceOf(real, who, side));
      assertSame(await both(real, (journal, side) => journal.commit(fence(side), batch, limits)));
    };
    return new Command(show("commit", who, intents, again, limits), run);
  });

/** Mostly of an order that is open, and alike; now and then of one that is not. */
const replacements: CommandArbitrary = fc
  .record({ who: writer, pick: fc.nat(30), template: intentOf, isAlike: mostly, limits: limitsOf })
  .map(({ who, pick, template, isAlike, limits }) => {
    const run = async (real: Real): Promise<void> => {
      const { openOrders } = await real.memory.load();
      const old = openOrders[pick % Math.max(openOrders.length, 1)];
      const { instanceId, symbol, side, type, limitPrice, stopPrice, trailPrice, trailPercent } = old ?? template;
      const isManual = instanceId === "manual";
      const intent: OrderIntent = {
        ...template,
        ...SIMPLE_TERMS,
        ...(isAlike ? { instanceId, symbol, side, type, limitPrice, stopPrice, trailPrice, trailPercent } : {}),
        ...(isManual ? { snapshot: null, snapshotTimeUs: null, fingerprint: null } : {}),
        replaces: old?.clientOrderId ?? "atb-none",
      };
      real.sent.push(intent);
      const answer = await both(real, (journal, at) =>
        journal.commit(fenceOf(real, who, at), [intent, intent], limits),
      );
      if (Array.isArray(answer.memory) && answer.memory[0]?.kind === "committed") tally("replaces");
      assertSame(answer);
    };
    return new Command(show("replace", who, pick, template, isAlike, limits), run);
  });

const transitions: CommandArbitrary = fc
  .record({
    who: writer,
    changes: fc.array(changeOf, { minLength: 1, maxLength: 4 }),
    pick: fc.nat(20),
    isKnown: mostly,
  })
  .map(({ who, changes, pick, isKnown }) => {
    const run = async (real: Real): Promise<void> => {
      const ids = (await real.memory.load()).openOrders.map((order) => order.clientOrderId);
      // An order that does not exist refuses the whole batch.
      const named = changes.map((change, n) =>
        isKnown && ids.length > 0 ? { ...change, clientOrderId: ids[(pick + n) % ids.length] as string } : change,
      );
      assertSame(await both(real, (journal, side) => journal.transition(fenceOf(real, who, side), named)));
    };
    return new Command(show("transition", who, changes, pick, isKnown), run);
  });

const fills: CommandArbitrary = fc
  .record({ who: writer, batch: fc.array(fillOf, { minLength: 1, maxLength: 4 }) })
  .map(({ who, batch }) => {
    const run = async (real: Real): Promise<void> => {
      const { openOrders } = await real.memory.load();
      const executions = batch.map((fill) => executionFor(openOrders, fill));
      assertSame(await both(real, (journal, side) => journal.applyExecutions(fenceOf(real, who, side), executions)));
    };
    return new Command(show("applyExecutions", who, batch), run);
  });

/** Splits are mostly of what is held, so that they are applied. */
const activities: CommandArbitrary = fc
  .record({
    who: writer,
    ids: fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 2 }),
    kind: fc.constantFrom("split", "split", "income", "fee", "fee_in_kind", "fee_in_kind", "transfer") as fc.Arbitrary<
      AccountActivity["kind"]
    >,
    symbol: fc.constantFrom(...SYMBOLS, null),
    factor: fc.constantFrom(6n, 2n, 0n, -1n, -2n),
    amount: fc.oneof(fc.constant(0n), fc.bigInt({ min: -20n * FIXED_ONE, max: 20n * FIXED_ONE })),
    fee: fc.oneof(fc.bigInt({ min: 1n, max: FIXED_ONE / 50n }), fc.constant(7n * FIXED_ONE)),
    price,
  })
  .map(({ who, ids, kind, symbol, factor, amount: cash, fee, price: value }) => {
    const run = async (real: Real): Promise<void> => {
      const { positions } = await real.memory.load();
      const held = positions.filter((row) => row.symbol === symbol).reduce((sum, row) => sum + row.quantity, 0n);
      const isInKind = kind === "fee_in_kind";
      const activity: AccountActivity = {
        activityIds: ids.map((n) => `activity-${n}`),
        kind,
        symbol: kind === "split" || isInKind ? (symbol ?? "AAA") : symbol,
        quantity: kind === "split" ? held * factor : isInKind ? -fee : 0n,
        cash,
        price: isInKind ? value : 0n,
        ratio: kind === "split" ? FIXED_ONE * 7n : 0n,
        venueTimeUs: 1_700_000_000_000_000 + (ids[0] as number),
      };
      const answer = await both(real, (journal, at) => journal.applyActivities(fenceOf(real, who, at), [activity]));
      if (Array.isArray(answer.memory)) tally(`${kind}:${answer.memory[0]}`);
      assertSame(answer);
    };
    return new Command(show("applyActivities", who, ids, kind, symbol, factor, cash, fee, value), run);
  });

const tradingStates: CommandArbitrary = fc
  .record({
    scope: fc.constantFrom("account" as const, "instance:alpha" as const, "symbol:AAA" as const),
    state: fc.constantFrom(
      "active" as const,
      "active" as const,
      "active" as const,
      "reducing" as const,
      "halted" as const,
    ),
  })
  .map(({ scope, state }) => {
    const run = async (real: Real): Promise<void> => {
      await both(real, (journal) => journal.setTradingState(scope, state, "tester", "because"));
    };
    return new Command(show("setTradingState", scope, state), run);
  });

const cancels: CommandArbitrary = id.map((clientOrderId) => {
  const run = async (real: Real): Promise<void> => {
    assertSame(await both(real, (journal) => journal.requestCancel(clientOrderId)));
  };
  return new Command(show("requestCancel", clientOrderId), run);
});

const acquisitions: CommandArbitrary = owner.map((who) => {
  const run = async (real: Real): Promise<void> => {
    const sqlLease = await real.sqlJournal.acquireLease(who, TTL_MS);
    const memoryLease = await real.memory.acquireLease(who, TTL_MS);
    assert.equal(sqlLease?.clean, memoryLease?.clean);
    if (sqlLease === null || memoryLease === null) return;
    for (const known of real.fences.values()) {
      assert.equal(sqlLease.generation - known.sql.generation, memoryLease.generation - known.memory.generation);
    }
    real.fences.set(who, { sql: sqlLease, memory: memoryLease });
    real.last.owner = who;
  };
  return new Command(show("acquireLease", who), run);
});

/** Without a lease nothing is written, so it is soon taken again. */
const losses: CommandArbitrary = fc.boolean().map((isReleased) => {
  const run = async (real: Real): Promise<void> => {
    if (isReleased) {
      await both(real, (journal, side) => journal.releaseLease(fenceOf(real, "last", side), 0));
      return;
    }
    await expireLease(real.store);
    real.advanceMemory(TTL_MS);
  };
  return new Command(isReleased ? "releaseLease()" : "expireLease()", run);
});

/** Weighted by repetition. */
const COMMANDS: readonly (readonly [number, CommandArbitrary])[] = [
  [12, commits],
  [9, fills],
  [6, transitions],
  [3, activities],
  [1, tradingStates],
  [1, cancels],
  [2, replacements],
  [4, acquisitions],
  [1, losses],
];

async function setUp(store: Store): Promise<{ model: object; real: Real }> {
  await emptyBook(store);
  let nowMs = 1_000_000_000;
  const illegal = { sql: [] as string[], memory: [] as string[] };
  const name = (change: OrderChange) => `${change.clientOrderId} ${change.state}`;
  const sqlJournal = new SqlJournal({ store, onIllegalChange: (change) => illegal.sql.push(name(change)) });
  const onIllegalChange = (change: OrderChange) => illegal.memory.push(name(change));
  const memory = new MemoryJournal({ nowMs: () => nowMs, onIllegalChange });
  for (const journal of [sqlJournal, memory]) {
    await journal.bind({ brokerAccountId: "a", mode: "simulated", openingCash: 3_000n * FIXED_ONE, openedAtUs: 7 });
  }
  const fences = new Map<string, { sql: Fence; memory: Fence }>();
  const sqlFence = (await sqlJournal.acquireLease("owner-a", TTL_MS)) as Fence;
  const memoryFence = (await memory.acquireLease("owner-a", TTL_MS)) as Fence;
  fences.set("owner-a", { sql: sqlFence, memory: memoryFence });
  const advanceMemory = (ms: number) => {
    nowMs += ms;
  };
  const last = { owner: "owner-a" };
  return { model: {}, real: { store, sqlJournal, memory, illegal, advanceMemory, fences, last, sent: [] } };
}

/** Runs random commands on the SQL journal in `store` and on the model; throws at the first difference. */
export async function proveEqual(
  store: Store,
  parameters: { numRuns: number; seed?: number; endOnFailure?: boolean },
): Promise<void> {
  const weighted = COMMANDS.flatMap(([weight, command]) => Array.from({ length: weight }, () => command));
  const lists = fc.commands<object, Real, false>([...weighted], { maxCommands: 50, size: "max" });
  await fc.assert(
    fc.asyncProperty(lists, (list) => fc.asyncModelRun(() => setUp(store), list)),
    parameters,
  );
}
