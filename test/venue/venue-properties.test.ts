import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fixedToNumber } from "../../src/core/fixed.ts";
import type { Calendar } from "../../src/core/market/calendar.ts";
import type { VenueMarket } from "../../src/venue/market.ts";
import { isFinal, type VenueEvent, type VenueExecution, type VenueOrder } from "../../src/venue/order.ts";
import type { Venue } from "../../src/venue/venue.ts";
import {
  allCommands,
  CASH,
  type Entry,
  INSTRUMENTS,
  newVenue,
  observe,
  run,
  START_US,
  type Step,
  tradingCommands,
} from "./commands.ts";

const ONE = 1_000_000_000n;

describe("the venue under random commands", () => {
  it("keeps cash and positions equal to the sum of fills and activities, to the last digit", () => {
    fc.assert(
      fc.property(allCommands, (list) => {
        const venue = newVenue();
        const books = new Books();
        run(venue, list, ({ entries }) => {
          for (const entry of entries) books.take(entry);
          assert.equal(venue.cash, books.cash);
          for (const { symbol } of INSTRUMENTS) assert.equal(venue.positionOf(symbol), books.positionOf(symbol));
        });
      }),
      { numRuns: 300 },
    );
  });

  it("never fills beyond quantity, notional or limit, nor against the market, nor a final, halted or closed order", () => {
    fc.assert(
      fc.property(tradingCommands, (list) => {
        const venue = newVenue();
        const final = new Set<string>();
        let before = marketsOf(venue);
        run(venue, list, (step) => {
          const after = marketsOf(venue);
          for (const event of step.events) {
            assert.ok(!final.has(event.order.id) || event.kind === "amended", `${event.kind} after the end`);
            if (isFinal(event.order.status)) final.add(event.order.id);
            if (event.execution === null) continue;
            const symbol = event.order.symbol;
            // What was due at the step traded on what was there before it.
            checkFill(event, event.execution, step, [before.get(symbol), after.get(symbol)]);
          }
          before = after;
        });
      }),
      { numRuns: 300 },
    );
  });

  it("never reserves more than is held, never turns a position round, never lets opposite orders cross", () => {
    fc.assert(
      fc.property(tradingCommands, (list) => {
        const venue = newVenue();
        const before = new Map<string, bigint>();
        run(venue, list, () => {
          const all = [...venue.orders()];
          for (const { symbol } of INSTRUMENTS) {
            const position = venue.positionOf(symbol);
            const open = all.filter((order) => order.symbol === symbol && !isFinal(order.status));
            checkReservations(venue, symbol, position, open);
            checkCrossing(open);
            const last = before.get(symbol) ?? 0n;
            assert.ok(position === 0n || last === 0n || position > 0n === last > 0n, "turned round in one step");
            before.set(symbol, position);
            if (symbol === "BTC/USD") assert.ok(position >= 0n);
          }
        });
      }),
      { numRuns: 300 },
    );
  });

  it("moves orders only along the status machine", () => {
    fc.assert(
      fc.property(allCommands, (list) => {
        const venue = newVenue();
        const statuses = new Map<string, string>();
        run(venue, list, ({ entries }) => {
          for (const entry of entries) {
            if (entry.kind === "activity") continue;
            const order = entry.kind === "order" ? entry.order : entry.event.order;
            const last = statuses.get(order.id);
            const legal = last === undefined ? FIRST : [last, ...(NEXT[last] ?? [])];
            assert.ok(legal.includes(order.status), `${last} to ${order.status}`);
            statuses.set(order.id, order.status);
          }
        });
        for (const order of venue.orders()) assert.equal(order.status, statuses.get(order.id));
      }),
      { numRuns: 300 },
    );
  });

  it("leaves no order open past its time and no immediate one open once it has arrived", () => {
    fc.assert(
      fc.property(tradingCommands, (list) => {
        const venue = newVenue();
        run(venue, list, () => {
          for (const order of venue.orders()) {
            if (isFinal(order.status)) continue;
            const immediate = order.timeInForce === "ioc" || order.timeInForce === "fok";
            assert.ok(!immediate || order.status === "pending_new");
            assert.ok(order.expiresAtUs === null || order.expiresAtUs > venue.timeUs);
          }
        });
      }),
      { numRuns: 200 },
    );
  });

  it("keeps groups whole: exits wait for the entry, never sell more than it bought, and end together", () => {
    fc.assert(
      fc.property(tradingCommands, (list) => {
        const venue = newVenue();
        run(venue, list, () => {
          for (const group of groupsOf(venue)) checkGroup(group);
        });
      }),
      { numRuns: 400 },
    );
  });

  it("rebuilt from its ledger at any point, goes on exactly as if nothing had happened", () => {
    fc.assert(
      fc.property(allCommands, fc.nat({ max: 89 }), fc.boolean(), (list, cut, fromSnapshot) => {
        const at = cut % list.length;
        const whole = newVenue();
        const seen: Step[] = [];
        const later: string[] = [];
        let rebuilt: Venue = newVenue();
        run(whole, list, (step) => {
          if (step.number <= at) seen.push(step);
          else later.push(text(step.events));
          if (step.number === at) rebuilt = rebuild(whole, seen, fromSnapshot);
        });
        const again: string[] = [];
        run(rebuilt, list, ({ events }) => again.push(text(events)), at + 1);
        assert.deepEqual(again, later);
        assert.equal(text(rebuilt.snapshot()), text(whole.snapshot()));
      }),
      { numRuns: 300 },
    );
  });
});

