/**
 * The account's orders: the open ones in their markets, the final ones up to a bound, and that a client order id was used
 * for ever. Owned by the venue.
 */
import { ClientIdSet } from "./client-id-set.ts";
import type { VenueMarket } from "./market.ts";
import { isFinal, type VenueOrder, type WorkingOrder } from "./order.ts";
import { limitNumberOf } from "./order-price.ts";

export class OrderBook {
  readonly #retained: number;
  /** In order of submission. */
  readonly #orders = new Map<string, WorkingOrder>();
  /** Client order id → order id, of the orders that are kept. */
  readonly #clientIds = new Map<string, string>();
  /** Of orders that are not kept any more. */
  readonly #forgotten = new ClientIdSet();
  #openCount = 0;
  #lastNumber = 0;

  constructor(retained: number) {
    this.#retained = retained;
  }

  get nextNumber(): number {
    return this.#lastNumber + 1;
  }

  get forgottenIds(): ClientIdSet {
    return this.#forgotten;
  }

  knows(clientOrderId: string): boolean {
    return this.#clientIds.has(clientOrderId) || this.#forgotten.has(clientOrderId);
  }

  byId(id: string): VenueOrder | undefined {
    return this.#orders.get(id);
  }

  byClientId(clientOrderId: string): VenueOrder | undefined {
    const id = this.#clientIds.get(clientOrderId);
    return id === undefined ? undefined : this.#orders.get(id);
  }

  all(): Iterable<WorkingOrder> {
    return this.#orders.values();
  }

  /** Whatever its status, to be changed by the venue. */
  kept(id: string): WorkingOrder | undefined {
    return this.#orders.get(id);
  }

  /** The order while it is open. */
  working(id: string): WorkingOrder | undefined {
    const order = this.#orders.get(id);
    return order === undefined || isFinal(order.status) ? undefined : order;
  }

  enter(order: WorkingOrder, market: VenueMarket): void {
    this.#orders.set(order.id, order);
    this.#clientIds.set(order.clientOrderId, order.id);
    if (order.number > this.#lastNumber) this.#lastNumber = order.number;
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
    } else {
      Object.assign(working, order);
      working.limitNumber = limitNumberOf(working, market.instrument);
    }
    if (isFinal(working.status) && market.open.includes(working)) this.settle(working, market);
  }

  #forgetOldest(): void {
    if (this.#orders.size - this.#openCount <= this.#retained) return;
    for (const [id, order] of this.#orders) {
      if (!isFinal(order.status)) continue;
      this.#orders.delete(id);
      this.#clientIds.delete(order.clientOrderId);
      this.#forgotten.add(order.clientOrderId);
      return;
    }
  }
}

/** An order with what matching needs to know of it. */
export function workingOrder(order: VenueOrder, market: VenueMarket): WorkingOrder {
  const { instrument } = market;
  return { ...order, instrument, limitNumber: limitNumberOf(order, instrument) };
}
