/**
 * Which of the recorded formats a file has, told by its header row. Cold path.
 */
import { CodedError } from "../core/errors.ts";

export type RecordingKind = "depth" | "trades" | "quotes" | "bars" | "quotebars" | "daily" | "actions";

export interface RowLayout {
  readonly kind: RecordingKind;
  readonly columnNames: readonly string[];
  /** Column number by name, -1 where the file has none. */
  readonly column: (name: string) => number;
}

const OHLC = ["open", "high", "low", "close"];
const SIDES = ["bid", "ask"];

/** The first that fits counts: what depth has would do for trades, too. */
const REQUIRED: Readonly<Record<RecordingKind, readonly string[]>> = {
  depth: ["ts_ns", "symbol", "update_id", "snapshot", "side", "price", "size"],
  trades: ["ts_ns", "symbol", "price", "size"],
  quotes: ["ts_ns", "symbol", "bid", "ask"],
  bars: ["ts_ns", "symbol", ...OHLC],
  quotebars: ["ts_ns", "symbol", ...SIDES.flatMap((side) => OHLC.map((name) => `${side}_${name}`))],
  daily: ["date", "symbol", ...OHLC],
  actions: ["type", "date", "symbol", "value"],
};

/** Kinds whose rows are sorted by symbol and then by time; the others by time alone. */
const BY_SYMBOL: ReadonlySet<RecordingKind> = new Set(["bars", "quotebars", "daily", "actions"]);

export function isBySymbol(kind: RecordingKind): boolean {
  return BY_SYMBOL.has(kind);
}

/** Throws `DATA_FORMAT` for a header of no known format. */
export function readHeader(line: string, file: string): RowLayout {
  const columnNames = line.split(",");
  const kind = (Object.keys(REQUIRED) as RecordingKind[]).find((candidate) =>
    REQUIRED[candidate].every((name) => columnNames.includes(name)),
  );
  if (kind === undefined) {
    const known = Object.entries(REQUIRED).map(([name, columns]) => `${name} (${columns.join(",")})`);
    throw new CodedError(
      "DATA_FORMAT",
      `${file}: line 1: unknown header ${JSON.stringify(line.slice(0, 200))}; known are ${known.join(", ")}`,
      { field: "header" },
    );
  }
  return { kind, columnNames, column: (name) => columnNames.indexOf(name) };
}
