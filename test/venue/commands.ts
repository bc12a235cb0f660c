/**
 * Random lives of a venue for property tests: commands of every kind that a client, a market and an administrator have,
 * run one second apart, and the ledger that a simulator would keep of them.
 */
import fc from "fast-check";
import { cryptoPair, equity } from "../../src/core/market/instrument.ts";
import { constantLatency } from "../../src/venue/models/latency.ts";
import { quoteFill } from "../../src/venue/models/quote-fill.ts";
import {
  isFinal,
  type NewVenueOrder,
  PLAIN_ORDER,
  type ReplaceRequest,
  type VenueActivity,
  type VenueEvent,
  type VenueOrder,
} from "../../src/venue/order.ts";
import { Venue } from "../../src/venue/venue.ts";
import { fixed, us } from "./harness.ts";

export const CASH = fixed("100000");
export const START_US = us("2018-01-02T13:00:00Z");
const MINUTE_US = 60_000_000;
const SECOND_US = 1_000_000;

export const INSTRUMENTS = [
  equity(0, "DAY"),
  equity(1, "ALL", { calendar: "always" }),
  cryptoPair(2, "BTC/USD"),
  equity(3, "PART", { calendar: "always", fractionable: true }),
];
const LAST = INSTRUMENTS.length - 1;

export type Command =
  | { readonly do: "quote"; readonly index: number; readonly cents: number; readonly spread: number }
  | { readonly do: "trade"; readonly index: number; readonly cents: number; readonly auction: "open" | "close" | null }
  | { readonly do: "submit"; readonly order: Omit<NewVenueOrder, "clientOrderId"> }
  | { readonly do: "cancel"; readonly pick: number }
  | { readonly do: "cancelAll" }
  | { readonly do: "replace"; readonly pick: number; readonly change: Omit<ReplaceRequest, "clientOrderId"> }
  | { readonly do: "close"; readonly index: number; readonly percentage: number }
  | { readonly do: "halt"; readonly index: number; readonly halted: boolean }
  | { readonly do: "borrow"; readonly index: number; readonly easy: boolean }
  | { readonly do: "wait"; readonly minutes: number }
  | { readonly do: "split"; readonly index: number; readonly from: number; readonly to: number }
  | { readonly do: "dividend"; readonly index: number; readonly cents: number }
  | { readonly do: "bust"; readonly pick: number }
  | { readonly do: "correct"; readonly pick: number; readonly cents: number };

const index = fc.nat({ max: LAST });
const cents = fc.integer({ min: 9_800, max: 10_200 });
const price = cents.map((count) => BigInt(count) * fixed("0.01"));
const pick = fc.nat({ max: 60 });
const side = fc.constantFrom("buy" as const, "sell" as const);
const shares = fc.integer({ min: 1, max: 300 }).map((count) => BigInt(count) * fixed("1"));
const usualTime = fc.constantFrom("day" as const, "gtc" as const);
const anyTime = fc.constantFrom("day", "gtc", "ioc", "fok", "opg", "cls" as const);

type Terms = Omit<NewVenueOrder, "clientOrderId">;

function terms(record: {
  readonly index: number;
  readonly side: "buy" | "sell";
  readonly quantity: bigint;
  readonly more: Partial<Terms>;
}): Terms {
  const instrument = INSTRUMENTS[record.index];
  const crypto = instrument?.assetClass === "crypto";
  return {
    ...PLAIN_ORDER,
    symbol: instrument?.symbol ?? "",
    side: record.side,
    type: "market",
    timeInForce: crypto ? "gtc" : "day",
    quantity: record.quantity,
    ...record.more,
  };
}

const plain = fc.record({
  index,
  side,
  quantity: shares,
  more: fc.oneof(
    fc.record({ timeInForce: anyTime }),
    fc.record({ type: fc.constant("limit" as const), limitPrice: price, timeInForce: anyTime }),
    fc.record({
      type: fc.constant("limit" as const),
      limitPrice: price,
      timeInForce: usualTime,
      extendedHours: fc.constant(true),
    }),
  ),
});

const stops = fc.record({
  index,
  side,
  quantity: shares,
  more: fc.oneof(
    fc.record({ type: fc.constant("stop" as const), stopPrice: price, timeInForce: usualTime }),
    fc.record({
      type: fc.constant("stop_limit" as const),
      stopPrice: price,
      limitPrice: price,
      timeInForce: usualTime,
    }),
    fc.record({
      type: fc.constant("trailing_stop" as const),
      trailPrice: fc.integer({ min: 1, max: 150 }).map((count) => BigInt(count) * fixed("0.01")),
    }),
    fc.record({
      type: fc.constant("trailing_stop" as const),
      trailPercent: fc.constantFrom("0.25", "0.5", "1.1").map(fixed),
    }),
  ),
});

