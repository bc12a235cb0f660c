/**
 * The wire shapes of the REST face as JSON Schema: what requests may carry (nothing else is let in) and what answers look
 * like (documentation, held against the real answers by tests). Mirrors the views of `bot-port.ts`.
 */
import { Type as T, type TSchema } from "typebox";

const strict = { additionalProperties: false } as const;
/** Decimals travel as strings: a JSON number would be a float. */
const Decimal = T.String({ pattern: "^-?\\d+(\\.\\d+)?$", examples: ["12.5"] });
const Time = T.Integer({ description: "Epoch milliseconds" });
const orNull = <S extends TSchema>(schema: S) => T.Union([schema, T.Null()]);

export const Symbol = T.String({ pattern: "^[A-Z0-9./-]{1,21}$", examples: ["AAPL", "BTC/USD"] });
const PositiveDecimal = (description: string) =>
  T.String({ pattern: "^\\d{1,9}(\\.\\d{1,9})?$", description, examples: ["10", "0.25"] });

export const Problem = T.Object(
  {
    type: T.String(),
    title: T.String(),
    status: T.Integer(),
    detail: T.String(),
    code: T.String({ description: "Stable; programs match on it" }),
    field: T.Optional(T.String({ description: "The input to blame" })),
    errors: T.Optional(T.Array(T.Object({ field: T.String(), code: T.String(), message: T.String() }, strict))),
  },
  { ...strict, title: "Problem", description: "RFC 9457 problem document" },
);

const PartState = T.Enum(["ok", "degraded", "failed"]);
export const Health = T.Object(
  {
    ok: T.Boolean(),
    state: T.Enum(["ok", "degraded", "failed", "starting", "draining"]),
    parts: T.Array(
      T.Object(
        {
          name: T.String(),
          ok: T.Boolean(),
          state: PartState,
          detail: T.Optional(T.String({ description: "Left out for callers without a key where reads need one" })),
        },
        strict,
      ),
    ),
  },
  { ...strict, title: "Health" },
);

const ListPosition = T.Optional(T.Integer({ description: "Place in the list that it was read from" }));
export const Order = T.Object(
  {
    position: ListPosition,
    client_order_id: T.String(),
    broker_order_id: orNull(T.String()),
    instance: T.String(),
    symbol: T.String(),
    side: T.String(),
    type: T.String(),
    time_in_force: T.String(),
    quantity: Decimal,
    limit_price: orNull(Decimal),
    stop_price: orNull(Decimal),
    trail_price: orNull(Decimal),
    trail_percent: orNull(Decimal),
    extended_hours: T.Boolean(),
    order_class: T.String({ examples: ["simple", "bracket"] }),
    parent_id: orNull(T.String({ description: "Of an exit: the order that it belongs to" })),
    replaces: orNull(T.String({ description: "The order whose place it takes" })),
    state: T.String(),
    cancel_requested: T.Boolean(),
    filled_quantity: Decimal,
    filled_average_price: orNull(Decimal),
    reason: T.String(),
    reject_code: orNull(T.String()),
    reject_message: orNull(T.String()),
    created_at: Time,
    updated_at: Time,
  },
  { ...strict, title: "Order" },
);

const TIMES_IN_FORCE = T.Enum(["day", "gtc", "ioc", "fok", "opg", "cls"]);
const Price = T.Optional(PositiveDecimal("Above zero; required by some types and refused by the others"));

export const NewOrder = T.Object(
  {
    symbol: Symbol,
    side: T.Enum(["buy", "sell"]),
    type: T.Enum(["market", "limit", "stop", "stop_limit", "trailing_stop"]),
    time_in_force: T.Optional(TIMES_IN_FORCE),
    quantity: PositiveDecimal("Shares or coins, above zero"),
    limit_price: T.Optional(
      PositiveDecimal("Required for limit and stop_limit, refused for others; of an OCO its take-profit"),
    ),
    stop_price: Price,
    trail_price: Price,
    trail_percent: Price,
    extended_hours: T.Optional(T.Boolean({ description: "Limit orders for the day only; without it: no" })),
    order_class: T.Optional(T.Enum(["simple", "bracket", "oco", "oto"], { default: "simple" })),
    take_profit: T.Optional(T.Object({ limit_price: PositiveDecimal("Of a bracket or OTO") }, strict)),
    stop_loss: T.Optional(
      T.Object(
        { stop_price: PositiveDecimal("Above zero"), limit_price: Price },
        { ...strict, description: "An exit" },
      ),
    ),
  },
  { ...strict, title: "NewOrder", description: "Without time_in_force: day" },
);

export const OrderChange = T.Object(
  {
    quantity: T.Optional(PositiveDecimal("The total, what has been filled included")),
    limit_price: Price,
    stop_price: Price,
    trail: T.Optional(PositiveDecimal("Price or percent, whichever the order has")),
    time_in_force: T.Optional(TIMES_IN_FORCE),
  },
  { ...strict, title: "OrderChange", minProperties: 1 },
);

/** Checked by the route itself, which has codes of its own for it; here so that it is described. */
export const IdempotencyHeaders = T.Object({ "idempotency-key": T.String({ description: "1 to 64 characters" }) });

export const Trade = T.Object(
  {
    position: ListPosition,
    execution_id: T.String(),
    client_order_id: T.String(),
    instance: T.String(),
    symbol: T.String(),
    side: T.String(),
    quantity: Decimal,
    price: Decimal,
    fee: Decimal,
    realised: Decimal,
    slippage_bps: orNull(T.Number()),
    venue_time: Time,
  },
  { ...strict, title: "Trade" },
);

