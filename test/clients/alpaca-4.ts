/** Alpaca's client for JavaScript, version 4, pointed at a simulator. */
import { Alpaca, ApiError, orders, type trading, type streaming } from "@alpacahq/alpaca-trade-api";
import { Arrivals } from "./arrivals.ts";
import { KEYS } from "./scripted-venue.ts";
import {
  type OrderChanges,
  type OrderFields,
  Refused,
  type SeenOrder,
  type SeenPosition,
  type SeenUpdate,
  type TradingClient,
} from "./trading-client.ts";

/** It takes no address of its own: whatever it asks Alpaca's hosts is asked of the simulator. */
export function alpaca4(url: string): Alpaca {
  return new Alpaca({
    ...KEYS,
    rateLimit: false,
    retry: false,
    timeoutMs: 0,
    fetchApi: (input, init) => fetch(String(input).replace(/^https:\/\/[^/]+/, url), init as RequestInit),
  });
}

export class Alpaca4Trading implements TradingClient {
  readonly #client: Alpaca;
  readonly #stream: streaming.TradingStream;

  constructor(url: string) {
    this.#client = alpaca4(url);
    this.#stream = this.#client.trading.stream({ url: `${url.replace("http", "ws")}/stream` });
  }

  async submit(fields: OrderFields): Promise<SeenOrder> {
    return seen(await answered(this.#send(fields)));
  }

  /** By the builder of the order's kind, as a user of this client would. */
  #send(fields: OrderFields): Promise<trading.Order> {
    const api = this.#client.trading.orders;
    const input = builderInput(fields);
    if (fields.order_class === "bracket") return api.bracket(input as orders.BracketOrderInput);
    if (fields.order_class === "oco") return api.oco(input as orders.OcoOrderInput);
    if (fields.order_class === "oto") return api.oto(input as orders.OtoOrderInput);
    switch (fields.type) {
      case "market":
        return api.market(input as orders.MarketOrderInput);
      case "limit":
        return api.limit(input as orders.LimitOrderInput);
      case "stop":
        return api.stop(input as orders.StopOrderInput);
      case "stop_limit":
        return api.stopLimit(input as orders.StopLimitOrderInput);
      case "trailing_stop":
        return api.trailingStop(input as orders.TrailingStopOrderInput);
    }
  }

  async replace(orderId: string, changes: OrderChanges): Promise<SeenOrder> {
    const patchOrderRequest: trading.PatchOrderRequest = {
      ...(changes.qty === undefined ? {} : { qty: changes.qty }),
      ...(changes.limit_price === undefined ? {} : { limitPrice: changes.limit_price }),
      ...(changes.stop_price === undefined ? {} : { stopPrice: changes.stop_price }),
      ...(changes.trail === undefined ? {} : { trail: changes.trail }),
      ...(changes.time_in_force === undefined ? {} : { timeInForce: changes.time_in_force }),
      ...(changes.client_order_id === undefined ? {} : { clientOrderId: changes.client_order_id }),
    };
    return seen(await answered(this.#client.trading.orders.patchOrderByOrderId({ orderId, patchOrderRequest })));
  }

  async cancel(orderId: string): Promise<void> {
    await answered(this.#client.trading.orders.deleteOrderByOrderID({ orderId }));
  }

  async cancelAll(): Promise<void> {
    await answered(this.#client.trading.orders.deleteAllOrders());
  }

  async order(orderId: string): Promise<SeenOrder> {
    return seen(await answered(this.#client.trading.orders.getOrderByOrderID({ orderId, nested: true })));
  }

  async orderByClientId(clientOrderId: string): Promise<SeenOrder> {
    return seen(await answered(this.#client.trading.orders.getOrderByClientOrderId({ clientOrderId })));
  }

  async orders(status: "open" | "closed" | "all"): Promise<SeenOrder[]> {
    return (await answered(this.#client.trading.orders.getAllOrders({ status, nested: true }))).map(seen);
  }

  async positions(): Promise<SeenPosition[]> {
    return (await answered(this.#client.trading.positions.getAllOpenPositions())).map((position) => ({
      symbol: position.symbol,
      side: position.side,
      qty: position.qty,
      available: position.qtyAvailable ?? "",
      entryPrice: position.avgEntryPrice,
    }));
  }

  async closePosition(symbolOrAssetId: string): Promise<SeenOrder> {
    return seen(await answered(this.#client.trading.positions.deleteOpenPosition({ symbolOrAssetId })));
  }

  async closeAllPositions(): Promise<void> {
    await answered(this.#client.trading.closeAllPositions({ cancelOrders: true }));
  }

  async cash(): Promise<string> {
    return (await answered(this.#client.trading.account.getAccount())).cash ?? "";
  }

  async watch(): Promise<Arrivals<SeenUpdate>> {
    const updates = new Arrivals<SeenUpdate>();
    const listening = Promise.withResolvers<void>();
    this.#stream.onTradeUpdate(({ event, order, price, qty, positionQty }) =>
      updates.add({
        event,
        order: seen(order),
        price: text(price),
        qty: text(qty),
        positionQty: text(positionQty),
      }),
    );
    this.#stream.on("subscription", () => listening.resolve());
    this.#stream.onError((message) => listening.reject(new Error(message)));
    this.#stream.subscribeTradeUpdates();
    this.#stream.connect();
    await listening.promise;
    return updates;
  }

  close(): void {
    this.#stream.disconnect();
  }
}

function builderInput(fields: OrderFields): object {
  const { symbol, side, qty, notional, take_profit: profit, stop_loss: loss } = fields;
  return {
    symbol,
    side,
    ...(qty === undefined ? {} : { qty }),
    ...(notional === undefined ? {} : { notional }),
    ...(fields.time_in_force === undefined ? {} : { timeInForce: fields.time_in_force }),
    ...(fields.limit_price === undefined ? {} : { limitPrice: fields.limit_price }),
    ...(fields.stop_price === undefined ? {} : { stopPrice: fields.stop_price }),
    ...(fields.trail_price === undefined ? {} : { trailPrice: fields.trail_price }),
    ...(fields.trail_percent === undefined ? {} : { trailPercent: fields.trail_percent }),
    ...(fields.client_order_id === undefined ? {} : { clientOrderId: fields.client_order_id }),
    ...(fields.extended_hours === undefined ? {} : { extendedHours: fields.extended_hours }),
    ...(profit === undefined ? {} : { takeProfit: { limitPrice: profit.limit_price } }),
    ...(loss === undefined
      ? {}
      : {
          stopLoss: {
            stopPrice: loss.stop_price,
            ...(loss.limit_price === undefined ? {} : { limitPrice: loss.limit_price }),
          },
        }),
  };
}

function seen(order: trading.Order): SeenOrder {
  return {
    id: order.id ?? "",
    clientOrderId: order.clientOrderId ?? "",
    symbol: order.symbol ?? "",
    side: order.side ?? "",
    type: order.type ?? "",
    orderClass: order.orderClass ?? "",
    timeInForce: order.timeInForce ?? "",
    status: order.status ?? "",
    qty: text(order.qty),
    notional: text(order.notional),
    filledQty: order.filledQty ?? "",
    averagePrice: text(order.filledAvgPrice),
    limitPrice: text(order.limitPrice),
    stopPrice: text(order.stopPrice),
    trailPrice: text(order.trailPrice),
    trailPercent: text(order.trailPercent),
    hwm: text(order.hwm),
    extendedHours: order.extendedHours ?? false,
    replaces: text(order.replaces),
    replacedBy: text(order.replacedBy),
    legs: (order.legs ?? []).map((leg) => seen(leg as trading.Order)),
  };
}

function text(value: string | null | undefined): string | null {
  return value ?? null;
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiError)
      throw new Refused(error.status, error.code === undefined ? null : Number(error.code), error.message);
    throw error;
  }
}
