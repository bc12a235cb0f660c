/**
 * An order manager with its reconciler on the memory journal, against a broker whose faults the test chooses; a clock that
 * moves only when asked, and a record of what the engine was told.
 */
import assert from "node:assert/strict";
import { CodedError } from "../../src/core/errors.ts";
import { parseFixed } from "../../src/core/fixed.ts";
import type { DecodedOrder } from "../../src/orders/intent-decoder.ts";
import {
  type Journal,
  type JournalLimits,
  type OrderIntent,
  type PositionRow,
  SIMPLE_TERMS,
} from "../../src/orders/journal.ts";
import { MemoryJournal } from "../../src/orders/journal-memory.ts";
import { OrderManager } from "../../src/orders/order-manager.ts";
import { strategyOrderId } from "../../src/orders/order-id.ts";
import { Reconciler } from "../../src/orders/reconciler.ts";
import { FaultyBroker } from "./faulty-broker.ts";

export const LIMITS: JournalLimits = {
  maxOrderNotional: parseFixed("1000000", "limit"),
  maxSymbolNotional: parseFixed("100000000", "limit"),
  maxGrossNotional: parseFixed("100000000", "limit"),
  maxOpenOrders: 1000,
};
export const SHARE = parseFixed("1", "share");

interface Told {
  fills: bigint;
  done: number;
  refused: string[];
}

export type JournalFault = "none" | "before" | "after";

/** A journal whose answers are lost by chance: before the write, or after it, so that nobody knows whether it happened. */
function faulty(journal: MemoryJournal, faults: JournalFault[]): Journal {
  const lossy = <A extends unknown[], R>(write: (...args: A) => Promise<R>) => {
    return async (...args: A): Promise<R> => {
      const fault = faults.shift() ?? "none";
      if (fault === "before") throw new CodedError("STORE_UNAVAILABLE", "lost before the write");
      const answer = await write(...args);
      if (fault === "after") throw new CodedError("STORE_UNAVAILABLE", "lost after the write");
      return answer;
    };
  };
  return {
    bind: (binding) => journal.bind(binding),
    load: () => journal.load(),
    commit: lossy((fence, intents, limits) => journal.commit(fence, intents, limits)),
    transition: lossy((fence, changes) => journal.transition(fence, changes)),
    requestCancel: (id) => journal.requestCancel(id),
    applyExecutions: lossy((fence, executions) => journal.applyExecutions(fence, executions)),
    applyActivities: (fence, activities) => journal.applyActivities(fence, activities),
    setTradingState: (scope, state, actor, reason) => journal.setTradingState(scope, state, actor, reason),
    acquireLease: (owner, ttlMs) => journal.acquireLease(owner, ttlMs),
    releaseLease: (fence, untradedMs) => journal.releaseLease(fence, untradedMs),
  };
}

export interface Before {
  readonly memory: MemoryJournal;
  readonly broker: FaultyBroker;
  readonly clock: { nowMs: number };
}

/**
 * A manager on the memory journal, a clock that moves only when asked, and a record of what the engine was told. `before`
 * is the world in which an earlier life has ended.
 */
export async function setUp(before?: Before) {
  const clock = before?.clock ?? { nowMs: 1_000_000 };
  const memory = before?.memory ?? new MemoryJournal({ nowMs: () => clock.nowMs, bookId: "book" });
  await memory.bind({
    brokerAccountId: "a",
    mode: "simulated",
    openingCash: parseFixed("10000000", "cash"),
    openedAtUs: 0,
  });
  const lease = await memory.acquireLease("me", 3_600_000);
  assert.ok(lease);
  const broker = before?.broker ?? new FaultyBroker();
  const journalFaults: JournalFault[] = [];
  const told: Told = { fills: 0n, done: 0, refused: [] };
  const positions = new Map<string, PositionRow>();
  const alerts: string[] = [];
  const unsettled: string[] = [];
  const manager = new OrderManager({
    journal: faulty(memory, journalFaults),
    broker,
    fence: () => lease,
    limits: LIMITS,
    feedback: {
      fill: (_owner, quantity) => {
        told.fills += quantity;
      },
      done: () => {
        told.done += 1;
      },
      refused: (_owner, code) => {
        told.refused.push(code);
      },
    },
    observer: {
      order() {},
      fill: (applied) =>
        void positions.set(`${applied.position.instanceId} ${applied.position.symbol}`, applied.position),
      outcome() {},
      storeDown() {},
      fenced() {},
      alert: (code) => void alerts.push(code),
      latency() {},
    },
    toIntent,
    postDeadlineMs: 4000,
    intentAgeMaxMs: 5000,
    sequential: false,
    nowMs: () => clock.nowMs,
    wallUs: () => clock.nowMs * 1000,
    sleep: async () => {},
  });
  const reconciler = new Reconciler({
    broker,
    manager,
    attempts: 1,
    sleep: async () => {},
    nowMs: () => clock.nowMs,
    takeActivities: async () => {},
    pendingFee: () => 0n,
    onUnsettled: (_live, cause) => void unsettled.push(cause),
  });
  broker.watch({ connected() {}, disconnected() {}, update: (update) => manager.onTradeUpdate(update) });
  const pass = (ms: number) => {
    clock.nowMs += ms;
  };
  const books = {
    /** The broker of these tests says nothing of cash. */
    cash: 0n,
    positions: () => [...positions.values()],
  };
  return {
    manager,
    broker,
    reconciler,
    memory,
    clock,
    journalFaults,
    told,
    positions,
    alerts,
    unsettled,
    pass,
    lease,
    books,
  };
}

function toIntent(decoded: DecodedOrder): OrderIntent {
  return {
    ...SIMPLE_TERMS,
    replaces: null,
    clientOrderId: strategyOrderId("book", "s", 1, `1:XYZ:${decoded.triggerVenueTimeUs}:0`, decoded.leg),
    instanceId: "s",
    symbol: "XYZ",
    side: decoded.side,
    type: decoded.type,
    timeInForce: decoded.timeInForce,
    quantity: decoded.quantity,
    limitPrice: decoded.limitPrice,
    worstPrice: parseFixed("103", "price"),
    reducing: decoded.reducing,
    trigger: `1:XYZ:${decoded.triggerVenueTimeUs}:0`,
    reason: "test",
    midAtDecision: parseFixed("100", "mid"),
    decidedAtUs: decoded.engineTimeUs,
    snapshot: decoded.snapshot,
    snapshotTimeUs: decoded.engineTimeUs,
    fingerprint: "f",
  };
}

export function decision(number: number, side: "buy" | "sell", shares: number): DecodedOrder {
  return {
    kind: "order",
    owner: { worker: 0, instanceIndex: 0, instrumentIndex: 0, intentNumber: number },
    side,
    type: "market",
    timeInForce: "day",
    reducing: false,
    leg: 0,
    reason: 1,
    triggerKind: 1,
    triggerOrdinal: 0,
    triggerVenueTimeUs: number * 1_000_000,
    triggerReceivedTimeUs: 0,
    engineTimeUs: number * 1_000_000,
    quantity: SHARE * BigInt(shares),
    limitPrice: null,
    target: SHARE,
    mid: 100,
    farTouch: 100,
    signal: 0,
    inboundNumber: number,
    publishedUs: 0,
    snapshot: new Uint8Array(8),
  };
}
