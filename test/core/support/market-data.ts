/** Finds recorded market data for tests that need it; a test without its data skips with `MISSING`. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

const DIRECTORY = process.env["MARKET_DATA_DIR"] ?? fileURLToPath(new URL("../../../../shared/data", import.meta.url));

export const MISSING = "no recorded market data: set MARKET_DATA_DIR";

/** The rows of a gzip CSV file as text fields, header left out; null when the file is not there. */
export function readRows(name: string): string[][] | null {
  const path = `${DIRECTORY}/${name}`;
  if (!existsSync(path)) return null;
  const lines = gunzipSync(readFileSync(path)).toString("utf8").trimEnd().split("\n");
  return lines.slice(1).map((line) => line.split(","));
}

/** Whole microseconds of a nanosecond text. */
export function microseconds(nanoseconds: string): number {
  return Number(nanoseconds.slice(0, -3));
}
