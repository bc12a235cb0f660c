import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatFixed } from "../../../src/core/fixed.ts";
import { cryptoPair, equity, type Instrument } from "../../../src/core/market/instrument.ts";
import type { FeeFill, FeeModel, Liquidity } from "../../../src/venue/models/contract.ts";
import { cryptoTierFee } from "../../../src/venue/models/crypto-fee.ts";
import { allFees, feeBps, feePerShare } from "../../../src/venue/models/fee.ts";
import { regulatoryFee } from "../../../src/venue/models/regulatory-fee.ts";
import { fixed } from "./support.ts";

const SHARE = equity(0, "ABC");
const COIN = cryptoPair(1, "BTC/USD");

/** `sell 100 @ 50`. */
function fill(text: string, time: string, instrument: Instrument = SHARE, filledBefore = "0"): FeeFill {
  const [side, quantity, , price] = text.split(" ") as ["buy" | "sell", string, string, string];
  return {
    instrument,
    side,
    quantity: fixed(quantity),
    price: fixed(price),
    filledBefore: fixed(filledBefore),
    timeUs: Date.parse(time) * 1000,
  };
}

/** Charges and books; in cash, and in kind after a slash. */
function charge(model: FeeModel, each: FeeFill, liquidity: Liquidity = "taker"): string {
  const { fee, feeQuantity } = model.feeOf(each, liquidity);
  model.booked(each);
  return feeQuantity === 0n ? formatFixed(fee) : `${formatFixed(fee)} / ${formatFixed(feeQuantity)}`;
}

const NOON = "2024-07-01T16:00:00Z";

describe("fees per share and by value", () => {
  it("per share has a minimum for the order, not for each fill", () => {
    const model = feePerShare(fixed("0.0075"), fixed("1"));
    // 100 × 0.0075 = 0.75 < 1; 200 shares are 1.50 together: 0.50 more; then 0.0075 each
    assert.equal(charge(model, fill("buy 100 @ 10", NOON)), "1");
    assert.equal(charge(model, fill("buy 100 @ 10", NOON, SHARE, "100")), "0.5");
    assert.equal(charge(model, fill("buy 10 @ 10", NOON, SHARE, "200")), "0.075");
    // While the order's sum is below the minimum, further fills are free
    assert.equal(charge(model, fill("buy 10 @ 10", NOON, SHARE, "100")), "0");
    assert.equal(charge(feePerShare(fixed("0.01")), fill("sell 30 @ 10", NOON)), "0.3");
  });

  it("by value, in cash or in kind", () => {
    assert.equal(charge(feeBps(fixed("10")), fill("buy 100 @ 50", NOON)), "5");
    assert.equal(charge(feeBps(fixed("25"), true), fill("buy 2 @ 50000", NOON, COIN)), "0 / 0.005");
    assert.equal(charge(feeBps(fixed("25"), true), fill("sell 2 @ 50000", NOON, COIN)), "250");
  });
});

