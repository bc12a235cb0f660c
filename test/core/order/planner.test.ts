import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { InstanceSpec } from "../../../src/core/engine.ts";
import { parseFixed } from "../../../src/core/fixed.ts";
import { cryptoPair, equity } from "../../../src/core/market/instrument.ts";
import { KIND_ACCOUNT, KIND_QUOTE } from "../../../src/core/market/record.ts";
import { REFUSAL_BUYING_POWER, REFUSAL_DUPLICATE } from "../../../src/core/risk/refusal.ts";
import { Harness, type HarnessOptions } from "../support/engine-harness.ts";
import { Puppet } from "../support/puppet.ts";

const SECOND = 1_000_000;

interface Stage {
  readonly puppet: Puppet;
  readonly harness: Harness;
  /** Moves one second on with a quote around 100, at which the puppet states what it wants. */
  readonly want: (exposure: number | undefined, bid?: number, ask?: number) => void;
  readonly nowUs: () => number;
}

function stage(instance: Partial<InstanceSpec> = {}, options: HarnessOptions = {}): Stage {
  const puppet = new Puppet();
  const harness = new Harness({ strategies: puppet.registry(), ...options, instances: [instance] });
  harness.write.resume();
  let nowUs = 1_000 * SECOND;
  return {
    puppet,
    harness,
    want(exposure, bid = 99.99, ask = 100) {
      nowUs += SECOND;
      puppet.wants[0] = exposure;
      harness.write.quote(nowUs, bid, ask);
    },
    nowUs: () => nowUs,
  };
}

const limit = (offsetTicks: number, cancelAfterSeconds = 5): Partial<InstanceSpec> => ({
  execution: { type: "limit", offsetTicks, cancelAfterSeconds },
});

describe("sizes", () => {
  it("are the capital at the ask, towards zero, in whole increments", () => {
    for (const [exposure, ask, quantity] of [
      [1, 100, 100],
      [0.5, 100, 50],
      [1, 99.9, 100],
      [1, 100.01, 99],
      [-0.333, 100, 33],
      [0.3, 0.1, 30_000],
    ] as const) {
      const { harness, want } = stage();
      want(exposure, ask * 0.999, ask);
      const order = harness.order();
      assert.equal(order.quantity, quantity, `${exposure} at ${ask}`);
      assert.equal(order.side, exposure > 0 ? "buy" : "sell");
      assert.equal(order.positionAfter, Math.sign(exposure) * quantity);
    }
  });

  it("of coins are exact to the ninth digit", () => {
    const instruments = [cryptoPair(0, "BTC/USD")];
    const { harness, want } = stage({ capital: parseFixed("1000", "capital") }, { instruments });
    want(1, 65_432.1, 65_432.9);
    // 1000 / 65432.9 = 0.0152828317…
    assert.equal(harness.order().quantity, 0.015282831);
  });

  it("of instruments that cannot be shorted are never below zero", () => {
    const instruments = [equity(0, "AAA", { shortable: false })];
    const { harness, want } = stage({}, { instruments });
    want(-1);
    assert.deepEqual(harness.news(), []);
    assert.deepEqual(harness.refusals, []);
  });

  it("below the least quantity are none; below the least notional they are refused", () => {
    const small = stage({ capital: parseFixed("50", "capital") });
    small.want(1);
    assert.deepEqual([small.harness.news(), small.harness.refusals], [[], []]);
    const coin = stage({ capital: parseFixed("5", "capital") }, { instruments: [cryptoPair(0, "BTC/USD")] });
    coin.want(1);
    assert.deepEqual(coin.harness.refusals, ["BELOW_MINIMUM"]);
  });

  it("stay when only the price moves, and follow when the exposure changes", () => {
    const { harness, want, nowUs } = stage();
    want(1);
    harness.fillAll(nowUs());
    want(1, 101.99, 102);
    assert.deepEqual(harness.news(), []);
    want(0.5, 101.99, 102);
    const order = harness.order();
    assert.deepEqual([order.side, order.leg, order.quantity], ["sell", "close", 51]);
  });
});

describe("a reversal", () => {
  it("closes first and opens only after the close is done", () => {
    const { harness, want, nowUs } = stage();
    want(1);
    harness.fillAll(nowUs());
    want(-1);
    const close = harness.order();
    assert.deepEqual([close.side, close.leg, close.quantity, close.positionAfter], ["sell", "close", 100, 0]);
    harness.fill(close, nowUs());
    assert.deepEqual(harness.news(), []);
    harness.done(close, nowUs());
    const open = harness.order();
    assert.deepEqual([open.side, open.leg, open.quantity, open.positionAfter], ["sell", "open", 100, -100]);
    // Both legs are the same decision: one record caused them.
    assert.deepEqual([open.triggerKind, open.triggerTimeUs], [close.triggerKind, close.triggerTimeUs]);
  });

  it("never sells more than the long, whatever is filled in between", () => {
    const { harness, want, nowUs } = stage();
    want(1);
    const buy = harness.order();
    harness.fill(buy, nowUs(), 60);
    want(-1);
    harness.done(buy, nowUs());
    const close = harness.order();
    assert.deepEqual([close.side, close.leg, close.quantity], ["sell", "close", 60]);
  });
});

