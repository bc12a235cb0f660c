import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { runCommandLine } from "../../src/cli/dispatch.ts";
import { COMMANDS } from "../../src/cli/registry.ts";
import { createTestDatabase, skipWithoutDatabase } from "../support/database.ts";

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "cli-test-"));
});
after(() => rmSync(folder, { recursive: true }));

interface Outcome {
  readonly code: number;
  readonly printed: string;
  readonly told: string;
}

async function run(argv: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const printed: string[] = [];
  const told: string[] = [];
  const code = await runCommandLine(argv, COMMANDS, {
    env,
    print: (text) => printed.push(text),
    tell: (text) => told.push(text),
    progress: () => undefined,
    isTerminal: false,
    signal: new AbortController().signal,
  });
  return { code, printed: printed.join("\n"), told: told.join("\n") };
}

/** Quotes that swing by a dollar every two minutes, one a second from the opening bell of 2018-01-02. */
function swingingQuotes(symbol: string, count: number): string {
  const openSeconds = Date.UTC(2018, 0, 2, 14, 30) / 1000;
  const rows = Array.from({ length: count }, (_, i) => {
    const cents = 10_000 + Math.round(100 * Math.sin((i * 2 * Math.PI) / 120));
    const bid = (cents / 100).toFixed(2);
    const ask = ((cents + 1) / 100).toFixed(2);
    return `${openSeconds + i}000000000,${symbol},${bid},100,${ask},100`;
  });
  return ["ts_ns,symbol,bid,bid_size,ask,ask_size", ...rows, ""].join("\n");
}

function recording(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, gzipSync(text));
  return file;
}

describe("backtest", () => {
  it("trades the demonstrations on the recorded symbols and gives the same intents each time", async () => {
    const trades = swingingQuotes("SWING", 1800)
      .split("\n")
      .slice(1, -1)
      .map((row) => row.split(","))
      .map(([time, symbol, bid]) => `${time},${symbol},${bid},100`);
    const files = [
      recording("quotes.csv.gz", swingingQuotes("SWING", 1800)),
      recording("trades.csv.gz", ["ts_ns,symbol,price,size", ...trades, ""].join("\n")),
    ];
    const argv = ["backtest", ...files.flatMap((file) => ["--replay", file]), "--json"];
    const [first, second] = [await run(argv), await run(argv)];
    assert.equal(first.code, 0, first.told);
    const result = JSON.parse(first.printed) as Record<string, unknown>;
    assert.equal(result["ticks"], 3600);
    assert.ok(Number(result["intents"]) > 10 && Number(result["fills"]) > 10, first.printed);
    assert.equal(result["intentHash"], (JSON.parse(second.printed) as Record<string, unknown>)["intentHash"]);
    assert.equal(
      Number(result["equity"]).toFixed(6),
      (Number(result["startingCash"]) + Number(result["realised"]) + Number(result["unrealised"])).toFixed(6),
    );
  });

  it("names file and line of malformed data and ends with 1", async () => {
    const file = recording("bad.csv.gz", `${swingingQuotes("BAD", 3)}garbage\n`);
    const { code, told } = await run(["backtest", "--replay", file]);
    assert.equal(code, 1);
    assert.match(told, /bad\.csv\.gz: line 5: .*\(DATA_FORMAT\)/);
  });

  it("needs a file, and refuses to demonstrate on a whole market", async () => {
    assert.equal((await run(["backtest"])).code, 2);
    const symbols = Array.from({ length: 12 }, (_, i) => swingingQuotes(`S${i}`, 1).split("\n")[1]);
    const file = recording("market.csv.gz", ["ts_ns,symbol,bid,bid_size,ask,ask_size", ...symbols, ""].join("\n"));
    const { code, told } = await run(["backtest", "--replay", file]);
    assert.equal(code, 1);
    assert.match(told, /more than 10 symbols.*\(REPLAY_SYMBOLS\)/);
  });
});

describe("replay", () => {
  it("says when a file is no recording", async () => {
    const file = join(folder, "not.run");
    writeFileSync(file, "nothing of the kind, but long enough");
    const { code, told } = await run(["replay", file]);
    assert.equal(code, 1);
    assert.match(told, /no recorded run.*\(RUN_FILE\)/);
  });
});

describe("key", () => {
  it("makes a key that is shown once, lists it without its secret, and revokes it", {
    skip: skipWithoutDatabase,
  }, async () => {
    const database = await createTestDatabase();
    try {
      await lifeOfKey({ DATABASE_URL: database.url });
    } finally {
      await database.drop();
    }
  });

  async function lifeOfKey(env: Record<string, string>): Promise<void> {
    const made = await run(["key", "create", "--name", "test", "--role", "trader", "--json"], env);
    assert.equal(made.code, 0, made.told);
    const { id, key } = JSON.parse(made.printed) as { id: string; key: string };
    assert.match(key, new RegExp(`^atb_${id}_[0-9a-f]{64}_[0-9a-f]{8}$`));
    const listed = await run(["key", "list"], env);
    assert.match(listed.printed, new RegExp(`^${id}  trader  until \\d{4}-\\d\\d-\\d\\d  test$`));
    assert.ok(!listed.printed.includes(key.split("_")[2] as string));
    assert.equal((await run(["key", "revoke", id], env)).code, 0);
    assert.equal((await run(["key", "revoke", id], env)).code, 1);
    assert.match((await run(["key", "list"], env)).printed, /revoked/);
  }

  it("refuses unknown roles and days out of range", async () => {
    const role = await run(["key", "create", "--name", "x", "--role", "root"]);
    assert.deepEqual([role.code, role.told], [2, "--role must be one of viewer, trader, risk, admin, got root"]);
    assert.equal((await run(["key", "create", "--name", "x", "--role", "risk", "--days", "91"])).code, 2);
    assert.equal((await run(["key", "create"])).code, 2);
  });
});
