/**
 * What every journal must do with exits and with orders that take the place of others, as a suite that each implementation
 * registers with. Expected values are worked out by hand.
 */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Fence, Journal, JournalLimits, JournalOrder, OrderIntent } from "../../src/orders/journal.ts";
import { BINDING, execution, fixed, intent, type JournalUnderTest, verdicts, WIDE_LIMITS } from "./journal-contract.ts";

const BRACKET = {
  orderClass: "bracket",
  takeProfitPrice: fixed("110"),
  stopLossPrice: fixed("95"),
  stopLossLimitPrice: fixed("94.5"),
} as const;

export function registerTermsContract(
  name: string,
  openJournal: () => Promise<JournalUnderTest>,
  skip: string | false,
): void {
  void describe(`journal contract, exits and replacements: ${name}`, { skip }, () => {
    let under: JournalUnderTest;
    let journal: Journal;
    let fence: Fence;

    beforeEach(async () => {
      under = await openJournal();
      journal = under.journal;
      await journal.bind(BINDING);
      fence = (await journal.acquireLease("owner-1", 60_000)) as Fence;
    });
    afterEach(() => under.close());

    const commit = async (intents: readonly OrderIntent[], limits: Partial<JournalLimits> = {}): Promise<string[]> =>
      verdicts(await journal.commit(fence, intents, { ...WIDE_LIMITS, ...limits }));
    const open = async (): Promise<readonly JournalOrder[]> => (await journal.load()).openOrders;

    async function accepted(overrides: Partial<OrderIntent> = {}): Promise<OrderIntent> {
      const made = intent(overrides);
      assert.deepEqual(await commit([made]), ["committed"]);
      await journal.transition(fence, [{ clientOrderId: made.clientOrderId, state: "accepted", brokerOrderId: "b-1" }]);
      return made;
    }

    void it("commits the exits of a bracket with it, as orders of the other side under their parent", async () => {
      const made = intent(BRACKET);
      assert.deepEqual(await commit([made, made]), ["committed", "duplicate"]);
      const { clientOrderId } = made;
      assert.deepEqual(
        (await open()).map((order) => ({ ...order, createdAtMs: 0, updatedAtMs: 0 })).slice(1),
        [
          { suffix: "-tp", type: "limit", limitPrice: fixed("110"), stopPrice: null, worstPrice: fixed("110") },
          {
            suffix: "-sl",
            type: "stop_limit",
            limitPrice: fixed("94.5"),
            stopPrice: fixed("95"),
            worstPrice: fixed("95"),
          },
        ].map(({ suffix, ...prices }) => ({
          ...prices,
          clientOrderId: `${clientOrderId}${suffix}`,
          parentId: clientOrderId,
          brokerOrderId: null,
          replaces: null,
          instanceId: "alpha",
          symbol: "AAA",
          side: "sell",
          timeInForce: "day",
          quantity: fixed("10"),
          trailPrice: null,
          trailPercent: null,
          extendedHours: false,
          orderClass: "bracket",
          takeProfitPrice: null,
          stopLossPrice: null,
          stopLossLimitPrice: null,
          state: "journalled",
          cancelRequested: false,
          filledQuantity: 0n,
          filledNotional: 0n,
          trigger: made.trigger,
          reason: "test",
          midAtDecision: fixed("99.5"),
          decidedAtUs: made.decidedAtUs,
          createdAtMs: 0,
          updatedAtMs: 0,
          rejectCode: null,
          rejectMessage: null,
        })),
      );
      assert.deepEqual(await commit([{ ...made, takeProfitPrice: fixed("111") }]), ["ID_CONTENT_MISMATCH"]);
    });

    void it("an OCO's exit is of its own side, an OTO has one", async () => {
      const oco = intent({ side: "sell", orderClass: "oco", stopLossPrice: fixed("95"), reducing: true });
      const oto = intent({ symbol: "BBB", orderClass: "oto", takeProfitPrice: fixed("110") });
      assert.deepEqual(await commit([oco, oto]), ["committed", "committed"]);
      assert.deepEqual(
        (await open()).map((order) => [order.clientOrderId, order.side, order.type]),
        [
          [oco.clientOrderId, "sell", "limit"],
          [`${oco.clientOrderId}-sl`, "sell", "stop"],
          [oto.clientOrderId, "buy", "limit"],
          [`${oto.clientOrderId}-tp`, "sell", "limit"],
        ],
      );
    });

    void it("exits reserve nothing, count as open, and are booked under their parent's instance", async () => {
      // 10 × 100 = 1,000 for the entry alone.
      assert.deepEqual(await commit([intent(BRACKET)], { maxGrossNotional: fixed("1000"), maxOpenOrders: 2 }), [
        "MAX_OPEN_ORDERS",
      ]);
      const made = intent(BRACKET);
      assert.deepEqual(await commit([made], { maxGrossNotional: fixed("1000"), maxOpenOrders: 3 }), ["committed"]);
      const exit = (await open())[1] as JournalOrder;
      await journal.applyExecutions(fence, [execution(made, "10", "100")]);
      const [applied] = await journal.applyExecutions(fence, [
        execution({ ...made, clientOrderId: exit.clientOrderId, side: "sell" }, "10", "110"),
      ]);
      // (110 − 100) × 10
      assert.equal(applied?.realised, fixed("100"));
      assert.deepEqual([applied?.position.instanceId, applied?.position.quantity], ["alpha", 0n]);
    });

    void it("orders with exits, their exits and trailing stops are exempt from the wash-trade rule", async () => {
      assert.deepEqual(await commit([intent(BRACKET)]), ["committed"]);
      const sell = { side: "sell", type: "market", limitPrice: null, instanceId: "beta", reducing: true } as const;
      assert.deepEqual(await commit([intent(sell)]), ["committed"]);
      // The market sell is now open: a plain buy meets it, one with exits does not.
      assert.deepEqual(await commit([intent({ reducing: true }), intent(BRACKET)]), ["SELF_TRADE", "committed"]);
    });

    void it("refuses terms that make no sense", async () => {
      const nonsense = [
        intent({ type: "trailing_stop", limitPrice: null }),
        intent({ type: "trailing_stop", limitPrice: null, trailPrice: 1n, trailPercent: 1n }),
        intent({ type: "trailing_stop", limitPrice: null, trailPercent: fixed("100") }),
        intent({ trailPrice: 1n }),
        intent({ type: "market", limitPrice: null, extendedHours: true }),
        intent({ orderClass: "bracket", takeProfitPrice: fixed("110") }),
        intent({ orderClass: "oto" }),
        intent({ orderClass: "oco", takeProfitPrice: fixed("110") }),
        intent({ takeProfitPrice: fixed("110") }),
        intent({ ...BRACKET, stopLossPrice: 0n }),
        intent({ ...BRACKET, replaces: "atb-0" }),
      ];
      assert.deepEqual(
        await commit(nonsense),
        nonsense.map(() => "INTENT_INVALID"),
      );
    });

    void it("an order takes the place of an open one that is alike, one at a time", async () => {
      const old = await accepted();
      const next = (overrides: Partial<OrderIntent> = {}): OrderIntent =>
        intent({ limitPrice: fixed("101"), replaces: old.clientOrderId, ...overrides });
      const unlike = [
        next({ replaces: "atb-none" }),
        next({ side: "sell" }),
        next({ symbol: "BBB" }),
        next({ instanceId: "beta" }),
        next({ type: "market", limitPrice: null }),
      ];
      assert.deepEqual(
        await commit(unlike),
        unlike.map(() => "NOT_REPLACEABLE"),
      );
      const first = next();
      assert.deepEqual(await commit([first, next()]), ["committed", "NOT_REPLACEABLE"]);
      await journal.transition(fence, [{ clientOrderId: first.clientOrderId, state: "rejected" }]);
      assert.deepEqual(await commit([next()]), ["committed"]);
    });

    void it("nothing takes the place of an order that is not at the broker, that is over, or that has exits", async () => {
      const waiting = intent();
      const parent = await accepted({ ...BRACKET, symbol: "BBB" });
      const over = await accepted({ symbol: "CCC" });
      await journal.transition(fence, [{ clientOrderId: over.clientOrderId, state: "replaced" }]);
      await commit([waiting]);
      const refused = [
        intent({ replaces: waiting.clientOrderId }),
        intent({ symbol: "BBB", replaces: parent.clientOrderId }),
        intent({ symbol: "CCC", replaces: over.clientOrderId }),
      ];
      assert.deepEqual(
        await commit(refused),
        refused.map(() => "NOT_REPLACEABLE"),
      );
    });

    void it("a replacement is checked as if the old order were gone, and must be for more than that has filled", async () => {
      const old = await accepted();
      await journal.applyExecutions(fence, [execution(old, "4", "100")]);
      const next = (quantity: string): OrderIntent =>
        intent({ quantity: fixed(quantity), replaces: old.clientOrderId });
      assert.deepEqual(await commit([next("4")]), ["NOT_REPLACEABLE"]);
      // 400 are held; 20 × 100 more would be 2,400. The 600 that the old one still reserves do not count.
      assert.deepEqual(await commit([next("20")], { maxGrossNotional: fixed("2399.999999999") }), [
        "MAX_GROSS_NOTIONAL",
      ]);
      assert.deepEqual(await commit([next("20")], { maxGrossNotional: fixed("2400"), maxOpenOrders: 1 }), [
        "committed",
      ]);
    });

    void it("the successor of an exit is an exit under the same parent", async () => {
      await commit([intent(BRACKET)]);
      const exit = (await open())[2] as JournalOrder;
      await journal.transition(fence, [
        { clientOrderId: exit.clientOrderId, state: "accepted", brokerOrderId: "leg-2" },
      ]);
      const next = intent({
        side: "sell",
        type: "stop_limit",
        limitPrice: fixed("96.5"),
        stopPrice: fixed("97"),
        reducing: true,
        replaces: exit.clientOrderId,
      });
      assert.deepEqual(await commit([next]), ["committed"]);
      const order = (await open()).find((candidate) => candidate.clientOrderId === next.clientOrderId);
      assert.deepEqual([order?.parentId, order?.orderClass], [exit.parentId, "bracket"]);
    });

    void it("an order shrinks to what the broker's is for, never below its fills, and ends filled there", async () => {
      const old = await accepted();
      const next = intent({ replaces: old.clientOrderId });
      await commit([next]);
      const change = { clientOrderId: next.clientOrderId };
      const [grown] = await journal.transition(fence, [{ ...change, quantity: fixed("11") }]);
      assert.equal(grown?.quantity, fixed("10"));
      await journal.applyExecutions(fence, [execution(next, "6", "100")]);
      const [below] = await journal.transition(fence, [{ ...change, quantity: fixed("5"), state: "filled" }]);
      assert.deepEqual([below?.quantity, below?.state], [fixed("6"), "filled"]);
      // The same intent again, with the quantity that was asked for.
      assert.deepEqual(await commit([next]), ["duplicate"]);
    });

    void it("a replaced order is over, and its late fill is booked", async () => {
      const old = await accepted();
      const [replaced] = await journal.transition(fence, [{ clientOrderId: old.clientOrderId, state: "replaced" }]);
      assert.equal(replaced?.state, "replaced");
      assert.deepEqual(await open(), []);
      const [applied] = await journal.applyExecutions(fence, [execution(old, "4", "100")]);
      assert.deepEqual([applied?.first, applied?.order.state], [true, "replaced"]);
    });
  });
}
