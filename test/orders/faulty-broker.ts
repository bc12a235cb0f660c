/**
 * A broker in memory whose faults are chosen by the test: it keeps its own books, so that it can judge the bot's. It stands
 * for the network between the two; the real adapter and the simulator are tested over sockets elsewhere.
 */
import type {
  Broker,
  BrokerActivity,
  BrokerFill,
  BrokerOrder,
  HistoricalBar,
  NewOrder,
  OrderReplacement,
  ReadOutcome,
  SubmitOutcome,
  TradeUpdate,
  TradeUpdateHandler,
} from "../../src/broker/broker.ts";
import { parseFixed } from "../../src/core/fixed.ts";

export type SubmitFault = "none" | "drop_answer" | "drop_request" | "late" | "reject" | "server_error_after" | "busy";
export type StreamFault = "none" | "lose" | "twice";

const PRICE = parseFixed("100", "price");

/**
 * Market orders fill at once at 100; the others rest until the test fills them. Exits wait for their parent's fill and are
 * given ids of the broker's. A replacement is for what the old order has left.
 */
export class FaultyBroker implements Broker {
  readonly orders = new Map<string, BrokerOrder>();
  readonly fills: BrokerFill[] = [];
  readonly submits: string[] = [];
  readonly replacements: OrderReplacement[] = [];
  nextSubmit: SubmitFault[] = [];
  nextStream: StreamFault[] = [];
  late: (() => void)[] = [];
  #handler: TradeUpdateHandler | null = null;
  #timeUs = 1_000_000_000_000_000;
  #count = 0;

  async submit(order: NewOrder): Promise<SubmitOutcome> {
    this.submits.push(order.clientOrderId);
    const fault = this.nextSubmit.shift() ?? "none";
    if (fault === "drop_request") return { kind: "unknown", cause: "time-out" };
    if (fault === "busy") return { kind: "retry_later", afterMs: 1 };
    if (fault === "late") {
      this.late.push(() => void this.#accept(order));
      return { kind: "unknown", cause: "time-out" };
    }
    if (this.byClientId(order.clientOrderId) !== undefined) return { kind: "duplicate" };
    if (fault === "reject") return { kind: "rejected", code: "BUYING_POWER", message: "insufficient buying power" };
    const accepted = this.#accept(order);
    if (fault === "drop_answer" || fault === "server_error_after") return { kind: "unknown", cause: fault };
    return { kind: "accepted", order: accepted };
  }

  byClientId(clientOrderId: string): BrokerOrder | undefined {
    return [...this.orders.values()].find((o) => o.clientOrderId === clientOrderId);
  }

  #accept(order: NewOrder): BrokerOrder {
    const known = this.byClientId(order.clientOrderId);
    if (known !== undefined) return known;
    this.#timeUs += 1000;
    this.#count += 1;
    const id = `broker-${this.#count}`;
    const resting = order.type !== "market";
    const accepted = this.#resting(id, order.clientOrderId, order);
    this.orders.set(id, { ...accepted, legs: this.#legs(id, order) });
    this.#emit("new", this.orders.get(id) as BrokerOrder, null);
    if (!resting) this.fill(id, order.quantity ?? 0n);
    return this.orders.get(id) as BrokerOrder;
  }

  #legs(parentId: string, order: NewOrder): BrokerOrder[] {
    const legs: BrokerOrder[] = [];
    const add = (suffix: string, terms: Partial<BrokerOrder>) => {
      const side = (order.side === "buy") === (order.orderClass === "oco") ? "buy" : "sell";
      const id = `${parentId}-${suffix}`;
      const leg = { ...this.#resting(id, `theirs-${id}`, order), ...terms, side, status: "held" } as const;
      this.orders.set(id, leg);
      legs.push(leg);
    };
    if (order.takeProfitPrice !== null)
      add("tp", { type: "limit", limitPrice: order.takeProfitPrice, stopPrice: null });
    if (order.stopLossPrice !== null) add("sl", { type: "stop", limitPrice: null, stopPrice: order.stopLossPrice });
    return legs;
  }

  #resting(id: string, clientOrderId: string, order: NewOrder | BrokerOrder): BrokerOrder {
    return {
      ...order,
      id,
      clientOrderId,
      replaces: null,
      replacedBy: null,
      legs: [],
      filledQuantity: 0n,
      filledAveragePrice: null,
      status: "new",
      submittedAtUs: this.#timeUs,
      updatedAtUs: this.#timeUs,
    };
  }

  /** Tells of a change that the test made to an order. */
  change(id: string, event: string, change: Partial<BrokerOrder>): void {
    const after = { ...(this.orders.get(id) as BrokerOrder), ...change };
    this.orders.set(id, after);
    this.#emit(event, after, null);
  }

  async replace(id: string, replacement: OrderReplacement): Promise<SubmitOutcome> {
    this.replacements.push(replacement);
    const fault = this.nextSubmit.shift() ?? "none";
    if (fault === "drop_request") return { kind: "unknown", cause: "time-out" };
    if (fault === "reject") return { kind: "rejected", code: "BROKER_NOT_REPLACEABLE", message: "not now" };
    const next = () => this.#replace(id, replacement);
    if (fault === "late") {
      this.late.push(() => void next());
      return { kind: "unknown", cause: "time-out" };
    }
    const made = next();
    if (fault === "drop_answer") return { kind: "unknown", cause: fault };
    return made === null
      ? { kind: "rejected", code: "BROKER_NOT_REPLACEABLE", message: "over" }
      : { kind: "accepted", order: made };
  }

  #replace(id: string, replacement: OrderReplacement): BrokerOrder | null {
    const old = this.orders.get(id);
    if (old === undefined || (old.status !== "new" && old.status !== "partially_filled")) return null;
    this.#timeUs += 1000;
    this.#count += 1;
    const nextId = `broker-${this.#count}`;
    const total = replacement.quantity ?? old.quantity ?? 0n;
    const next: BrokerOrder = {
      ...this.#resting(nextId, replacement.clientOrderId, old),
      quantity: total - old.filledQuantity,
      limitPrice: replacement.limitPrice ?? old.limitPrice,
      stopPrice: replacement.stopPrice ?? old.stopPrice,
      replaces: id,
    };
    this.orders.set(nextId, next);
    this.change(id, "replaced", { status: "replaced", replacedBy: nextId });
    this.#emit("new", next, null);
    return next;
  }