/** Books kept from the ledger alone: a fill's flow is price × quantity, half-even to nine decimals. */
class Books {
  cash = CASH;
  readonly #positions = new Map<string, bigint>();
  readonly #fills = new Map<string, VenueExecution>();

  positionOf(symbol: string): bigint {
    return this.#positions.get(symbol) ?? 0n;
  }

  take(entry: Entry): void {
    if (entry.kind === "event" && entry.event.execution !== null) this.#trade(entry.event, entry.event.execution);
    if (entry.kind !== "activity") return;
    const { type, symbol, netAmount, quantity, perShareAmount } = entry.activity;
    this.cash += netAmount;
    if (type === "SPLIT") this.#positions.set(symbol, this.positionOf(symbol) + quantity);
    else assert.equal(netAmount, halfEven(this.positionOf(symbol) * (perShareAmount ?? 0n)));
    assert.deepEqual([this.positionOf(symbol), this.cash], [entry.activity.positionQuantity, entry.activity.cash]);
  }

  #trade({ kind, order }: VenueEvent, execution: VenueExecution): void {
    const sign = order.side === "buy" ? 1n : -1n;
    const before = this.#fills.get(execution.previousId ?? "");
    if (kind === "trade_bust") this.#book(order, before, -sign);
    else if (kind === "trade_correct") {
      this.#book(order, before, -sign);
      this.#book(order, execution, sign);
    } else this.#book(order, execution, sign);
    this.#fills.set(execution.id, execution);
    const there = [this.positionOf(order.symbol), this.cash];
    assert.deepEqual([execution.positionQuantity, execution.cash], there);
  }

  #book({ symbol }: VenueOrder, execution: VenueExecution | undefined, sign: bigint): void {
    assert.ok(execution !== undefined);
    this.cash -= sign * halfEven(execution.quantity * execution.price);
    this.#positions.set(symbol, this.positionOf(symbol) + sign * execution.quantity);
  }
}

/** A product of two numbers with nine decimals, back to nine. */
function halfEven(product: bigint): bigint {
  if (product < 0n) return -halfEven(-product);
  const [whole, rest] = [product / ONE, product % ONE];
  if (rest * 2n === ONE) return whole + (whole % 2n);
  return rest * 2n > ONE ? whole + 1n : whole;
}

