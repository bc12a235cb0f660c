/** What a tick means to the venue: to one that trades on it, and to one that only catches up with an earlier life. Pure. */
import { FLAG_CLOSING, FLAG_NOT_VOLUME, FLAG_OPENING, FLAG_OUT_OF_SEQUENCE } from "../core/market/record.ts";
import { saleConditionFlagsOf, type Tape } from "../core/market/sale-condition.ts";
import type { MarketObservation } from "../venue/market.ts";
import type { VenueBar } from "../venue/models/contract.ts";
import type { VenueEvent } from "../venue/order.ts";
import type { Auction } from "../venue/sessions.ts";
import type { Venue } from "../venue/venue.ts";
import type { BarTick, MarketTick, TradeTick } from "./market-source.ts";

/** Lets the venue trade on a tick; corporate actions are the exchange's. */
export function playTick(venue: Venue, tick: MarketTick): readonly VenueEvent[] {
  const { index, timeUs } = tick;
  switch (tick.kind) {
    case "quote":
      return venue.onQuote(index, tick.bid, tick.ask, timeUs, tick.bidSize, tick.askSize);
    case "trade": {
      const flags = flagsOf(tick);
      if (!isCurrent(flags)) return venue.onTime(timeUs);
      return venue.onTrade(index, tick.price, timeUs, tick.size, tick.aggressor, auctionOf(flags));
    }
    case "status":
      return venue.onHalt(index, tick.halted, timeUs);
    case "book":
      return venue.onDepth(index, tick, timeUs);
    case "barOpen":
      return venue.onBarOpen(index, tick.price, timeUs);
    case "bar":
      return venue.onBar(index, venueBar(tick));
    default:
      return venue.onTime(timeUs);
  }
}

/** Shows the venue a tick of an earlier life, without trading on it. */
export function observeTick(venue: Venue, tick: MarketTick): void {
  if (tick.kind === "split") return venue.observeSplit(tick.index, tick);
  const seen = observationOf(tick);
  if (seen !== null) venue.observe(tick.index, seen, tick.timeUs);
}

function observationOf(tick: MarketTick): MarketObservation | null {
  switch (tick.kind) {
    case "quote": {
      const { bid, bidSize, ask, askSize } = tick;
      return { bid, bidSize, ask, askSize };
    }
    case "trade":
      return isCurrent(flagsOf(tick)) ? { last: tick.price } : null;
    case "status":
      return { halted: tick.halted };
    case "book":
      return { depth: tick };
    case "barOpen":
      return { last: tick.price, barOpenUs: tick.timeUs };
    case "bar":
      return { last: tick.bar.close, bar: venueBar(tick) };
    default:
      return null;
  }
}

function flagsOf(trade: TradeTick): number {
  return saleConditionFlagsOf(trade.conditions, trade.tape as Tape);
}

/** A late print, and an official price that is told only, say nothing of what can be traded now. */
function isCurrent(flags: number): boolean {
  return (flags & (FLAG_OUT_OF_SEQUENCE | FLAG_NOT_VOLUME)) === 0;
}

function auctionOf(flags: number): Auction | null {
  if ((flags & FLAG_OPENING) !== 0) return "open";
  return (flags & FLAG_CLOSING) !== 0 ? "close" : null;
}

function venueBar({ bar, openUs, timeUs, halfSpread }: BarTick): VenueBar {
  const { open, high, low, close, volume } = bar;
  return { startUs: openUs, endUs: timeUs, open, high, low, close, volume, halfSpread };
}
