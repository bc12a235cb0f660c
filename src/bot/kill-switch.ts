/**
 * The kill switch: no new intents from now on, every open order cancelled, the broker told to take no more. Main thread.
 * It waits for no limit, no budget and no database: what the database could not be told, the broker's `suspend_trade`
 * carries, and reconciliation reads it back; the process that was asked tells the database as soon as that is back, for the
 * one that trades may have noticed nothing.
 */
import type { KillReport } from "../api/bot-port.ts";
import type { Broker } from "../broker/broker.ts";
import type { Journal } from "../orders/journal.ts";

export interface KillSwitchOptions {
  readonly journal: Journal;
  readonly broker: Broker;
  /** Stops this process's own trading at once; synchronous. */
  readonly haltHere: () => void;
  /** True once a person has lifted the halt, and when the process is ending. */
  readonly isOver: () => boolean;
  readonly sleep: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
}

/** How long the database may take to hear of it before the report goes out without it, ms. */
const JOURNAL_MS = 1500;
/** How often it is told again, ms. */
const JOURNAL_AGAIN_MS = 1000;
/** Sweeps go on until the broker has shown no open order twice, at most this long, ms. */
const SWEEP_MS = 10_000;
const SWEEP_PAUSE_MS = 200;

export interface Kill {
  /** Comes once broker and journal have answered or been given up on; the sweeps go on behind it. */
  readonly report: Promise<KillReport>;
  /** Resolves when the journal knows, or it is over: from then on nothing of this halt is written any more. */
  readonly told: Promise<void>;
}

export function kill(options: KillSwitchOptions, actor: string, reason: string): Kill {
  const { broker, journal, haltHere } = options;
  haltHere();
  const cancelled = broker.cancelAll();
  const suspended = broker.suspendTrade(true);
  const tell = () =>
    journal.setTradingState("account", "halted", actor, reason).then(
      () => true,
      () => false,
    );
  const first = tell();
  return { report: report(options, cancelled, suspended, first), told: tellUntilKnown(options, first, tell) };
}

async function report(
  options: KillSwitchOptions,
  cancelled: ReturnType<Broker["cancelAll"]>,
  suspended: ReturnType<Broker["suspendTrade"]>,
  told: Promise<boolean>,
): Promise<KillReport> {
  const journalled = Promise.race([told, options.sleep(JOURNAL_MS).then(() => false)]);
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

async function tellUntilKnown(
  { isOver, sleep }: KillSwitchOptions,
  first: Promise<boolean>,
  tell: () => Promise<boolean>,
): Promise<void> {
  let isKnown = await first;
  while (!isKnown && !isOver()) {
    await sleep(JOURNAL_AGAIN_MS);
    if (!isOver()) isKnown = await tell();
  }
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
