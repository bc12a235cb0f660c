import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseFixed } from "../../src/core/fixed.ts";
import { equity } from "../../src/core/market/instrument.ts";
import {
  CONTROL_ACCOUNT_STATE,
  CONTROL_INSTANCE_STATE,
  FLAG_WARM_UP,
  KIND_BAR,
  RecordBuffer,
  TRADING_ACTIVE,
  TRADING_HALTED,
} from "../../src/core/market/record.ts";
import { INTENT_LANES, INTENT_STATE } from "../../src/core/order/intent.ts";
import { refusalNumber } from "../../src/core/risk/refusal.ts";
import { Harness } from "./support/engine-harness.ts";
import { Puppet } from "./support/puppet.ts";

const SECOND = 1_000_000;
const START = 1_000 * SECOND;

function puppetStage(): { puppet: Puppet; harness: Harness } {
  const puppet = new Puppet();
  return { puppet, harness: new Harness({ strategies: puppet.registry() }) };
}

/** Bars of one second by trades at `closes`, with a quote before each; returns the time after them. */
function tradeBars(harness: Harness, closes: readonly number[], fromUs = START): number {
  let timeUs = fromUs;
  for (const close of closes) {
    harness.write.quote(timeUs, close - 0.01, close + 0.01);
    harness.write.trade(timeUs, close, 10);
    timeUs += SECOND;
  }
  return timeUs;
}

describe("warm-up", () => {
  const fast = { strategy: "ema-cross", parameters: { fast: 1, slow: 2, barSeconds: 1 } };
  const rising = [100, 101, 102, 103, 104];

  it("decides nothing before it is ended, and the next bar decides", () => {
    const harness = new Harness({ instances: [fast] });
    const timeUs = tradeBars(harness, rising);
    assert.deepEqual([harness.news(), harness.refusals], [[], []]);
    harness.write.resume();
    tradeBars(harness, [105], timeUs);
    const order = harness.order();
    // The bar that has just ended is the one before: it names the decision.
    assert.deepEqual([order.side, order.triggerKind, order.triggerTimeUs], ["buy", KIND_BAR, timeUs - SECOND]);
    assert.equal(order.engineTimeUs, timeUs);
  });

  it("records of history decide nothing after it either, and leave no target", () => {
    const { puppet, harness } = puppetStage();
    harness.write.resume();
    puppet.wants[0] = 1;
    harness.write.flags = FLAG_WARM_UP;
    harness.write.quote(START, 99.99, 100);
    puppet.wants[0] = undefined;
    harness.write.flags = 0;
    harness.write.quote(START + 1, 99.99, 100);
    assert.deepEqual([harness.news(), puppet.calls], [[], 2]);
  });

  it("decisions up to a given time are suppressed, and those after it count", () => {
    const { puppet, harness } = puppetStage();
    harness.write.resume(0, START + 5);
    puppet.wants[0] = 1;
    harness.write.quote(START + 5, 99.99, 100);
    assert.deepEqual(harness.news(), []);
    harness.write.quote(START + 6, 99.99, 100);
    assert.equal(harness.order().triggerTimeUs, START + 6);
  });

  it("history bars of its interval, or of one that divides it, feed an instance", () => {
    for (const interval of [1, 2]) {
      const parameters = { ...fast.parameters, barSeconds: 2 };
      const harness = new Harness({ instances: [{ ...fast, parameters }] });
      harness.write.flags = FLAG_WARM_UP;
      for (let i = 0; i < 4; i++) {
        const bar = { open: 100 + i, high: 101 + i, low: 99 + i, close: 100.5 + i, volume: 5 };
        harness.write.bar(START + i * interval * SECOND, interval, bar);
      }
      assert.deepEqual(harness.engine.instanceStatus(0).barsSeen, [interval === 1 ? 2 : 4]);
    }
  });

  it("instances that share a series warm up from different starts, each seeing each bar once and in order", () => {
    const slower = { ...fast, parameters: { ...fast.parameters, slow: 9 } };
    const harness = new Harness({ instances: [fast, slower] });
    harness.write.flags = FLAG_WARM_UP;
    const feed = (from: number, to: number): void => {
      for (let i = from; i < to; i++) {
        harness.write.bar(START + i * SECOND, 1, { open: 100, high: 100, low: 100, close: 100, volume: 1 });
      }
    };
    feed(7, 10);
    feed(0, 10);
    assert.deepEqual(
      [harness.engine.instanceStatus(0).barsSeen, harness.engine.instanceStatus(1).barsSeen],
      [[3], [3]],
    );
  });
});

