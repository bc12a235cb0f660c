import assert from "node:assert/strict";
import { it } from "node:test";
import { EMA as OracleEma, MACD as OracleMacd } from "trading-signals";
import { Macd } from "../../../src/core/indicator/macd.ts";
import { testIndicatorContract } from "./contract.ts";
import { testAgainstOracle } from "./oracle.ts";

testIndicatorContract({
  name: "Macd",
  create: () => new Macd(12, 26, 9),
  update: (indicator, bar) => indicator.update(bar.close),
  outputs: (indicator) => [indicator.value, indicator.signal, indicator.histogram],
  reads: ["close"],
  memory: 1_200,
});

testAgainstOracle("Macd", () => {
  const mine = new Macd(12, 26, 9);
  const oracle = new OracleMacd(new OracleEma(12), new OracleEma(26), new OracleEma(9));
  return {
    mine: ({ close }) => (mine.update(close) && mine.ready ? [mine.value, mine.signal, mine.histogram] : null),
    oracle: ({ close }) => {
      const result = oracle.update(close, false);
      return result === null ? null : [result.macd, result.signal, result.histogram];
    },
  };
});

it("names periods in the wrong order", () => {
  assert.throws(() => new Macd(26, 12, 9), { code: "INDICATOR_PARAMETER", field: "fast" });
});
