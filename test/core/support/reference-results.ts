/** Finds published backtest results for tests that reproduce them; a test without its list skips with `MISSING_RESULTS`. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const DIRECTORY =
  process.env["REFERENCE_RESULTS_DIR"] ??
  fileURLToPath(new URL("../../../../shared/reference/backtests", import.meta.url));

export const MISSING_RESULTS = "no published results: set REFERENCE_RESULTS_DIR and MARKET_DATA_DIR";

/** The rows of a CSV file as text fields, header left out; null when the file is not there. */
export function readResults(name: string): string[][] | null {
  const path = `${DIRECTORY}/${name}`;
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.slice(1).map((line) => line.split(","));
}
