/** The exchange's instruments by every name that a client may use for them. Pure. */
import type { Instrument } from "../../core/market/instrument.ts";
import { seededUuid, seedOf } from "../../venue/seeded-hash.ts";

const ASSET_ID_NUMBER = 0x61737365;

/** A function of the symbol, so that it is the same in every life of the simulator. */
export function assetId(symbol: string): string {
  return seededUuid(seedOf(symbol), ASSET_ID_NUMBER);
}

/** How positions, and old clients, write a pair: without its slash. */
export function plainSymbol(symbol: string): string {
  return symbol.replace("/", "");
}

export class InstrumentDirectory {
  readonly all: readonly Instrument[];
  readonly #byName = new Map<string, Instrument>();
  readonly #ids = new Map<string, string>();

  constructor(instruments: readonly Instrument[]) {
    this.all = instruments;
    for (const instrument of instruments) {
      const id = assetId(instrument.symbol);
      this.#ids.set(instrument.symbol, id);
      for (const name of [id, plainSymbol(instrument.symbol), instrument.symbol]) this.#byName.set(name, instrument);
    }
  }

  /** By symbol (`BTC/USD`), by symbol without its slash, or by asset id; undefined for anything else. */
  named(name: string): Instrument | undefined {
    return this.#byName.get(name);
  }

  /** Of an instrument of this directory. */
  idOf(symbol: string): string {
    return this.#ids.get(symbol) as string;
  }
}
