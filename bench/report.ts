/** How results are shown to people and written for machines, with the machine they were measured on. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { BenchResult } from "./harness.ts";

export interface NamedResult extends BenchResult {
  readonly benchmark: string;
}

export interface BenchReport {
  readonly startedAt: string;
  readonly quick: boolean;
  /** The bot's. */
  readonly version: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
    readonly platform: string;
    readonly node: string;
  };
  /** Null outside a git working tree. */
  readonly commit: string | null;
  readonly results: readonly NamedResult[];
}

export function reportOf(startedAt: Date, quick: boolean, results: readonly NamedResult[]): BenchReport {
  return {
    startedAt: startedAt.toISOString(),
    quick,
    version: versionOf(),
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      platform: `${process.platform} ${process.arch}`,
      node: process.version,
    },
    commit: commitOf(),
    results,
  };
}

/** The results of one benchmark as lines of aligned columns. */
export function tableOf(results: readonly BenchResult[]): string {
  const rows = results.map((result) => [
    result.name,
    shortNumber(result.value),
    result.unit,
    result.ratio === undefined ? "" : `${shortNumber(result.ratio)} × ${result.peer ?? "peer"}`,
    result.note ?? "",
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${lineOf(row, widths)}`).join("\n");
}

/** Numbers, the second column, are aligned to the right. */
function lineOf(row: readonly string[], widths: readonly number[]): string {
  const pad = (text: string, column: number) =>
    column === 1 ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return row.map(pad).join("  ").trimEnd();
}

function shortNumber(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function versionOf(): string {
  const file = join(import.meta.dirname, "../package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}

function commitOf(): string | null {
  try {
    const cwd = import.meta.dirname;
    return execFileSync("git", ["rev-parse", "HEAD"], {
      cwd,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null;
  }
}