  /** In two halves. */
  fill(id: string, quantity: bigint): void {
    const before = this.orders.get(id) as BrokerOrder;
    const first = quantity / 2n;
    for (const part of [first, quantity - first]) {
      if (part === 0n) continue;
      const order = this.orders.get(id) as BrokerOrder;
      const filledQuantity = order.filledQuantity + part;
      const after: BrokerOrder = {
        ...order,
        filledQuantity,
        filledAveragePrice: PRICE,
        status: filledQuantity === before.quantity ? "filled" : "partially_filled",
      };
      this.orders.set(id, after);
      const fill: BrokerFill = {
        executionId: `${id}@${filledQuantity}`,
        brokerOrderId: id,
        symbol: order.symbol,
        side: order.side,
        quantity: part,
        price: PRICE,
        venueTimeUs: this.#timeUs,
      };
      this.fills.push(fill);
      this.#emit(after.status === "filled" ? "fill" : "partial_fill", after, fill);
    }
  }

  #emit(event: string, order: BrokerOrder, fill: BrokerFill | null): void {
    const fault = this.nextStream.shift() ?? "none";
    if (fault === "lose") return;
    const update: TradeUpdate = {
      event,
      order,
      executionId: fill?.executionId ?? null,
      price: fill?.price ?? null,
      quantity: fill?.quantity ?? null,
      positionQuantity: null,
      venueTimeUs: this.#timeUs,
    };
    this.#handler?.update(update);
    if (fault === "twice") this.#handler?.update(update);
  }

  async cancel(id: string) {
    const order = this.orders.get(id);
    if (order === undefined) return { kind: "not_found" } as const;
    if (order.status !== "new" && order.status !== "partially_filled") {
      return { kind: "not_cancelable", message: order.status } as const;
    }
    const after = { ...order, status: "canceled" };
    this.orders.set(id, after);
    this.#emit("canceled", after, null);
    return { kind: "requested" } as const;
  }

  watch(handler: TradeUpdateHandler): void {
    this.#handler = handler;
    handler.connected();
  }

  async unwatch() {
    this.#handler = null;
  }

  async order(id: string): Promise<ReadOutcome<BrokerOrder>> {
    const order = this.orders.get(id);
    if (order === undefined) return { kind: "not_found" };
    const legs = order.legs.map((leg) => this.orders.get(leg.id) as BrokerOrder);
    return { kind: "ok", value: { ...order, legs } };
  }

  async orderByClientId(id: string): Promise<ReadOutcome<BrokerOrder>> {
    const order = this.byClientId(id);
    return order === undefined ? { kind: "not_found" } : { kind: "ok", value: { ...order, legs: [] } };
  }

  async openOrders() {
    return { kind: "ok", value: [...this.orders.values()].filter((o) => o.status === "new") } as const;
  }

  async ordersSince(): Promise<ReadOutcome<BrokerOrder[]>> {
    return { kind: "ok", value: [...this.orders.values()] };
  }

  async fillsSince() {
    return { kind: "ok", value: this.fills } as const;
  }

  async positions() {
    const quantities = new Map<string, bigint>();
    for (const fill of this.fills) {
      const signed = fill.side === "buy" ? fill.quantity : -fill.quantity;
      quantities.set(fill.symbol, (quantities.get(fill.symbol) ?? 0n) + signed);
    }
    const value = [...quantities].map(([symbol, quantity]) => ({
      symbol,
      quantity,
      averageEntryPrice: PRICE,
      currentPrice: PRICE,
    }));
    return { kind: "ok", value } as const;
  }

  async account() {
    const zero = 0n;
    return {
      kind: "ok",
      value: {
        id: "a",
        status: "ACTIVE",
        cash: zero,
        equity: zero,
        lastEquity: zero,
        buyingPower: zero,
        suspended: false,
      },
    } as const;
  }

  async clock() {
    return { kind: "failed", cause: "not asked for here" } as const;
  }

  async asset() {
    return { kind: "not_found" } as const;
  }

  async activitiesSince(): Promise<ReadOutcome<BrokerActivity[]>> {
    return { kind: "ok", value: [] };
  }

  async closePosition() {
    return { kind: "not_found" } as const;
  }

  async bars(): Promise<ReadOutcome<HistoricalBar[]>> {
    return { kind: "ok", value: [] };
  }

  async latestQuote() {
    return { kind: "ok", value: null } as const;
  }

  async cancelAll() {
    return { kind: "requested", orders: 0 } as const;
  }

  async suspendTrade() {
    return { kind: "requested" } as const;
  }

  async close() {
    this.#handler = null;
  }
}
