import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { InstanceSpec } from "../../../src/core/engine.ts";
import { parseFixed } from "../../../src/core/fixed.ts";
import { equity } from "../../../src/core/market/instrument.ts";
import {
  CONTROL_ACCOUNT_STATE,
  CONTROL_FEED_STALE,
  CONTROL_INSTANCE_STATE,
  STATUS_HALTED,
  STATUS_TRADING,
  TRADING_ACTIVE,
  TRADING_HALTED,
  TRADING_REDUCING,
} from "../../../src/core/market/record.ts";
import type { RiskLimits } from "../../../src/core/risk/limits.ts";
import { Harness, type HarnessOptions } from "../support/engine-harness.ts";
import { Puppet } from "../support/puppet.ts";

const SECOND = 1_000_000;
const START = 1_000 * SECOND;

const units = (text: string): bigint => parseFixed(text, "amount");

interface Stage {
  readonly puppet: Puppet;
  readonly harness: Harness;
  /** States a target at a timer, so that no quote is given at the same time. */
  readonly want: (exposure: number, timeUs: number) => void;
}

function stage(
  limits: Partial<RiskLimits> = {},
  instance: Partial<InstanceSpec> = {},
  options: HarnessOptions = {},
): Stage {
  const puppet = new Puppet();
  puppet.on = "timer";
  const harness = new Harness({ strategies: puppet.registry(), ...options, limits, instances: [instance] });
  harness.write.resume();
  return {
    puppet,
    harness,
    want(exposure, timeUs) {
      puppet.wants[0] = exposure;
      harness.write.timer(timeUs);
    },
  };
}

/** What came of one target: the codes of its refusals, or "sent". */
function outcome({ harness }: Stage): string {
  return harness.news().length > 0 ? "sent" : harness.refusals.join();
}

describe("stale data", () => {
  for (const [type, ageSeconds, code] of [
    ["market", 5, "sent"],
    ["market", 5.000001, "MARKET_ORDER_QUOTE_STALE"],
    ["limit", 60, "sent"],
    ["limit", 60.000001, "QUOTE_STALE"],
  ] as const) {
    it(`${type} orders and a quote of ${ageSeconds} s: ${code}`, () => {
      const execution =
        type === "market" ? ({ type } as const) : ({ type, offsetTicks: 0, cancelAfterSeconds: 5 } as const);
      const it1 = stage({}, { execution });
      it1.harness.write.quote(START, 99.99, 100);
      it1.want(1, START + ageSeconds * SECOND);
      assert.equal(outcome(it1), code);
    });
  }

  it("holds orders back while the feed is stale, closing ones too, and no longer", () => {
    const scene = stage();
    scene.harness.write.quote(START, 99.99, 100);
    scene.harness.write.control(CONTROL_FEED_STALE, 1);
    scene.want(1, START + 1);
    assert.equal(outcome(scene), "FEED_STALE");
    scene.harness.write.control(CONTROL_FEED_STALE, 0);
    scene.want(0.9, START + 2);
    assert.equal(outcome(scene), "sent");
  });

  it("refuses without a quote, without the side it needs, and when the quote is crossed", () => {
    for (const [bid, ask, code] of [
      [undefined, undefined, "QUOTE_MISSING"],
      [99, 0, "QUOTE_MISSING"],
      [Number.NaN, Number.NaN, "QUOTE_MISSING"],
      [100.01, 100, "QUOTE_CROSSED"],
      [100, 100, "sent"],
      [0, 100, "sent"],
    ] as const) {
      const scene = stage();
      if (bid !== undefined) scene.harness.write.quote(START, bid, ask);
      scene.want(1, START + 1);
      assert.equal(outcome(scene), code, `${bid} ${ask}`);
    }
  });

  it("ignores a quote that is older than the one it has", () => {
    const scene = stage();
    scene.harness.write.quote(START, 99.99, 100);
    scene.harness.write.quote(START - 1, 49.99, 50);
    scene.want(1, START + 1);
    assert.equal(scene.harness.order().quantity, 100);
  });
});