describe("regulatory fees", () => {
  it("charges sales by value and by share, both sides for the audit trail, each rounded up to the cent", () => {
    // 1 July 2024: 27.80 a million, 0.000166 a share; the audit trail not yet.
    // 10,000 × 27.8e-6 = 0.278 → 0.28; 100 × 0.000166 = 0.0166 → 0.02
    assert.equal(charge(regulatoryFee(), fill("sell 100 @ 100", NOON)), "0.3");
    assert.equal(charge(regulatoryFee(), fill("buy 100 @ 100", NOON)), "0");
    // 1 October 2025: nothing for the SEC; 1,000 × 0.000166 = 0.166 → 0.17; 1,000 × 0.0000265 = 0.0265 → 0.03
    assert.equal(charge(regulatoryFee(), fill("sell 1000 @ 100", "2025-10-01T16:00:00Z")), "0.2");
    assert.equal(charge(regulatoryFee(), fill("buy 1000 @ 100", "2025-10-01T16:00:00Z")), "0.03");
    // 5 May 2026: 100,000 × 20.6e-6 = 2.06; 1,000 × 0.000195 = 0.195 → 0.20; 0.0265 → 0.03
    assert.equal(charge(regulatoryFee(), fill("sell 1000 @ 100", "2026-05-05T16:00:00Z")), "2.29");
  });

  it("caps the trading activity fee of one trade", () => {
    // 2024: 0.000166 × 60,000 = 9.96, at most 8.30. 60,000 × 1 × 27.8e-6 = 1.668 → 1.67
    assert.equal(charge(regulatoryFee(), fill("sell 60000 @ 1", NOON)), "9.97");
  });

  it("rounds a day's sum, not each fill", () => {
    const model = regulatoryFee();
    // 10 shares at 10: 0.00278 and 0.00166. The first fill pays a cent for each; the next ones are within them
    // until the third: 3 × 0.00278 = 0.00834, 4 × = 0.01112 → 0.02
    assert.deepEqual(
      [1, 2, 3, 4].map(() => charge(model, fill("sell 10 @ 10", NOON))),
      ["0.02", "0", "0", "0.01"],
    );
    // The New York day ends at 04:00 UTC in summer
    assert.equal(charge(model, fill("sell 10 @ 10", "2024-07-02T03:59:00Z")), "0");
    assert.equal(charge(model, fill("sell 10 @ 10", "2024-07-02T04:00:00Z")), "0.02");
  });

  it("knows the rates on both sides of a change", () => {
    // 1,000,000 of one share: the trading activity fee is 0.01
    const section31 = (time: string) => charge(regulatoryFee(), fill("sell 1 @ 1000000", time));
    assert.equal(section31("2021-02-24T20:00:00Z"), "22.11");
    assert.equal(section31("2021-02-25T20:00:00Z"), "5.11");
    assert.equal(section31("2023-02-26T20:00:00Z"), "22.91");
    assert.equal(section31("2023-02-27T20:00:00Z"), "8.01");
    assert.equal(section31("2025-05-13T20:00:00Z"), "27.82"); // with a cent for the audit trail
    assert.equal(section31("2025-05-14T20:00:00Z"), "0.02");
    assert.equal(section31("2026-04-03T20:00:00Z"), "0.02");
    assert.equal(section31("2026-04-04T20:00:00Z"), "20.62");
  });

  it("leaves crypto alone", () => {
    assert.equal(charge(regulatoryFee(), fill("sell 1 @ 50000", NOON, COIN)), "0");
  });
});

describe("crypto tiers", () => {
  it("takes 25 or 15 basis points of what is received below 100,000 dollars in 30 days", () => {
    const model = cryptoTierFee();
    assert.equal(charge(model, fill("buy 1 @ 50000", NOON, COIN)), "0 / 0.0025");
    assert.equal(charge(model, fill("sell 1 @ 50000", NOON, COIN), "maker"), "75"); // 0.15 % of 50,000
    assert.equal(charge(model, fill("buy 100 @ 10", NOON, SHARE)), "0");
  });

  it("moves to the next tier on the day after, and back when the volume is 30 days old", () => {
    const model = cryptoTierFee();
    const sell = (time: string) => charge(model, fill("sell 0.01 @ 50000", time, COIN)); // 500 dollars
    charge(model, fill("buy 2 @ 50000", "2024-07-01T10:00:00Z", COIN)); // 100,000 dollars
    assert.equal(sell("2024-07-01T23:59:59Z"), "1.25"); // 0.25 %
    assert.equal(sell("2024-07-02T00:00:00Z"), "1.1"); // 0.22 %
    assert.equal(sell("2024-07-31T12:00:00Z"), "1.1");
    assert.equal(sell("2024-08-01T00:00:00Z"), "1.25");
  });

  it("is the same after the fills of an earlier life", () => {
    const [lived, rebuilt] = [cryptoTierFee(), cryptoTierFee()];
    for (let day = 1; day < 30; day++) {
      const each = fill("buy 1 @ 40000", `2024-07-${String(day).padStart(2, "0")}T10:00:00Z`, COIN);
      charge(lived, each);
      rebuilt.booked(each);
    }
    const next = fill("sell 1 @ 40000", "2024-07-30T10:00:00Z", COIN);
    // 29 × 40,000 = 1,160,000 dollars: 18 basis points of 40,000
    assert.deepEqual([charge(lived, next), charge(rebuilt, next)], ["72", "72"]);
  });
});

describe("several fees", () => {
  it("adds them up", () => {
    const model = allFees([feeBps(fixed("10")), feePerShare(fixed("0.01"))]);
    assert.equal(charge(model, fill("buy 100 @ 50", NOON)), "6");
  });
});