/** Exits around a middle, so that most of them are admitted. */
const groups = fc
  .record({
    index: fc.constantFrom(0, 1, 1, 3),
    side,
    quantity: shares,
    orderClass: fc.constantFrom("bracket" as const, "bracket" as const, "oco" as const, "oto" as const),
    entry: fc.option(price),
    gain: fc.integer({ min: 5, max: 150 }),
    loss: fc.integer({ min: 5, max: 150 }),
    limited: fc.boolean(),
    timeInForce: usualTime,
  })
  .map(({ orderClass, entry, gain, loss, limited, timeInForce, ...rest }) => {
    const exitSells = (rest.side === "buy") !== (orderClass === "oco");
    const away = (count: number) => fixed("100") + (exitSells ? 1n : -1n) * BigInt(count) * fixed("0.01");
    const take = away(gain);
    const stop = { stopPrice: away(-loss), limitPrice: limited ? away(-loss - 3) : null };
    const limitPrice = orderClass === "oco" ? take : entry;
    return {
      ...rest,
      more: {
        orderClass,
        timeInForce,
        limitPrice,
        type: limitPrice === null ? ("market" as const) : ("limit" as const),
        takeProfit: orderClass === "oto" && limited ? null : { limitPrice: take },
        stopLoss: orderClass === "oto" && !limited ? null : stop,
      },
    };
  });

const fractions = fc.record({
  index: fc.constantFrom(2, 3),
  side,
  quantity: shares,
  more: fc.oneof(
    fc.record({
      quantity: fc.constant(null),
      notional: fc.integer({ min: 1, max: 30_000 }).map((dollars) => BigInt(dollars) * fixed("1.37")),
    }),
    fc.record({ quantity: fc.integer({ min: 1, max: 900_000 }).map((count) => BigInt(count) * fixed("0.000123")) }),
  ),
});

const submit = fc
  .oneof(
    { weight: 5, arbitrary: plain },
    { weight: 3, arbitrary: stops },
    { weight: 3, arbitrary: groups },
    { weight: 2, arbitrary: fractions },
  )
  .map((record) => ({ do: "submit" as const, order: terms(record) }));

const market: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("quote" as const), index, cents, spread: fc.integer({ min: 0, max: 20 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("trade" as const),
      index,
      cents,
      auction: fc.constantFrom(null, null, null, null, "open" as const, "close" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("halt" as const), index, halted: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("borrow" as const), index, easy: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 300 }) }),
  },
);

const client: fc.Arbitrary<Command> = fc.oneof(
  { weight: 9, arbitrary: submit },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel" as const), pick }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("replace" as const),
      pick,
      change: fc.oneof(
        fc.record({ limitPrice: price }),
        fc.record({ stopPrice: price }),
        fc.record({ quantity: shares }),
        fc.record({ trail: fc.constantFrom("0.3", "0.8").map(fixed) }),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("close" as const), index, percentage: fc.integer({ min: 1, max: 100 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "cancelAll" as const }) },
);

const administrator: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    do: fc.constant("split" as const),
    index,
    from: fc.integer({ min: 1, max: 7 }),
    to: fc.integer({ min: 1, max: 7 }),
  }),
  fc.record({ do: fc.constant("dividend" as const), index, cents: fc.integer({ min: 1, max: 300 }) }),
);

const amendments: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constant("bust" as const), pick }),
  fc.record({ do: fc.constant("correct" as const), pick, cents }),
);

/** As long as they may be, not as short as the library likes them. */
const LENGTH = { minLength: 1, maxLength: 90, size: "max" } as const;

/** Market and client only. */
export const tradingCommands = fc.array(
  fc.oneof({ weight: 10, arbitrary: market }, { weight: 11, arbitrary: client }),
  LENGTH,
);

/** And splits, dividends, busted and corrected trades. */
export const allCommands = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: market },
    { weight: 11, arbitrary: client },
    { weight: 1, arbitrary: administrator },
    { weight: 1, arbitrary: amendments },
  ),
  LENGTH,
);

/** Orders travel longer than the commands are apart, so that replacements overlap with fills and cancels. */
export function newVenue(): Venue {
  return new Venue({
    instruments: INSTRUMENTS,
    startingCash: CASH,
    seed: "property",
    fill: quoteFill({ partialRate: 0.3, seed: 9 }),
    latency: constantLatency(1.5 * SECOND_US),
  });
}

/** What a ledger keeps, in its order. */
export type Entry =
  | { readonly kind: "order"; readonly order: VenueOrder }
  | { readonly kind: "event"; readonly event: VenueEvent }
  | { readonly kind: "activity"; readonly activity: VenueActivity };

