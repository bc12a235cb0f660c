/**
 * The account's cash and positions at the venue, exact, by average cost. Changed by executions, their
 * busts and corrections, and corporate actions. Owned by the venue.
 */
import { divideRounded, type Fixed, FIXED_ONE, multiplyFixed, roundToIncrement } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";
import type { VenueSide } from "./order.ts";

/** `cents`: every fill's cash flow is rounded half-even to 0.01, as Alpaca's books do; `exact`: to 1e-9. */
export type CashRounding = "exact" | "cents";

const CENT: Fixed = FIXED_ONE / 100n;

export interface Holding {
  /** Signed, never 0. */
  readonly quantity: Fixed;
  /** Signed total cost of the open quantity. */
  readonly cost: Fixed;
}

export interface HoldingChange {
  readonly side: VenueSide;
  readonly quantity: Fixed;
  readonly price: Fixed;
  readonly fee: Fixed;
  readonly feeQuantity: Fixed;
}

export class Holdings {
  readonly #rounding: CashRounding;
  readonly #bySymbol = new Map<string, Holding>();
  #cash: Fixed;

  constructor(cash: Fixed, rounding: CashRounding) {
    this.#cash = cash;
    this.#rounding = rounding;
  }

  get cash(): Fixed {
    return this.#cash;
  }

  /** In order of first opening. */
  all(): IterableIterator<[string, Holding]> {
    return this.#bySymbol.entries();
  }

  get(symbol: string): Holding | undefined {
    return this.#bySymbol.get(symbol);
  }

  quantityOf(symbol: string): Fixed {
    return this.#bySymbol.get(symbol)?.quantity ?? 0n;
  }

  apply(instrument: Instrument, change: HoldingChange): void {
    this.#cash += this.#flowOf(instrument, change);
    const signed = change.side === "buy" ? change.quantity - change.feeQuantity : -change.quantity;
    this.#move(instrument, signed, change.price);
  }

  /** Takes a fill back: its cash flow to the last digit, its quantity, and what it had cost. */
  undo(instrument: Instrument, change: HoldingChange): void {
    this.#cash -= this.#flowOf(instrument, change);
    const signed = change.side === "buy" ? change.quantity - change.feeQuantity : -change.quantity;
    this.#move(instrument, -signed, change.price);
  }

  /** Gives a fill another price: the difference goes to the cash and to the cost of what is still held of its side. */
  reprice(instrument: Instrument, change: HoldingChange, price: Fixed): void {
    const before = this.#flowOf(instrument, change);
    const after = this.#flowOf(instrument, { ...change, price });
    this.#cash += after - before;
    const holding = this.#bySymbol.get(instrument.symbol);
    if (holding === undefined || holding.quantity > 0n !== (change.side === "buy")) return;
    const cost = holding.cost + before - after;
    // A sign of its own would make a cost of the other side of the market.
    if (cost > 0n === holding.quantity > 0n) this.#bySymbol.set(instrument.symbol, { ...holding, cost });
  }

  /** Cash that comes in (or goes out, below 0) without a trade; returns it as it is booked. */
  pay(amount: Fixed): Fixed {
    const booked = this.#rounded(amount);
    this.#cash += booked;
    return booked;
  }

  /** What a split makes of a position; the rest of a share is paid. Returns what is booked. */
  split(symbol: string, quantity: Fixed, cost: Fixed, paid: Fixed): Fixed {
    if (quantity === 0n) this.#bySymbol.delete(symbol);
    else this.#bySymbol.set(symbol, { quantity, cost });
    return this.pay(paid);
  }

  /** Sets cash and positions to what they were in an earlier life. */
  restore(cash: Fixed, holdings: Iterable<readonly [string, Holding]>): void {
    this.#cash = cash;
    this.#bySymbol.clear();
    for (const [symbol, holding] of holdings) this.#bySymbol.set(symbol, holding);
  }

  #flowOf(instrument: Instrument, change: HoldingChange): Fixed {
    const notional = notionalOf(instrument, change.quantity, change.price);
    return this.#rounded((change.side === "buy" ? -notional : notional) - change.fee);
  }

  #rounded(amount: Fixed): Fixed {
    return this.#rounding === "cents" ? roundToIncrement(amount, CENT, "half_even") : amount;
  }

  #move(instrument: Instrument, signed: Fixed, price: Fixed): void {
    const before = this.#bySymbol.get(instrument.symbol) ?? { quantity: 0n, cost: 0n };
    const quantity = before.quantity + signed;
    if (quantity === 0n) {
      this.#bySymbol.delete(instrument.symbol);
      return;
    }
    this.#bySymbol.set(instrument.symbol, { quantity, cost: costAfter(instrument, before, signed, price) });
  }
}

function costAfter(instrument: Instrument, before: Holding, signed: Fixed, price: Fixed): Fixed {
  const quantity = before.quantity + signed;
  const opens = before.quantity === 0n || before.quantity > 0n === signed > 0n;
  if (opens) return before.cost + signedNotional(instrument, signed, price);
  const crosses = before.quantity > 0n !== quantity > 0n;
  if (crosses) return signedNotional(instrument, quantity, price);
  const size = before.quantity < 0n ? -before.quantity : before.quantity;
  const left = quantity < 0n ? -quantity : quantity;
  return divideRounded(before.cost * left, size, "half_even");
}

/** Value of a positive quantity at a price, half-even. */
export function notionalOf(instrument: Instrument, quantity: Fixed, price: Fixed): Fixed {
  const value = multiplyFixed(quantity, price, "half_even", "notional");
  return instrument.multiplier === FIXED_ONE
    ? value
    : multiplyFixed(value, instrument.multiplier, "half_even", "notional");
}

function signedNotional(instrument: Instrument, signed: Fixed, price: Fixed): Fixed {
  return signed < 0n ? -notionalOf(instrument, -signed, price) : notionalOf(instrument, signed, price);
}

/** Average entry price of a holding; exact to 1e-9, half-even. */
export function averageEntryPrice(instrument: Instrument, holding: Holding): Fixed {
  const size = holding.quantity < 0n ? -holding.quantity : holding.quantity;
  const cost = holding.cost < 0n ? -holding.cost : holding.cost;
  return divideRounded(cost * FIXED_ONE * FIXED_ONE, size * instrument.multiplier, "half_even");
}
