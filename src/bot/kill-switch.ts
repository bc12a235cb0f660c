/**
 * The kill switch: no new intents from now on, every open order cancelled, the broker told to take no more. Main thread.
 * It waits for no limit, no budget and no database: what the database could not be told, the broker's `suspend_trade`
 * carries, and reconciliation reads it back.
 */
import type { KillReport } from "../api/bot-port.ts";
import type { Broker } from "../broker/broker.ts";
import type { Journal } from "../orders/journal.ts";

export interface KillSwitchOptions {
  readonly journal: Journal;
  readonly broker: Broker;
  /** Stops this process's own trading at once; synchronous. */
  readonly haltHere: () => void;
  readonly sleep: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
}

/** How long the database may take to hear of it before the report goes out without it, ms. */
const JOURNAL_MS = 1500;
/** Sweeps go on until the broker has shown no open order twice, at most this long, ms. */
const SWEEP_MS = 10_000;
const SWEEP_PAUSE_MS = 200;

/** Resolves once broker and journal have answered or been given up on; the sweeps go on behind it. */
export async function kill(options: KillSwitchOptions, actor: string, reason: string): Promise<KillReport> {
  const { broker, journal, haltHere, sleep } = options;
  haltHere();
  const cancelled = broker.cancelAll();
  const suspended = broker.suspendTrade(true);
  const journalled = Promise.race([
    journal.setTradingState("account", "halted", actor, reason).then(
      () => true,
      () => false,
    ),
    sleep(JOURNAL_MS).then(() => false),
  ]);
  const [cancelOutcome, suspendOutcome, wasJournalled] = await Promise.all([cancelled, suspended, journalled]);
  void sweep(options);
  return {
    state: "halted",
    cancel_requested: cancelOutcome.kind === "requested" ? cancelOutcome.orders : 0,
    journalled: wasJournalled,
    broker_suspended: suspendOutcome.kind === "requested",
    broker_cancelled: cancelOutcome.kind === "requested",
  };
}

/** An order that was on its way when the switch was thrown is cancelled by the next sweep. */
async function sweep({ broker, sleep, nowMs }: KillSwitchOptions): Promise<void> {
  const endMs = nowMs() + SWEEP_MS;
  let empty = 0;
  while (empty < 2 && nowMs() < endMs) {
    await sleep(SWEEP_PAUSE_MS);
    const open = await broker.openOrders();
    if (open.kind !== "ok") continue;
    empty = open.value.length === 0 ? empty + 1 : 0;
    if (open.value.length > 0) await broker.cancelAll();
  }
}
