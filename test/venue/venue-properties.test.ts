import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseFixed } from "../../src/core/fixed.ts";
import { cryptoPair, equity } from "../../src/core/market/instrument.ts";
import { quoteFill } from "../../src/venue/models/quote-fill.ts";
import {
  isFinal,
  type NewVenueOrder,
  PLAIN_ORDER,
  remainingOf,
  type VenueEvent,
  type VenueOrder,
} from "../../src/venue/order.ts";
import { Venue } from "../../src/venue/venue.ts";

const fixed = (decimal: string) => parseFixed(decimal, "test");
const CASH = fixed("100000");
const START_US = Date.parse("2018-01-02T14:00:00Z") * 1000;
const MINUTE_US = 60_000_000;

type Command =
  | { readonly do: "quote"; readonly index: number; readonly cents: number; readonly spread: number }
  | { readonly do: "submit"; readonly order: Omit<NewVenueOrder, "clientOrderId"> }
  | { readonly do: "cancel"; readonly pick: number }
  | { readonly do: "halt"; readonly index: number; readonly halted: boolean }
  | { readonly do: "wait"; readonly minutes: number };

const INSTRUMENTS = [equity(0, "DAY"), equity(1, "ALL", { calendar: "always" }), cryptoPair(2, "BTC/USD")];

const quote = fc.record({
  do: fc.constant("quote" as const),
  index: fc.nat({ max: 2 }),
  cents: fc.integer({ min: 9_800, max: 10_200 }),
  spread: fc.integer({ min: 0, max: 20 }),
});

const submit = fc
  .record({
    index: fc.nat({ max: 2 }),
    side: fc.constantFrom("buy" as const, "sell" as const),
    timeInForce: fc.constantFrom("day" as const, "gtc" as const, "ioc" as const),
    quantity: fc.integer({ min: 1, max: 400 }),
    cents: fc.option(fc.integer({ min: 9_800, max: 10_200 })),
  })
  .map(({ index, side, timeInForce, quantity, cents }) => ({
    do: "submit" as const,
    order: {
      ...PLAIN_ORDER,
      symbol: INSTRUMENTS[index]?.symbol as string,
      side,
      timeInForce,
      quantity: BigInt(quantity) * fixed("1"),
      type: cents === null ? ("market" as const) : ("limit" as const),
      limitPrice: cents === null ? null : BigInt(cents) * fixed("0.01"),
    },
  }));

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: quote },
  { weight: 6, arbitrary: submit },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel" as const), pick: fc.nat({ max: 50 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("halt" as const), index: fc.nat({ max: 2 }), halted: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 240 }) }) },
);

function newVenue(): Venue {
  return new Venue({
    instruments: INSTRUMENTS,
    startingCash: CASH,
    seed: "property",
    fill: quoteFill({ partialRate: 0.3, seed: 9 }),
  });
}

/** Runs the commands one second apart; `check` sees the venue and the events after each. */
function run(
  venue: Venue,
  commands: readonly Command[],
  check: (events: readonly VenueEvent[], step: number) => void,
): void {
  let timeUs = START_US;
  const ids: string[] = [];
  commands.forEach((each, step) => {
    timeUs += 1_000_000;
    switch (each.do) {
      case "quote":
        return check(venue.onQuote(each.index, each.cents / 100, (each.cents + each.spread) / 100, timeUs), step);
      case "halt":
        return check(venue.onHalt(each.index, each.halted, timeUs), step);
      case "wait":
        timeUs += each.minutes * MINUTE_US;
        return check(venue.onTime(timeUs), step);
      case "cancel":
        return check(venue.cancel(ids[each.pick % Math.max(1, ids.length)] ?? "none", timeUs).events, step);
      case "submit": {
        const result = venue.submit({ ...each.order, clientOrderId: `order-${step}` }, timeUs);
        if (result.ok) ids.push(result.order.id);
        return check(result.events, step);
      }
    }
  });
}

const commands = fc.array(command, { minLength: 1, maxLength: 80 });

