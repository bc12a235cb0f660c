import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "fast-check";
import { ConfigError } from "../../src/config/config-error.ts";
import type { LayerInput } from "../../src/config/layers.ts";
import { loadConfig } from "../../src/config/load.ts";
import { parseFixed } from "../../src/core/fixed.ts";

const CANARY = "canary-5f1c";

let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "config-test-"));
});
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function load(env: Record<string, string>, yaml: string | null = null, options: LayerInput["options"] = new Map()) {
  return loadConfig({ env, file: yaml === null ? null : file("bot.yaml", yaml), options });
}

function problemsOf(env: Record<string, string>, yaml: string | null = null): ConfigError {
  try {
    load(env, yaml);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  assert.fail("the configuration was accepted");
}

function keysOf(error: ConfigError): string[] {
  return error.problems.map(({ key }) => key);
}

const LIVE = {
  TRADING_MODE: "live",
  LIVE_TRADING: "I_UNDERSTAND",
  DATABASE_URL: "postgres://bot@db/bot",
  ALPACA_API_KEY: "AKTEST",
  ALPACA_SECRET_KEY: "secret",
};
const ONE_INSTRUMENT = "instruments: [{symbol: AAPL}]\n";

describe("layers of the configuration", () => {
  it("has safe defaults without any environment or file", () => {
    const { config, sources } = load({});
    assert.equal(config.tradingMode, "simulated");
    assert.equal(config.bindAddress, "127.0.0.1");
    assert.deepEqual(config.ports, { api: 8000, ws: 8001, metrics: 9090, simulator: 4010 });
    assert.equal(config.database.url, null);
    assert.equal(config.redis, null);
    assert.equal(config.alpaca.baseUrl, null);
    assert.equal(config.risk.maxOrderNotional, 25_000_000_000_000n);
    assert.equal(sources.size, 0);
  });

  it("puts the file over defaults, the environment over the file and options over the environment", () => {
    const yaml = "ports: {api: 1001, ws: 1002, metrics: 1003}\n";
    const options = new Map([["ports.metrics", { option: "--metrics-port", text: "3003" }]]);
    const { config, sources } = load({ WS_PORT: "2002", METRICS_PORT: "2003" }, yaml, options);
    assert.deepEqual(config.ports, { api: 1001, ws: 2002, metrics: 3003, simulator: 4010 });
    assert.match(sources.get("ports.api") ?? "", /^file .*bot\.yaml$/);
    assert.equal(sources.get("ports.ws"), "environment WS_PORT");
    assert.equal(sources.get("ports.metrics"), "option --metrics-port");
    assert.equal(sources.has("ports.simulator"), false);
  });

  it("takes an empty variable as unset and a key without a value as absent", () => {
    assert.deepEqual(load({ API_PORT: "" }, "ports:\n  ws:\nredis:\n").config.ports, load({}).config.ports);
  });

  it("reads log levels in capitals from the environment", () => {
    assert.equal(load({ LOG_LEVEL: "WARN" }).config.logLevel, "warn");
  });

  it("reads lists from the environment, separated by commas", () => {
    const { config } = load({ REDIS_SENTINELS: "a:26379, b:26379", REDIS_PASSWORD: "p" });
    assert.deepEqual(config.redis, {
      url: null,
      sentinels: [
        { host: "a", port: 26379 },
        { host: "b", port: 26379 },
      ],
      masterName: "mymaster",
      password: "p",
    });
  });

  it("reads a secret from the file that NAME_FILE names, without its line end", () => {
    const { config, sources } = load({ ALPACA_SECRET_KEY_FILE: file("secret", `${CANARY}\n`) });
    assert.equal(config.alpaca.secret, CANARY);
    assert.equal(sources.get("alpaca.secret"), "environment ALPACA_SECRET_KEY_FILE");
  });

  it("takes the database's user from a file as well, and only the line end off", () => {
    const { config } = load({
      DATABASE_HOST: "db",
      DATABASE_USER_FILE: file("user", "desk\n"),
      DATABASE_PASSWORD_FILE: file("password", " two words \r\n"),
    });
    const url = new URL(config.database.url ?? "");
    assert.deepEqual([url.username, decodeURIComponent(url.password)], ["desk", " two words "]);
    const twice = problemsOf({ DATABASE_USER: "desk", DATABASE_USER_FILE: file("user", "desk") });
    assert.deepEqual(keysOf(twice), ["database.user"]);
  });

  it("starts without a key only where START_WITHOUT_KEY says so", () => {
    assert.equal(load({}).config.startWithoutKey, false);
    assert.equal(load({ START_WITHOUT_KEY: "true" }).config.startWithoutKey, true);
    assert.deepEqual(keysOf(problemsOf({ START_WITHOUT_KEY: "perhaps" })), ["startWithoutKey"]);
  });

  it("refuses a secret given twice, and a secret file that is missing or empty", () => {
    const twice = problemsOf({ REDIS_PASSWORD: CANARY, REDIS_PASSWORD_FILE: file("secret", CANARY) });
    assert.deepEqual(keysOf(twice), ["redis.password"]);
    assert.match(twice.message, /REDIS_PASSWORD or REDIS_PASSWORD_FILE, not both/);
    assert.match(problemsOf({ REDIS_PASSWORD_FILE: join(folder, "absent") }).message, /cannot be read/);
    assert.match(problemsOf({ REDIS_PASSWORD_FILE: file("empty", "\n") }).message, /empty/);
  });

  it("builds the database address from its parts, with reserved characters escaped", () => {
    const { config } = load({ DATABASE_HOST: "db", DATABASE_PASSWORD: "a/b@c:d" });
    const url = new URL(config.database.url ?? "");
    assert.equal(url.hostname, "db");
    assert.equal(decodeURIComponent(url.password), "a/b@c:d");
    assert.equal(url.pathname, "/algo_trading_db");
  });
});

describe("errors of the configuration", () => {
  it("names every bad key with value, what is allowed and source, all at once", () => {
    const error = problemsOf({ API_PORT: "99999", TRADING_MODE: "demo" }, "risk: {collarBps: 0}\n");
    assert.equal(error.code, "CONFIG_INVALID");
    assert.deepEqual(keysOf(error).sort(), ["ports.api", "risk.collarBps", "tradingMode"]);
    assert.match(
      error.message,
      /ports\.api = 99999 \(environment API_PORT\): allowed is a whole number from 0 to 65535/,
    );
    assert.match(error.message, /risk\.collarBps = 0 \(file .*bot\.yaml\): allowed is a whole number from 1 to 5000/);
  });

  it("refuses unknown keys with the nearest known name", () => {
    assert.match(problemsOf({}, "port: {api: 1}\n").message, /port .*did you mean ports\?/);
    assert.match(problemsOf({}, "ports: {apii: 1}\n").message, /ports\.apii .*did you mean api\?/);
    assert.match(problemsOf({}, "API_PORT: 1\n").message, /did you mean ports\.api\?/);
    assert.match(problemsOf({}, "risk: {xyzzy: 1}\n").message, /known are maxOrderQuantity, /);
  });

  it("says what a group is when something else stands in its place", () => {
    assert.match(problemsOf({ API_PORT: "1" }, "ports: 8000\n").message, /ports = 8000 .*group of keys: api, ws/);
  });

  it("names file and line where the file is not sound YAML", () => {
    assert.match(problemsOf({}, "ports: {api: 1\n").message, /not sound YAML: .*line \d+/);
    assert.match(problemsOf({}, "ports: {}\nports: {}\n").message, /unique/);
    assert.match(problemsOf({}, "- 1\n").message, /keys with values/);
    assert.throws(
      () => loadConfig({ env: {}, file: join(folder, "absent.yaml"), options: new Map() }),
      /cannot be read/,
    );
  });

  it("never shows a secret", () => {
    const wrong = { DATABASE_URL: `mysql://u:${CANARY}@h/d`, REDIS_URL: `http://:${CANARY}@h`, SIMULATOR_SEED: "x" };
    const { message } = problemsOf(wrong);
    assert.match(message, /database\.url = \*\*\*/);
    assert.doesNotMatch(message, new RegExp(CANARY));
    const broken = problemsOf({ TRADING_MODE: "paper", ALPACA_API_KEY: `AK${CANARY}`, ALPACA_SECRET_KEY: CANARY });
    assert.doesNotMatch(broken.message, new RegExp(CANARY));
  });

  it("names strategy and parameter", () => {
    const strategy = (more: string) =>
      `instruments: [{symbol: AAPL}]\nstrategies: [{id: a, strategy: ema-cross, instruments: [AAPL], ${more}}]\n`;
    assert.match(
      problemsOf({}, strategy("parameters: {fast: 0}")).message,
      /strategies\[0\]\.parameters\.fast .*1 to 1000/,
    );
    assert.match(
      problemsOf({}, strategy("parameters: {quick: 1}")).message,
      /parameters\.quick .*allowed are fast, slow/,
    );
    assert.match(problemsOf({}, strategy("capital: '-5'")).message, /strategies\[0\]\.capital = -5 .*above 0/);
    assert.match(problemsOf({}, "strategies: [{strategy: ema-cross}]\n").message, /strategies\[0\]\.id .*is missing/);
    assert.match(
      problemsOf({}, "instruments: [{symbol: A}]\nstrategies: [{id: a, strategy: ema-cross, instruments: [B]}]\n")
        .message,
      /strategies\[0\]\.instruments = B .*no such symbol/,
    );
    const twin = "{id: a, strategy: ema-cross, instruments: [A]}";
    assert.match(problemsOf({}, `strategies: [${twin}, ${twin}]\n`).message, /strategies\[1\]\.id = a .*same id/);
  });
});

describe("rules between keys", () => {
  it("accepts live trading only with everything that it needs", () => {
    assert.equal(load(LIVE, ONE_INSTRUMENT).config.alpaca.baseUrl, "https://api.alpaca.markets");
    for (const name of ["LIVE_TRADING", "DATABASE_URL", "ALPACA_API_KEY", "ALPACA_SECRET_KEY"]) {
      assert.match(problemsOf({ ...LIVE, [name]: "" }, ONE_INSTRUMENT).message, new RegExp(name));
    }
    assert.deepEqual(keysOf(problemsOf(LIVE)), ["strategies"]);
  });

  it("refuses keys and addresses of the other mode", () => {
    const paper = { TRADING_MODE: "paper", ALPACA_API_KEY: "PKTEST", ALPACA_SECRET_KEY: "s" };
    assert.equal(load(paper, ONE_INSTRUMENT).config.alpaca.baseUrl, "https://paper-api.alpaca.markets");
    const wrong: Record<string, string>[] = [
      { ...paper, ALPACA_BASE_URL: "https://api.alpaca.markets" },
      { ...paper, ALPACA_BASE_URL: "http://example.test" },
      { ...paper, ALPACA_API_KEY: "AKTEST" },
      { ...LIVE, ALPACA_BASE_URL: "https://paper-api.alpaca.markets" },
      { ...LIVE, ALPACA_API_KEY: "PKTEST" },
    ];
    for (const env of wrong) assert.match(keysOf(problemsOf(env, ONE_INSTRUMENT)).join(), /^alpaca\.(keyId|baseUrl)$/);
    assert.deepEqual(keysOf(problemsOf({ ALPACA_BASE_URL: "https://paper-api.alpaca.markets" })), ["alpaca.baseUrl"]);
  });

  it("derives the addresses of a shared simulator from one", () => {
    const { alpaca } = load({ ALPACA_BASE_URL: "http://127.0.0.1:4010/" }).config;
    assert.equal(alpaca.baseUrl, "http://127.0.0.1:4010");
    assert.equal(alpaca.dataUrl, "http://127.0.0.1:4010");
    assert.equal(alpaca.streamUrl, "ws://127.0.0.1:4010");
  });

  it("refuses two sources of one thing", () => {
    assert.deepEqual(keysOf(problemsOf({ DATABASE_URL: "postgres://a/b", DATABASE_HOST: "h" })), ["database.host"]);
    assert.deepEqual(keysOf(problemsOf({ REDIS_URL: "redis://a", REDIS_SENTINELS: "h:1" })), ["redis.sentinels"]);
  });

  it("refuses Redis addresses that cannot be one", () => {
    assert.deepEqual(keysOf(problemsOf({ REDIS_SENTINELS: "h:26379,h:99999" })), ["redis.sentinels"]);
    assert.match(problemsOf({ REDIS_SENTINELS: "h:0" }).message, /h:0: a port is from 1 to 65535/);
    assert.match(problemsOf({ REDIS_URL: "redis://h/cache" }).message, /redis:\/\/host\/0/);
    assert.deepEqual(keysOf(problemsOf({ REDIS_URL: "http://h" })), ["redis.url"]);
    for (const url of ["redis://h", "redis://h/", "rediss://:p@h:6380/3"]) {
      assert.equal(load({ REDIS_URL: url }).config.redis?.url, url);
    }
  });

  it("names the process after its pod, or after its host", () => {
    assert.equal(load({ POD_NAME: "bot-7f9c-x2x4z" }).config.replicaName, "bot-7f9c-x2x4z");
    assert.equal(load({}).config.replicaName, hostname());
  });

  it("keeps the times of lease and orders in order", () => {
    assert.deepEqual(keysOf(problemsOf({ LEASE_RENEW_MS: "2001" })), ["lease.renewMs"]);
    assert.deepEqual(keysOf(problemsOf({ ORDER_POST_DEADLINE_MS: "6000" })), [
      "orders.postDeadlineMs",
      "lease.lockDelayMs",
    ]);
  });
});

describe("amounts", () => {
  it("are exact whether written as text or as a number", () => {
    const decimal = fc
      .tuple(fc.integer({ min: 1, max: 999_999 }), fc.integer({ min: 0, max: 999_999_999 }))
      .map(([whole, fraction]) => `${whole}.${String(fraction).padStart(9, "0")}`);
    fc.assert(
      fc.property(decimal, (text) => {
        const strategy = (capital: string) =>
          load({}, `strategies: [{id: a, strategy: ema-cross, instruments: [A], capital: ${capital}}]\n`);
        const quoted = strategy(`"${text}"`).config.strategies[0]?.capital;
        assert.equal(quoted, parseFixed(text, "expected"));
        assert.equal(strategy(text).config.strategies[0]?.capital, quoted);
      }),
      { numRuns: 50 },
    );
  });

  it("are refused where a number could have lost digits", () => {
    const yaml = "strategies: [{id: a, strategy: ema-cross, instruments: [A], capital: 1234567.1234567891}]\n";
    assert.match(problemsOf({}, yaml).message, /in quotes where it has more than 15 digits/);
    assert.match(problemsOf({ SIMULATOR_STARTING_CASH: "1e6" }).message, /a decimal above 0/);
    assert.match(problemsOf({ SIMULATOR_STARTING_CASH: "0" }).message, /a decimal above 0/);
  });
});
