/** What the venue's tests share: a venue of a few instruments, orders in words, and what came of them. */
import assert from "node:assert/strict";
import { formatFixed, parseFixed } from "../../src/core/fixed.ts";
import { cryptoPair, equity, type Instrument } from "../../src/core/market/instrument.ts";
import {
  type NewVenueOrder,
  PLAIN_ORDER,
  type Refused,
  type VenueEvent,
  type VenueOrder,
  type VenueRefusal,
} from "../../src/venue/order.ts";
import { Venue, type VenueOptions } from "../../src/venue/venue.ts";

export const fixed = (text: string) => parseFixed(text, "test");
export const us = (text: string) => Date.parse(text) * 1000;

/** A Tuesday in winter: New York is five hours behind UTC. */
export const OPEN_US = us("2018-01-02T14:30:00Z");
export const CLOSE_US = us("2018-01-02T21:00:00Z");
export const NOON_US = us("2018-01-02T17:00:00Z");

export const INSTRUMENTS: readonly Instrument[] = [
  equity(0, "XXX"),
  equity(1, "OPEN", { calendar: "always" }),
  equity(2, "HARD", { calendar: "always", shortable: false }),
  cryptoPair(3, "BTC/USD"),
  equity(4, "PART", { calendar: "always", fractionable: true }),
];

/** Indexes of the instruments. */
export const [XXX, OPEN, HARD, BTC, PART] = [0, 1, 2, 3, 4] as const;

export function venueWith(options: Partial<VenueOptions> = {}): Venue {
  return new Venue({ instruments: INSTRUMENTS, startingCash: fixed("100000"), seed: "test", ...options });
}

let ids = 0;

/** `buy 10 OPEN` is a market order, `buy 10 OPEN 99.5` a limit order; for the day, crypto good till cancelled. */
export function request(text: string, overrides: Partial<NewVenueOrder> = {}): NewVenueOrder {
  const [side, quantity, symbol, price] = text.split(" ") as ["buy" | "sell", string, string, string?];
  return {
    ...PLAIN_ORDER,
    clientOrderId: `id-${++ids}`,
    symbol,
    side,
    type: price === undefined ? "market" : "limit",
    timeInForce: symbol.includes("/") ? "gtc" : "day",
    quantity: fixed(quantity),
    limitPrice: price === undefined ? null : fixed(price),
    ...overrides,
  };
}

export function kinds(events: readonly VenueEvent[]): string {
  return events.map((event) => event.kind).join(" ");
}

/** Each event with what it is about: `new entry`, `canceled stop_loss`. */
export function story(events: readonly VenueEvent[]): string[] {
  return events.map(({ kind, order }) => `${kind} ${order.role}`);
}

export function accepted<T extends { readonly ok: boolean }>(result: T): Extract<T, { ok: true }> {
  assert.ok(
    result.ok,
    JSON.stringify(result, (_key, value) => (typeof value === "bigint" ? String(value) : value)),
  );
  return result as Extract<T, { ok: true }>;
}

export function refused(result: { readonly ok: true } | Refused): VenueRefusal {
  assert.ok(!result.ok, "was accepted");
  return result.refusal;
}

/** Status, code and message of a refusal. */
export function words(result: { readonly ok: true } | Refused): [number, number, string] {
  const { status, code, message } = refused(result);
  return [status, code, message];
}

export function statusOf(venue: Venue, id: string | undefined): string {
  return (venue.order(id ?? "") as VenueOrder).status;
}

export function cashOf(venue: Venue): string {
  return formatFixed(venue.cash);
}

/** Buys at the ask of a quote that it sets. */
export function hold(venue: Venue, quantity: string, index: number = OPEN, timeUs = NOON_US): void {
  venue.onQuote(index, 99.99, 100, timeUs);
  venue.onTrade(index, 100, timeUs);
  accepted(venue.submit(request(`buy ${quantity} ${INSTRUMENTS[index]?.symbol}`), timeUs));
}