interface Shown {
  readonly bid: number;
  readonly ask: number;
  readonly halted: boolean;
  readonly calendar: Calendar;
}

function marketsOf(venue: Venue): Map<string, Shown> {
  return new Map(
    INSTRUMENTS.map(({ symbol }) => {
      const { bid, ask, halted, calendar } = venue.market(symbol) as VenueMarket;
      return [symbol, { bid, ask, halted, calendar }];
    }),
  );
}

function checkFill(
  { kind, order, timeUs }: VenueEvent,
  execution: VenueExecution,
  step: Step,
  shown: readonly (Shown | undefined)[],
): void {
  assert.equal(kind, order.status === "filled" ? "fill" : "partial_fill");
  if (order.quantity !== null) assert.ok(order.filledQuantity <= order.quantity);
  if (order.quantity !== null && kind === "fill") assert.equal(order.filledQuantity, order.quantity);
  if (order.notional !== null) assert.ok(order.filledNotional <= order.notional);
  if (order.timeInForce === "fok") assert.equal(execution.quantity, order.quantity);
  const limit = limitOf(order);
  if (limit !== null) assert.ok(order.side === "buy" ? execution.price <= limit : execution.price >= limit);
  if (order.type.includes("stop")) assert.ok(order.triggeredAtUs !== null, "a stop that was not reached");
  if (order.timeInForce === "opg" || order.timeInForce === "cls") {
    assert.notEqual(step.command.do, "quote", "auction orders trade at no quote");
    return;
  }
  assert.ok(shown[0]?.calendar.isOpen(timeUs) || order.extendedHours);
  const possible = shown.flatMap((market) => (market === undefined || market.halted ? [] : [market]));
  const touches = possible.map((market) => (order.side === "buy" ? market.ask : market.bid).toFixed(2));
  assert.ok(touches.includes(fixedToNumber(execution.price).toFixed(2)), "at another price than the market's");
}

/** Of a buy stop 4 % above it below $50 and 2.5 % from there on, cut to cents. */
function limitOf(order: VenueOrder): bigint | null {
  if (order.limitPrice !== null) return order.limitPrice;
  if (order.type !== "stop" || order.side !== "buy" || order.stopPrice === null) return null;
  const share = order.stopPrice < 50n * ONE ? 1040n : 1025n;
  const cent = ONE / 100n;
  return ((order.stopPrice * share) / 1000n / cent) * cent;
}

/**
 * Every open order on the closing side keeps what is left of it; the exits of a group once, the most of them, and while
 * they are held as much as their entry has filled; a replacement on its way what it has more than the order it replaces.
 */
function checkReservations(venue: Venue, symbol: string, position: bigint, open: readonly VenueOrder[]): void {
  const side = position > 0n ? "sell" : "buy";
  let reserved = 0n;
  const groups = new Map<string, bigint>();
  for (const order of position === 0n ? [] : open.filter((each) => each.side === side)) {
    const left = order.expectedQuantity - order.filledQuantity;
    const replaced = order.status === "pending_new" ? open.find(({ id }) => id === order.replaces) : undefined;
    // A replacement that comes too late keeps nothing.
    if (order.replaces !== null && order.status === "pending_new" && replaced === undefined) continue;
    if (order.role === "entry" && replaced !== undefined) {
      const more = left - (replaced.expectedQuantity - replaced.filledQuantity);
      reserved += more > 0n ? more : 0n;
    } else if (order.role === "entry") reserved += left;
    else {
      const group = order.parentId ?? replaced?.id ?? order.id;
      const entry = open.find(({ id, role }) => id === group && role === "entry");
      const most = entry === undefined || entry.filledQuantity > left ? left : entry.filledQuantity;
      if (most > (groups.get(group) ?? 0n)) groups.set(group, most);
    }
  }
  for (const kept of groups.values()) reserved += kept;
  const size = position < 0n ? -position : position;
  assert.ok(reserved <= size, `${symbol}: ${reserved} reserved of ${size}`);
  assert.equal(venue.availableOf(symbol), size - reserved);
}

