import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EquitySample, EquityHistory } from "../../src/simulator/equity-history.ts";

const MINUTE_US = 60_000_000;
const DAY_US = 86_400_000_000;
const START_US = Date.parse("2018-01-02T15:00:00Z") * 1000;

function begun(): { history: EquityHistory; taken: EquitySample[] } {
  const taken: EquitySample[] = [];
  const history = new EquityHistory((sample) => taken.push(sample));
  history.restore({ timeUs: START_US, equity: 100n, dayEnd: true });
  return { history, taken };
}

describe("the history of equity", () => {
  it("samples the end of a minute in which equity changed, and no other", () => {
    const { history, taken } = begun();
    history.observe(START_US, () => 100n);
    history.observe(START_US + 20_000_000, () => 150n);
    history.observe(START_US + MINUTE_US, () => 120n);
    history.observe(START_US + 2 * MINUTE_US, () => 120n);
    history.observe(START_US + 10 * MINUTE_US, () => 130n);
    assert.deepEqual(taken, [
      { timeUs: START_US + MINUTE_US, equity: 120n, dayEnd: false },
      { timeUs: START_US + 3 * MINUTE_US, equity: 130n, dayEnd: false },
    ]);
    assert.equal(history.at(START_US - 1), null);
    assert.equal(history.at(START_US), 100n);
    assert.equal(history.at(START_US + 2 * MINUTE_US), 120n);
    assert.equal(history.at(START_US + DAY_US), 130n);
  });

  it("asks for the equity once a minute at most", () => {
    const { history } = begun();
    let asked = 0;
    for (let i = 0; i < 1000; i++) history.observe(START_US + i * 1_000_000, () => BigInt(++asked));
    assert.equal(asked, 16);
  });

  it("keeps minutes for 31 days and the ends of days for ever, so that years take little", () => {
    const { history, taken } = begun();
    const days = 400;
    for (let day = 1; day <= days; day++) {
      for (let minute = 0; minute < 100; minute++) {
        history.observe(START_US + day * DAY_US + minute * MINUTE_US, () => BigInt(day * 1000 + minute));
      }
      history.endDay(START_US + day * DAY_US + 101 * MINUTE_US, BigInt(day));
    }
    assert.ok(taken.length >= days * 100);
    assert.ok(history.size <= days + 1 + 32 * 101, String(history.size));
    // Of an old day only its end is known; of the last one its minutes are.
    assert.equal(history.at(START_US + 10 * DAY_US + 50 * MINUTE_US), 9n);
    assert.equal(history.at(START_US + 10 * DAY_US + 200 * MINUTE_US), 10n);
    assert.equal(history.at(START_US + days * DAY_US + 50 * MINUTE_US), BigInt(days * 1000 + 50));
  });

  it("is the same when it is rebuilt from what it gave out", () => {
    const { history, taken } = begun();
    for (let i = 0; i < 300; i++) {
      history.observe(START_US + i * 31_000_000, () => BigInt(i % 7));
      if (i % 100 === 99) history.endDay(START_US + i * 31_000_000, BigInt(i));
    }
    const { history: rebuilt } = begun();
    for (const sample of taken) rebuilt.restore(sample);
    for (let i = 0; i < 300; i++) {
      const timeUs = START_US + i * 31_000_000;
      assert.equal(rebuilt.at(timeUs), history.at(timeUs));
    }
  });
});