describe("prices", () => {
  it("must lie within the collar around the last trade", () => {
    for (const [ask, code] of [
      [103, "sent"],
      [103.01, "PRICE_COLLAR"],
      [97, "sent"],
      [96.99, "PRICE_COLLAR"],
    ] as const) {
      const scene = stage();
      scene.harness.write.trade(START, 100, 10);
      scene.harness.write.quote(START, ask - 0.01, ask);
      scene.want(1, START + 1);
      assert.equal(outcome(scene), code, `ask ${ask}`);
    }
  });

  it("must lie within the collar around the mid when nothing was traded", () => {
    const scene = stage();
    scene.harness.write.quote(START, 80, 100);
    scene.want(1, START + 1);
    assert.equal(outcome(scene), "PRICE_COLLAR");
  });

  it("must lie within the price band, and within half its half-width of the reference", () => {
    for (const [lower, upper, code] of [
      [95, 105, "sent"],
      [95, 99.5, "PRICE_BAND"],
      [101, 105, "PRICE_BAND"],
      [99, 101.2, "PRICE_COLLAR"],
    ] as const) {
      const scene = stage();
      scene.harness.write.trade(START, 99.2, 10);
      scene.harness.write.band(START, lower, upper);
      scene.harness.write.quote(START, 99.99, 100);
      scene.want(1, START + 1);
      assert.equal(outcome(scene), code, `band ${lower} to ${upper}`);
    }
  });
});

describe("sizes", () => {
  for (const [name, limits, code] of [
    ["quantity", { maxOrderQuantity: units("99.999999999") }, "MAX_ORDER_QUANTITY"],
    ["quantity at the limit", { maxOrderQuantity: units("100") }, "sent"],
    // A market order is valued at the ask plus the collar: 100 × 103.
    ["notional", { maxOrderNotional: units("10299.99") }, "MAX_ORDER_NOTIONAL"],
    ["notional at the limit", { maxOrderNotional: units("10300") }, "sent"],
    ["position", { maxPositionNotional: units("10299.99") }, "MAX_POSITION"],
  ] as const) {
    it(`${name}: ${code}`, () => {
      const scene = stage(limits);
      scene.harness.write.quote(START, 99.99, 100);
      scene.want(1, START + 1);
      assert.equal(outcome(scene), code);
    });
  }

  it("count the position that is there already", () => {
    const scene = stage({ maxPositionNotional: units("12000") });
    scene.harness.write.quote(START, 99.99, 100);
    scene.harness.write.position(START, 90e9);
    scene.want(1, START + 1);
    assert.equal(outcome(scene), "sent");
    const other = stage({ maxPositionNotional: units("10000") });
    other.harness.write.quote(START, 99.99, 100);
    other.harness.write.position(START, 90e9);
    other.want(1, START + 1);
    assert.equal(outcome(other), "MAX_POSITION");
  });

  it("never keep a position from being closed", () => {
    const scene = stage({
      maxOrderQuantity: units("1"),
      maxOrderNotional: units("1"),
      maxPositionNotional: units("1"),
    });
    scene.harness.write.quote(START, 99.99, 100);
    scene.harness.write.position(START, 500e9);
    scene.want(0, START + 1);
    assert.equal(scene.harness.order().quantity, 500);
  });

  it("of an instance may depart from the engine's", () => {
    const scene = stage({}, { limits: { maxOrderQuantity: units("5") } });
    scene.harness.write.quote(START, 99.99, 100);
    scene.want(1, START + 1);
    assert.equal(outcome(scene), "MAX_ORDER_QUANTITY");
  });

  it("beyond exact numbers are refused", () => {
    const scene = stage({}, { capital: units("1000000000") });
    scene.harness.write.quote(START, 9.99, 10);
    scene.want(1, START + 1);
    assert.equal(outcome(scene), "OUT_OF_RANGE");
  });
});

