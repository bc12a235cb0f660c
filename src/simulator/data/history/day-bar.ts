/** The bar of a day out of its minutes. Pure. */
import { calendarOf, type Session } from "../../../core/market/calendar.ts";
import type { Instrument } from "../../../core/market/instrument.ts";
import type { HistoryBar } from "../../market-source.ts";
import { BarJoin } from "./bar-join.ts";
import { dayClockOf } from "./timeframe.ts";

/** Its price is made in the session, its volume by all of the day; null when nothing traded in the session. */
export function dayBar(instrument: Instrument, startUs: number, minutes: readonly HistoryBar[]): HistoryBar | null {
  const isAlwaysOpen = instrument.calendar === "always";
  const session = calendarOf(instrument.calendar).sessionOf(dayClockOf(instrument).dayOf(startUs));
  const join = new BarJoin(startUs);
  for (const minute of minutes) join.add(minute, isAlwaysOpen || (session !== null && isWithin(minute, session)));
  return join.take();
}

/** The closing auction prints in the minute that begins at the close. */
function isWithin(minute: HistoryBar, session: Session): boolean {
  return minute.startUs >= session.openUs && minute.startUs <= session.closeUs;
}
