/** Alpaca's client for JavaScript, version 3, pointed at a simulator. It sends and gives Alpaca's own words. */
import alpacaModule from "alpaca-trade-api-3";
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

type Json = Record<string, unknown>;

/** The package's types describe a default export that the module itself is. */
const Alpaca = alpacaModule as unknown as typeof alpacaModule.default;
export type Alpaca3 = InstanceType<typeof Alpaca>;

export function alpaca3(url: string): Alpaca3 {
  return new Alpaca({ keyId: KEYS.keyId, secretKey: KEYS.secret, baseUrl: url, dataBaseUrl: url, dataStreamUrl: url });
}

export class Alpaca3Trading implements TradingClient {
  readonly #client: Alpaca3;

  constructor(url: string) {
    this.#client = alpaca3(url);
  }

  /** Amounts as JSON numbers, as this client's users send them. */
  async submit(fields: OrderFields): Promise<SeenOrder> {
    return seen(await answered(this.#client.createOrder({ time_in_force: "day", ...numbered(fields) })));
  }

  async replace(id: string, changes: OrderChanges): Promise<SeenOrder> {
    return seen(await answered(this.#client.replaceOrder(id, numbered(changes))));
  }

  async cancel(id: string): Promise<void> {
    await answered(this.#client.cancelOrder(id));
  }

  async cancelAll(): Promise<void> {
    await answered(this.#client.cancelAllOrders());
  }

  async order(id: string): Promise<SeenOrder> {
    // Its getOrder does not ask for the legs.
    return seen(await answered(this.#client.sendRequest(`/orders/${id}`, { nested: true }, null, "GET")));
  }

  async orderByClientId(clientOrderId: string): Promise<SeenOrder> {
    return seen(await answered(this.#client.getOrderByClientId(clientOrderId)));
  }

  async orders(status: "open" | "closed" | "all"): Promise<SeenOrder[]> {
    const filter = { status, nested: true } as Parameters<Alpaca3["getOrders"]>[0];
    return ((await answered(this.#client.getOrders(filter))) as Json[]).map(seen);
  }

  async positions(): Promise<SeenPosition[]> {
    return ((await answered(this.#client.getPositions())) as Json[]).map((position) => ({
      symbol: position["symbol"] as string,
      side: position["side"] as string,
      qty: position["qty"] as string,
      available: position["qty_available"] as string,
      entryPrice: position["avg_entry_price"] as string,
    }));
  }

  async closePosition(symbol: string): Promise<SeenOrder> {
    return seen(await answered(this.#client.closePosition(symbol)));
  }

  async closeAllPositions(): Promise<void> {
    await answered(this.#client.closeAllPositions());
  }

  async cash(): Promise<string> {
    return ((await answered(this.#client.getAccount())) as Json)["cash"] as string;
  }

  /** This client says nothing of the acknowledgement: whatever it asks afterwards comes after it all the same. */
  async watch(): Promise<Arrivals<SeenUpdate>> {
    const updates = new Arrivals<SeenUpdate>();
    const stream = this.#client.trade_ws;
    const connected = Promise.withResolvers<void>();
    stream.onOrderUpdate((update: Json) => updates.add(seenUpdate(update)));
    stream.onConnect(() => {
      stream.subscribe(["trade_updates"]);
      connected.resolve();
    });
    stream.onError((error: unknown) => connected.reject(new Error(String(error))));
    stream.connect();
    await connected.promise;
    await new Promise<void>((resolve) => {
      stream.conn?.once("pong", () => resolve());
      stream.conn?.ping();
    });
    return updates;
  }

  close(): void {
    if (this.#client.trade_ws.conn !== undefined) this.#client.trade_ws.disconnect();
  }
}

/** Decimal strings become numbers, in nested objects, too. */
function numbered(fields: object): Json {
  const isAmount = (name: string) => name === "qty" || name === "notional" || name.endsWith("price");
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "object" ? numbered(value as object) : isAmount(name) ? Number(value) : value,
    ]),
  );
}

function seen(order: Json): SeenOrder {
  const text = (name: string) => order[name] as string;
  const textOrNull = (name: string) => order[name] as string | null;
  return {
    id: text("id"),
    clientOrderId: text("client_order_id"),
    symbol: text("symbol"),
    side: text("side"),
    type: text("type"),
    orderClass: text("order_class"),
    timeInForce: text("time_in_force"),
    status: text("status"),
    qty: textOrNull("qty"),
    notional: textOrNull("notional"),
    filledQty: text("filled_qty"),
    averagePrice: textOrNull("filled_avg_price"),
    limitPrice: textOrNull("limit_price"),
    stopPrice: textOrNull("stop_price"),
    trailPrice: textOrNull("trail_price"),
    trailPercent: textOrNull("trail_percent"),
    hwm: textOrNull("hwm"),
    extendedHours: order["extended_hours"] as boolean,
    replaces: textOrNull("replaces"),
    replacedBy: textOrNull("replaced_by"),
    legs: ((order["legs"] as Json[] | null) ?? []).map(seen),
  };
}

function seenUpdate(update: Json): SeenUpdate {
  const { event, price, qty, position_qty: positionQty } = update as Record<string, string | undefined>;
  return {
    event: event ?? "",
    order: seen(update["order"] as Json),
    price: price ?? null,
    qty: qty ?? null,
    positionQty: positionQty ?? null,
  };
}

interface HttpError extends Error {
  readonly response?: { readonly status: number; readonly data: { readonly code?: number; readonly message?: string } };
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const { response } = error as HttpError;
    if (response === undefined) throw error;
    throw new Refused(response.status, response.data.code ?? null, response.data.message ?? "");
  }
}
