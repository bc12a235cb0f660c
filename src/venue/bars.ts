/**
 * Bars as market data: the points of a bar that orders see, and when. Time stays at a bar's last microsecond, because other
 * instruments may have bars that end with it, and orders for the day that end then.
 */
import { nextPoint } from "./bar-walk.ts";
import type { VenueMarket } from "./market.ts";
import { barCorners } from "./models/bar-fill.ts";
import type { MarketCause, VenueBar } from "./models/contract.ts";
import { match } from "./order-life.ts";
import { advance } from "./schedule.ts";
import { triggerStops } from "./triggers.ts";
import type { VenueState } from "./venue-state.ts";

export function playBarOpen(state: VenueState, market: VenueMarket, price: number, timeUs: number): void {
  advance(state, timeUs);
  market.barOpenUs = timeUs;
  market.timeUs = timeUs;
  visit(state, market, price, "bar_open");
}

export function playBar(state: VenueState, market: VenueMarket, bar: VenueBar): void {
  advance(state, bar.startUs);
  const [open, ...corners] = barCorners(bar);
  if (market.barOpenUs !== bar.startUs) visit(state, market, open, "bar_open");
  advance(state, bar.endUs - 1);
  market.timeUs = bar.endUs - 1;
  market.bar = bar;
  market.last = open;
  if (state.models.fill.causes.has("bar_path")) for (const corner of corners) walk(state, market, corner, bar);
  visit(state, market, bar.close, "bar_close");
}

function walk(state: VenueState, market: VenueMarket, corner: number, bar: VenueBar): void {
  while (market.last !== corner) {
    visit(state, market, nextPoint(market.last, corner, market.open, bar.halfSpread), "bar_path");
  }
}

function visit(state: VenueState, market: VenueMarket, price: number, cause: MarketCause): void {
  market.seeTrade(price, state.timeUs);
  if (market.open.length === 0) return;
  triggerStops(state, market, price);
  match(state, market, cause);
}
