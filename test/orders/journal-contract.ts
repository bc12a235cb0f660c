/**
 * What every journal must do, as a suite that each implementation registers with: the model in memory, PostgreSQL and the
 * embedded database. Expected values are worked out by hand.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { CodedError } from "../../src/core/errors.ts";
import { type Fixed, parseFixed } from "../../src/core/fixed.ts";
import {
  type Execution,
  type Fence,
  type IntentOutcome,
  type Journal,
  type JournalLimits,
  type JournalOrder,
  type OrderIntent,
  SIMPLE_TERMS,
} from "../../src/orders/journal.ts";

export interface JournalUnderTest {
  readonly journal: Journal;
  /** Makes the lease's end lie in the past, without waiting for it. */
  expireLease(): Promise<void>;
  close(): Promise<void>;
}

export function fixed(text: string): Fixed {
  return parseFixed(text, "test value");
}

export const WIDE_LIMITS: JournalLimits = {
  maxOrderNotional: fixed("1000000"),
  maxSymbolNotional: fixed("1000000"),
  maxGrossNotional: fixed("1000000"),
  maxOpenOrders: 1000,
};

let count = 0;

/** A limit buy of 10 AAA at 100, with a fresh id. */
export function intent(overrides: Partial<OrderIntent> = {}): OrderIntent {
  count += 1;
  const limitPrice = overrides.limitPrice === undefined ? fixed("100") : overrides.limitPrice;
  return {
    ...SIMPLE_TERMS,
    replaces: null,
    clientOrderId: `atb-test-${count}`,
    instanceId: "alpha",
    symbol: "AAA",
    side: "buy",
    type: "limit",
    timeInForce: "day",
    quantity: fixed("10"),
    limitPrice,
    worstPrice: limitPrice ?? fixed("100"),
    reducing: false,
    trigger: `2:AAA:${count}:0`,
    reason: "test",
    midAtDecision: fixed("99.5"),
    decidedAtUs: 1_700_000_000_000_000,
    snapshot: new Uint8Array([1, 2, 3, 255]),
    snapshotTimeUs: 1_700_000_000_000_000 + count,
    fingerprint: "ema@1",
    ...overrides,
  };
}

export function manual(overrides: Partial<OrderIntent> = {}): OrderIntent {
  return intent({ instanceId: "manual", snapshot: null, snapshotTimeUs: null, fingerprint: null, ...overrides });
}

export function execution(
  order: OrderIntent,
  quantity: string,
  price: string,
  overrides: Partial<Execution> = {},
): Execution {
  count += 1;
  return {
    executionId: `broker@${count}`,
    clientOrderId: order.clientOrderId,
    symbol: order.symbol,
    side: order.side,
    quantity: fixed(quantity),
    price: fixed(price),
    fee: 0n,
    feeQuantity: 0n,
    venueTimeUs: 1_700_000_000_000_000 + count,
    ...overrides,
  };
}

/** The outcome's kind, or the refusal's code. */
export function verdicts(outcomes: readonly IntentOutcome[]): string[] {
  return outcomes.map((outcome) => (outcome.kind === "refused" ? outcome.code : outcome.kind));
}

function withCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof CodedError && error.code === code;
}

export const BINDING = {
  brokerAccountId: "account-1",
  mode: "simulated",
  openingCash: fixed("100000"),
  openedAtUs: 5,
} as const;

