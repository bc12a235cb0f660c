/** How a day ended for the account: what the next day's changes count from. Pure. */
import { divideRounded, type Fixed, formatFixed, parseFixed } from "../core/fixed.ts";
import type { SplitRatio } from "../venue/corporate-actions.ts";
import type { Venue } from "../venue/venue.ts";

export interface DayClose {
  readonly timeUs: number;
  readonly equity: Fixed;
  readonly maintenanceMargin: Fixed;
  /** Last prices by symbol, of the instruments that had one. */
  readonly prices: ReadonlyMap<string, Fixed>;
  /** Signed positions by symbol. */
  readonly quantities: ReadonlyMap<string, Fixed>;
}

/** The close as a line of the ledger; amounts are decimal strings. */
export interface DayEntry {
  readonly kind: "day";
  readonly timeUs: number;
  readonly equity: string;
  readonly maintenanceMargin: string;
  readonly prices: Readonly<Record<string, string>>;
  readonly quantities: Readonly<Record<string, string>>;
}

/** Of a new account, before its first day. */
export function firstClose(timeUs: number, startingCash: Fixed): DayClose {
  return { timeUs, equity: startingCash, maintenanceMargin: 0n, prices: new Map(), quantities: new Map() };
}

export function closeOf(venue: Venue, timeUs: number): DayClose {
  const { equity, maintenanceMargin } = venue.figures();
  const prices = new Map<string, Fixed>();
  for (const { symbol } of venue.instruments()) {
    const price = venue.market(symbol)?.mark() ?? null;
    if (price !== null) prices.set(symbol, price);
  }
  const quantities = new Map([...venue.positions()].map(([symbol, held]) => [symbol, held.quantity]));
  return { timeUs, equity, maintenanceMargin, prices, quantities };
}

/** The same close in the shares of after a split. */
export function closeAfterSplit(close: DayClose, symbol: string, { from, to }: SplitRatio): DayClose {
  const scaled = (values: ReadonlyMap<string, Fixed>, up: number, down: number): ReadonlyMap<string, Fixed> => {
    const value = values.get(symbol);
    if (value === undefined) return values;
    return new Map(values).set(symbol, divideRounded(value * BigInt(up), BigInt(down), "half_even"));
  };
  return { ...close, prices: scaled(close.prices, from, to), quantities: scaled(close.quantities, to, from) };
}

export function dayEntry(close: DayClose): DayEntry {
  return {
    kind: "day",
    timeUs: close.timeUs,
    equity: formatFixed(close.equity),
    maintenanceMargin: formatFixed(close.maintenanceMargin),
    prices: texts(close.prices),
    quantities: texts(close.quantities),
  };
}

export function closeOfEntry(entry: DayEntry): DayClose {
  return {
    timeUs: entry.timeUs,
    equity: parseFixed(entry.equity, "equity"),
    maintenanceMargin: parseFixed(entry.maintenanceMargin, "maintenanceMargin"),
    prices: amounts(entry.prices, "prices"),
    quantities: amounts(entry.quantities, "quantities"),
  };
}

function texts(values: ReadonlyMap<string, Fixed>): Record<string, string> {
  return Object.fromEntries([...values].map(([symbol, value]) => [symbol, formatFixed(value)]));
}

function amounts(values: Readonly<Record<string, string>>, field: string): Map<string, Fixed> {
  return new Map(Object.entries(values).map(([symbol, text]) => [symbol, parseFixed(text, `${field}.${symbol}`)]));
}
