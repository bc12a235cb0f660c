/** The account's watchlists: named, ordered lists of symbols. Owned by the exchange; pure but for the ids it is given. */
import { malformed, WireError } from "./wire-error.ts";

export interface Watchlist {
  readonly id: string;
  readonly name: string;
  /** Canonical symbols, in the order in which they were added; none twice. */
  readonly symbols: readonly string[];
  readonly createdAtUs: number;
  readonly updatedAtUs: number;
}

/** A change as the ledger keeps it: the list after it, or null when it was deleted. */
export interface WatchlistChange {
  readonly id: string;
  readonly list: Watchlist | null;
}

/** Bounds of what an account may keep. */
export const WATCHLIST_LIMIT = 200;
export const NAME_LENGTH = 64;

const NOT_FOUND = 40410000;

export class Watchlists {
  readonly #byId = new Map<string, Watchlist>();
  readonly #onChange: (change: WatchlistChange) => void;

  /** `onChange` is told of every change before anybody sees it. */
  constructor(onChange: (change: WatchlistChange) => void) {
    this.#onChange = onChange;
  }

  /** In order of creation. */
  all(): readonly Watchlist[] {
    return [...this.#byId.values()];
  }

  /** Throws 404 for an unknown id. */
  byId(id: string): Watchlist {
    const list = this.#byId.get(id);
    if (list === undefined) throw notFound(id);
    return list;
  }

  /** Throws 404 for an unknown name. */
  byName(name: string): Watchlist {
    const list = this.all().find((one) => one.name === name);
    if (list === undefined) throw notFound(name);
    return list;
  }

  /** Throws 422 for a name that is empty, too long or taken, and for a list too many. */
  create(id: string, name: string, symbols: readonly string[], timeUs: number): Watchlist {
    if (this.#byId.size >= WATCHLIST_LIMIT)
      throw malformed(`an account may have at most ${WATCHLIST_LIMIT} watchlists`);
    this.#checkName(name, null);
    return this.#put({ id, name, symbols: unique(symbols), createdAtUs: timeUs, updatedAtUs: timeUs });
  }

  /** What is null stays as it is. */
  update(list: Watchlist, name: string | null, symbols: readonly string[] | null, timeUs: number): Watchlist {
    if (name !== null) this.#checkName(name, list.id);
    return this.#put({
      ...list,
      name: name ?? list.name,
      symbols: symbols === null ? list.symbols : unique(symbols),
      updatedAtUs: timeUs,
    });
  }

  /** Throws 422 for a symbol that is in the list already. */
  add(list: Watchlist, symbol: string, timeUs: number): Watchlist {
    return this.update(list, null, [...list.symbols, symbol], timeUs);
  }

  /** Throws 404 for a symbol that is not in the list. */
  remove(list: Watchlist, symbol: string, timeUs: number): Watchlist {
    if (!list.symbols.includes(symbol))
      throw new WireError(404, NOT_FOUND, `asset not found in watchlist for ${symbol}`);
    return this.#put({ ...list, symbols: list.symbols.filter((one) => one !== symbol), updatedAtUs: timeUs });
  }

  delete(list: Watchlist): void {
    this.#onChange({ id: list.id, list: null });
    this.#byId.delete(list.id);
  }

  /** Takes over a change of an earlier life. */
  restore(change: WatchlistChange): void {
    if (change.list === null) this.#byId.delete(change.id);
    else this.#byId.set(change.id, change.list);
  }

  #put(list: Watchlist): Watchlist {
    this.#onChange({ id: list.id, list });
    this.#byId.set(list.id, list);
    return list;
  }

  #checkName(name: string, owner: string | null): void {
    if (name.length === 0 || name.length > NAME_LENGTH)
      throw malformed(`name must have 1 to ${NAME_LENGTH} characters`);
    if (this.all().some((list) => list.name === name && list.id !== owner)) {
      throw malformed("watchlist name must be unique");
    }
  }
}

function unique(symbols: readonly string[]): readonly string[] {
  const repeated = symbols.find((symbol, place) => symbols.indexOf(symbol) !== place);
  if (repeated !== undefined) throw malformed(`duplicate symbol ${repeated}`);
  return symbols;
}

function notFound(name: string): WireError {
  return new WireError(404, NOT_FOUND, `watchlist not found for ${name}`);
}