export const Position = T.Object(
  {
    instance: T.String(),
    symbol: T.String(),
    quantity: Decimal,
    average_entry_price: orNull(Decimal),
    mark_price: orNull(Decimal),
    market_value: orNull(Decimal),
    unrealised: orNull(Decimal),
    realised: Decimal,
    fees: Decimal,
  },
  { ...strict, title: "Position" },
);

export const Account = T.Object(
  {
    book_id: T.String(),
    broker_account_id: T.String(),
    mode: T.String({ examples: ["simulated", "paper", "live"] }),
    cash: Decimal,
    equity: orNull(Decimal),
    broker_cash: orNull(Decimal),
    broker_equity: orNull(Decimal),
    buying_power: orNull(Decimal),
    venue_time: orNull(Time),
  },
  { ...strict, title: "Account" },
);

const TradingState = T.Enum(["active", "reducing", "halted"]);
export const Strategy = T.Object(
  {
    id: T.String(),
    strategy: T.String(),
    version: T.Integer(),
    instruments: T.Array(T.String()),
    parameters: T.Record(T.String(), T.Union([T.Number(), T.String(), T.Boolean()])),
    capital: Decimal,
    worker: orNull(T.Integer()),
    state: T.Enum(["warming_up", "running", "stopped", "standby"]),
    trading_state: TradingState,
    realised: Decimal,
    unrealised: orNull(Decimal),
    intents: orNull(T.Integer({ description: "null: this replica does not hear of the one that trades" })),
    refusals: orNull(T.Integer()),
  },
  { ...strict, title: "Strategy" },
);

export const Signal = T.Object(
  {
    id: T.Integer(),
    instance: T.String(),
    symbol: T.String(),
    target: T.String(),
    reason: T.String(),
    value: T.Number(),
    venue_time: Time,
    outcome: T.String({ description: "committed, duplicate or the code of the refusal" }),
  },
  { ...strict, title: "Signal" },
);

export const Bar = T.Object(
  {
    symbol: T.String(),
    start: Time,
    interval_seconds: T.Integer(),
    open: T.Number(),
    high: T.Number(),
    low: T.Number(),
    close: T.Number(),
    volume: T.Number(),
  },
  { ...strict, title: "Bar" },
);

export const Pnl = T.Object(
  {
    realised: Decimal,
    unrealised: orNull(Decimal),
    fees: Decimal,
    total: orNull(Decimal),
    win_rate: orNull(T.Number({ description: "Percent of closed round trips with a profit, 0 to 100" })),
    round_trips: T.Integer(),
    drawdown: orNull(Decimal),
    average_slippage_bps: orNull(T.Number()),
    equity: T.Array(T.Object({ time: Time, equity: Decimal }, strict)),
  },
  { ...strict, title: "Pnl" },
);

export const Risk = T.Object(
  {
    states: T.Array(T.Object({ scope: T.String(), state: TradingState }, strict)),
    limits: T.Record(T.String(), T.Union([T.String(), T.Number()])),
    refusals: orNull(
      T.Record(T.String(), T.Integer(), { description: "null: this replica does not hear of the one that trades" }),
    ),
    owner: T.Boolean({ description: "This process holds the lease and trades" }),
    lease_owner: orNull(T.String({ description: "Name of the replica that trades" })),
  },
  { ...strict, title: "Risk" },
);

export const Kill = T.Object(
  {
    state: TradingState,
    cancel_requested: T.Integer(),
    journalled: T.Boolean(),
    broker_suspended: T.Boolean(),
    broker_cancelled: T.Boolean(),
  },
  { ...strict, title: "Kill" },
);

export const CancelAll = T.Object({ cancel_requested: T.Integer() }, { ...strict, title: "CancelAll" });
export const Reason = T.Object({ reason: T.String({ minLength: 1, maxLength: 500 }) }, { ...strict, title: "Reason" });
export const Resume = T.Object(
  {
    reason: T.String({ minLength: 1, maxLength: 500 }),
    scope: T.Optional(
      T.Union([T.Literal("account"), T.TemplateLiteral("symbol:${string}")], {
        description: "What to lift: the account's halt (by default), or `symbol:` and a symbol whose books differed.",
      }),
    ),
  },
  { ...strict, title: "Resume" },
);
export const Id = T.Object({ id: T.String({ pattern: "^[A-Za-z0-9._:-]{1,128}$" }) }, strict);
export const PageConfig = T.Object(
  {
    ws_port: T.Integer(),
    key_for_reads: T.Boolean({ description: "Reads and the stream need a key" }),
  },
  { ...strict, title: "PageConfig" },
);

const paging = {
  limit: T.Optional(T.Integer({ minimum: 1, maximum: 500, default: 100, description: "Rows at most; 100 without it" })),
  before: T.Optional(T.Integer({ minimum: 0, description: "`next_before` of the page before" })),
};
export const PageQuery = T.Object(paging, strict);
export const OrdersQuery = T.Object(
  { ...paging, state: T.Optional(T.Enum(["open", "closed", "all"], { default: "all" })), symbol: T.Optional(Symbol) },
  strict,
);
export const TradesQuery = T.Object({ ...paging, symbol: T.Optional(Symbol) }, strict);
export const BarsQuery = T.Object({ ...paging, symbol: Symbol }, strict);
export const EmptyQuery = T.Object({}, strict);

/** Rows, newest first, and where the next page starts. */
export const listOf = <S extends TSchema>(item: S) =>
  T.Object({ items: T.Array(item), next_before: orNull(T.Integer({ description: "null: no more rows" })) }, strict);
