/**
 * What every journal must do with what moves an account without a trade, as a suite that each implementation registers with.
 * Expected values are worked out by hand.
 */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { AccountActivity, Fence, Journal, OrderIntent, PositionRow } from "../../src/orders/journal.ts";
import { BINDING, execution, fixed, intent, type JournalUnderTest, WIDE_LIMITS } from "./journal-contract.ts";

let count = 0;

function activity(kind: AccountActivity["kind"], overrides: Partial<AccountActivity> = {}): AccountActivity {
  count += 1;
  return {
    activityIds: [`20261123000000000::${count}`],
    kind,
    symbol: "AAA",
    quantity: 0n,
    cash: 0n,
    price: 0n,
    ratio: 0n,
    venueTimeUs: 1_800_000_000_000_000 + count,
    ...overrides,
  };
}

export function registerActivitiesContract(
  name: string,
  openJournal: () => Promise<JournalUnderTest>,
  skip: string | false,
): void {
  void describe(`journal contract, activities: ${name}`, { skip }, () => {
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

    async function buys(instanceId: string, quantity: string, price: string): Promise<OrderIntent> {
      const made = intent({ instanceId, quantity: fixed(quantity), limitPrice: fixed(price) });
      await journal.commit(fence, [made], WIDE_LIMITS);
      await journal.applyExecutions(fence, [execution(made, quantity, price)]);
      return made;
    }
    const apply = (activities: readonly AccountActivity[]): Promise<boolean[]> =>
      journal.applyActivities(fence, activities);

    async function rows(): Promise<Record<string, (string | bigint)[]>> {
      const { positions, cash, openingCash } = await journal.load();
      // Nothing appears and nothing is lost.
      const explained = positions.reduce((sum, row) => sum + row.realised - row.cost - row.fees, openingCash);
      assert.equal(cash, explained);
      const show = (row: PositionRow) => [row.quantity, row.cost, row.realised, row.fees];
      return Object.fromEntries(positions.map((row) => [`${row.instanceId} ${row.symbol}`, show(row)]));
    }

    void it("a 7:1 split multiplies every holder's shares at the same cost, once", async () => {
      await buys("alpha", "10", "700");
      await buys("beta", "3", "140");
      const split = activity("split", { quantity: fixed("78"), ratio: fixed("7") });
      assert.deepEqual(await apply([split, split]), [true, false]);
      assert.deepEqual(await rows(), {
        "alpha AAA": [fixed("70"), fixed("7000"), 0n, 0n],
        "beta AAA": [fixed("21"), fixed("420"), 0n, 0n],
      });
      const snapshot = await journal.load();
      assert.deepEqual(snapshot.splits, [{ symbol: "AAA", ratio: fixed("7"), atUs: split.venueTimeUs }]);
      assert.equal(snapshot.lastActivityTimeUs, split.venueTimeUs);
      assert.equal(snapshot.openedAtUs, BINDING.openedAtUs);
      assert.equal(snapshot.executions, 2);
    });

    void it("the fraction that a split leaves is paid to its holders, in proportion", async () => {
      await buys("alpha", "3", "10");
      await buys("beta", "2", "10");
      // 3:2 of 5 is 7.5: 7 shares, and half a share at 6.67 in cash. 7 × 3/5 = 4.2; 3.335 × 3/5 = 2.001.
      const split = activity("split", { quantity: fixed("2"), cash: fixed("3.335"), ratio: fixed("1.5") });
      assert.deepEqual(await apply([split]), [true]);
      assert.deepEqual(await rows(), {
        "alpha AAA": [fixed("4.2"), fixed("30"), fixed("2.001"), 0n],
        "beta AAA": [fixed("2.8"), fixed("20"), fixed("1.334"), 0n],
      });
    });

    void it("a split of nothing, or into the other side, is not applied and may come again", async () => {
      const split = activity("split", { quantity: fixed("60"), ratio: fixed("7") });
      assert.deepEqual(await apply([split]), [false]);
      await buys("alpha", "10", "700");
      assert.deepEqual(await apply([activity("split", { quantity: fixed("-11"), ratio: fixed("7") })]), [false]);
      assert.deepEqual(await apply([split]), [true]);
      assert.deepEqual((await rows())["alpha AAA"], [fixed("70"), fixed("7000"), 0n, 0n]);
    });

    void it("a holding that a reverse split pays out loses its cost", async () => {
      await buys("alpha", "1", "8");
      await apply([activity("split", { quantity: fixed("-1"), cash: fixed("7.5"), ratio: fixed("0.1") })]);
      assert.deepEqual((await rows())["alpha AAA"], [0n, 0n, fixed("-0.5"), 0n]);
    });

    void it("a dividend goes to its holders in proportion, also to those who are short", async () => {
      await buys("alpha", "10", "100");
      const short = intent({ instanceId: "beta", side: "sell", quantity: fixed("4"), limitPrice: fixed("200") });
      await journal.commit(fence, [short], WIDE_LIMITS);
      await journal.applyExecutions(fence, [execution(short, "4", "200")]);
      // 0.24 a share on 6: 2.4 to the ten, less 0.96 from the four.
      assert.deepEqual(await apply([activity("income", { cash: fixed("1.44") })]), [true]);
      assert.deepEqual(await rows(), {
        "alpha AAA": [fixed("10"), fixed("1000"), fixed("2.4"), 0n],
        "beta AAA": [fixed("-4"), fixed("-800"), fixed("-0.96"), 0n],
      });
    });

    void it("the last holder takes what does not divide", async () => {
      await buys("alpha", "1", "100");
      await buys("beta", "1", "100");
      await buys("gamma", "1", "100");
      await apply([activity("income", { cash: fixed("0.01") })]);
      const found = await rows();
      assert.deepEqual(
        ["alpha", "beta", "gamma"].map((id) => found[`${id} AAA`]?.[2]),
        [fixed("0.003333333"), fixed("0.003333333"), fixed("0.003333334")],
      );
    });

    void it("what nobody holds any more, and what has no symbol, is not attributed", async () => {
      await apply([
        activity("income", { cash: fixed("2.4") }),
        activity("income", { symbol: null, cash: fixed("-0.5") }),
        activity("fee", { symbol: null, cash: fixed("-0.02") }),
        activity("fee", { cash: fixed("-0.03") }),
      ]);
      assert.deepEqual(await rows(), {
        "manual AAA": [0n, 0n, fixed("2.4"), fixed("0.03")],
        "manual USD": [0n, 0n, fixed("-0.5"), fixed("0.02")],
      });
      // 100,000 + 2.4 − 0.5 − 0.05
      assert.equal((await journal.load()).cash, fixed("100001.85"));
    });

    void it("a transfer is opening cash that came later, and no profit", async () => {
      await apply([activity("transfer", { symbol: null, cash: fixed("500") })]);
      const { cash, openingCash } = await journal.load();
      assert.deepEqual([cash, openingCash], [fixed("100500"), fixed("100500")]);
      assert.deepEqual(await rows(), {});
    });

    void it("a fee in kind leaves the position where its fill did not book it, and only then", async () => {
      const first = intent({ quantity: fixed("1"), limitPrice: fixed("50000") });
      const second = intent({ quantity: fixed("1"), limitPrice: fixed("50000") });
      await journal.commit(fence, [first, second], WIDE_LIMITS);
      await journal.applyExecutions(fence, [
        execution(first, "1", "50000", { feeQuantity: fixed("0.0025") }),
        execution(second, "1", "50000"),
      ]);
      // 2 − 0.0025; 0.0025 × 50,000 = 125 of fees so far.
      assert.deepEqual((await rows())["alpha AAA"], [fixed("1.9975"), fixed("99875"), 0n, fixed("125")]);
      const fee = { quantity: fixed("-0.0025"), price: fixed("50000") };
      await apply([activity("fee_in_kind", fee)]);
      assert.deepEqual((await rows())["alpha AAA"]?.[0], fixed("1.9975"));
      await apply([activity("fee_in_kind", fee)]);
      assert.deepEqual((await rows())["alpha AAA"], [fixed("1.995"), fixed("99750"), 0n, fixed("250")]);
    });

    void it("parts of one event are applied together, and none of them again", async () => {
      await buys("alpha", "10", "700");
      const ids = ["out", "in"].map((part) => `${name} ${part} ${++count}`);
      const split = { quantity: fixed("60"), ratio: fixed("7") };
      assert.deepEqual(await apply([activity("split", { ...split, activityIds: ids })]), [true]);
      assert.deepEqual(await apply([activity("split", { ...split, activityIds: [ids[1] as string] })]), [false]);
      assert.equal((await rows())["alpha AAA"]?.[0], fixed("70"));
    });

    void it("nothing is applied under a fence that is not held", async () => {
      await under.expireLease();
      await assert.rejects(apply([activity("income", { cash: 1n })]), /FENCED|lease/);
      assert.equal((await journal.load()).cash, fixed("100000"));
    });
  });
}
