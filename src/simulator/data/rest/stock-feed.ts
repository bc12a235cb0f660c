/** Which stock feed a request reads, and how far up to the present the plan lets it. Pure. */
import { WireError } from "../../wire-error.ts";
import { type DataPlan, PLAN_LIMITS, SIP_DELAY_US } from "../plan.ts";
import { isOvernight } from "../stream/endpoint.ts";
import { badRequest, type Query } from "./data-query.ts";

export interface StockFeed {
  /** What happened later is not shown. */
  readonly untilUs: number;
  readonly shows: (timeUs: number) => boolean;
}

const HISTORICAL = ["sip", "iex", "boats", "otc"] as const;
const LATEST = [...HISTORICAL, "delayed_sip", "overnight"] as const;

type FeedName = (typeof LATEST)[number];

const RECENT_SIP = "subscription does not permit querying recent SIP data";

/** `endUs` null when the request names none. */
export function historicalFeed(query: Query, plan: DataPlan, nowUs: number, endUs: number | null): StockFeed {
  const isRealTime = PLAN_LIMITS[plan].realTimeSip;
  const lastSipUs = isRealTime ? nowUs : nowUs - SIP_DELAY_US;
  const isRecent = endUs !== null && endUs > lastSipUs;
  const name = feedName(query, HISTORICAL) ?? (isRecent && !isRealTime ? "iex" : "sip");
  if (name !== "sip") return feed(name, nowUs);
  if (isRecent && !isRealTime) throw new WireError(403, null, RECENT_SIP);
  return feed(name, lastSipUs);
}

export function latestFeed(query: Query, plan: DataPlan, nowUs: number): StockFeed {
  const isRealTime = PLAN_LIMITS[plan].realTimeSip;
  const name = feedName(query, LATEST) ?? (isRealTime ? "sip" : "iex");
  if (name === "sip" && !isRealTime) throw new WireError(403, null, RECENT_SIP);
  return feed(name, name === "delayed_sip" ? nowUs - SIP_DELAY_US : nowUs);
}

function feedName(query: Query, allowed: readonly FeedName[]): FeedName | null {
  const text = query["feed"];
  if (text === undefined) return null;
  const name = allowed.find((each) => each === text);
  if (name === undefined) throw badRequest(`invalid feed: ${text}`);
  return name;
}

/** One simulated market is behind all of them; nothing trades over the counter. */
function feed(name: FeedName, untilUs: number): StockFeed {
  if (name === "otc") return { untilUs, shows: () => false };
  if (name === "boats" || name === "overnight") return { untilUs, shows: isOvernight };
  return { untilUs, shows: () => true };
}
