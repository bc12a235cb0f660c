/**
 * A recorded day through the whole bot and the simulator, and what must be true afterwards: the summary is right and kept,
 * and journal, summary and the simulator's ledger tell the same.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { formatFixed } from "../../src/core/fixed.ts";
import { HistoryReader } from "../../src/store/history-reader.ts";
import { SqlJournal } from "../../src/store/journal-sql.ts";
import { openStore } from "../../src/store/store.ts";
import { Program, temporaryDirectory } from "./program.ts";
import { startSimulator } from "./simulator-process.ts";
import type { Body, Scope } from "./wait.ts";

const DATA = process.env["MARKET_DATA_DIR"] ?? join(import.meta.dirname, "..", "..", "..", "shared", "data");
const NAMES = ["quotes", "trades"].map((kind) => `ticks_us_taq_xxx_20180102_${kind}.csv.gz`);

/** A day of New York's tape, quotes and trades of one symbol. */
export const DAY_FILES: readonly string[] = NAMES.map((name) => join(DATA, "fixtures", name));
export const skipWithoutDay = DAY_FILES.every((file) => existsSync(file))
  ? false
  : "needs the recorded day ticks_us_taq_xxx_20180102: set MARKET_DATA_DIR";

/** Only these trade at the listing exchange's quotes. */
export const QUOTE_EXCHANGE = "N";
export const INTENTS_MIN = 200;
export const FILLS_MIN = 100;

export interface PlayedDay {
  readonly dataDir: string;
  readonly intents: number;
  readonly intentHash: string;
  readonly fills: number;
}

export const replayArgs = (files: readonly string[]): string[] => [
  ...files.flatMap((file) => ["--replay", file]),
  "--quote-exchange",
  QUOTE_EXCHANGE,
];

/** The day up to a time, as files of their own. */
export function dayUntil(scope: Scope, end: string): string[] {
  const directory = temporaryDirectory(scope);
  mkdirSync(directory, { recursive: true });
  const endNs = BigInt(Date.parse(end)) * 1_000_000n;
  return DAY_FILES.map((file, index) => {
    const [header, ...rows] = gunzipSync(readFileSync(file)).toString("utf8").trimEnd().split("\n");
    const early = rows.filter((row) => BigInt(row.slice(0, row.indexOf(","))) < endNs);
    const cut = join(directory, NAMES[index] as string);
    writeFileSync(cut, gzipSync(`${[header, ...early].join("\n")}\n`, { level: 1 }));
    return cut;
  });
}

/** Plays the files to their end; `ms` is how long that may take. */
export async function playDay(
  scope: Scope,
  files: readonly string[],
  args: readonly string[],
  ms: number,
): Promise<PlayedDay> {
  const dataDir = temporaryDirectory(scope);
  const env = { API_PORT: "0", WS_PORT: "0", METRICS_PORT: "0", SIMULATOR_LISTEN_PORT: "0" };
  const program = new Program(scope, ["start", "--data-dir", dataDir, ...replayArgs(files), ...args], env);
  const { code } = await program.end(ms);
  assert.equal(code, 0, program.tail());
  assert.match(program.stdout, /^Replay finished$/m);
  assert.match(program.stdout, /books +equal the broker's/);
  const [, intents, intentHash] = /^ +intents +(\d+) \(hash ([0-9a-f]{16})\)$/m.exec(program.stdout) ?? [];
  const [, fills] = /^ +fills +(\d+)$/m.exec(program.stdout) ?? [];
  const day = { dataDir, intents: Number(intents), intentHash: intentHash ?? "", fills: Number(fills) };
  assert.ok(day.intents >= INTENTS_MIN, `${day.intents} intents`);
  assert.ok(day.fills >= FILLS_MIN, `${day.fills} fills`);
  return day;
}

/** Reads the journal and the simulator's ledger of a finished day again, from the disk, and compares them. */
export async function assertSameBooks(scope: Scope, day: PlayedDay, files: readonly string[]): Promise<void> {
  const { journal, run } = await readJournal(day.dataDir);
  const { client, program } = await startSimulator(scope, day.dataDir, {
    args: [...replayArgs(files), "--speed", "lockstep"],
  });
  const ledger = await client.ledger();
  const account = await client.get("/v2/account");
  const positions = await client.get("/v2/positions");
  await program.stop();
  assert.equal(ledger.fills, day.fills);
  assert.deepEqual(
    { cash: journal.cash, positions: journal.positions },
    { cash: ledger.cash, positions: nonZero(ledger.positions) },
  );
  assert.equal(Number(account.cash), Number(journal.cash));
  assert.deepEqual(
    Object.fromEntries(positions.map((row: Body) => [row.symbol, row.side === "short" ? `-${row.qty}` : row.qty])),
    journal.positions,
  );
  assert.deepEqual(
    { kind: run.kind, intents: run.summary.intents, hash: run.summary.intentHash, reconciled: run.summary.reconciled },
    { kind: "replay", intents: day.intents, hash: day.intentHash, reconciled: true },
  );
}

interface JournalBooks {
  readonly cash: string;
  readonly positions: Readonly<Record<string, string>>;
}

async function readJournal(dataDir: string): Promise<{ journal: JournalBooks; run: Body }> {
  const store = await openStore({ url: null, dataDir: join(dataDir, "database") });
  try {
    const snapshot = await new SqlJournal({ store }).load();
    const sums = new Map<string, bigint>();
    for (const row of snapshot.positions) sums.set(row.symbol, (sums.get(row.symbol) ?? 0n) + row.quantity);
    const positions = Object.fromEntries([...sums].map(([symbol, quantity]) => [symbol, formatFixed(quantity)]));
    const [run] = await new HistoryReader(store).runs({ limit: 1, before: null });
    return { journal: { cash: formatFixed(snapshot.cash), positions: nonZero(positions) }, run };
  } finally {
    await store.close();
  }
}

function nonZero(positions: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(positions).filter(([, quantity]) => quantity !== "0"));
}

/** The recorded inbound file of a run with one engine worker. */
export async function rerun(scope: Scope, file: string): Promise<Body> {
  return json(scope, ["replay", file, "--json"]);
}

export async function backtest(scope: Scope, files: readonly string[]): Promise<Body> {
  return json(scope, ["backtest", "--json", ...replayArgs(files)]);
}

async function json(scope: Scope, argv: readonly string[]): Promise<Body> {
  const program = new Program(scope, argv);
  const { code } = await program.end();
  assert.equal(code, 0, program.tail());
  return JSON.parse(program.stdout);
}
