import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineLimits, journalLimits } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { instanceSpecs, needsRecordedSymbols, withRecordedSymbols } from "../../src/config/resolve.ts";
import { validateLimits } from "../../src/core/risk/limits.ts";
import { STRATEGIES } from "../../src/core/strategy/registry.ts";

function load(env: Record<string, string>) {
  return loadConfig({ env, file: null, options: new Map() }).config;
}

describe("what trades when nothing is configured", () => {
  it("is every built-in strategy once on the synthetic market", () => {
    const { strategies, instruments } = load({});
    assert.deepEqual(strategies.map(({ strategy }) => strategy).sort(), [...STRATEGIES.keys()].sort());
    assert.deepEqual(
      instruments.map(({ symbol, calendar, index }) => [symbol, calendar, index]),
      [
        ["DEMO", "always", 0],
        ["ALFA", "always", 1],
        ["BRVO", "always", 2],
        ["BTC/USD", "always", 3],
      ],
    );
  });

  it("is every built-in strategy on each recorded symbol of a replay", () => {
    const replay = load({ SIMULATOR_REPLAY: "day.csv.gz" });
    assert.equal(needsRecordedSymbols(replay), true);
    const config = withRecordedSymbols(replay, ["XXX", "BTC/USD"]);
    assert.equal(config.strategies.length, 2 * STRATEGIES.size);
    assert.deepEqual(
      config.instruments.map(({ calendar }) => calendar),
      ["nyse", "always"],
    );
    assert.deepEqual(
      instanceSpecs(config, "test").map(({ index }) => index),
      config.strategies.map((_, index) => index),
    );
    assert.equal(needsRecordedSymbols(config), false);
  });

  it("is nothing in paper mode", () => {
    const paper = { TRADING_MODE: "paper", ALPACA_API_KEY: "PK", ALPACA_SECRET_KEY: "s" };
    assert.throws(() => load(paper), /paper trading needs strategies or instruments/);
  });

  it("stays within the default limits", () => {
    const { risk, strategies } = load({});
    validateLimits(engineLimits(risk));
    const { maxGrossNotional } = journalLimits(risk);
    assert.ok(strategies.reduce((sum, { capital }) => sum + capital, 0n) <= maxGrossNotional);
  });
});
