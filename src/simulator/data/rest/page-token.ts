/** The token that says where the next page begins: opaque to clients, `symbol|time|skip` to us. Pure. */
import { parseTimeUs } from "../../wire-time.ts";
import { rfc3339Nano } from "../message/wire-timestamp.ts";
import { badRequest, type TimeRange } from "./data-query.ts";

/** Pages of days go on at a day's beginning, which may be before the range's. */
const DAY_US = 86_400_000_000;

export interface PagePlace {
  readonly symbol: string;
  readonly timeUs: number;
  /** How many at that instant have been given. */
  readonly skip: number;
}

export function pageToken(place: PagePlace): string {
  return Buffer.from(`${place.symbol}|${rfc3339Nano(place.timeUs)}|${place.skip}`).toString("base64");
}

/** The range must be the one that the token was given for. */
export function readPageToken(token: string, range: TimeRange): PagePlace {
  const [symbol = "", time = "", skip = ""] = Buffer.from(token, "base64").toString("utf8").split("|");
  const timeUs = parseTimeUs(time);
  const isSound = symbol !== "" && /^\d{1,9}$/.test(skip) && timeUs !== null;
  if (!isSound || timeUs < range.startUs - DAY_US || timeUs > range.endUs) throw badRequest("invalid page_token");
  return { symbol, timeUs, skip: Number(skip) };
}
