/**
 * The broker port spoken in Alpaca's REST and streams; to Alpaca or to the simulator alike. Main thread. It keeps no
 * state of orders and never repeats a POST: what an answer means is a value, what to do about it the order manager's.
 */
import { CodedError } from "../../core/errors.ts";
import { type Fixed, formatFixed } from "../../core/fixed.ts";
import type {
  Broker,
  BrokerAccount,
  BrokerActivity,
  BrokerAsset,
  BrokerClock,
  BrokerFill,
  BrokerOrder,
  BrokerPosition,
  BrokerQuote,
  CancelAllOutcome,
  CancelOutcome,
  CloseOutcome,
  HistoricalBar,
  NewOrder,
  OrderReplacement,
  ReadOutcome,
  SubmitOutcome,
  TradeUpdateHandler,
} from "../broker.ts";
import {
  cancelAllOutcome,
  cancelOutcome,
  closeOutcome,
  commandOutcome,
  interpret,
  readOutcome,
  submitOutcome,
  withRequestId,
} from "./answers.ts";
import { type BudgetLimits, type BudgetShare, DEFAULT_BUDGET, MessageBudget } from "./budget.ts";
import { type HttpCall, HttpClient, type HttpOutcome } from "./http-client.ts";
import { newOrderBody, replacementBody } from "./order-body.ts";
import {
  isMultiLeg,
  readAccount,
  readActivity,
  readAsset,
  readBar,
  readQuote,
  readClock,
  readFill,
  readOrder,
  readPosition,
} from "./readers.ts";
import { SymbolNames } from "./symbols.ts";
import { type Log, silentLog, systemTimers, type Timers } from "./timers.ts";
import { TradeStream, type TradeStreamState } from "./trade-stream.ts";
import { formatTimestampUs, wireArray, wireBoolean, wireObject, wireText } from "./wire.ts";

export interface AlpacaBrokerOptions {
  /** Trading REST, such as `https://paper-api.alpaca.markets`. */
  readonly baseUrl: string;
  /** Market-data REST, such as `https://data.alpaca.markets`. */
  readonly dataUrl: string;
  /** Full address of the trading stream, such as `wss://paper-api.alpaca.markets/stream`. */
  readonly streamUrl: string;
  readonly keyId: string;
  readonly secretKey: string;
  /** Crypto pairs in use, with their slash. */
  readonly cryptoPairs?: readonly string[];
  /** `feed` of the stock bars; the plan's best when absent. */
  readonly stockFeed?: "iex" | "sip";
  /** Of reads, each page on its own. */
  readonly readDeadlineMs?: number;
  /** Of cancels and of the kill switch's calls. */
  readonly cancelDeadlineMs?: number;
  readonly budget?: Partial<BudgetLimits>;
  readonly timers?: Timers;
  readonly random?: () => number;
  readonly log?: Log;
}

const ORDERS_PAGE = 500;
const ACTIVITIES_PAGE = 100;
const BARS_PAGE = 10_000;
/** Far above any real account; a venue that pages in circles must not hold us for ever. */
const MAX_PAGES = 2000;
/** Alpaca's `after` is exclusive and of unknown precision: ask from a little earlier and filter. */
const AFTER_MARGIN_US = 1000;
/** After a 429 that names no time. */
const BUSY_PAUSE_MS = 1000;

export class AlpacaBroker implements Broker {
  readonly #options: AlpacaBrokerOptions;
  readonly #http: HttpClient;
  readonly #budget: MessageBudget;
  readonly #names: SymbolNames;
  readonly #log: Log;
  #stream: TradeStream | null = null;