export interface Step {
  readonly number: number;
  readonly command: Command;
  readonly timeUs: number;
  readonly entries: readonly Entry[];
  readonly events: readonly VenueEvent[];
}

interface Outcome {
  readonly orders?: readonly VenueOrder[];
  readonly activities?: readonly VenueActivity[];
  readonly events: readonly VenueEvent[];
}

/** Runs the commands from the one at `from` on; `check` sees each step after it has been taken. */
export function run(venue: Venue, commands: readonly Command[], check: (step: Step) => void, from = 0): void {
  let timeUs = START_US;
  commands.forEach((command, number) => {
    timeUs += SECOND_US + (command.do === "wait" ? command.minutes * MINUTE_US : 0);
    if (number < from) return;
    const { orders = [], activities = [], events } = perform(venue, command, number, timeUs);
    const entries: Entry[] = [
      ...orders.map((order) => ({ kind: "order" as const, order })),
      ...events.map((event) => ({ kind: "event" as const, event })),
      ...activities.map((activity) => ({ kind: "activity" as const, activity })),
    ];
    check({ number, command, timeUs, entries, events });
  });
}

function perform(venue: Venue, command: Command, number: number, timeUs: number): Outcome {
  switch (command.do) {
    case "quote": {
      const { index: at, cents: bid, spread } = command;
      return { events: venue.onQuote(at, bid / 100, (bid + spread) / 100, timeUs) };
    }
    case "trade":
      return { events: venue.onTrade(command.index, command.cents / 100, timeUs, 0, 0, command.auction) };
    case "halt":
      return { events: venue.onHalt(command.index, command.halted, timeUs) };
    case "borrow":
      return { events: venue.onBorrow(command.index, command.easy, timeUs) };
    case "wait":
      return { events: venue.onTime(timeUs) };
    case "cancel":
      return venue.cancel(picked(venue, command.pick), timeUs);
    case "cancelAll":
      return venue.cancelAll(timeUs);
    default:
      return act(venue, command, number, timeUs);
  }
}

type Request = Extract<Command, { do: "submit" | "replace" | "close" | "split" | "dividend" | "bust" | "correct" }>;

function act(venue: Venue, command: Request, number: number, timeUs: number): Outcome {
  const clientOrderId = `order-${number}`;
  switch (command.do) {
    case "submit": {
      const result = venue.submit({ ...command.order, clientOrderId }, timeUs);
      return result.ok ? { orders: [result.order, ...result.legs], events: result.events } : result;
    }
    case "replace": {
      const result = venue.replace(picked(venue, command.pick), { ...command.change, clientOrderId }, timeUs);
      return result.ok ? { orders: [result.order], events: result.events } : result;
    }
    case "close": {
      const size = { kind: "percentage", percentage: BigInt(command.percentage) * fixed("1") } as const;
      const result = venue.closePosition(symbolAt(command.index), size, clientOrderId, timeUs);
      return result.ok ? { orders: [result.order], events: result.events } : result;
    }
    case "split":
      return venue.split(symbolAt(command.index), command, timeUs);
    case "dividend":
      return venue.dividend(symbolAt(command.index), BigInt(command.cents) * fixed("0.01"), timeUs);
    case "bust":
      return venue.bust(fillAt(venue, command.pick), timeUs);
    case "correct":
      return venue.correct(fillAt(venue, command.pick), BigInt(command.cents) * fixed("0.01"), timeUs);
  }
}

function symbolAt(place: number): string {
  return INSTRUMENTS[place]?.symbol ?? "";
}

/** An open order where there is one, else any. */
function picked(venue: Venue, place: number): string {
  const orders = [...venue.orders()];
  const open = orders.filter((order) => !isFinal(order.status));
  const from = place % 4 === 0 || open.length === 0 ? orders : open;
  return from[place % Math.max(1, from.length)]?.id ?? "none";
}

function fillAt(venue: Venue, place: number): string {
  return venue.fills[place % Math.max(1, venue.fills.length)]?.execution?.id ?? "none";
}

/** What the market showed, to a venue of a later life. */
export function observe(venue: Venue, command: Command, timeUs: number): void {
  if (command.do === "quote") {
    const { index: at, cents: bid, spread } = command;
    venue.observe(at, { bid: bid / 100, ask: (bid + spread) / 100 }, timeUs);
  } else if (command.do === "trade") venue.observe(command.index, { last: command.cents / 100 }, timeUs);
  else if (command.do === "halt") venue.observe(command.index, { halted: command.halted }, timeUs);
  else if (command.do === "split" && command.from !== command.to) venue.observeSplit(command.index, command);
}
