import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { BotProcess, simulatorChild } from "./bot-process.ts";
import { Program, temporaryDirectory } from "./program.ts";
import { atEnd } from "./wait.ts";

interface Ended {
  readonly code: number | null;
  readonly said: string;
  readonly dataDir: string;
}

/** Runs `start` to its end, on free ports unless `args` say otherwise. */
async function start(
  t: TestContext,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const dataDir = temporaryDirectory(t);
  const ports = { API_PORT: "0", WS_PORT: "0", METRICS_PORT: "0", SIMULATOR_LISTEN_PORT: "0" };
  const program = new Program(t, ["start", "--data-dir", dataDir, ...args], { ...ports, ...env });
  const { code } = await program.end();
  assert.equal(program.stdout, "", "it said that it was running");
  return { code, said: program.stderr, dataDir };
}

const HEADER = "ts_ns,symbol,bid,bid_size,ask,ask_size,exchange";

/** A good quote a second. */
function quotes(count: number): string[] {
  const startMs = Date.parse("2018-01-02T15:00:00Z");
  return Array.from({ length: count }, (_, i) => `${startMs + i * 1000}000000,REC,100.00,1,100.01,1,N`);
}

function recording(t: TestContext, bytes: Buffer): string {
  const file = join(temporaryDirectory(t), "quotes.csv.gz");
  writeFileSync(file, bytes);
  return file;
}

describe("a start that cannot be", () => {
  it("ends with 2 before anything else happens when the configuration is wrong", async (t) => {
    const file = join(temporaryDirectory(t), "bot.yaml");
    writeFileSync(file, "risk:\n  maxOpenOrdres: 5\n");
    const cases: readonly (readonly [readonly string[], Readonly<Record<string, string>>, RegExp])[] = [
      [["--port", "70000"], {}, /--port.*65535/s],
      [["--speed", "fast"], {}, /--speed.*lockstep/s],
      [[], { RISK_MAX_OPEN_ORDERS: "0" }, /RISK_MAX_OPEN_ORDERS/],
      [[], { TRADING_MODE: "live" }, /ALPACA_API_KEY|LIVE_TRADING/],
      [[], { BIND_ADDRESS: "nowhere at all" }, /BIND_ADDRESS/],
      [["--config", file], {}, /maxOpenOrdres/],
      [["--config", `${file}.missing`], {}, /bot\.yaml\.missing/],
    ];
    for (const [args, env, message] of cases) {
      const { code, said, dataDir } = await start(t, args, env);
      assert.equal(code, 2, said);
      assert.match(said, message);
      assert.doesNotMatch(said, /\n\s+at /, "a stack trace helps nobody here");
      assert.equal(existsSync(join(dataDir, "simulator.log")), false);
    }
  });

  it("names file and line of a recorded file with a wrong line", async (t) => {
    const lines = [HEADER, ...quotes(20)];
    lines[12] = "1514905212000000000,REC,100.00,1,not a price,1,N";
    const file = recording(t, gzipSync(`${lines.join("\n")}\n`));
    const { code, said } = await start(t, ["--replay", file]);
    assert.equal(code, 1, said);
    assert.match(said, /quotes\.csv\.gz/);
    assert.match(said, /\bline 13\b|:13\b/);
    assert.doesNotMatch(said, /\n\s+at /);
  });

  it("names file and line where a recorded file is cut off", async (t) => {
    const whole = gzipSync(`${[HEADER, ...quotes(5000)].join("\n")}\n`);
    const file = recording(t, whole.subarray(0, whole.length - 2000));
    const { code, said } = await start(t, ["--replay", file]);
    assert.equal(code, 1, said);
    assert.match(said, /quotes\.csv\.gz/);
    assert.match(said, /line \d+|:\d+/);
    assert.doesNotMatch(said, /\n\s+at /);
  });

  it("names a recorded file that is not there", async (t) => {
    const { code, said } = await start(t, ["--replay", "nothing.csv.gz"]);
    assert.equal(code, 1, said);
    assert.match(said, /nothing\.csv\.gz/);
  });

  it("says which port is in use, and leaves no simulator behind", async (t) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    atEnd(t, () => void taken.close());
    const { port } = taken.address() as { port: number };
    for (const [option, setting] of [
      ["--port", "API_PORT"],
      ["--metrics-port", "METRICS_PORT"],
      ["--simulator-port", "SIMULATOR_LISTEN_PORT"],
    ] as const) {
      const { code, said, dataDir } = await start(t, [option, String(port)]);
      assert.equal(code, 1, said);
      assert.match(said, new RegExp(`${setting}: port ${port} .*is in use`));
      assert.doesNotMatch(said, /\n\s+at /);
      assert.equal(simulatorChild(dataDir), null);
    }
  });

  it("that waits for the broker stops when it is told to", async (t) => {
    const nowhere = "127.0.0.1:9";
    const env = { ALPACA_BASE_URL: `http://${nowhere}`, ALPACA_DATA_URL: `http://${nowhere}` };
    const bot = await BotProcess.launch(t, { env: { ...env, ALPACA_STREAM_URL: `ws://${nowhere}` } });
    await bot.program.says(/the broker does not answer yet/, 60_000);
    assert.equal((await bot.call("GET", "/ready")).status, 200);
    assert.deepEqual(await bot.stop(), { code: 0, signal: null });
  });
});