  constructor(options: AlpacaBrokerOptions) {
    this.#options = options;
    this.#http = new HttpClient({
      "apca-api-key-id": options.keyId,
      "apca-api-secret-key": options.secretKey,
      "user-agent": "algo-trading-bot",
    });
    this.#budget = new MessageBudget({ ...DEFAULT_BUDGET, ...options.budget }, options.timers ?? systemTimers);
    this.#names = new SymbolNames(options.cryptoPairs ?? []);
    this.#log = options.log ?? silentLog;
  }

  /** Null before `watch`. */
  get streamState(): TradeStreamState | null {
    return this.#stream?.state ?? null;
  }

  /** Messages that may still be sent in this minute. */
  budgetLeft(share: BudgetShare): number {
    return this.#budget.left(share);
  }

  account(): Promise<ReadOutcome<BrokerAccount>> {
    return this.#read("/v2/account", {}, readAccount);
  }

  positions(): Promise<ReadOutcome<BrokerPosition[]>> {
    return this.#read("/v2/positions", {}, (value) =>
      wireArray(value, "positions").map((position) => readPosition(position, this.#names)),
    );
  }

  clock(): Promise<ReadOutcome<BrokerClock>> {
    return this.#read("/v2/clock", {}, readClock);
  }

  asset(symbol: string): Promise<ReadOutcome<BrokerAsset>> {
    return this.#read(`/v2/assets/${encodeURIComponent(symbol)}`, {}, readAsset);
  }

  order(brokerOrderId: string): Promise<ReadOutcome<BrokerOrder>> {
    return this.#read(`/v2/orders/${encodeURIComponent(brokerOrderId)}`, { nested: "true" }, (value) =>
      readOrder(value, this.#names),
    );
  }

  orderByClientId(clientOrderId: string): Promise<ReadOutcome<BrokerOrder>> {
    return this.#read("/v2/orders:by_client_order_id", { client_order_id: clientOrderId }, (value) =>
      readOrder(value, this.#names),
    );
  }

  async ordersSince(venueTimeUs: number): Promise<ReadOutcome<BrokerOrder[]>> {
    const after = formatTimestampUs(Math.max(0, venueTimeUs - AFTER_MARGIN_US));
    const outcome = await this.#orders("all", { after });
    if (outcome.kind !== "ok") return outcome;
    return { kind: "ok", value: outcome.value.filter((order) => order.submittedAtUs >= venueTimeUs) };
  }

  openOrders(): Promise<ReadOutcome<BrokerOrder[]>> {
    return this.#orders("open", {});
  }

  /** Pages by the last order's id; the first page may start by time. */
  async #orders(status: "all" | "open", first: Record<string, string>): Promise<ReadOutcome<BrokerOrder[]>> {
    const common = { status, limit: String(ORDERS_PAGE), direction: "asc", nested: "false" };
    const orders = new Map<string, BrokerOrder>();
    return this.#pages<BrokerOrder[]>(
      async (cursor) => {
        const query = { ...common, ...(cursor === null ? first : { after_order_id: cursor }) };
        const page = await this.#read("/v2/orders", query, (value) => wireArray(value, "orders"));
        return this.#page(page, (rows) => {
          for (const row of rows) if (!isMultiLeg(row)) keep(orders, readOrder(row, this.#names));
          const lastId = rows.length === 0 ? null : wireText(wireObject(rows[rows.length - 1], "order"), "id");
          return nextCursor(rows.length < ORDERS_PAGE ? null : lastId, cursor);
        });
      },
      () => [...orders.values()],
    );
  }

  async fillsSince(venueTimeUs: number): Promise<ReadOutcome<BrokerFill[]>> {
    const fills = new Map<string, BrokerFill>();
    const read = await this.#activities("/v2/account/activities/FILL", {}, venueTimeUs, (row) => {
      const fill = readFill(row, this.#names);
      if (fill.venueTimeUs >= venueTimeUs) fills.set(fill.executionId, fill);
    });
    if (read.kind !== "ok") return read;
    return { kind: "ok", value: [...fills.values()].toSorted((a, b) => a.venueTimeUs - b.venueTimeUs) };
  }

  async activitiesSince(venueTimeUs: number): Promise<ReadOutcome<BrokerActivity[]>> {
    const found = new Map<string, BrokerActivity>();
    const query = { category: "non_trade_activity" };
    const read = await this.#activities("/v2/account/activities", query, venueTimeUs, (row) => {
      const activity = readActivity(row, this.#names);
      found.set(activity.id, activity);
    });
    if (read.kind !== "ok") return read;
    return { kind: "ok", value: [...found.values()].toSorted((a, b) => a.createdAtUs - b.createdAtUs) };
  }

  /** Oldest first, paged by the last row's id. */
  #activities(
    path: string,
    query: Readonly<Record<string, string>>,
    venueTimeUs: number,
    take: (row: unknown) => void,
  ): Promise<ReadOutcome<null>> {
    const after = formatTimestampUs(Math.max(0, venueTimeUs - AFTER_MARGIN_US));
    const common = { ...query, after, direction: "asc", page_size: String(ACTIVITIES_PAGE) };
    return this.#pages<null>(
      async (cursor) => {
        const first = { ...common, ...(cursor === null ? {} : { page_token: cursor }) };
        const page = await this.#read(path, first, (value) => wireArray(value, "activities"));
        return this.#page(page, (rows) => {
          for (const row of rows) take(row);
          const lastId = rows.length === 0 ? null : wireText(wireObject(rows[rows.length - 1], "activity"), "id");
          return nextCursor(rows.length < ACTIVITIES_PAGE ? null : lastId, cursor);
        });
      },
      () => null,
    );
  }

  async bars(
    symbol: string,
    intervalSeconds: number,
    startUs: number,
    endUs: number,
  ): Promise<ReadOutcome<HistoricalBar[]>> {
    const timeframe = timeframeOf(intervalSeconds);
    if (timeframe === null) return { kind: "failed", cause: `no time frame of ${intervalSeconds} s is served` };
    if (endUs <= startUs) return { kind: "ok", value: [] };
    const crypto = symbol.includes("/");
    const path = crypto ? "/v1beta3/crypto/us/bars" : "/v2/stocks/bars";
    const range = { start: formatTimestampUs(startUs), end: formatTimestampUs(endUs - 1) };
    const stocks = {
      adjustment: "split",
      ...(this.#options.stockFeed === undefined ? {} : { feed: this.#options.stockFeed }),
    };
    const common = {
      symbols: symbol,
      timeframe,
      ...range,
      limit: String(BARS_PAGE),
      sort: "asc",
      ...(crypto ? {} : stocks),
    };
    const bars: HistoricalBar[] = [];
    return this.#pages<HistoricalBar[]>(
      async (cursor) => {
        const query = { ...common, ...(cursor === null ? {} : { page_token: cursor }) };
        const page = await this.#readData(path, query, (value) => wireObject(value, "answer"));
        return this.#page(page, (answer) => {
          const rows = wireObject(answer["bars"] ?? {}, "bars")[symbol] ?? [];
          for (const row of wireArray(rows, "bars")) bars.push(readBar(row));
          const token = answer["next_page_token"];
          return nextCursor(typeof token === "string" && token !== "" ? token : null, cursor);
        });
      },
      () => bars.filter((bar) => bar.startUs >= startUs && bar.startUs < endUs),
    );
  }

  latestQuote(symbol: string): Promise<ReadOutcome<BrokerQuote | null>> {
    const crypto = symbol.includes("/");
    const path = crypto ? "/v1beta3/crypto/us/latest/quotes" : "/v2/stocks/quotes/latest";
    const { stockFeed } = this.#options;
    const feed = crypto || stockFeed === undefined ? {} : { feed: stockFeed };
    return this.#readData(path, { symbols: symbol, ...feed }, (value) => {
      const quote = wireObject(wireObject(value, "answer")["quotes"] ?? {}, "quotes")[symbol];
      return quote === undefined ? null : readQuote(quote);
    });
  }

  async submit(order: NewOrder, deadlineMs: number): Promise<SubmitOutcome> {
    const body = written(() => newOrderBody(order));
    if ("kind" in body) return body;
    const url = this.#url(this.#options.baseUrl, "/v2/orders", {});
    return this.#place(order.clientOrderId, { method: "POST", url, body: body.value, deadlineMs });
  }

  async replace(brokerOrderId: string, replacement: OrderReplacement, deadlineMs: number): Promise<SubmitOutcome> {
    const body = written(() => replacementBody(replacement));
    if ("kind" in body) return body;
    const url = this.#url(this.#options.baseUrl, `/v2/orders/${encodeURIComponent(brokerOrderId)}`, {});
    return this.#place(replacement.clientOrderId, { method: "PATCH", url, body: body.value, deadlineMs });
  }

  async #place(clientOrderId: string, call: HttpCall): Promise<SubmitOutcome> {
    const waitMs = this.#budget.take("orders");
    if (waitMs > 0) return { kind: "retry_later", afterMs: Math.ceil(waitMs) };
    const outcome = submitOutcome(clientOrderId, await this.#exchange("orders", call), this.#names);
    if (outcome.kind !== "accepted") this.#log.warn({ clientOrderId, outcome }, "order not accepted");
    return outcome;
  }

  async cancel(brokerOrderId: string): Promise<CancelOutcome> {
    return cancelOutcome(await this.#unhindered("DELETE", `/v2/orders/${encodeURIComponent(brokerOrderId)}`));
  }

  async closePosition(symbol: string, quantity: Fixed | null): Promise<CloseOutcome> {
    // Alpaca finds pairs by the name without the slash only.
    const path = `/v2/positions/${encodeURIComponent(symbol.replace("/", ""))}`;
    const query = quantity === null ? {} : { qty: formatFixed(quantity) };
    return closeOutcome(await this.#unhindered("DELETE", path, { query }), this.#names);
  }

  async cancelAll(): Promise<CancelAllOutcome> {
    return cancelAllOutcome(await this.#unhindered("DELETE", "/v2/orders"));
  }

  /** Confirmed by the answer: the setting must read back as asked. */
  async suspendTrade(suspended: boolean): Promise<CancelOutcome> {
    const outcome = await this.#unhindered("PATCH", "/v2/account/configurations", {
      body: { suspend_trade: suspended },
    });
    const result = commandOutcome(outcome);
    if (result.kind !== "requested" || outcome.kind !== "answer") return result;
    const setting = interpret(outcome, (value) => wireBoolean(wireObject(value, "configurations"), "suspend_trade"));
    if (setting.kind === "failed") return setting;
    if (setting.kind === "ok" && setting.value === suspended) return result;
    return { kind: "failed", cause: withRequestId("suspend_trade did not change", outcome) };
  }

  /** Throws `BROKER_WATCHED` when called twice without `unwatch` in between. */
  watch(handler: TradeUpdateHandler): void {
    if (this.#stream !== null) throw new CodedError("BROKER_WATCHED", "the trade-update stream is watched already");
    const { streamUrl: url, keyId, secretKey, timers, random } = this.#options;
    this.#stream = new TradeStream(
      {
        url,
        keyId,
        secretKey,
        names: this.#names,
        log: this.#log,
        ...(timers === undefined ? {} : { timers }),
        ...(random === undefined ? {} : { random }),
      },
      handler,
    );
    this.#stream.start();
  }

  async unwatch(): Promise<void> {
    const stream = this.#stream;
    this.#stream = null;
    await stream?.close();
  }

  async close(): Promise<void> {
    await this.unwatch();
    this.#http.close();
  }

  #url(base: string, path: string, query: Readonly<Record<string, string>>): URL {
    const url = new URL(`${base.replace(/\/+$/, "")}${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  /** Cancels and the kill switch: counted, never delayed. */
  #unhindered(
    method: "DELETE" | "PATCH",
    path: string,
    parts: { readonly query?: Readonly<Record<string, string>>; readonly body?: object } = {},
  ): Promise<HttpOutcome> {
    this.#budget.force("cancels");
    return this.#exchange("cancels", {
      method,
      url: this.#url(this.#options.baseUrl, path, parts.query ?? {}),
      deadlineMs: this.#options.cancelDeadlineMs ?? 4000,
      ...(parts.body === undefined ? {} : { body: parts.body }),
    });
  }

  /** Every exchange: the venue's count goes into the budget, a failure with its request's id into the log. */
  async #exchange(share: BudgetShare, call: HttpCall): Promise<HttpOutcome> {
    const outcome = await this.#http.exchange(call);
    const request = `${call.method} ${call.url.pathname}`;
    if (outcome.kind === "failed") {
      this.#log.warn({ request, cause: outcome.cause, sent: outcome.sent }, "no answer from the broker");
      return outcome;
    }
    if (outcome.count !== null) this.#budget.observe(share, outcome.count);
    if (outcome.status === 429) this.#budget.exhausted(share, outcome.retryAfterMs ?? BUSY_PAUSE_MS);
    if (outcome.status === 429 || outcome.status >= 500) {
      this.#log.warn({ request, status: outcome.status, requestId: outcome.requestId }, "the broker failed a request");
    }
    return outcome;
  }

  #read<T>(
    path: string,
    query: Readonly<Record<string, string>>,
    reader: (value: unknown) => T,
  ): Promise<ReadOutcome<T>> {
    return this.#get("queries", this.#url(this.#options.baseUrl, path, query), reader);
  }

  #readData<T>(
    path: string,
    query: Readonly<Record<string, string>>,
    reader: (value: unknown) => T,
  ): Promise<ReadOutcome<T>> {
    return this.#get("data", this.#url(this.#options.dataUrl, path, query), reader);
  }

  async #get<T>(share: BudgetShare, url: URL, reader: (value: unknown) => T): Promise<ReadOutcome<T>> {
    const deadlineMs = this.#options.readDeadlineMs ?? 5000;
    if (!(await this.#budget.wait(share, deadlineMs))) {
      return { kind: "failed", cause: `the message budget for ${share} is used up` };
    }
    return readOutcome(await this.#exchange(share, { method: "GET", url, deadlineMs }), reader);
  }

  /** Runs `page` with the cursor it returned last until it returns null; `collect` makes the value. */
  async #pages<T>(
    page: (cursor: string | null) => Promise<ReadOutcome<string | null>>,
    collect: () => T,
  ): Promise<ReadOutcome<T>> {
    let cursor: string | null = null;
    for (let count = 0; count < MAX_PAGES; count++) {
      const outcome: ReadOutcome<string | null> = await page(cursor);
      if (outcome.kind !== "ok") return outcome;
      if (outcome.value === null) return { kind: "ok", value: collect() };
      cursor = outcome.value;
    }
    return { kind: "failed", cause: `more than ${MAX_PAGES} pages` };
  }

  /** Takes a page's rows in; a row that cannot be read fails the whole read, for half a list is no list. */
  #page<T>(outcome: ReadOutcome<T>, take: (value: T) => string | null): ReadOutcome<string | null> {
    if (outcome.kind !== "ok") return outcome;
    try {
      return { kind: "ok", value: take(outcome.value) };
    } catch (error) {
      return { kind: "failed", cause: `unreadable answer: ${(error as Error).message}` };
    }
  }
}

function keep(orders: Map<string, BrokerOrder>, order: BrokerOrder): void {
  orders.set(order.id, order);
}

/** The next page's cursor; a full page that ends where the one before ended is no progress and no complete list. */
function nextCursor(next: string | null, current: string | null): string | null {
  if (next !== null && next === current) throw new Error("paging does not advance");
  return next;
}

/** The request's body, or the refusal of an order that cannot be written. */
function written(
  body: () => object,
): { readonly value: object } | Extract<SubmitOutcome, { readonly kind: "rejected" }> {
  try {
    return { value: body() };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { kind: "rejected", code: error.code, message: error.message };
  }
}

/** Alpaca's name of an interval: minutes up to 59, whole hours up to 23, one day; null for anything else. */
function timeframeOf(intervalSeconds: number): string | null {
  const minutes = intervalSeconds / 60;
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= 59) return `${minutes}Min`;
  const hours = minutes / 60;
  if (Number.isInteger(hours) && hours >= 1 && hours <= 23) return `${hours}Hour`;
  return intervalSeconds === 86_400 ? "1Day" : null;
}