/** Registers the suite; `openJournal` gives an empty journal each time. */
export function registerJournalContract(
  name: string,
  openJournal: () => Promise<JournalUnderTest>,
  skip: string | false,
): void {
  void describe(`journal contract: ${name}`, { skip }, () => {
    let under: JournalUnderTest;
    let journal: Journal;
    let fence: Fence;

    async function fresh(): Promise<void> {
      under = await openJournal();
      journal = under.journal;
      await journal.bind(BINDING);
      fence = (await journal.acquireLease("owner-1", 60_000)) as Fence;
    }

    async function commit(intents: readonly OrderIntent[], limits: Partial<JournalLimits> = {}): Promise<string[]> {
      return verdicts(await journal.commit(fence, intents, { ...WIDE_LIMITS, ...limits }));
    }

    async function committed(overrides: Partial<OrderIntent> = {}): Promise<OrderIntent> {
      const made = intent(overrides);
      assert.deepEqual(await commit([made]), ["committed"]);
      return made;
    }

    async function orderOf(made: OrderIntent): Promise<JournalOrder> {
      return (await journal.transition(fence, [{ clientOrderId: made.clientOrderId }]))[0] as JournalOrder;
    }

    before(async () => fresh());
    after(async () => under.close());

    /** Some facts need a book of their own. */
    function itAlone(title: string, body: () => Promise<void>): void {
      void it(title, async () => {
        await under.close();
        await fresh();
        await body();
      });
    }

    registerBinding();
    registerCommits();
    registerChecks();
    registerOrders();
    registerExecutions();
    registerLeases();

    function registerBinding(): void {
      itAlone("binds the book to one broker account and keeps its id", async () => {
        const bookId = await journal.bind({ ...BINDING, openingCash: fixed("5") });
        const snapshot = await journal.load();
        assert.equal(snapshot.bookId, bookId);
        assert.equal(snapshot.openingCash, fixed("100000"));
        assert.equal(snapshot.cash, fixed("100000"));
        await assert.rejects(journal.bind({ ...BINDING, brokerAccountId: "account-2" }), withCode("ACCOUNT_MISMATCH"));
        await assert.rejects(journal.bind({ ...BINDING, mode: "paper" }), withCode("ACCOUNT_MISMATCH"));
      });

      itAlone("starts empty and active", async () => {
        const snapshot = await journal.load();
        assert.deepEqual(snapshot.openOrders, []);
        assert.deepEqual(snapshot.positions, []);
        assert.deepEqual(snapshot.instances, []);
        assert.deepEqual([...snapshot.tradingStates], [["account", "active"]]);
        assert.equal(snapshot.lastExecutionTimeUs, 0);
      });
    }

    function registerCommits(): void {
      itAlone("gives back a committed intent as it was, with its instance's state", async () => {
        const made = await committed({ reason: 'it\'s "quoted" \u2192 \ud83d\ude00', quantity: fixed("0.000000001") });
        const { openOrders, instances } = await journal.load();
        const { createdAtMs, updatedAtMs, ...order } = openOrders[0] as JournalOrder;
        const {
          reducing: _reducing,
          snapshot: _snapshot,
          snapshotTimeUs: _time,
          fingerprint: _print,
          ...content
        } = made;
        assert.deepEqual(order, {
          ...content,
          parentId: null,
          brokerOrderId: null,
          state: "journalled",
          cancelRequested: false,
          filledQuantity: 0n,
          filledNotional: 0n,
          rejectCode: null,
          rejectMessage: null,
        });
        assert.ok(createdAtMs <= updatedAtMs);
        assert.deepEqual(instances, [
          {
            instanceId: "alpha",
            fingerprint: "ema@1",
            snapshot: new Uint8Array([1, 2, 3, 255]),
            snapshotTimeUs: made.snapshotTimeUs,
            lastTrigger: made.trigger,
          },
        ]);
      });

      itAlone("takes an id once, and refuses it with another content", async () => {
        const first = intent();
        const changed = { ...first, quantity: fixed("11") };
        assert.deepEqual(await commit([first, first, changed]), ["committed", "duplicate", "ID_CONTENT_MISMATCH"]);
        assert.deepEqual(await commit([{ ...first, worstPrice: fixed("101"), reason: "again" }]), ["duplicate"]);
        assert.equal((await journal.load()).openOrders.length, 1);
      });

      itAlone("refuses an intent that makes no sense, and takes the others of its batch", async () => {
        const nonsense = [
          intent({ quantity: 0n }),
          intent({ type: "market" }),
          intent({ limitPrice: null, worstPrice: 1n }),
          intent({ symbol: "A\u0000" }),
          intent({ clientOrderId: "x".repeat(49) }),
          intent({ fingerprint: null }),
        ];
        const outcomes = await commit([...nonsense, intent()]);
        assert.deepEqual(outcomes, [...nonsense.map(() => "INTENT_INVALID"), "committed"]);
      });

      itAlone("takes manual intents without a fence, and no others", async () => {
        const [first, second] = [manual(), manual({ symbol: "BBB" })];
        assert.deepEqual(verdicts(await journal.commit(null, [first, second], WIDE_LIMITS)), [
          "committed",
          "committed",
        ]);
        await assert.rejects(journal.commit(null, [manual(), intent()], WIDE_LIMITS), withCode("FENCED"));
        assert.deepEqual(
          (await journal.load()).openOrders.map((order) => [order.clientOrderId, order.state]),
          [
            [first.clientOrderId, "journalled"],
            [second.clientOrderId, "journalled"],
          ],
        );
      });
    }

    function registerChecks(): void {
      itAlone("refuses everything in a halted scope and new risk in a reducing one", async () => {
        await journal.setTradingState("symbol:AAA", "reducing", "tester", "test");
        assert.deepEqual(await commit([intent(), intent({ reducing: true }), intent({ symbol: "BBB" })]), [
          "TRADING_REDUCING",
          "committed",
          "committed",
        ]);
        await journal.setTradingState("instance:beta", "halted", "tester", "test");
        assert.deepEqual(await commit([intent({ instanceId: "beta", reducing: true })]), ["TRADING_HALTED"]);
        await journal.setTradingState("account", "halted", "tester", "test");
        assert.deepEqual(await commit([intent({ symbol: "CCC", reducing: true })]), ["TRADING_HALTED"]);
        await journal.setTradingState("account", "active", "tester", "test");
        assert.deepEqual(await commit([intent({ symbol: "CCC" })]), ["committed"]);
        assert.equal((await journal.load()).tradingStates.get("symbol:AAA"), "reducing");
      });

      itAlone("blocks new risk on a symbol with an unknown order until it is settled", async () => {
        const lost = await committed();
        await journal.transition(fence, [{ clientOrderId: lost.clientOrderId, state: "unknown" }]);
        const others = () => [intent(), intent({ reducing: true }), intent({ symbol: "BBB" })];
        assert.deepEqual(await commit(others()), ["UNKNOWN_ORDER", "committed", "committed"]);
        await journal.transition(fence, [{ clientOrderId: lost.clientOrderId, state: "canceled" }]);
        assert.deepEqual(await commit(others()), ["committed", "committed", "committed"]);
      });

      const market = { type: "market", limitPrice: null } as const;
      const stop = { type: "stop", limitPrice: null, stopPrice: fixed("90") } as const;
      const trailing = { type: "trailing_stop", limitPrice: null, trailPrice: fixed("1") } as const;
      const limit = (price: string) => ({ type: "limit", limitPrice: fixed(price) }) as const;
      const stopLimit = (price: string) =>
        ({ type: "stop_limit", limitPrice: fixed(price), stopPrice: fixed("90") }) as const;
      // Alpaca's table: open order, new order of the other side, refused?
      const washTable = [
        [limit("100"), limit("100.01"), false],
        [limit("100"), limit("100"), true],
        [limit("100"), limit("99.99"), true],
        [limit("100"), market, true],
        [limit("100"), stop, true],
        [limit("100"), stopLimit("99"), true],
        [limit("100"), stopLimit("101"), false],
        [limit("100"), trailing, false],
        [market, limit("500"), true],
        [stop, limit("500"), true],
        [stopLimit("100"), limit("101"), false],
        [trailing, market, false],
      ] as const;
      for (const [open, added, refused] of washTable) {
        const show = ({ type, limitPrice }: Pick<OrderIntent, "type" | "limitPrice">) =>
          limitPrice === null ? type : `${type} ${limitPrice / 1_000_000_000n}`;
        itAlone(
          `${refused ? "refuses" : "takes"} a ${show(added)} sell against an open ${show(open)} buy`,
          async () => {
            const worst = fixed("100");
            await committed({ ...open, worstPrice: worst });
            const sell = intent({ ...added, side: "sell", worstPrice: worst, instanceId: "beta", reducing: true });
            assert.deepEqual(await commit([sell]), [refused ? "SELF_TRADE" : "committed"]);
          },
        );
      }

      itAlone("refuses a buy that reaches an open sell, until the sell is over", async () => {
        const sell = await committed({ side: "sell", limitPrice: fixed("100") });
        assert.deepEqual(await commit([intent({ limitPrice: fixed("99.99") })]), ["committed"]);
        assert.deepEqual(await commit([intent({ limitPrice: fixed("100") })]), ["SELF_TRADE"]);
        await journal.transition(fence, [{ clientOrderId: sell.clientOrderId, state: "expired" }]);
        assert.deepEqual(await commit([intent({ limitPrice: fixed("100") })]), ["committed"]);
      });

      itAlone("holds each limit to the last billionth", async () => {
        // 10 × 100 = 1000, and the smallest step more than that.
        const edge = fixed("1000");
        const over = { limitPrice: fixed("100.000000001") };
        assert.deepEqual(await commit([intent(over)], { maxOrderNotional: edge }), ["MAX_ORDER_NOTIONAL"]);
        assert.deepEqual(await commit([intent()], { maxOrderNotional: edge }), ["committed"]);
        // A second order of 10 at 100 on AAA makes 2,000 of it.
        assert.deepEqual(await commit([intent()], { maxSymbolNotional: fixed("1999.999999999") }), [
          "MAX_SYMBOL_NOTIONAL",
        ]);
        assert.deepEqual(await commit([intent({ symbol: "BBB" })], { maxGrossNotional: fixed("1999") }), [
          "MAX_GROSS_NOTIONAL",
        ]);
        assert.deepEqual(await commit([intent({ symbol: "BBB" })], { maxGrossNotional: fixed("2000") }), ["committed"]);
        assert.deepEqual(await commit([intent({ symbol: "CCC" })], { maxOpenOrders: 2 }), ["MAX_OPEN_ORDERS"]);
        assert.deepEqual(await commit([intent({ symbol: "CCC" })], { maxOpenOrders: 3 }), ["committed"]);
        // 3,000 of 100,000 are reserved: 97,000 are left.
        const large = { symbol: "DDD", quantity: fixed("970") };
        assert.deepEqual(await commit([intent({ ...large, limitPrice: fixed("100.000000001") })]), ["BUYING_POWER"]);
        assert.deepEqual(await commit([intent(large)]), ["committed"]);
        assert.deepEqual(await commit([intent({ symbol: "EEE", quantity: 1n, limitPrice: 1n })]), ["BUYING_POWER"]);
        assert.deepEqual(await commit([intent({ symbol: "EEE", reducing: true })]), ["committed"]);
      });

      itAlone("counts what the orders of one batch reserve against the next of it", async () => {
        const half = () => intent({ quantity: fixed("600") });
        assert.deepEqual(await commit([half(), half()]), ["committed", "BUYING_POWER"]);
      });

      itAlone("lends no money against a short sale", async () => {
        const short = await committed({ side: "sell", quantity: fixed("400") });
        await journal.applyExecutions(fence, [execution(short, "400", "100")]);
        // Cash 140,000, of which 40,000 are owed and 40,000 more are held against the short: 60,000 are left.
        const next = (price: string) => intent({ symbol: "BBB", quantity: fixed("600"), limitPrice: fixed(price) });
        assert.deepEqual(await commit([next("100.000000001"), next("100")]), ["BUYING_POWER", "committed"]);
      });
    }

    function registerOrders(): void {
      itAlone("moves an order along the legal changes and drops the others", async () => {
        const { clientOrderId } = await committed();
        const states = async (changes: readonly string[]) => {
          const orders = await journal.transition(
            fence,
            changes.map((state) => ({ clientOrderId, state: state as "accepted" })),
          );
          return orders.map((order) => order.state);
        };
        assert.deepEqual(await states(["sending", "unknown", "sending", "accepted"]), [
          "sending",
          "unknown",
          "unknown",
          "accepted",
        ]);
        assert.deepEqual(await states(["unknown", "filled", "partially_filled", "accepted"]), [
          "accepted",
          "accepted",
          "partially_filled",
          "partially_filled",
        ]);
        assert.deepEqual(
          await states(["canceled", "canceled", "rejected", "accepted", "unknown"]),
          Array(5).fill("canceled"),
        );
        assert.deepEqual((await journal.load()).openOrders, []);
      });

      itAlone("keeps the broker's id, the wish to cancel and the reason of a rejection", async () => {
        const { clientOrderId } = await committed();
        await journal.transition(fence, [{ clientOrderId, state: "accepted", brokerOrderId: "b-1" }]);
        const asked = await journal.requestCancel(clientOrderId);
        assert.equal(asked?.cancelRequested, true);
        const change = {
          clientOrderId,
          state: "rejected",
          brokerOrderId: "b-2",
          rejectCode: "X",
          rejectMessage: "no",
        } as const;
        const [order] = await journal.transition(fence, [change]);
        assert.equal(order?.brokerOrderId, "b-1");
        assert.equal(order?.rejectCode, "X");
        assert.equal(order?.rejectMessage, "no");
        const [later] = await journal.transition(fence, [{ ...change, rejectMessage: "other", cancelRequested: true }]);
        assert.equal(later?.rejectMessage, "no");
      });

      itAlone("takes the broker's id even when the state comes too late", async () => {
        const made = await committed();
        await journal.applyExecutions(fence, [execution(made, "10", "100")]);
        const change = { clientOrderId: made.clientOrderId, state: "accepted", brokerOrderId: "b-1" } as const;
        const [order] = await journal.transition(fence, [change]);
        assert.equal(order?.state, "filled");
        assert.equal(order?.brokerOrderId, "b-1");
      });

      itAlone("knows no order that was never committed", async () => {
        const made = await committed();
        assert.equal(await journal.requestCancel("atb-none"), null);
        const changes = [
          { clientOrderId: made.clientOrderId, state: "rejected" },
          { clientOrderId: "atb-none", state: "rejected" },
        ] as const;
        await assert.rejects(journal.transition(fence, changes), withCode("ORDER_NOT_FOUND"));
        assert.equal((await orderOf(made)).state, "journalled");
        const stranger = execution({ ...made, clientOrderId: "atb-none" }, "1", "1");
        await assert.rejects(journal.applyExecutions(fence, [stranger]), withCode("ORDER_NOT_FOUND"));
      });

      itAlone("asks for no cancel of an order that is over", async () => {
        const { clientOrderId } = await committed();
        await journal.transition(fence, [{ clientOrderId, state: "rejected" }]);
        assert.equal((await journal.requestCancel(clientOrderId))?.cancelRequested, false);
      });
    }

    function registerExecutions(): void {
      itAlone("applies an execution once to order, position and cash", async () => {
        const made = await committed();
        const part = execution(made, "4", "99.5", { fee: fixed("0.25") });
        const rest = execution(made, "6", "100");
        const [first, again, last] = await journal.applyExecutions(fence, [part, part, rest]);
        assert.deepEqual([first?.first, again?.first, last?.first], [true, false, true]);
        assert.equal(first?.order.state, "partially_filled");
        assert.equal(last?.order.state, "filled");
        assert.equal(last?.order.filledQuantity, fixed("10"));
        assert.equal(last?.order.filledNotional, fixed("998"));
        const expected = { instanceId: "alpha", symbol: "AAA", quantity: fixed("10"), cost: fixed("998") };
        assert.deepEqual(last?.position, { ...expected, realised: 0n, fees: fixed("0.25") });
        const [replayed] = await journal.applyExecutions(fence, [part]);
        assert.equal(replayed?.first, false);
        assert.deepEqual(replayed?.position, last?.position);
        const snapshot = await journal.load();
        assert.equal(snapshot.cash, fixed("99001.75"));
        assert.equal(snapshot.lastExecutionTimeUs, rest.venueTimeUs);
      });

      itAlone("realises profit at average cost, through zero and back", async () => {
        const trade = async (side: "buy" | "sell", quantity: string, price: string) => {
          const made = await committed({ side, quantity: fixed(quantity), reducing: true });
          const [applied] = await journal.applyExecutions(fence, [execution(made, quantity, price)]);
          return applied;
        };
        await trade("buy", "3", "100");
        await trade("buy", "1", "104");
        // 4 at 404 together; a third of a cent stays exact: 1 of 4 costs 101.
        const sold = await trade("sell", "1", "110");
        assert.equal(sold?.realised, fixed("9"));
        assert.equal(sold?.position.cost, fixed("303"));
        // Sells 3 long at 90 (loss 33) and opens 2 short at 90.
        const turned = await trade("sell", "5", "90");
        assert.equal(turned?.realised, fixed("-33"));
        assert.equal(turned?.position.quantity, fixed("-2"));
        assert.equal(turned?.position.cost, fixed("-180"));
        const covered = await trade("buy", "2", "80");
        assert.equal(covered?.realised, fixed("20"));
        assert.deepEqual(covered?.position, {
          instanceId: "alpha",
          symbol: "AAA",
          quantity: 0n,
          cost: 0n,
          realised: fixed("-4"),
          fees: 0n,
        });
        assert.equal((await journal.load()).cash, fixed("99996"));
      });

      itAlone("splits a cost that does not divide without losing a billionth", async () => {
        const made = await committed({ quantity: fixed("3"), reducing: true });
        await journal.applyExecutions(fence, [execution(made, "3", "0.333333333")]);
        const costs: Fixed[] = [];
        for (let i = 0; i < 3; i++) {
          const sell = await committed({ side: "sell", quantity: fixed("1"), reducing: true });
          const [applied] = await journal.applyExecutions(fence, [execution(sell, "1", "0.5")]);
          costs.push(applied?.position.cost as Fixed);
        }
        assert.deepEqual(costs, [fixed("0.666666666"), fixed("0.333333333"), 0n]);
      });

      itAlone("takes a fee in kind from the quantity, at the execution's price", async () => {
        const made = await committed({ quantity: fixed("1") });
        const fee = { feeQuantity: fixed("0.0025") };
        const [applied] = await journal.applyExecutions(fence, [execution(made, "1", "100", fee)]);
        assert.equal(applied?.position.quantity, fixed("0.9975"));
        assert.equal(applied?.position.cost, fixed("99.75"));
        assert.equal(applied?.position.fees, fixed("0.25"));
        assert.equal((await journal.load()).cash, fixed("99900"));
      });

      itAlone("rounds half a billionth to the even neighbour", async () => {
        const made = await committed({ quantity: fixed("2") });
        // 0.5 × 1e-9 and 0.5 × 3e-9 lie in the middle: 0 and 2e-9.
        const fills = [execution(made, "0.5", "0.000000001"), execution(made, "0.5", "0.000000003")];
        const applied = await journal.applyExecutions(fence, fills);
        assert.deepEqual(
          applied.map((result) => result.order.filledNotional),
          [0n, 2n],
        );
      });

      itAlone("refuses a batch with an execution that cannot be the order's, and writes nothing of it", async () => {
        const made = await committed();
        const good = execution(made, "1", "100");
        const wrong = [
          ["OVERFILL", execution(made, "9.000000001", "100")],
          ["EXECUTION_MISMATCH", execution(made, "1", "100", { symbol: "BBB" })],
          ["EXECUTION_MISMATCH", execution(made, "1", "100", { side: "sell" })],
          ["EXECUTION_INVALID", execution(made, "0", "100")],
          ["EXECUTION_INVALID", execution(made, "1", "0")],
          ["EXECUTION_INVALID", execution(made, "1", "1", { feeQuantity: fixed("1") })],
        ] as const;
        for (const [code, bad] of wrong) {
          await assert.rejects(journal.applyExecutions(fence, [good, bad]), withCode(code));
        }
        assert.equal((await orderOf(made)).filledQuantity, 0n);
        assert.equal((await journal.load()).cash, fixed("100000"));
      });

      itAlone("books a fill that comes after the end without reviving the order", async () => {
        const made = await committed();
        await journal.transition(fence, [{ clientOrderId: made.clientOrderId, state: "canceled" }]);
        const [applied] = await journal.applyExecutions(fence, [execution(made, "10", "100")]);
        assert.equal(applied?.order.state, "canceled");
        assert.equal(applied?.position.quantity, fixed("10"));
      });
    }

    function registerLeases(): void {
      itAlone("gives the lease to one owner; a renewal keeps the generation", async () => {
        assert.equal(await journal.acquireLease("owner-2", 60_000), null);
        assert.equal((await journal.acquireLease("owner-1", 60_000))?.generation, fence.generation);
      });

      itAlone("grows the generation at every new holding, also of the same owner", async () => {
        await under.expireLease();
        const second = await journal.acquireLease("owner-1", 60_000);
        assert.equal(second?.generation, fence.generation + 1n);
        assert.equal(second?.clean, true);
        await journal.releaseLease(second as Fence, 0);
        const third = await journal.acquireLease("owner-2", 60_000);
        assert.equal(third?.generation, fence.generation + 2n);
        assert.equal(third?.clean, true, "the holder before released it");
        await journal.releaseLease(fence, 0);
        assert.equal(await journal.acquireLease("owner-1", 60_000), null, "an old fence releases nothing");
      });

      itAlone("tells how long nobody has traded: since the release says, or since the last renewal", async () => {
        const renewed = await journal.acquireLease("owner-1", 60_000);
        assert.equal(renewed?.untradedMs, null, "a renewal");
        await journal.releaseLease(fence, 1500);
        const clean = await journal.acquireLease("owner-2", 60_000);
        assertBetween(clean?.untradedMs, 1500, 11_500);
        await journal.acquireLease("owner-2", 60_000);
        await under.expireLease();
        const takeover = await journal.acquireLease("owner-3", 60_000);
        assert.equal(takeover?.clean, false);
        assertBetween(takeover?.untradedMs, 0, 200_000);
      });

      itAlone("tells a takeover from an owner that never released", async () => {
        await under.expireLease();
        assert.equal((await journal.acquireLease("owner-2", 60_000))?.clean, false);
        assert.equal((await journal.acquireLease("owner-2", 60_000))?.clean, true);
      });

      itAlone("writes nothing under a fence that is expired, old or another's", async () => {
        const made = await committed();
        await under.expireLease();
        await assertFenced(fence, made);
        await journal.acquireLease("owner-2", 60_000);
        await assertFenced(fence, made);
        await assertFenced({ owner: "owner-2", generation: fence.generation }, made);
        await assertFenced({ owner: "owner-2", generation: fence.generation + 2n }, made);
        const snapshot = await journal.load();
        assert.equal(snapshot.openOrders.length, 1);
        assert.equal(snapshot.openOrders[0]?.state, "journalled");
        assert.equal(snapshot.cash, fixed("100000"));
      });

      async function assertFenced(stale: Fence, made: OrderIntent): Promise<void> {
        const change = { clientOrderId: made.clientOrderId, state: "rejected" } as const;
        await assert.rejects(journal.commit(stale, [intent()], WIDE_LIMITS), withCode("FENCED"));
        await assert.rejects(journal.transition(stale, [change]), withCode("FENCED"));
        await assert.rejects(journal.applyExecutions(stale, [execution(made, "1", "1")]), withCode("FENCED"));
      }
    }
  });
}

/** The journal's clock goes on while the calls are made. */
function assertBetween(ms: number | null | undefined, least: number, most: number): void {
  assert.ok(typeof ms === "number" && ms >= least && ms < most, `${ms} is not from ${least} to ${most}`);
}