describe("while an order is out", () => {
  it("nothing more is sent, and the newest target wins afterwards", () => {
    const { harness, want, nowUs } = stage();
    want(1);
    const first = harness.order();
    want(0.2);
    want(-1);
    want(0.5);
    assert.deepEqual(harness.news(), []);
    harness.fill(first, nowUs());
    harness.done(first, nowUs());
    const next = harness.order();
    assert.deepEqual([next.side, next.leg, next.quantity], ["sell", "close", 50]);
  });

  it("answers about other intents change nothing", () => {
    const { harness, want, nowUs } = stage();
    want(1);
    const order = harness.order();
    harness.write.done(nowUs(), order.number + 1);
    want(-1);
    assert.deepEqual(harness.news(), []);
    assert.equal(harness.engine.stats.strayAnswers, 1);
  });

  it("parts of it that were filled are planned on when it ends early", () => {
    const { harness, want, nowUs } = stage();
    want(1);
    const order = harness.order();
    harness.fill(order, nowUs(), 30);
    harness.done(order, nowUs());
    const rest = harness.order();
    assert.deepEqual([rest.side, rest.leg, rest.quantity], ["buy", "open", 70]);
    // The quote's identity is used up for this leg, so the account record that caused it names it.
    assert.deepEqual([order.triggerKind, rest.triggerKind], [KIND_QUOTE, KIND_ACCOUNT]);
  });
});

describe("after a refusal", () => {
  it("the same target is not tried again until it changes", () => {
    const { harness, want, nowUs } = stage();
    want(1);
    harness.write.refused(nowUs(), harness.order().number, REFUSAL_BUYING_POWER);
    want(1);
    want(1);
    assert.deepEqual(harness.news(), []);
    want(0.5);
    assert.equal(harness.order().quantity, 50);
    assert.deepEqual(harness.refusals, ["BUYING_POWER"]);
  });

  it("it is tried again when a bar has ended", () => {
    const { harness, puppet, want, nowUs } = stage();
    puppet.on = "bar";
    const trade = (offset: number): void => harness.write.trade(nowUs() + offset, 100, 10);
    trade(0);
    want(1);
    trade(1);
    want(1);
    harness.write.refused(nowUs(), harness.order().number, REFUSAL_DUPLICATE);
    assert.deepEqual(harness.news(), []);
    trade(2);
    want(1);
    assert.equal(harness.order().quantity, 100);
  });

  it("an order that ended without a fill or a cancel of ours counts as refused", () => {
    const { harness, want, nowUs } = stage();
    want(1);
    harness.done(harness.order(), nowUs());
    want(1);
    assert.deepEqual(harness.news(), []);
    want(0.9);
    assert.equal(harness.order().quantity, 90);
  });
});

describe("limit orders", () => {
  it("go to the far touch moved by the offset, on the price grid", () => {
    for (const [exposure, offset, price] of [
      [1, 0, 100],
      [1, 3, 100.03],
      [1, -2, 99.98],
      [-1, 0, 99.9],
      [-1, 2, 99.88],
    ] as const) {
      const { harness, want } = stage(limit(offset));
      want(exposure, 99.9, 100);
      const order = harness.order();
      assert.deepEqual([order.type, order.limitPrice], ["limit", price], `${exposure} ${offset}`);
    }
  });

  it("are never worse than the offset when the touch lies off the grid", () => {
    const buy = stage(limit(0));
    buy.want(1, 99.991, 100.009);
    assert.equal(buy.harness.order().limitPrice, 100);
    const sell = stage(limit(0));
    sell.want(-1, 99.991, 100.009);
    assert.equal(sell.harness.order().limitPrice, 100);
  });

  it("use hundredths of a cent below a dollar", () => {
    const { harness, want } = stage(limit(1));
    want(1, 0.4999, 0.5);
    assert.equal(harness.order().limitPrice, 0.5001);
  });

  it("are cancelled once after their time, and planned anew when the cancel is done", () => {
    const { harness, want, nowUs } = stage(limit(0, 5));
    want(1);
    const order = harness.order();
    for (let i = 0; i < 4; i++) want(1);
    assert.deepEqual(harness.news(), []);
    want(1);
    const [cancel, ...more] = harness.news();
    assert.deepEqual([cancel?.kind, cancel?.cancels, more.length], ["cancel", order.number, 0]);
    want(1);
    assert.deepEqual(harness.news(), []);
    harness.done(order, nowUs());
    const again = harness.order();
    assert.deepEqual([again.kind, again.quantity], ["order", 100]);
    assert.equal(harness.engine.stats.cancels, 1);
  });

  it("expire by a timer in a quiet market", () => {
    const { harness, want, nowUs } = stage(limit(0, 5));
    want(1);
    harness.order();
    harness.write.timer(nowUs() + 5 * SECOND);
    assert.equal(harness.news()[0]?.kind, "cancel");
  });

  it("are taken back at once when the target changes", () => {
    const { harness, want, nowUs } = stage(limit(0, 60));
    want(1);
    const order = harness.order();
    want(0);
    assert.deepEqual(
      harness.news().map(({ kind, cancels }) => [kind, cancels]),
      [["cancel", order.number]],
    );
    harness.fill(order, nowUs(), 40);
    harness.done(order, nowUs());
    const close = harness.order();
    assert.deepEqual([close.side, close.leg, close.quantity], ["sell", "close", 40]);
  });
});

