import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decimalOf } from "../../../src/simulator/trading/decimal.ts";
import { jsonObject, parseJsonExactly } from "../../../src/simulator/trading/json-body.ts";

describe("amounts in a request's body", () => {
  const amount = (text: string) => decimalOf(jsonObject(parseJsonExactly(`{"qty":${text}}`))["qty"], "qty");

  it("are the same as strings and as numbers, to the ninth decimal of any size", () => {
    for (const text of ["1", "1.0", "0.1", "123456789.123456789", "9007199254.740993", "0.000000001", "-2.5"]) {
      const expected = BigInt(Math.sign(Number(text))) * scaled(text.replace("-", ""));
      assert.equal(amount(text), expected, text);
      assert.equal(amount(`"${text}"`), expected, text);
    }
    assert.equal(amount("1e-7"), 100n);
    assert.equal(amount("null"), null);
  });

  it("are refused with more decimals than nine and in any other type", () => {
    for (const text of [
      "0.0000000001",
      "1e-10",
      "1.5e-9",
      "0.1234567891",
      "1e400",
      '"ten"',
      "true",
      "[]",
      "{}",
      '"1e5"',
      '""',
    ]) {
      assert.throws(() => amount(text), { status: 422 }, text);
    }
  });
});

/** The digits before and after the point. */
function scaled(text: string): bigint {
  const [whole, fraction = ""] = text.split(".");
  return BigInt(`${whole}${fraction.padEnd(9, "0")}`);
}
