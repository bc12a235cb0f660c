/**
 * The kill switch and the act that lifts it. Main thread. Thrown, it means no new intents from now on, every open order
 * cancelled, and the broker told to take no more. It waits for no limit, no budget and no database: what the database could not
 * be told, the broker's `suspend_trade` carries, and reconciliation reads it back; the process that was asked tells the database
 * as soon as that is back, for the one that trades may have noticed nothing.
 */
import type { KillReport } from "../api/bot-port.ts";
import type { Broker } from "../broker/broker.ts";
import type { Journal, TradingState } from "../orders/journal.ts";

export interface KillSwitchOptions {
  readonly journal: Journal;
  readonly broker: Broker;
  /** This process's own trading, where it trades; synchronous. */
  readonly setHere: (state: TradingState) => void;
  readonly isEnding: () => boolean;
  readonly sleep: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
}

export type Lifting =
  | { readonly kind: "lifted" }
  /** The broker could not be told: it takes no orders yet. */
  | { readonly kind: "suspended"; readonly cause: string }
  /** Somebody threw the switch meanwhile: the halt holds. */
  | { readonly kind: "thrown" };

/** How long the database may take to hear of it before the report goes out without it, ms. */
const JOURNAL_MS = 1500;
/** How often it is told again, ms. */
const JOURNAL_AGAIN_MS = 1000;
/** Sweeps go on until the broker has shown no open order twice, at most this long, ms. */
const SWEEP_MS = 10_000;
const SWEEP_PAUSE_MS = 200;

export class KillSwitch {
  readonly #options: KillSwitchOptions;
  #thrown = 0;
  #lifted = 0;
  /** Until the journal knows of every halt, or they are lifted: then nothing of them is written any more. */
  #telling: Promise<unknown> = Promise.resolve();

  constructor(options: KillSwitchOptions) {
    this.#options = options;
  }

  /** Resolves once broker and journal have answered or been given up on; the sweeps go on behind it. */
  throw(actor: string, reason: string): Promise<KillReport> {
    const { broker, journal, setHere } = this.#options;
    this.#thrown += 1;
    setHere("halted");
    const cancelled = broker.cancelAll();
    const suspended = broker.suspendTrade(true);
    const tell = () =>
      journal.setTradingState("account", "halted", actor, reason).then(
        () => true,
        () => false,
      );
    const told = tell();
    this.#telling = Promise.all([this.#telling, this.#tellUntilKnown(told, tell)]);
    return this.#report(cancelled, suspended, told);
  }

  /** The explicit act that lifts a halt: journal first, then the broker, then this process. Throws without the journal. */
  async lift(actor: string, reason: string): Promise<Lifting> {
    const { broker, journal, setHere } = this.#options;
    const thrown = this.#thrown;
    const isThrown = () => this.#thrown !== thrown;
    this.#lifted += 1;
    // A halt of this process that is still on its way to the journal must not come after the act that lifts it.
    await this.#telling;
    try {
      if (isThrown()) return { kind: "thrown" };
      await journal.setTradingState("account", "active", actor, reason);
      if (isThrown()) return { kind: "thrown" };
      const outcome = await broker.suspendTrade(false);
      if (isThrown()) return { kind: "thrown" };
      if (outcome.kind !== "requested") {
        return { kind: "suspended", cause: outcome.kind === "failed" ? outcome.cause : outcome.kind };
      }
      setHere("active");
      return { kind: "lifted" };
    } finally {
      // Whichever came last at journal and broker, the halt or its lifting: the halt holds.
      if (isThrown()) await this.throw("kill switch", "thrown while another halt was being lifted");
    }
  }

  async #report(
    cancelled: ReturnType<Broker["cancelAll"]>,
    suspended: ReturnType<Broker["suspendTrade"]>,
    told: Promise<boolean>,
  ): Promise<KillReport> {
    const journalled = Promise.race([told, this.#options.sleep(JOURNAL_MS).then(() => false)]);
    const [cancelOutcome, suspendOutcome, wasJournalled] = await Promise.all([cancelled, suspended, journalled]);
    void sweep(this.#options);
    return {
      state: "halted",
      cancel_requested: cancelOutcome.kind === "requested" ? cancelOutcome.orders : 0,
      journalled: wasJournalled,
      broker_suspended: suspendOutcome.kind === "requested",
      broker_cancelled: cancelOutcome.kind === "requested",
    };
  }

  async #tellUntilKnown(first: Promise<boolean>, tell: () => Promise<boolean>): Promise<void> {
    const { isEnding, sleep } = this.#options;
    const lifted = this.#lifted;
    const isOver = () => isEnding() || this.#lifted !== lifted;
    let isKnown = await first;
    while (!isKnown && !isOver()) {
      await sleep(JOURNAL_AGAIN_MS);
      if (!isOver()) isKnown = await tell();
    }
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
