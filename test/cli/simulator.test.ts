import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { WebSocket } from "ws";
import { runCommandLine } from "../../src/cli/dispatch.ts";
import { COMMANDS } from "../../src/cli/registry.ts";

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "simulator-command-"));
});
after(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly printed: Promise<string>;
  readonly ended: Promise<{ readonly code: number; readonly told: string }>;
  stop(): void;
}

function run(argv: readonly string[], env: Record<string, string> = {}): Run {
  const stop = new AbortController();
  const printed = Promise.withResolvers<string>();
  const told: string[] = [];
  const code = runCommandLine(["simulator", ...argv], COMMANDS, {
    env: { DATA_DIR: folder, ...env },
    print: (text) => printed.resolve(text),
    tell: (text) => told.push(text),
    progress: () => undefined,
    isTerminal: false,
    signal: stop.signal,
  });
  const ended = code.then((value) => ({ code: value, told: told.join("\n") }));
  return { printed: printed.promise, ended, stop: () => stop.abort() };
}

const ask = (url: string, path: string, key: string, secret: string) =>
  fetch(url + path, { headers: { "apca-api-key-id": key, "apca-api-secret-key": secret } });

describe("the simulator command", () => {
  it("prints where it listens and the keys, which work, and ends with 0 when it is told to stop", async () => {
    const program = run(["--port", "0", "--cash", "5000"]);
    const text = await program.printed;
    const url = /the simulator listens on (http:\S+)/.exec(text)?.[1] ?? "";
    const key = /key id +(\S+)/.exec(text)?.[1] ?? "";
    const secret = /secret key +(\S+)/.exec(text)?.[1] ?? "";
    const account = (await (await ask(url, "/v2/account", key, secret)).json()) as { cash: string };
    assert.equal(account.cash, "5000");
    assert.match(text, new RegExp(`trade updates +${url.replace("http", "ws")}/stream`));
    assert.match(text, /account +kept in .*simulator-ledger\.jsonl/);
    program.stop();
    assert.deepEqual(await program.ended, { code: 0, told: "" });
    assert.ok(existsSync(join(folder, "simulator-ledger.jsonl")));
  });

  it("prints one line of JSON when asked to, and does not show keys of one's own", async () => {
    const env = { SIMULATOR_API_KEY: "mine", SIMULATOR_SECRET_KEY: "only-mine" };
    const program = run(["--port", "0", "--json", "--ledger", "none", "--symbol", "AAPL"], env);
    const { listening, url, tradeUpdates, stocks, crypto } = JSON.parse(await program.printed);
    assert.equal(url, `http://127.0.0.1:${listening}`);
    assert.deepEqual(
      [tradeUpdates, stocks, crypto],
      ["stream", "v2/iex", "v1beta3/crypto/us"].map((path) => `ws://127.0.0.1:${listening}/${path}`),
    );
    const assets = (await (await ask(url, "/v2/assets", "mine", "only-mine")).json()) as { symbol: string }[];
    assert.deepEqual(
      assets.map(({ symbol }) => symbol),
      ["AAPL"],
    );
    program.stop();
    assert.equal((await program.ended).code, 0);
    const other = run(["--port", "0", "--ledger", "none"], env);
    assert.doesNotMatch(await other.printed, /mine/);
    other.stop();
    await other.ended;
  });

  it("commits the faults of a file", async () => {
    const file = join(folder, "faults.json");
    writeFileSync(file, JSON.stringify([{ fault: "error_before", where: "GET /v2/account", status: 503 }]));
    const program = run(["--port", "0", "--json", "--ledger", "none", "--faults", file]);
    const { url } = JSON.parse(await program.printed);
    assert.equal((await ask(url, "/v2/account", "simulator", "simulated-money-only")).status, 503);
    program.stop();
    await program.ended;
  });

  it("takes models by name, with their parameters", async () => {
    const models = ["--fee-model", "bps:bps=100", "--latency-model", "constant:us=250", "--fill-model", "quote"];
    const program = run(["--port", "0", "--json", "--ledger", "none", ...models]);
    const { url, stocks } = JSON.parse(await program.printed);
    const quotes = new WebSocket(stocks);
    quotes.on("open", () => {
      quotes.send(JSON.stringify({ action: "auth", key: "simulator", secret: "simulated-money-only" }));
      quotes.send(JSON.stringify({ action: "subscribe", quotes: ["DEMO"] }));
    });
    await new Promise<void>((resolve) => {
      quotes.on("message", (data: Buffer) => JSON.parse(data.toString("utf8"))[0].T === "q" && resolve());
    });
    quotes.terminate();
    const trade = new WebSocket(JSON.parse(await program.printed).tradeUpdates);
    const fill = new Promise<{ price: string }>((resolve) => {
      trade.on("message", (data: Buffer) => {
        const { stream, data: update } = JSON.parse(data.toString("utf8"));
        if (stream === "listening") void buy();
        if (update.event === "fill") resolve(update);
      });
    });
    trade.on("open", () => {
      trade.send(JSON.stringify({ action: "auth", key: "simulator", secret: "simulated-money-only" }));
      trade.send(JSON.stringify({ action: "listen", data: { streams: ["trade_updates"] } }));
    });
    const order = { symbol: "DEMO", qty: "1", side: "buy", type: "market", time_in_force: "day" };
    const headers = { "apca-api-key-id": "simulator", "apca-api-secret-key": "simulated-money-only" };
    const buy = () =>
      fetch(`${url}/v2/orders`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(order),
      });
    const { price } = await fill;
    const account = (await (await fetch(`${url}/v2/account`, { headers })).json()) as { cash: string };
    // 1 % of the fill's value on top of it
    assert.ok(Math.abs(100_000 - Number(price) * 1.01 - Number(account.cash)) < 0.001);
    trade.terminate();
    program.stop();
    await program.ended;
  });

  it("ends with 2 and names the option of a wrong value, and what is allowed", async () => {
    const wrong: readonly (readonly [string[], RegExp])[] = [
      [["--margin", "3"], /^--margin: 1, 2 or 4$/],
      [["--halt-rate", "often"], /^--halt-rate: .*number/],
      [["--ticks", "0"], /^--ticks: .*>=1/],
      [["--start-time", "today"], /^--start-time: a time such as 2026-03-02T15:00:00Z$/],
      [["--symbol", "lower"], /^--symbol: a symbol such as AAPL or BTC\/USD$/],
      [["--tls-key", "key.pem"], /^--tls-certificate: needed where/],
      [["--faults", join(folder, "missing.json")], /^--faults .*missing\.json: ENOENT/],
      [["--fee-model", "per_share:amount"], /^--fee-model: "amount" must be NAME=VALUE$/],
      [["--fee-model", "free"], /^--fee-model: model: .*'none' \| 'per_share'/],
      [["--fee-model", "bps:bps=many"], /^--fee-model: bps: a decimal number in a string/],
      [["--trade-frames", "paper"], /^--trade-frames: .*"binary"\|"text"/],
      [["--data-plan", "free"], /^--data-plan: .*"basic"\|"algo_trader_plus"/],
      [["--data-connections", "0"], /^--data-connections: .*>=1/],
      [["--news", join(folder, "missing.jsonl")], /^--news: ENOENT.*missing\.jsonl/],
      [["--speed", "fast"], /--speed/],
      [["--port", "70000"], /--port/],
    ];
    for (const [argv, message] of wrong) {
      const { code, told } = await run(["--port", "0", "--ledger", "none", ...argv].slice(argv[0] === "--port" ? 2 : 0))
        .ended;
      assert.deepEqual([code, message.test(told)], [2, true], told);
    }
  });

  it("ends with 1 when the port is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const { code, told } = await run(["--port", String(port), "--ledger", "none"]).ended;
    assert.equal(code, 1);
    assert.match(told, new RegExp(`port ${port} on 127.0.0.1 is in use`));
    server.close();
  });
});