/** Groups and trailing stops are exempt; of an order and its replacement both are looked at. */
function checkCrossing(open: readonly VenueOrder[]): void {
  const bound = open.filter((order) => order.orderClass === "simple" && order.type !== "trailing_stop");
  for (const buy of bound.filter((order) => order.side === "buy")) {
    for (const sell of bound.filter((order) => order.side === "sell")) {
      assert.ok(buy.limitPrice !== null && sell.limitPrice !== null && buy.limitPrice < sell.limitPrice);
    }
  }
}

const FIRST: readonly string[] = ["pending_new", "accepted", "held"];
const ENDS = ["canceled", "expired"];
const NEXT: Readonly<Record<string, readonly string[]>> = {
  accepted: ["new", ...ENDS],
  pending_new: ["new", "held", "rejected", ...ENDS],
  held: ["new", "replaced", ...ENDS],
  new: ["partially_filled", "filled", "pending_replace", ...ENDS],
  partially_filled: ["new", "filled", "pending_replace", ...ENDS],
  pending_replace: ["new", "partially_filled", "filled", "replaced", ...ENDS],
};

/** All orders of every group, replaced ones included. */
function groupsOf(venue: Venue): VenueOrder[][] {
  const orders = [...venue.orders()].filter((order) => order.orderClass !== "simple");
  const roots = new Map<string, string>();
  const groups = new Map<string, VenueOrder[]>();
  for (const order of orders) {
    const above = order.replaces ?? (order.role === "entry" ? null : order.parentId);
    const root = above === null ? order.id : (roots.get(above) ?? above);
    roots.set(order.id, root);
    groups.set(root, [...(groups.get(root) ?? []), order]);
  }
  return [...groups.values()];
}

function checkGroup(group: readonly VenueOrder[]): void {
  const sum = (orders: readonly VenueOrder[]) => orders.reduce((total, order) => total + order.filledQuantity, 0n);
  const entries = group.filter((order) => order.role === "entry");
  const exits = group.filter((order) => order.role !== "entry");
  const open = exits.filter((order) => !isFinal(order.status) && order.status !== "pending_new");
  const entered = entries.length === 0 || entries.some((order) => order.status === "filled");
  if (entries.length > 0) assert.ok(sum(exits) <= sum(entries), "exits beyond the entry");
  if (!entered) for (const exit of exits) assert.ok(exit.filledQuantity === 0n && exit.status !== "new");
  if (!entered && entries.every((order) => isFinal(order.status))) assert.deepEqual(open, []);
  const filled = exits.some((order) => order.status === "filled");
  const ended = exits.some((order) => order.status === "canceled" || order.status === "expired");
  if (filled || ended) assert.deepEqual(open, [], "one exit has ended and the other has not");
  assert.ok(exits.filter((order) => order.status === "filled").length <= 1, "both exits filled");
}

/** From the ledger's entries, or from a snapshot; and the market from what it showed. */
function rebuild(whole: Venue, seen: readonly Step[], fromSnapshot: boolean): Venue {
  const venue = newVenue();
  if (fromSnapshot) venue.restore(whole.snapshot());
  else {
    for (const entry of seen.flatMap(({ entries }) => entries)) {
      if (entry.kind === "order") venue.replayOrder(entry.order);
      else if (entry.kind === "event") venue.replay(entry.event);
      else venue.replayActivity(entry.activity);
    }
    for (const { command } of seen) {
      if (command.do === "borrow") venue.replayBorrow(INSTRUMENTS[command.index]?.symbol ?? "", command.easy);
    }
  }
  for (const { command, timeUs } of seen) observe(venue, command, timeUs);
  venue.onTime(seen.at(-1)?.timeUs ?? START_US);
  return venue;
}

function text(value: unknown): string {
  return JSON.stringify(value, (_key, each) => (typeof each === "bigint" ? String(each) : each));
}