describe("identities", () => {
  it("of records at one venue time differ by their ordinal", () => {
    const { harness, puppet, want, nowUs } = stage();
    want(undefined);
    puppet.wants[0] = 1;
    harness.write.quote(nowUs(), 99.99, 100);
    const order = harness.order();
    assert.deepEqual([order.triggerKind, order.triggerTimeUs, order.triggerOrdinal], [KIND_QUOTE, nowUs(), 1]);
  });

  it("are never used twice, however often what a target asks for is planned anew", () => {
    const { harness, want, nowUs } = stage(limit(0, 5));
    want(1);
    const seen = new Set<string>();
    for (let round = 0; round < 6; round++) {
      const order = harness.order();
      const identity = [order.triggerKind, order.triggerTimeUs, order.triggerOrdinal, order.leg].join();
      assert.ok(!seen.has(identity), `${identity} again in round ${round}`);
      seen.add(identity);
      // Some of it fills, and the rest is cancelled after its time, with no new word of the strategy.
      harness.fill(order, nowUs(), 1);
      for (let second = 0; second < 6; second++) want(undefined);
      assert.deepEqual(
        harness.news().map(({ kind }) => kind),
        ["cancel"],
      );
      harness.done(order, nowUs());
    }
  });

  /**
   * One record may lead to a close and an open, of one side (a reversal) or of opposite ones (more was filled than wanted). Both
   * go towards the one target that it stated, and neither is sent again: the decision is carried out, not repeated.
   */
  it("of one record name one order for each leg at most, and every order brings the position nearer to the target", () => {
    const step = fc.record({
      want: fc.constantFrom(undefined, -1, -0.5, 0, 0.5, 1),
      price: fc.integer({ min: 80, max: 120 }),
      filled: fc.constantFrom(0, 0.3, 1, 1),
      answer: fc.constantFrom("done", "done", "refused", "wait"),
      stray: fc.constantFrom(0, 0, 0, 7, -7),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), fc.boolean(), (steps, isLimit) => {
        const { harness, want, nowUs } = stage(isLimit ? limit(0, 3) : {});
        const seen = new Set<string>();
        let open: ReturnType<typeof harness.order> | null = null;
        for (const { want: exposure, price, filled, answer, stray } of steps) {
          want(exposure, price - 0.01, price);
          for (let again = 0; again < 3; again++) {
            for (const intent of harness.news().filter(({ kind }) => kind === "order")) {
              assert.equal(open, null, "two unresolved orders of one holding");
              open = intent;
              const identity = [intent.triggerKind, intent.triggerTimeUs, intent.triggerOrdinal, intent.leg].join();
              assert.ok(!seen.has(identity), `${identity} again`);
              seen.add(identity);
              const held = (harness.positions.get("0:0") ?? 0) / 1e9;
              const isNearer = intent.side === "buy" ? intent.positionAfter > held : intent.positionAfter < held;
              assert.ok(isNearer, `${intent.side} from ${held} to ${intent.positionAfter}`);
              if (intent.leg === "close") assert.ok(intent.positionAfter * held >= 0, "a close turns the position");
            }
            if (open === null || answer === "wait") break;
            const part = answer === "refused" ? 0 : Math.floor(open.quantity * filled);
            if (part > 0) harness.fill(open, nowUs(), part);
            // What another order of an earlier life still filled.
            if (stray !== 0 && answer === "done") {
              harness.positions.set("0:0", (harness.positions.get("0:0") ?? 0) + stray * 1e9);
              harness.write.position(nowUs(), harness.positions.get("0:0") ?? 0);
            }
            if (answer === "refused") harness.write.refused(nowUs(), open.number, REFUSAL_BUYING_POWER);
            else harness.done(open, nowUs());
            open = null;
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("count intents from 1, orders and cancels alike", () => {
    const { harness, want, nowUs } = stage(limit(0, 1));
    want(1);
    want(1);
    harness.write.timer(nowUs() + SECOND);
    assert.deepEqual(
      harness.news().map(({ kind, number }) => [kind, number]),
      [
        ["order", 1],
        ["cancel", 2],
      ],
    );
  });
});