describe("trading states", () => {
  for (const scope of [CONTROL_ACCOUNT_STATE, CONTROL_INSTANCE_STATE]) {
    const name = scope === CONTROL_ACCOUNT_STATE ? "account" : "instance";

    it(`of the ${name}: reducing lets it close only, halted nothing, active all`, () => {
      const scene = stage();
      const { harness, want } = scene;
      harness.write.quote(START, 99.99, 100);
      harness.write.position(START, 50e9);
      harness.write.control(scope, TRADING_REDUCING);
      want(1, START + 1);
      want(0.2, START + 2);
      assert.deepEqual([harness.order().leg, harness.refusals], ["close", ["TRADING_REDUCING"]]);
      harness.write.done(START + 2, 1);
      harness.write.control(scope, TRADING_HALTED);
      want(0, START + 3);
      assert.deepEqual([harness.news(), harness.refusals.at(-1)], [[], "TRADING_HALTED"]);
      harness.write.control(scope, TRADING_ACTIVE);
      want(1, START + 4);
      assert.equal(harness.order().leg, "open");
    });
  }

  it("of an instrument: nothing while it is halted", () => {
    const scene = stage();
    scene.harness.write.quote(START, 99.99, 100);
    scene.harness.write.status(START, STATUS_HALTED);
    scene.want(1, START + 1);
    assert.equal(outcome(scene), "INSTRUMENT_HALTED");
    scene.harness.write.status(START + 2, STATUS_TRADING);
    scene.want(0.5, START + 3);
    assert.equal(outcome(scene), "sent");
  });

  it("of an asset that is not tradable: nothing", () => {
    const scene = stage({}, {}, { instruments: [equity(0, "AAA", { tradable: false })] });
    scene.harness.write.quote(START, 99.99, 100);
    scene.want(1, START + 1);
    assert.equal(outcome(scene), "NOT_TRADABLE");
  });
});

describe("repeated execution", () => {
  /** Buys and sells in turn, `gapUs` apart, until refused; returns how many orders of one side went out. */
  function churn(scene: Stage, gapUs: number, rounds: number): number {
    let buys = 0;
    for (let i = 0; i < rounds * 2 && scene.harness.refusals.length === 0; i++) {
      const timeUs = START + i * gapUs;
      scene.harness.write.quote(timeUs, 99.99, 100);
      scene.want(i % 2 === 0 ? 1 : 0, timeUs);
      for (const order of scene.harness.news()) {
        if (order.side === "buy") buys++;
        scene.harness.fill(order, timeUs);
        scene.harness.done(order, timeUs);
      }
    }
    return buys;
  }

  it("disables the instance at the order after ten of a side within a minute, until a human enables it", () => {
    const scene = stage({ repeatedExecutionsPerMinute: 10 });
    assert.equal(churn(scene, SECOND, 40), 10);
    assert.deepEqual(scene.harness.refusals, ["REPEATED_EXECUTION"]);
    assert.equal(scene.harness.engine.instanceStatus(0).tradingState, TRADING_HALTED);
    const laterUs = START + 600 * SECOND;
    scene.harness.write.quote(laterUs, 99.99, 100);
    scene.want(0.5, laterUs);
    assert.equal(scene.harness.refusals.at(-1), "TRADING_HALTED");
    scene.harness.write.control(CONTROL_INSTANCE_STATE, TRADING_ACTIVE);
    scene.want(0.6, laterUs + 1);
    assert.equal(scene.harness.order().quantity, 60);
  });

  it("lets ten in a minute pass for ever", () => {
    const scene = stage({ repeatedExecutionsPerMinute: 10 });
    assert.equal(churn(scene, 3 * SECOND, 100), 100);
    assert.deepEqual(scene.harness.refusals, []);
  });
});

describe("targets", () => {
  it("that are no exposures are refused and change nothing", () => {
    const scene = stage();
    scene.harness.write.quote(START, 99.99, 100);
    for (const exposure of [1.0001, -1.0001, Number.NaN, Number.POSITIVE_INFINITY]) scene.want(exposure, START + 1);
    scene.puppet.signal = Number.NaN;
    scene.want(1, START + 1);
    assert.deepEqual(
      scene.harness.refusals,
      Array.from({ length: 5 }, () => "TARGET_INVALID"),
    );
    assert.deepEqual(scene.harness.news(), []);
  });

  it("before the warm-up bars have been seen are refused", () => {
    const puppet = new Puppet();
    puppet.on = "bar";
    puppet.wants[0] = 1;
    const harness = new Harness({ strategies: puppet.registry({ warmUpBars: 3 }) });
    harness.write.resume();
    for (let i = 0; i <= 3; i++) {
      harness.write.quote(START + i * SECOND, 99.99, 100);
      harness.write.trade(START + i * SECOND, 100, 1);
    }
    assert.deepEqual(harness.refusals, ["INSUFFICIENT_DATA", "INSUFFICIENT_DATA"]);
    assert.equal(harness.order().quantity, 100);
  });

  it("are counted by code when refused", () => {
    const scene = stage();
    scene.want(1, START);
    scene.want(0.5, START + 1);
    const status = scene.harness.engine.instanceStatus(0);
    assert.equal(status.refusals, 2);
    assert.equal(scene.harness.engine.stats.refusals[status.lastRefusal], 2);
  });
});
