/** A venue with one always-open share, and what the tests of the models ask of it. */
import assert from "node:assert/strict";
import { formatFixed, parseFixed } from "../../../src/core/fixed.ts";
import { equity } from "../../../src/core/market/instrument.ts";
import type { VenueBar } from "../../../src/venue/models/contract.ts";
import { type NewVenueOrder, PLAIN_ORDER, type VenueEvent } from "../../../src/venue/order.ts";
import { Venue, type VenueOptions } from "../../../src/venue/venue.ts";

export const fixed = (text: string) => parseFixed(text, "test");

export const START_US = Date.parse("2024-03-04T15:00:00Z") * 1000;
export const MINUTE_US = 60_000_000;

/** It has traded at 10 before the test. */
export function venueWith(options: Partial<VenueOptions>): Venue {
  const venue = new Venue({
    instruments: [equity(0, "ABC", { calendar: "always" })],
    startingCash: fixed("1000000"),
    seed: "models",
    ...options,
  });
  venue.onTrade(0, 10, START_US - 1);
  return venue;
}

let ids = 0;

/** `buy 100` or `sell 100 10.50`; good till cancelled. */
export function order(text: string, overrides: Partial<NewVenueOrder> = {}): NewVenueOrder {
  const [side, quantity, price] = text.split(" ") as ["buy" | "sell", string, string?];
  return {
    ...PLAIN_ORDER,
    clientOrderId: `model-${++ids}`,
    symbol: "ABC",
    side,
    type: price === undefined ? "market" : "limit",
    timeInForce: "gtc",
    quantity: fixed(quantity),
    limitPrice: price === undefined ? null : fixed(price),
    ...overrides,
  };
}

/** Submits and returns what happened at once. */
export function submit(venue: Venue, request: NewVenueOrder, timeUs: number): readonly VenueEvent[] {
  const result = venue.submit(request, timeUs);
  assert.ok(result.ok, result.ok ? "" : result.refusal.message);
  return result.events;
}

/** `open high low close volume`, the `minute`th minute of the test. */
export function bar(minute: number, text: string, halfSpread = 0): VenueBar {
  const [open, high, low, close, volume] = text.split(" ").map(Number) as [number, number, number, number, number?];
  const startUs = START_US + minute * MINUTE_US;
  return { startUs, endUs: startUs + MINUTE_US, open, high, low, close, volume: volume ?? 0, halfSpread };
}

/** `100 @ 10.5` for each fill. */
export function fills(events: readonly VenueEvent[]): string[] {
  return events.flatMap(({ execution }) =>
    execution === null ? [] : [`${formatFixed(execution.quantity)} @ ${formatFixed(execution.price)}`],
  );
}
