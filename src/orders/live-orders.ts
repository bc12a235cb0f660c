/**
 * The orders that this process answers for: found by our id, by the broker's, by the intent that made them. Main thread only.
 * It also remembers the last ones that ended, so that late news of them is told from news of strangers.
 */
import type { BrokerOrder } from "../broker/broker.ts";
import type { Fixed } from "../core/fixed.ts";
import type { IntentOwner } from "./intent-decoder.ts";
import type { JournalOrder, OrderChange } from "./journal.ts";

/** A non-final order that this process answers for. */
export interface LiveOrder {
  order: JournalOrder;
  readonly owner: IntentOwner | null;
  readonly bornMs: number;
  /** Waits for its request, or the request is under way: no one else may touch its outcome. */
  sending: boolean;
  /** A manual order that is sent once the journal holds it as `sending`. */
  awaitingSend: boolean;
  /** The broker reported the end; the journal waits until it has this much filled. */
  pendingEnd: { readonly change: OrderChange; readonly filledQuantity: Fixed } | null;
  checkedAtMs: number;
  checks: number;
}

/** How many ended orders are remembered. */
const ENDED_MAX = 10_000;

export class LiveOrders {
  readonly #live = new Map<string, LiveOrder>();
  readonly #byBrokerId = new Map<string, string>();
  readonly #byIntent = new Map<string, string>();
  readonly #ended = new Map<string, string | null>();

  add(order: JournalOrder, owner: IntentOwner | null, nowMs: number): LiveOrder {
    const live: LiveOrder = {
      order,
      owner,
      bornMs: nowMs,
      sending: false,
      awaitingSend: false,
      pendingEnd: null,
      checkedAtMs: nowMs,
      checks: 0,
    };
    this.#live.set(order.clientOrderId, live);
    if (order.brokerOrderId !== null) this.#byBrokerId.set(order.brokerOrderId, order.clientOrderId);
    if (owner !== null) this.#byIntent.set(intentKey(owner), order.clientOrderId);
    return live;
  }

  remove(live: LiveOrder): void {
    const { order, owner } = live;
    this.#live.delete(order.clientOrderId);
    if (order.brokerOrderId !== null) this.#byBrokerId.delete(order.brokerOrderId);
    if (owner !== null) this.#byIntent.delete(intentKey(owner));
    this.#ended.set(order.clientOrderId, order.brokerOrderId);
    if (this.#ended.size > ENDED_MAX) this.#ended.delete(this.#ended.keys().next().value as string);
  }

  values(): IterableIterator<LiveOrder> {
    return this.#live.values();
  }

  get(clientOrderId: string): LiveOrder | undefined {
    return this.#live.get(clientOrderId);
  }

  /** Exits have ids of the broker's making there: they are known by the broker's order id. */
  of(order: BrokerOrder): LiveOrder | undefined {
    return this.#live.get(order.clientOrderId) ?? this.#live.get(this.#byBrokerId.get(order.id) ?? "");
  }

  byIntent(owner: IntentOwner): LiveOrder | undefined {
    return this.#live.get(this.#byIntent.get(intentKey(owner)) ?? "");
  }

  /** The order that is to take the place of another. */
  successorOf(clientOrderId: string): LiveOrder | undefined {
    return this.#first((order) => order.replaces === clientOrderId);
  }

  /** The exits of a parent that the broker's order ids are not known of. */
  unplacedExits(parentId: string): LiveOrder[] {
    return [...this.#live.values()].filter(
      ({ order }) => order.parentId === parentId && isExit(order) && order.brokerOrderId === null,
    );
  }

  noteBrokerId(live: LiveOrder, brokerOrderId: string): void {
    if (live.order.brokerOrderId === brokerOrderId) return;
    live.order = { ...live.order, brokerOrderId };
    this.#byBrokerId.set(brokerOrderId, live.order.clientOrderId);
  }

  /** True for an order of this life that has ended. */
  hasEnded(clientOrderId: string): boolean {
    return this.#ended.has(clientOrderId);
  }

  /** True for the broker's order that an order of this life ended as. */
  hasEndedAs(order: BrokerOrder): boolean {
    return this.#ended.get(order.clientOrderId) === order.id;
  }

  #first(matches: (order: JournalOrder) => boolean): LiveOrder | undefined {
    for (const live of this.#live.values()) if (matches(live.order)) return live;
    return undefined;
  }
}

/** An exit that the broker makes with its parent; the successor of one is an order that we send. */
export function isExit(order: JournalOrder): boolean {
  return order.parentId !== null && order.replaces === null;
}

function intentKey(owner: IntentOwner): string {
  return `${owner.worker}:${owner.instanceIndex}:${owner.intentNumber}`;
}
