/** Every data message of Alpaca's streams, as described for both encodings and for REST. Pure. */
import type { Instrument } from "../../../core/market/instrument.ts";
import type {
  BookTick,
  CancelErrorTick,
  CorrectionTick,
  HistoryBar,
  ImbalanceTick,
  LuldTick,
  QuoteTick,
  StatusTick,
  TradeTick,
} from "../../market-source.ts";
import { flag, float, integer, levels, type MessageShape, shape, text, texts, time } from "./message-shape.ts";
import type { NewsArticle } from "../news.ts";

/** Stands for a tape that a recording does not name: A's reading of sale conditions is the stricter one. */
const UNKNOWN_TAPE = "A";
const REGULAR_QUOTE: readonly string[] = ["R"];

interface Taped {
  readonly timeUs: number;
  readonly tape: string;
}

const stamp = time<{ readonly timeUs: number }>("t", (tick) => tick.timeUs);
const tape = text<Taped>("z", (tick) => tick.tape || UNKNOWN_TAPE);

const STOCK_QUOTE = shape<QuoteTick>("q", [
  text("bx", (quote) => quote.bidExchange),
  float("bp", (quote) => quote.bid),
  integer("bs", (quote) => quote.bidSize),
  text("ax", (quote) => quote.askExchange),
  float("ap", (quote) => quote.ask),
  integer("as", (quote) => quote.askSize),
  texts("c", () => REGULAR_QUOTE),
  tape,
  stamp,
]);

const CRYPTO_QUOTE = shape<QuoteTick>("q", [
  float("bp", (quote) => quote.bid),
  float("bs", (quote) => quote.bidSize),
  float("ap", (quote) => quote.ask),
  float("as", (quote) => quote.askSize),
  stamp,
]);

const STOCK_TRADE = shape<TradeTick>("t", [
  integer("i", (trade) => trade.tradeId),
  text("x", (trade) => trade.exchange),
  float("p", (trade) => trade.price),
  integer("s", (trade) => trade.size),
  texts("c", (trade) => trade.conditions),
  tape,
  stamp,
]);

const SELLER = 2;

const CRYPTO_TRADE = shape<TradeTick>("t", [
  float("p", (trade) => trade.price),
  float("s", (trade) => trade.size),
  stamp,
  integer("i", (trade) => trade.tradeId),
  text("tks", (trade) => (trade.aggressor === SELLER ? "S" : "B")),
]);

export type BarLetter = "b" | "u" | "d";

function bar(letter: BarLetter, volume: typeof integer<HistoryBar> | typeof float<HistoryBar>) {
  return shape<HistoryBar>(letter, [
    float("o", (source) => source.open),
    float("h", (source) => source.high),
    float("l", (source) => source.low),
    float("c", (source) => source.close),
    volume("v", (source) => source.volume),
    integer("n", (source) => source.tradeCount),
    float("vw", (source) => source.vwap),
    time("t", (source) => source.startUs),
  ]);
}

const STOCK_BARS = { b: bar("b", integer), u: bar("u", integer), d: bar("d", integer) };
const CRYPTO_BARS = { b: bar("b", float), u: bar("u", float), d: bar("d", float) };

export const STATUS = shape<StatusTick>("s", [
  text("sc", (status) => status.statusCode),
  text("sm", (status) => status.statusMessage),
  text("rc", (status) => status.reasonCode),
  text("rm", (status) => status.reasonMessage),
  stamp,
  tape,
]);

export const LULD = shape<LuldTick>("l", [
  float("u", (band) => band.limitUp),
  float("d", (band) => band.limitDown),
  text("i", (band) => band.indicator),
  stamp,
  tape,
]);

export const CORRECTION = shape<CorrectionTick>("c", [
  text("x", (tick) => tick.exchange),
  integer("oi", (tick) => tick.original.tradeId),
  float("op", (tick) => tick.original.price),
  integer("os", (tick) => tick.original.size),
  texts("oc", (tick) => tick.original.conditions),
  integer("ci", (tick) => tick.corrected.tradeId),
  float("cp", (tick) => tick.corrected.price),
  integer("cs", (tick) => tick.corrected.size),
  texts("cc", (tick) => tick.corrected.conditions),
  stamp,
  tape,
]);

export const CANCEL_ERROR = shape<CancelErrorTick>("x", [
  integer("i", (tick) => tick.tradeId),
  text("x", (tick) => tick.exchange),
  float("p", (tick) => tick.price),
  integer("s", (tick) => tick.size),
  text("a", (tick) => tick.action),
  stamp,
  tape,
]);

export const IMBALANCE = shape<ImbalanceTick>("i", [float("p", (tick) => tick.price), tape, stamp]);

/** What an order book message says: the levels that changed, or all of them. */
export type BookLevels = Pick<BookTick, "timeUs" | "bids" | "asks">;

const bids = levels<BookLevels>("b", (book) => book.bids);
const asks = levels<BookLevels>("a", (book) => book.asks);

export const BOOK_CHANGE = shape<BookLevels>("o", [stamp, bids, asks]);
/** The whole book: what was known before is void. */
export const BOOK_RESET = shape<BookLevels>("o", [stamp, bids, asks, flag("r", () => true)]);

export const NEWS = shape<NewsArticle>(
  "n",
  [
    integer("id", (article) => article.id),
    text("headline", (article) => article.headline),
    text("summary", (article) => article.summary),
    text("author", (article) => article.author),
    time("created_at", (article) => article.createdUs),
    time("updated_at", (article) => article.updatedUs),
    text("url", (article) => article.url),
    text("content", (article) => article.content),
    texts("symbols", (article) => article.symbols),
    text("source", (article) => article.source),
  ],
  false,
);

export function quoteShape(instrument: Instrument): MessageShape<QuoteTick> {
  return instrument.assetClass === "crypto" ? CRYPTO_QUOTE : STOCK_QUOTE;
}

export function tradeShape(instrument: Instrument): MessageShape<TradeTick> {
  return instrument.assetClass === "crypto" ? CRYPTO_TRADE : STOCK_TRADE;
}

export function barShape(letter: BarLetter, instrument: Instrument): MessageShape<HistoryBar> {
  return (instrument.assetClass === "crypto" ? CRYPTO_BARS : STOCK_BARS)[letter];
}
