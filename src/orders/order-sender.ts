/**
 * Sends orders, replacements and cancels, those of a symbol one after another. Main thread only. An order is sent only under a
 * fence that is valid at that moment and at most once: after an answer that proves nothing it is `unknown` and belongs to the
 * resolver. What answers mean goes to the journal; fills and ends come by the stream.
 */
import type { Broker, BrokerOrder, OrderReplacement, SubmitOutcome } from "../broker/broker.ts";
import { isFinal } from "../core/order/order-state.ts";
import type { DecodedOrder } from "./intent-decoder.ts";
import type { Fence, JournalOrder, OrderChange } from "./journal.ts";
import type { LiveOrder, LiveOrders } from "./live-orders.ts";

export interface OrderSenderOptions {
  readonly broker: Broker;
  readonly live: LiveOrders;
  readonly fence: () => Fence | null;
  /** Length of the deadline of a POST or a PATCH, ms. */
  readonly postDeadlineMs: number;
  /** A committed intent older than this by the monotonic clock is not sent any more, ms. */
  readonly intentAgeMaxMs: number;
  readonly nowMs: () => number;
  readonly wallUs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly change: (change: OrderChange) => void;
  /** The answer to an order showed it as it is at the broker now. */
  readonly accepted: (live: LiveOrder, order: BrokerOrder) => void;
  readonly alert: (code: string, message: string, symbol: string | null) => void;
  readonly latency: (stage: "send_to_acknowledgement" | "tick_to_order", us: number) => void;
}

/** The engine's intent behind an order, and when it was taken, monotonic ms. */
export interface PendingIntent {
  readonly decoded: DecodedOrder;
  readonly atMs: number;
}

export class OrderSender {
  readonly #options: OrderSenderOptions;
  readonly #chains = new Map<string, Promise<void>>();
  #busy = 0;
  #halted = false;
  #stopped = false;

  constructor(options: OrderSenderOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#busy === 0;
  }

  get isHalted(): boolean {
    return this.#halted;
  }

  /** No new order leaves from now on, whatever was committed. */
  setHalted(halted: boolean): void {
    this.#halted = halted;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when what was under way at the call is done. */
  async settle(): Promise<void> {
    await Promise.all(this.#chains.values());
  }

  /** `pending` for an order of an engine's. */
  send(live: LiveOrder, pending?: PendingIntent): void {
    live.sending = true;
    this.inTurn(live.order.symbol, async () => {
      try {
        await this.#send(live, pending);
      } finally {
        live.sending = false;
      }
    });
  }

  /** Once the order's broker id is known; waits for no limit. */
  cancel(live: LiveOrder): void {
    this.inTurn(live.order.symbol, async () => {
      const { brokerOrderId, clientOrderId, symbol } = live.order;
      if (brokerOrderId === null || this.#options.live.get(clientOrderId) === undefined) return;
      const outcome = await this.#options.broker.cancel(brokerOrderId);
      if (outcome.kind === "failed") this.#options.alert("CANCEL_FAILED", outcome.cause, symbol);
    });
  }

  /** After everything of the symbol that was asked for before. */
  inTurn(symbol: string, work: () => Promise<void>): void {
    const before = this.#chains.get(symbol) ?? Promise.resolve();
    this.#busy += 1;
    const after = before.then(work).finally(() => {
      this.#busy -= 1;
      if (this.#chains.get(symbol) === after) this.#chains.delete(symbol);
    });
    this.#chains.set(symbol, after);
  }

  /** Why the order may not leave any more, or null. */
  #unsendable(live: LiveOrder, atMs: number): string | null {
    if (this.#halted) return "TRADING_HALTED";
    if (live.order.cancelRequested) return "CANCELED_BEFORE_SENT";
    if (this.#options.nowMs() - atMs > this.#options.intentAgeMaxMs) return "INTENT_TOO_OLD";
    if (live.order.replaces !== null && this.#replaced(live) === null) return "NOT_REPLACEABLE";
    return null;
  }

  async #send(live: LiveOrder, pending?: PendingIntent): Promise<void> {
    const { nowMs, wallUs, latency, sleep } = this.#options;
    const atMs = pending?.atMs ?? live.bornMs;
    const { clientOrderId } = live.order;
    for (;;) {
      if (this.#stopped || this.#options.fence() === null) return;
      const reason = this.#unsendable(live, atMs);
      if (reason !== null) {
        this.#options.change({ clientOrderId, state: "rejected", rejectCode: reason, rejectMessage: NEVER_SENT });
        return;
      }
      const startMs = nowMs();
      if (pending !== undefined) latency("tick_to_order", wallUs() - pending.decoded.triggerReceivedTimeUs);
      const outcome = await this.#request(live);
      live.checkedAtMs = nowMs();
      latency("send_to_acknowledgement", (nowMs() - startMs) * 1000);
      if (outcome.kind !== "retry_later") return this.#afterSend(live, outcome);
      await sleep(Math.min(outcome.afterMs, 1000));
    }
  }

  #request(live: LiveOrder): Promise<SubmitOutcome> {
    const { broker, postDeadlineMs } = this.#options;
    const old = this.#replaced(live);
    if (old === null) return broker.submit({ ...live.order, notional: null }, postDeadlineMs);
    return broker.replace(old.brokerOrderId as string, replacement(old, live.order), postDeadlineMs);
  }

  /** The open order whose place it is to take; null when there is none, or none any more. */
  #replaced(live: LiveOrder): JournalOrder | null {
    if (live.order.replaces === null) return null;
    const old = this.#options.live.get(live.order.replaces)?.order;
    return old === undefined || old.brokerOrderId === null || old.cancelRequested ? null : old;
  }

  #afterSend(live: LiveOrder, outcome: Exclude<SubmitOutcome, { readonly kind: "retry_later" }>): void {
    const { clientOrderId } = live.order;
    if (outcome.kind === "accepted") {
      this.#options.accepted(live, outcome.order);
      if (live.order.cancelRequested || this.#halted) this.cancel(live);
    } else if (outcome.kind === "rejected") {
      const { code, message } = outcome;
      this.#options.change({ clientOrderId, state: "rejected", rejectCode: code, rejectMessage: message });
    } else {
      const cause = outcome.kind === "unknown" ? outcome.cause : "the broker knows the id already";
      if (!isFinal(live.order.state)) this.#options.change({ clientOrderId, state: "unknown", rejectMessage: cause });
      live.checkedAtMs = 0;
    }
  }
}

/** What the journal says of an order that never left. */
export const NEVER_SENT = "never sent";

/** What of `old` is to be different in `next`. */
function replacement(old: JournalOrder, next: JournalOrder): OrderReplacement {
  const changed = <T>(before: T | null, after: T | null) => (before === after ? null : after);
  return {
    clientOrderId: next.clientOrderId,
    quantity: changed(old.quantity, next.quantity),
    limitPrice: changed(old.limitPrice, next.limitPrice),
    stopPrice: changed(old.stopPrice, next.stopPrice),
    trail: changed(old.trailPrice ?? old.trailPercent, next.trailPrice ?? next.trailPercent),
    timeInForce: changed(old.timeInForce, next.timeInForce),
  };
}
