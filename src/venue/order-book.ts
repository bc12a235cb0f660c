/**
 * The account's orders: the open ones in their markets, the final ones up to a bound, and every client order id for ever.
 * Owned by the venue.
 */
import { fixedToNumber } from "../core/fixed.ts";
import type { VenueMarket } from "./market.ts";
import { isFinal, type VenueOrder, type VenueOrderTerms, type WorkingOrder } from "./order.ts";

export class OrderBook {
  readonly #retained: number;
  /** In order of submission. */
  readonly #orders = new Map<string, WorkingOrder>();
  /** Client order id → order id, of every order ever entered. */
  readonly #clientIds = new Map<string, string>();
  #openCount = 0;
  #lastNumber = 0;

  constructor(retained: number) {
    this.#retained = retained;
  }

  get nextNumber(): number {
    return this.#lastNumber + 1;
  }

  knows(clientOrderId: string): boolean {
    return this.#clientIds.has(clientOrderId);
  }

  byId(id: string): VenueOrder | undefined {
    return this.#orders.get(id);
  }

  byClientId(clientOrderId: string): VenueOrder | undefined {
    const id = this.#clientIds.get(clientOrderId);
    return id === undefined ? undefined : this.#orders.get(id);
  }

  all(): Iterable<VenueOrder> {
    return this.#orders.values();
  }

  /** The order while it is open. */
  working(id: string): WorkingOrder | undefined {
    const order = this.#orders.get(id);
    return order === undefined || isFinal(order.status) ? undefined : order;
  }

  enter(order: WorkingOrder, market: VenueMarket): void {
    this.#orders.set(order.id, order);
    this.#clientIds.set(order.clientOrderId, order.id);
    this.#lastNumber = order.number;
    this.#openCount++;
    market.open.push(order);
  }

  /** The order has become final. */
  settle(order: WorkingOrder, market: VenueMarket): void {
    market.open.splice(market.open.indexOf(order), 1);
    this.#openCount--;
    this.#forgetOldest();
  }

  /** Sets an order to what it was in an earlier life. */
  restore(order: VenueOrder, market: VenueMarket): void {
    let working = this.#orders.get(order.id);
    if (working === undefined) {
      working = workingOrder(order, market);
      this.enter(working, market);
    } else Object.assign(working, order);
    if (isFinal(working.status) && market.open.includes(working)) this.settle(working, market);
  }

  #forgetOldest(): void {
    if (this.#orders.size - this.#openCount <= this.#retained) return;
    for (const [id, order] of this.#orders) {
      if (!isFinal(order.status)) continue;
      this.#orders.delete(id);
      return;
    }
  }
}

/** An order with what matching needs to know of it. */
export function workingOrder(order: VenueOrder, market: VenueMarket): WorkingOrder {
  return { ...order, instrument: market.instrument, limitNumber: limitNumberOf(order) };
}

function limitNumberOf(order: VenueOrderTerms): number {
  if (order.limitPrice !== null) return fixedToNumber(order.limitPrice);
  return order.side === "buy" ? Number.POSITIVE_INFINITY : 0;
}
