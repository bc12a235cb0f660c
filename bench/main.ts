/**
 * The benchmark command: `npm run bench [-- NAME…] [--json FILE] [--quick]`. Runs the named benchmarks (all without a name)
 * one after the other, prints a table of each, and ends with 0, 1 when one failed or its answer was wrong, 2 for wrong use.
 *
 * Several benchmarks run in a process each: what one leaves behind (garbage, code compiled for its types) would be measured
 * with the next.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Benchmark } from "./harness.ts";
import { BENCHMARKS } from "./registry.ts";
import { type BenchReport, type NamedResult, reportOf, tableOf } from "./report.ts";

const EXIT_FAILED = 1;
const EXIT_WRONG_USE = 2;

const HELP = `usage: npm run bench [-- NAME…] [--json FILE] [--quick]

  --json FILE   also write the results, with machine and commit, to FILE
  --quick       tiny sizes: shows that everything runs, its figures mean nothing
  --help        this text

benchmarks:
${BENCHMARKS.map(({ name, description }) => `  ${name.padEnd(14)}${description}`).join("\n")}
`;

interface Request {
  readonly benchmarks: readonly Benchmark[];
  readonly jsonFile: string | undefined;
  readonly quick: boolean;
  readonly help: boolean;
}

function parseRequest(argv: readonly string[]): Request {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { json: { type: "string" }, quick: { type: "boolean" }, help: { type: "boolean" } },
  });
  const unknown = positionals.find((name) => !BENCHMARKS.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined) {
    throw new Error(`no benchmark "${unknown}"; there are ${BENCHMARKS.map(({ name }) => name).join(", ")}`);
  }
  const chosen = BENCHMARKS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  return { benchmarks: chosen, jsonFile: values.json, quick: values.quick ?? false, help: values.help ?? false };
}

/** One line that is overwritten, on a terminal only. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
}

async function runAll(request: Request): Promise<void> {
  const startedAt = new Date();
  const [only] = request.benchmarks;
  const alone = request.benchmarks.length === 1 && only !== undefined;
  const all = alone ? await runHere(only, request.quick) : await runApart(request);
  if (request.jsonFile === undefined) return;
  writeFileSync(request.jsonFile, `${JSON.stringify(reportOf(startedAt, request.quick, all), null, 2)}\n`);
}

async function runHere(benchmark: Benchmark, quick: boolean): Promise<NamedResult[]> {
  const progress = (text: string) => showProgress(`${benchmark.name}: ${text}`);
  const results = await benchmark.run({ quick, progress });
  showProgress("");
  process.stdout.write(`${benchmark.name}: ${benchmark.description}\n${tableOf(results)}\n\n`);
  return results.map((result) => ({ benchmark: benchmark.name, ...result }));
}

async function runApart({ benchmarks, quick }: Request): Promise<NamedResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  const file = join(folder, "results.json");
  const all: NamedResult[] = [];
  try {
    for (const { name } of benchmarks) {
      const argv = [...process.execArgv, import.meta.filename, name, "--json", file, ...(quick ? ["--quick"] : [])];
      const child = spawn(process.execPath, argv, { stdio: "inherit" });
      const [code] = (await once(child, "exit")) as [number | null];
      if (code !== 0) throw new Error(`benchmark ${name} failed`);
      all.push(...(JSON.parse(readFileSync(file, "utf8")) as BenchReport).results);
    }
    return all;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function main(argv: readonly string[]): Promise<number> {
  let request: Request;
  try {
    request = parseRequest(argv);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return EXIT_WRONG_USE;
  }
  if (request.help) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    await runAll(request);
    return 0;
  } catch (error) {
    showProgress("");
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT_FAILED;
  }
}

process.exitCode = await main(process.argv.slice(2));
