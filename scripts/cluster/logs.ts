/** The end of a log, for an error's message. */
import { readFileSync } from "node:fs";

const LINES = 5;

export function lastLines(file: string): string {
  try {
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    return `its last lines (${file}):\n${lines.slice(-LINES).join("\n")}`;
  } catch {
    return `it wrote no log (${file})`;
  }
}
