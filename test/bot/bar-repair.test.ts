import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BarRepair, type RepairedSeries } from "../../src/bot/bar-repair.ts";
import type { HistoricalBar, ReadOutcome } from "../../src/broker/broker.ts";

/** Whole minutes since the epoch as microseconds, and seconds on top. */
const at = (minute: number, seconds = 0): number => (minute * 60 + seconds) * 1e6;

const SERIES: RepairedSeries = { instrument: 2, symbol: "AAPL", intervalSeconds: 60 };

function repairing(series: readonly RepairedSeries[] = [SERIES]) {
  const asked: unknown[] = [];
  const got: (readonly [string, number, boolean])[] = [];
  const failed: string[] = [];
  const answers: ReadOutcome<HistoricalBar[]>[] = [];
  const repair = new BarRepair({
    series,
    broker: {
      async bars(symbol, seconds, startUs, endUs) {
        asked.push([symbol, seconds, startUs / 60e6, endUs / 60e6]);
        const starts: number[] = [];
        for (let startUs_ = startUs; startUs_ < endUs; startUs_ += seconds * 1e6) starts.push(startUs_);
        const bar = { open: 1, high: 1, low: 1, close: 1, volume: 1 };
        return answers.shift() ?? { kind: "ok", value: starts.map((start) => ({ startUs: start, ...bar })) };
      },
    },
    onBar: ({ symbol }, bar, decides) => void got.push([symbol, bar.startUs / 60e6, decides]),
    onFailed: (_series, cause) => void failed.push(cause),
  });
  return { repair, asked, got, failed, answers };
}

describe("repair of bars that miss trades", () => {
  test("fetches nothing while the stream is down, then what was missed, once it is over", async () => {
    const { repair, asked, got } = repairing();
    repair.lost(at(10, 20));
    await repair.round(at(13, 30));
    assert.deepEqual(asked, []);
    repair.back(at(13, 40));
    await repair.round(at(13, 41));
    assert.deepEqual(asked, [["AAPL", 60, 10, 13]]);
    // The newest decides while the bar after it, that of minute 13, is not over.
    assert.deepEqual(got, [
      ["AAPL", 10, false],
      ["AAPL", 11, false],
      ["AAPL", 12, true],
    ]);
    await repair.round(at(14, 1));
    assert.equal(asked.length, 1);
    await repair.round(at(14, 2));
    assert.deepEqual(asked.at(-1), ["AAPL", 60, 13, 14]);
    assert.deepEqual(got.at(-1), ["AAPL", 13, true]);
    await repair.round(at(20));
    assert.equal(asked.length, 2);
  });

  test("a bar that comes too late to be decided on is history", async () => {
    const { repair, got } = repairing();
    repair.gap(at(10, 20));
    await repair.round(at(12, 0));
    assert.deepEqual(got, [["AAPL", 10, false]]);
  });

  test("is overdue until the bars are there, and tries again after a failure", async () => {
    const { repair, asked, failed, answers } = repairing();
    repair.gap(at(10, 20));
    assert.equal(repair.isOverdue(at(11, 5)), false);
    assert.equal(repair.isOverdue(at(11, 6)), true);
    answers.push({ kind: "failed", cause: "HTTP 503" });
    await repair.round(at(11, 6));
    assert.deepEqual(failed, ["HTTP 503"]);
    assert.equal(repair.isOverdue(at(11, 7)), true);
    await repair.round(at(11, 10));
    assert.equal(asked.length, 1);
    await repair.round(at(11, 11));
    assert.equal(asked.length, 2);
    assert.equal(repair.isOverdue(at(11, 12)), false);
  });

  test("goes by each series' own interval", async () => {
    const { repair, asked } = repairing([SERIES, { instrument: 3, symbol: "BTC/USD", intervalSeconds: 300 }]);
    repair.gap(at(12, 0));
    await repair.round(at(13, 30));
    assert.deepEqual(asked, [["AAPL", 60, 12, 13]]);
    await repair.round(at(15, 2));
    assert.deepEqual(asked.at(-1), ["BTC/USD", 300, 10, 15]);
  });

  test("trades lost while an answer is on its way are not forgotten", async () => {
    const { repair, asked, answers } = repairing();
    repair.gap(at(10));
    answers.push({ kind: "ok", value: [] });
    const round = repair.round(at(11, 2));
    repair.gap(at(9, 59));
    await round;
    await repair.round(at(11, 3));
    assert.deepEqual(asked.at(-1), ["AAPL", 60, 9, 11]);
  });
});