describe("the venue under random commands", () => {
  it("keeps cash and positions equal to the sum of its fills, to the last digit", () => {
    fc.assert(
      fc.property(commands, (list) => {
        const venue = newVenue();
        let cash = CASH;
        const positions = new Map<string, bigint>();
        run(venue, list, (events) => {
          for (const { order, execution } of events) {
            if (execution === null) continue;
            const sign = order.side === "buy" ? 1n : -1n;
            cash -= sign * halfEven(execution.quantity * execution.price);
            const after = (positions.get(order.symbol) ?? 0n) + sign * execution.quantity;
            positions.set(order.symbol, after);
            assert.deepEqual([execution.positionQuantity, execution.cash], [after, cash]);
          }
        });
        assert.equal(venue.cash, cash);
        for (const [symbol, quantity] of positions) assert.equal(venue.positionOf(symbol), quantity);
      }),
      { numRuns: 300 },
    );
  });

  it("never fills beyond the quantity or the limit, nor against the quote, nor a final, halted or closed order", () => {
    fc.assert(
      fc.property(commands, (list) => {
        const venue = newVenue();
        const final = new Set<string>();
        run(venue, list, (events) => {
          for (const { kind, order, execution, timeUs } of events) {
            assert.ok(!final.has(order.id), `${kind} after the end`);
            if (isFinal(order.status)) final.add(order.id);
            assert.ok(order.filledQuantity <= (order.quantity ?? order.expectedQuantity));
            if (execution === null) continue;
            assert.equal(kind, remainingOf(order) === 0n ? "fill" : "partial_fill");
            const market = venue.market(order.symbol);
            assert.ok(market !== undefined && !market.halted && market.calendar.isOpen(timeUs));
            const touch = order.side === "buy" ? market.ask : market.bid;
            assert.equal(execution.price, parseFixed(touch.toFixed(2), "touch"));
            if (order.limitPrice === null) continue;
            assert.ok(order.side === "buy" ? execution.price <= order.limitPrice : execution.price >= order.limitPrice);
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  it("never reserves more than is held, never turns a position round, never lets opposite orders cross", () => {
    fc.assert(
      fc.property(commands, (list) => {
        const venue = newVenue();
        const before = new Map<string, bigint>();
        run(venue, list, () => {
          for (const { symbol } of INSTRUMENTS) {
            const position = venue.positionOf(symbol);
            const open = [...venue.orders()].filter((order) => order.symbol === symbol && !isFinal(order.status));
            checkReservations(venue, symbol, position, open);
            checkCrossing(open);
            const last = before.get(symbol) ?? 0n;
            assert.ok(position === 0n || last === 0n || position > 0n === last > 0n, "turned round in one step");
            before.set(symbol, position);
            if (symbol === "BTC/USD") assert.ok(position >= 0n);
          }
        });
      }),
      { numRuns: 200 },
    );
  });

  it("leaves no day order open past its session and no immediate one open at all", () => {
    fc.assert(
      fc.property(commands, (list) => {
        const venue = newVenue();
        run(venue, list, () => {
          for (const order of venue.orders()) {
            if (isFinal(order.status)) continue;
            assert.notEqual(order.timeInForce, "ioc");
            assert.ok(order.expiresAtUs === null || order.expiresAtUs > venue.timeUs);
          }
        });
      }),
      { numRuns: 200 },
    );
  });

  it("rebuilt from its own events at any point, goes on exactly as if nothing had happened", () => {
    fc.assert(
      fc.property(commands, fc.nat({ max: 79 }), (list, cut) => {
        const whole = newVenue();
        const later: string[] = [];
        let rebuilt: Venue | null = null;
        const log: VenueEvent[] = [];
        const at = cut % list.length;
        run(whole, list, (events, step) => {
          log.push(...events);
          if (step > at) later.push(text(events));
          if (step !== at) return;
          rebuilt = newVenue();
          for (const order of whole.orders()) {
            if (!log.some((entry) => entry.order.id === order.id)) rebuilt.replayOrder(order);
          }
          for (const entry of log) rebuilt.replay(entry);
          INSTRUMENTS.forEach(({ symbol, index }) => {
            const { bid = 0, ask = 0, last = 0, halted = false, timeUs = 0 } = whole.market(symbol) ?? {};
            rebuilt?.observe(index, { bid, ask, last, halted }, timeUs);
          });
        });
        const again: string[] = [];
        resume(rebuilt as unknown as Venue, whole, list, at, (events) => again.push(text(events)));
        assert.deepEqual(again, later);
      }),
      { numRuns: 150 },
    );
  });
});

/** A product of two numbers with nine decimals, back to nine. */
function halfEven(product: bigint): bigint {
  const [whole, rest] = [product / 1_000_000_000n, product % 1_000_000_000n];
  if (rest === 500_000_000n) return whole + (whole % 2n);
  return rest > 500_000_000n ? whole + 1n : whole;
}

function checkReservations(venue: Venue, symbol: string, position: bigint, open: readonly VenueOrder[]): void {
  const closing = open.filter((order) => (position > 0n ? order.side === "sell" : order.side === "buy"));
  const reserved = position === 0n ? 0n : closing.reduce((sum, order) => sum + remainingOf(order), 0n);
  const size = position < 0n ? -position : position;
  assert.ok(reserved <= size, `${symbol}: ${reserved} reserved of ${size}`);
  assert.equal(venue.availableOf(symbol), size - reserved);
}

function checkCrossing(open: readonly VenueOrder[]): void {
  for (const buy of open.filter((order) => order.side === "buy")) {
    for (const sell of open.filter((order) => order.side === "sell")) {
      assert.ok(buy.limitPrice !== null && sell.limitPrice !== null && buy.limitPrice < sell.limitPrice);
    }
  }
}

/** Runs the commands after `at` on a rebuilt venue at the times and with the ids that the first run had. */
function resume(
  venue: Venue,
  original: Venue,
  list: readonly Command[],
  at: number,
  see: (events: readonly VenueEvent[]) => void,
): void {
  const numbers = new Map([...original.orders()].map((order) => [order.clientOrderId, order.id]));
  const ids: string[] = [];
  let timeUs = START_US;
  list.forEach((each, step) => {
    timeUs += 1_000_000;
    if (each.do === "wait") timeUs += each.minutes * MINUTE_US;
    const id = numbers.get(`order-${step}`);
    if (step > at) {
      if (each.do === "quote")
        see(venue.onQuote(each.index, each.cents / 100, (each.cents + each.spread) / 100, timeUs));
      else if (each.do === "halt") see(venue.onHalt(each.index, each.halted, timeUs));
      else if (each.do === "wait") see(venue.onTime(timeUs));
      else if (each.do === "cancel")
        see(venue.cancel(ids[each.pick % Math.max(1, ids.length)] ?? "none", timeUs).events);
      else see(venue.submit({ ...each.order, clientOrderId: `order-${step}` }, timeUs).events);
    }
    if (id !== undefined) ids.push(id);
  });
}

function text(events: readonly VenueEvent[]): string {
  return JSON.stringify(events, (_key, value) => (typeof value === "bigint" ? String(value) : value));
}
