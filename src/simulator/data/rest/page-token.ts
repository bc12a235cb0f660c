/** The token that says where the next page begins: opaque to clients, `symbol|time|skip` to us. Pure. */
import { parseTimeUs } from "../../wire-time.ts";
import { rfc3339Nano } from "../message/wire-timestamp.ts";
import { badRequest } from "./data-query.ts";

export interface PagePlace {
  readonly symbol: string;
  readonly timeUs: number;
  /** How many at that instant have been given. */
  readonly skip: number;
}

export function pageToken(place: PagePlace): string {
  return Buffer.from(`${place.symbol}|${rfc3339Nano(place.timeUs)}|${place.skip}`).toString("base64");
}

export function readPageToken(token: string): PagePlace {
  const [symbol = "", time = "", skip = ""] = Buffer.from(token, "base64").toString("utf8").split("|");
  const timeUs = parseTimeUs(time);
  if (symbol === "" || timeUs === null || !/^\d{1,9}$/.test(skip)) throw badRequest("invalid page_token");
  return { symbol, timeUs, skip: Number(skip) };
}
