/**
 * The running bot's view of its own books: positions per instance, cash, marks, profit. Main thread only. It follows the
 * journal and is rebuilt from it at start; it decides nothing.
 */
import { Drawdown } from "../core/accounting/drawdown.ts";
import { type Fixed, FIXED_ONE, fixedFromNumber, multiplyFixed } from "../core/fixed.ts";
import type { Execution, PositionRow } from "./journal.ts";

export interface Valuation {
  readonly cash: Fixed;
  readonly equity: Fixed;
  readonly realised: Fixed;
  readonly unrealised: Fixed;
  readonly fees: Fixed;
}

interface Quote {
  bid: number;
  ask: number;
  timeUs: number;
}

export class Books {
  readonly #positions = new Map<string, PositionRow>();
  readonly #quotes = new Map<string, Quote>();
  #cash: Fixed = 0n;
  readonly #drawdown = new Drawdown();

  load(cash: Fixed, positions: readonly PositionRow[]): void {
    this.#cash = cash;
    this.#positions.clear();
    for (const row of positions) this.setPosition(row);
  }

  setPosition(row: PositionRow): void {
    this.#positions.set(`${row.instanceId}\n${row.symbol}`, row);
  }

  positions(): PositionRow[] {
    return [...this.#positions.values()];
  }

  position(instanceId: string, symbol: string): PositionRow | undefined {
    return this.#positions.get(`${instanceId}\n${symbol}`);
  }

  get cash(): Fixed {
    return this.#cash;
  }

  /** Same cash rule as the journal's: price × quantity, half-even, and the fee. */
  applyCash(execution: Execution): void {
    const notional = multiplyFixed(execution.price, execution.quantity, "half_even", "notional");
    this.#cash += (execution.side === "buy" ? -notional : notional) - execution.fee;
  }

  quote(symbol: string, bid: number, ask: number, timeUs: number): void {
    const known = this.#quotes.get(symbol);
    if (known === undefined) this.#quotes.set(symbol, { bid, ask, timeUs });
    else {
      known.bid = bid;
      known.ask = ask;
      known.timeUs = timeUs;
    }
  }

  quotes(): IterableIterator<[string, Readonly<Quote>]> {
    return this.#quotes.entries();
  }

  lastQuote(symbol: string): Readonly<Quote> | undefined {
    return this.#quotes.get(symbol);
  }

  /** Mid of the last two-sided quote; null when there is none. */
  mark(symbol: string): Fixed | null {
    const quote = this.#quotes.get(symbol);
    if (quote === undefined || quote.bid <= 0 || quote.ask <= 0) return null;
    return (fixedFromNumber(quote.bid, "bid") + fixedFromNumber(quote.ask, "ask")) / 2n;
  }

  /** Market value at the mark; at cost where there is no mark. */
  marketValue(row: PositionRow): Fixed {
    const mark = this.mark(row.symbol);
    return mark === null ? row.cost : multiplyFixed(row.quantity, mark, "half_even", "market value");
  }

  unrealised(row: PositionRow): Fixed {
    return this.marketValue(row) - row.cost;
  }

  valuation(): Valuation {
    let value = 0n;
    let realised = 0n;
    let unrealised = 0n;
    let fees = 0n;
    for (const row of this.#positions.values()) {
      const marketValue = this.marketValue(row);
      value += marketValue;
      unrealised += marketValue - row.cost;
      realised += row.realised;
      fees += row.fees;
    }
    return { cash: this.#cash, equity: this.#cash + value, realised, unrealised, fees };
  }

  /** Follows the equity curve; returns the largest fall from a peak so far, in quote currency. */
  observeEquity(equity: Fixed): Fixed {
    this.#drawdown.observe(equity);
    return this.#drawdown.largest;
  }

  get drawdown(): Fixed {
    return this.#drawdown.largest;
  }
}

/** Average price of a position or an order, half-even; null when empty. */
export function averagePrice(cost: Fixed, quantity: Fixed): Fixed | null {
  if (quantity === 0n) return null;
  const sign = quantity < 0n ? -1n : 1n;
  return (cost * FIXED_ONE * sign) / (quantity * sign);
}
