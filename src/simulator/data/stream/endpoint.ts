/** The paths of the market-data stream: what each one shows and which channels it has. Pure. */
import { newYorkHoursBehind } from "../../../core/market/calendar.ts";
import { type DataPlan, PLAN_LIMITS } from "../plan.ts";

export const STOCK_CHANNELS = [
  "trades",
  "quotes",
  "bars",
  "updatedBars",
  "dailyBars",
  "statuses",
  "lulds",
  "corrections",
  "cancelErrors",
  "imbalances",
] as const;
export const CRYPTO_CHANNELS = ["trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars"] as const;
export const OPTION_CHANNELS = ["trades", "quotes"] as const;
export const NEWS_CHANNELS = ["news"] as const;

export type DataChannel =
  | (typeof STOCK_CHANNELS)[number]
  | (typeof CRYPTO_CHANNELS)[number]
  | (typeof NEWS_CHANNELS)[number];

/** Which market the messages of an endpoint come from. */
export type FeedSource =
  /** The simulated stock market. */
  | "stocks"
  /** The same, fifteen minutes later. */
  | "delayed"
  | "crypto"
  /** The market of `FAKEPACA`, always on. */
  | "test"
  | "news"
  /** Options are not simulated: nothing ever comes. */
  | "options";

/** Those of the simulated market: the test stream has one of its own, and news is none. */
export const MARKET_SOURCES: readonly FeedSource[] = ["stocks", "crypto", "delayed"];

export interface DataEndpoint {
  readonly path: string;
  readonly source: FeedSource;
  readonly channels: readonly DataChannel[];
  /** Shows the session from 20:00 to 04:00 New York time only. */
  readonly overnightOnly: boolean;
  /** Serves clients that have paid for it only. */
  readonly paid: boolean;
}

const STOCK = { channels: STOCK_CHANNELS, overnightOnly: false, paid: false };
const CRYPTO = { source: "crypto", channels: CRYPTO_CHANNELS, overnightOnly: false, paid: false } as const;
const OPTION = { source: "options", channels: OPTION_CHANNELS, overnightOnly: false } as const;

const ENDPOINTS: readonly DataEndpoint[] = [
  { path: "/v2/sip", source: "stocks", ...STOCK, paid: true },
  { path: "/v2/iex", source: "stocks", ...STOCK },
  { path: "/v2/delayed_sip", source: "delayed", ...STOCK },
  { path: "/v2/test", source: "test", ...STOCK },
  { path: "/v1beta1/boats", source: "stocks", ...STOCK, overnightOnly: true, paid: true },
  { path: "/v1beta1/overnight", source: "stocks", ...STOCK, overnightOnly: true },
  ...["us", "us-1", "us-2", "eu-1", "bs-1"].map((place) => ({ path: `/v1beta3/crypto/${place}`, ...CRYPTO })),
  // The path that older clients still ask for.
  { path: "/v1beta2/crypto", ...CRYPTO },
  { path: "/v1beta1/news", source: "news", channels: NEWS_CHANNELS, overnightOnly: false, paid: false },
  { path: "/v1beta1/indicative", ...OPTION, paid: false },
  { path: "/v1beta1/opra", ...OPTION, paid: true },
];

const BY_PATH = new Map(ENDPOINTS.map((endpoint) => [endpoint.path, endpoint]));

/** Undefined for a path that is none of Alpaca's. */
export function dataEndpoint(path: string): DataEndpoint | undefined {
  return BY_PATH.get(path);
}

export function isInPlan(endpoint: DataEndpoint, plan: DataPlan): boolean {
  return !endpoint.paid || PLAN_LIMITS[plan].realTimeSip;
}

const HOUR_US = 3_600_000_000;
const OVERNIGHT_FROM_HOUR = 20;
const OVERNIGHT_TO_HOUR = 4;

/** From 20:00 to 04:00 by New York's clock. */
export function isOvernight(timeUs: number): boolean {
  const hour = Math.floor((timeUs / HOUR_US - newYorkHoursBehind(timeUs)) % 24);
  return hour >= OVERNIGHT_FROM_HOUR || hour < OVERNIGHT_TO_HOUR;
}
