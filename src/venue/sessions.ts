/**
 * What the day's sessions mean to an order: which phase runs, when an order may first trade and when its time is over.
 * Pure.
 *
 * New York time: pre-market 04:00–09:30, core 09:30–16:00 (13:00 on short days), post-market for four hours after the
 * core's close. A market without sessions is in its core phase always; its day orders end with the UTC day.
 */
import { type Calendar, newYorkEpochDay, newYorkTimeUs, type Session } from "../core/market/calendar.ts";
import type { VenueOrderTerms } from "./order.ts";

export type SessionPhase = "closed" | "pre" | "core" | "post";
export type Auction = "open" | "close";

/** A phase that runs in [fromUs, untilUs); a closed one may be followed by another closed one. */
export interface PhaseSpan {
  readonly phase: SessionPhase;
  readonly fromUs: number;
  readonly untilUs: number;
}

export interface OrderWindow {
  /** Waits for a session. */
  readonly queued: boolean;
  readonly activeAtUs: number;
  readonly expiresAtUs: number | null;
}

const DAY_US = 86_400_000_000;
const MINUTE_US = 60_000_000;
const POST_US = 4 * 60 * MINUTE_US;
const PRE_OPEN_MINUTE = 4 * 60;
/** Good-till-cancelled orders end at this minute of New York's day, 90 days after their creation. */
const AGE_OUT_MINUTE = 16 * 60 + 15;
const AGE_OUT_DAYS = 90;
/** How long an auction's print is waited for; then the session's first or last trade stands for it. */
const AUCTION_PATIENCE_US = 5 * MINUTE_US;
/** Auction orders are taken until so long before the auction and again from 19:00 on. */
const OPENING_CUTOFF_US = 2 * MINUTE_US;
const CLOSING_CUTOFF_US = 10 * MINUTE_US;
const AUCTION_REOPEN_MINUTE = 19 * 60;

export function phaseSpan(calendar: Calendar, timeUs: number): PhaseSpan {
  if (calendar.name === "always") {
    return { phase: "core", fromUs: Number.NEGATIVE_INFINITY, untilUs: Number.POSITIVE_INFINITY };
  }
  const day = newYorkEpochDay(timeUs);
  const session = calendar.sessionOf(day);
  const [startUs, endUs] = [newYorkTimeUs(day, 0), newYorkTimeUs(day + 1, 0)];
  if (session === null) return { phase: "closed", fromUs: startUs, untilUs: endUs };
  const preUs = newYorkTimeUs(day, PRE_OPEN_MINUTE);
  const postEndUs = session.closeUs + POST_US;
  if (timeUs < preUs) return { phase: "closed", fromUs: startUs, untilUs: preUs };
  if (timeUs < session.openUs) return { phase: "pre", fromUs: preUs, untilUs: session.openUs };
  if (timeUs < session.closeUs) return { phase: "core", fromUs: session.openUs, untilUs: session.closeUs };
  if (timeUs < postEndUs) return { phase: "post", fromUs: session.closeUs, untilUs: postEndUs };
  return { phase: "closed", fromUs: postEndUs, untilUs: endUs };
}

type TimeTerms = Pick<VenueOrderTerms, "timeInForce" | "extendedHours">;

/** When an order of this time may trade, without the venue's latency. */
export function orderWindow(terms: TimeTerms, calendar: Calendar, timeUs: number): OrderWindow {
  if (terms.timeInForce === "opg") {
    const openUs = calendar.nextOpenUs(timeUs);
    return { queued: true, activeAtUs: openUs, expiresAtUs: openUs + AUCTION_PATIENCE_US };
  }
  const start = terms.extendedHours ? extendedStart(calendar, timeUs) : coreStart(calendar, timeUs);
  return { ...start, expiresAtUs: expiryUs(terms, calendar, timeUs, start.activeAtUs) };
}

function coreStart(calendar: Calendar, timeUs: number): { queued: boolean; activeAtUs: number } {
  const queued = !calendar.isOpen(timeUs);
  return { queued, activeAtUs: queued ? calendar.nextOpenUs(timeUs) : timeUs };
}

function extendedStart(calendar: Calendar, timeUs: number): { queued: boolean; activeAtUs: number } {
  if (phaseSpan(calendar, timeUs).phase !== "closed") return { queued: false, activeAtUs: timeUs };
  for (let day = newYorkEpochDay(timeUs); ; day++) {
    const preUs = newYorkTimeUs(day, PRE_OPEN_MINUTE);
    if (preUs > timeUs && calendar.sessionOf(day) !== null) return { queued: true, activeAtUs: preUs };
  }
}

function expiryUs(terms: TimeTerms, calendar: Calendar, timeUs: number, activeAtUs: number): number | null {
  switch (terms.timeInForce) {
    case "gtc":
      return newYorkTimeUs(newYorkEpochDay(timeUs) + AGE_OUT_DAYS, AGE_OUT_MINUTE);
    case "cls":
      return sessionOf(calendar, activeAtUs).closeUs + AUCTION_PATIENCE_US;
    case "day": {
      const { closeUs } = sessionOf(calendar, activeAtUs);
      return terms.extendedHours && calendar.name !== "always" ? closeUs + POST_US : closeUs;
    }
    default:
      return null;
  }
}

/** The session of the trading date that a time lies in. */
function sessionOf(calendar: Calendar, timeUs: number): Session {
  const day = calendar.name === "always" ? Math.floor(timeUs / DAY_US) : newYorkEpochDay(timeUs);
  return calendar.sessionOf(day) as Session;
}

/** Whether an order for an auction may be sent now: not from just before the auction until the evening. */
export function auctionOrderAccepted(timeInForce: "opg" | "cls", calendar: Calendar, timeUs: number): boolean {
  const day = newYorkEpochDay(timeUs);
  const session = calendar.sessionOf(day);
  if (session === null) return true;
  const cutoffUs = timeInForce === "opg" ? session.openUs - OPENING_CUTOFF_US : session.closeUs - CLOSING_CUTOFF_US;
  return timeUs < cutoffUs || timeUs >= newYorkTimeUs(day, AUCTION_REOPEN_MINUTE);
}