describe("bars", () => {
  it("are closed by timers in quiet markets, after the grace, and by a tick of their instrument at once", () => {
    const puppet = new Puppet();
    puppet.on = "bar";
    const harness = new Harness({ strategies: puppet.registry(), barGraceUs: 200_000 });
    harness.write.trade(START, 100, 1);
    harness.write.timer(START + 1.1 * SECOND);
    assert.equal(puppet.calls, 0);
    harness.write.timer(START + 1.2 * SECOND);
    assert.equal(puppet.calls, 1);
    harness.write.trade(START + 2 * SECOND, 100, 1);
    harness.write.quote(START + 3 * SECOND, 99, 100);
    assert.equal(puppet.calls, 2);
  });

  it("with a gap decide nothing until a bar record repairs them", () => {
    const puppet = new Puppet();
    puppet.on = "bar";
    puppet.wants[0] = 1;
    const harness = new Harness({ strategies: puppet.registry() });
    harness.write.resume();
    harness.write.trade(START, 100, 1);
    harness.write.gap(START + 1);
    harness.write.quote(START + SECOND, 99.99, 100);
    assert.deepEqual([harness.news(), harness.engine.stats.incompleteBars], [[], 1]);
    harness.write.barUpdate(START, 1, { open: 100, high: 100, low: 100, close: 100, volume: 9 });
    const order = harness.order();
    assert.deepEqual([order.triggerKind, order.triggerTimeUs, order.triggerOrdinal], [KIND_BAR, START, 0]);
  });

  it("of instances with one interval are built once, of different ones apart", () => {
    const fast = (barSeconds: number) => ({ strategy: "ema-cross", parameters: { fast: 1, slow: 2, barSeconds } });
    const harness = new Harness({ instances: [fast(1), fast(1), fast(2)] });
    tradeBars(harness, [100, 101, 102, 103, 104]);
    const seen = [0, 1, 2].map((index) => harness.engine.instanceStatus(index).barsSeen[0]);
    assert.deepEqual(seen, [4, 4, 2]);
    assert.equal(harness.engine.stats.barsDelivered, 6);
  });
});

describe("what each instance sees", () => {
  it("is its own instruments only, and its orders name the right one", () => {
    const puppets = [new Puppet(), new Puppet()];
    const instruments = [equity(0, "AAA"), equity(1, "BBB"), equity(2, "CCC")];
    const [first, second] = puppets as [Puppet, Puppet];
    const strategies = new Map([
      ["first", { ...first.definition({ instruments: 2 }), name: "first" }],
      ["second", { ...second.definition(), name: "second" }],
    ]);
    const harness = new Harness({
      strategies,
      instruments,
      instances: [
        { strategy: "first", instruments: [2, 0] },
        { strategy: "second", instruments: [1] },
      ],
    });
    harness.write.resume(0);
    harness.write.resume(1);
    for (const instrument of [0, 1, 2]) harness.write.quote(START, 99.99, 100, instrument);
    assert.deepEqual([first.calls, second.calls], [2, 1]);
    first.wants[0] = 1;
    first.wants[1] = -0.5;
    harness.write.quote(START + 1, 99.99, 100, 0);
    assert.deepEqual(
      harness.news().map(({ instance, instrument, side, quantity }) => [instance, instrument, side, quantity]),
      [
        [0, 2, "buy", 100],
        [0, 0, "sell", 50],
      ],
    );
  });
});

describe("faults", () => {
  it("a strategy that throws stops its instance for good, and nobody else", () => {
    const [bad, good] = [new Puppet(), new Puppet()];
    const strategies = new Map([
      ["bad", { ...bad.definition(), name: "bad" }],
      ["good", { ...good.definition(), name: "good" }],
    ]);
    const harness = new Harness({ strategies, instances: [{ strategy: "bad" }, { strategy: "good" }] });
    harness.write.resume(0);
    harness.write.resume(1);
    bad.throws = true;
    good.wants[0] = 1;
    harness.write.quote(START, 99.99, 100);
    assert.equal(harness.order().instance, 1);
    const status = harness.engine.instanceStatus(0);
    assert.deepEqual([status.tradingState, status.fault], [TRADING_HALTED, "the puppet's string broke"]);
    assert.deepEqual([harness.refusals, harness.engine.stats.strategyFaults], [["STRATEGY_FAULT"], 1]);
    bad.throws = false;
    bad.wants[0] = 1;
    harness.write.control(CONTROL_INSTANCE_STATE, TRADING_ACTIVE, 0);
    harness.write.quote(START + 1, 99.99, 100);
    assert.deepEqual([harness.news(), bad.calls], [[], 1]);
  });

  it("a target for an instrument that the instance has not is the strategy's fault", () => {
    const { puppet, harness } = puppetStage();
    harness.write.resume();
    puppet.wants[1] = 1;
    harness.write.quote(START, 99.99, 100);
    assert.equal(harness.engine.stats.strategyFaults, 1);
  });

  it("records that mean nothing are counted and harm nobody", () => {
    const { puppet, harness } = puppetStage();
    harness.write.resume();
    harness.write.quote(Number.NaN, 99.99, 100);
    harness.write.quote(-1, 99.99, 100);
    harness.write.quote(START, 99.99, 100, 7);
    harness.write.fill(START, 1, 1, 1, 5, 9);
    harness.write.fill(START, 1, 1, 1, 5, 0, 3);
    harness.write.control(99);
    harness.write.control(CONTROL_INSTANCE_STATE, 17);
    harness.write.control(CONTROL_INSTANCE_STATE, TRADING_HALTED, 5);
    const noise = RecordBuffer.allocate(1);
    for (let kind = 0; kind < 256; kind += 15) {
      noise.header(0, kind === 0 ? 0 : 200, kind, 0, 0, START, 0);
      harness.engine.process(noise, 0, 0);
    }
    assert.equal(harness.engine.stats.badRecords, 8 + 18);
    puppet.wants[0] = 1;
    harness.write.quote(START, 99.99, 100);
    assert.equal(harness.order().quantity, 100);
  });

  it("names instruments and instances that are not listed by index", () => {
    assert.throws(() => new Harness({ instruments: [equity(1, "AAA")], instances: [] }), {
      code: "ENGINE_SPEC",
      field: "instruments",
    });
    const { engine } = puppetStage().harness;
    assert.throws(() => engine.instanceStatus(1), { code: "INSTANCE_UNKNOWN", field: "instanceIndex" });
  });
});

