import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { simulatorConfig } from "../../src/simulator/config.ts";
import { feeModel, fillModel, latencyModel, slippageModel } from "../../src/simulator/model-config.ts";
import type { VenueOrder } from "../../src/venue/order.ts";

const fieldOf = (input: unknown) => {
  try {
    simulatorConfig(input);
  } catch (error) {
    const { code, field, message } = error as Error & { code: string; field: string };
    assert.equal(code, "SIMULATOR_CONFIG");
    return `${field}: ${message}`;
  }
  return assert.fail(`${JSON.stringify(input)} was taken`);
};

describe("models of a simulator's configuration", () => {
  it("knows every model by its name and completes its parameters", () => {
    const fills = ["quote", "next_open", "next_close", "same_close", "path", "volume_share", "queue"];
    for (const model of fills) {
      const { fill, partialFillRate } = simulatorConfig({ fill: { model } });
      assert.ok(fill !== null && fillModel(fill, partialFillRate, 1).causes.size > 0, model);
    }
    assert.deepEqual(simulatorConfig({ fill: { model: "volume_share" } }).fill, {
      model: "volume_share",
      share: "0.025",
      impact: "0.1",
    });
    const fees = [
      { model: "none" },
      { model: "per_share", amount: "0.0075", minimum: "1" },
      { model: "bps", bps: "10" },
      { model: "regulatory" },
      { model: "crypto_tiers" },
      { model: "alpaca" },
    ];
    for (const fee of fees) assert.equal(typeof feeModel(simulatorConfig({ fee }).fee).feeOf, "function");
    const latencies = [
      [{ model: "none" }, 0],
      [{ model: "constant", us: 250 }, 250],
      [{ model: "uniform", minUs: 70, maxUs: 70 }, 70],
      [{ model: "log_normal", medianUs: 90, sigma: 0 }, 90],
    ] as const;
    for (const [latency, us] of latencies) {
      const model = latencyModel(simulatorConfig({ latency }).latency, 1);
      assert.equal(model.latencyUs({ number: 3 } as VenueOrder), us);
    }
    for (const slippage of [{ model: "none" }, { model: "bps", bps: "5" }, { model: "seeded", maxBps: "5" }]) {
      assert.equal(typeof slippageModel(simulatorConfig({ slippage }).slippage, 1).slip, "function");
    }
  });

  it("trades on quotes, free of charge and at once, where nothing is said", () => {
    const { fill, fee, latency, slippage } = simulatorConfig({});
    assert.deepEqual([fill, fee.model, latency.model, slippage.model], [null, "none", "none", "none"]);
  });

  it("names the bad field and what is allowed", () => {
    assert.match(fieldOf({ fill: { model: "magic" } }), /^fill\.model: .*quote/);
    assert.match(fieldOf({ fill: { model: "volume_share", share: "0" } }), /^fill\.share: .*above "0" and at most "1"/);
    assert.match(fieldOf({ fill: { model: "quote", share: "1" } }), /^fill: .*share/);
    assert.match(fieldOf({ fee: { model: "per_share" } }), /^fee\.amount: /);
    assert.match(fieldOf({ fee: { model: "bps", bps: "-1" } }), /^fee\.bps: .*from "0" to "10000"/);
    assert.match(fieldOf({ latency: { model: "uniform", minUs: 9, maxUs: 3 } }), /^latency: .*maxUs must be at least/);
    assert.match(fieldOf({ latency: { model: "constant", us: 1.5 } }), /^latency\.us: /);
    assert.match(fieldOf({ slippage: { model: "seeded", maxBps: "x" } }), /^slippage\.maxBps: /);
  });
});
