import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as record from "../../../src/core/market/record.ts";
import { saleConditionFlags, saleConditionFlagsOf } from "../../../src/core/market/sale-condition.ts";

const { FLAG_NOT_LAST, FLAG_NOT_HIGH_LOW, FLAG_NOT_VOLUME } = record;

/** Eligibility by letter as the consolidated tapes publish it: may update last, high/low, volume. */
const ELIGIBLE: Readonly<Record<string, string>> = {
  "@": "last range volume",
  A: "last range volume",
  C: "volume",
  E: "last range volume",
  F: "last range volume",
  G: "range volume",
  H: "volume",
  I: "volume",
  K: "last range volume",
  L: "last range volume",
  M: "",
  N: "volume",
  O: "last range volume",
  P: "range volume",
  Q: "",
  R: "volume",
  T: "volume",
  U: "volume",
  V: "volume",
  W: "volume",
  X: "last range volume",
  Z: "range volume",
  "4": "range volume",
  "5": "last range volume",
  "6": "last range volume",
  "7": "volume",
  "9": "last range",
};

function eligibility(flags: number): string {
  return [
    (flags & FLAG_NOT_LAST) === 0 ? "last" : "",
    (flags & FLAG_NOT_HIGH_LOW) === 0 ? "range" : "",
    (flags & FLAG_NOT_VOLUME) === 0 ? "volume" : "",
  ]
    .filter((word) => word !== "")
    .join(" ");
}

describe("sale conditions", () => {
  for (const [letter, expected] of Object.entries(ELIGIBLE)) {
    test(`${letter} may update ${expected === "" ? "nothing" : expected}`, () => {
      assert.equal(eligibility(saleConditionFlags(letter)), expected);
    });
  }

  test("a print with several conditions may do only what all of them may", () => {
    assert.equal(eligibility(saleConditionFlags("F I")), "volume");
    assert.equal(eligibility(saleConditionFlags("4 B", "C")), "range volume");
    assert.equal(eligibility(saleConditionFlags("FTI")), "volume");
    assert.equal(saleConditionFlags(""), 0);
  });

  test("B is an average price trade on tapes A and B and a bunched trade on tape C", () => {
    assert.equal(eligibility(saleConditionFlags("B", "A")), "volume");
    assert.equal(eligibility(saleConditionFlags("B", "B")), "volume");
    assert.equal(eligibility(saleConditionFlags("B", "C")), "last range volume");
    assert.equal(eligibility(saleConditionFlags("B")), "volume");
  });

  test("odd lots, late prints, extended hours and the auctions are told apart", () => {
    assert.ok(saleConditionFlags("I") & record.FLAG_ODD_LOT);
    assert.ok(saleConditionFlags("Z") & record.FLAG_OUT_OF_SEQUENCE);
    assert.ok(saleConditionFlags("T") & record.FLAG_EXTENDED_HOURS);
    assert.equal(saleConditionFlags("U") & 6, record.FLAG_OUT_OF_SEQUENCE | record.FLAG_EXTENDED_HOURS);
    assert.ok(saleConditionFlags("O") & record.FLAG_OPENING);
    assert.ok(saleConditionFlags("6") & record.FLAG_CLOSING);
  });

  test("Alpaca's lists mean the same as the tape's letters", () => {
    assert.equal(saleConditionFlagsOf(["F", "T", "I"]), saleConditionFlags("FTI"));
    assert.equal(saleConditionFlagsOf([" ", "I"]), saleConditionFlags(" I"));
    assert.equal(saleConditionFlagsOf([]), 0);
  });

  test("a letter that no specification knows counts in volume only", () => {
    assert.equal(eligibility(saleConditionFlags("j")), "volume");
  });
});