describe("an intent ring that is full", () => {
  it("fails closed: nothing more goes out until the account is set active", () => {
    const puppet = new Puppet();
    // A puppet's order takes one state record and the order: the second one finds one free slot only.
    const harness = new Harness({ strategies: puppet.registry(), room: 3 });
    harness.write.resume();
    puppet.wants[0] = 1;
    harness.write.quote(START, 99.99, 100);
    const order = harness.order();
    harness.fill(order, START);
    harness.done(order, START);
    puppet.wants[0] = 0;
    harness.write.quote(START + 1, 99.99, 100);
    assert.deepEqual([harness.news(), harness.refusals], [[], ["ENGINE_FAILED_CLOSED"]]);
    assert.equal(harness.engine.stats.failedClosed, true);
    harness.list.clear();
    puppet.wants[0] = 0.5;
    harness.write.quote(START + 2, 99.99, 100);
    assert.equal(harness.refusals.at(-1), "ENGINE_FAILED_CLOSED");
    harness.write.control(CONTROL_ACCOUNT_STATE, TRADING_ACTIVE);
    assert.equal(harness.engine.stats.failedClosed, false);
    puppet.wants[0] = 0.25;
    harness.write.quote(START + 3, 99.99, 100);
    assert.equal(harness.list.orders().length, 1);
  });
});

describe("state", () => {
  it("travels before each order, whole and in order", () => {
    const parameters = { lookback: 40, entry: 0.2, exit: 0.1, barSeconds: 1 };
    const harness = new Harness({ instances: [{ strategy: "mean-reversion", parameters }] });
    harness.write.resume();
    const closes = Array.from({ length: 60 }, (_, i) => 100 + (i % 7) / 10 - (i > 45 ? 1 : 0));
    let timeUs = START;
    for (const close of closes) {
      timeUs = tradeBars(harness, [close], timeUs);
      if (harness.list.count > 0) break;
    }
    const { intents } = harness.list;
    const order = harness.list.orders()[0] as number;
    const state: number[] = [];
    for (let slot = 0; slot < order; slot++) {
      assert.equal(intents.kind(slot), INTENT_STATE);
      const count = intents.word(slot, 1);
      for (let i = 1; i <= count; i++) state.push(intents.f64[slot * INTENT_LANES + i] as number);
    }
    assert.equal(intents.word(order, 30), state.length);
    assert.deepEqual(Float64Array.from(state), harness.engine.snapshotOf(0));
    assert.ok(order > 1, "the state needs several records");
  });

  it("of another layout or another instance is refused", () => {
    const { harness } = puppetStage();
    const good = harness.engine.snapshotOf(0);
    const bad = [new Float64Array(3), good.map((value, i) => (i === 0 ? 2 : value)), good.with(3, Number.NaN)];
    for (const snapshot of bad) {
      assert.throws(() => harness.engine.restore(0, snapshot), { code: "SNAPSHOT_LAYOUT", field: "snapshot" });
    }
    harness.engine.restore(0, good);
  });
});

describe("counters", () => {
  it("say what happened", () => {
    const { puppet, harness } = puppetStage();
    harness.write.resume();
    puppet.wants[0] = 1;
    harness.write.quote(START, 0, 0);
    puppet.wants[0] = 0.5;
    harness.write.quote(START + 1, 99.99, 100);
    const { stats } = harness.engine;
    assert.deepEqual([stats.records, stats.intents, stats.engineTimeUs], [3, 1, START + 1]);
    assert.equal(stats.refusals[refusalNumber("QUOTE_MISSING")], 1);
    const status = harness.engine.instanceStatus(0);
    assert.deepEqual([status.id, status.intents, status.refusals, status.positions], ["instance-0", 1, 1, [0]]);
  });
});

it("capital far beyond a laptop's account is still exact", () => {
  const puppet = new Puppet();
  const harness = new Harness({
    strategies: puppet.registry(),
    instances: [{ capital: parseFixed("900000", "capital") }],
  });
  harness.write.resume();
  puppet.wants[0] = 1;
  harness.write.quote(START, 0.999, 1);
  assert.equal(harness.order().quantity, 900_000);
});
