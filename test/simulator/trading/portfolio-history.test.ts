import assert from "node:assert/strict";
import { describe, it } from "node:test";
import Fastify from "fastify";
import { type Fixed, parseFixed } from "../../../src/core/fixed.ts";
import { EquityHistory } from "../../../src/simulator/equity-history.ts";
import { NEW_YORK_DAYS } from "../../../src/simulator/trading/market-hours.ts";
import { portfolioHistoryRoutes } from "../../../src/simulator/trading/portfolio-history.ts";
import { type Body, order } from "../client.ts";
import { market, refusal, start } from "./venue.ts";

const us = (time: string): number => Date.parse(time) * 1000;
const dollars = (text: string): Fixed => parseFixed(text, "equity");

/** Closes of 2023-10-12 (when the account began) to 2023-10-19, as in the examples of Alpaca's specification. */
const CLOSES: readonly [string, string][] = [
  ["2023-10-12", "2780"],
  ["2023-10-13", "2784.79"],
  ["2023-10-16", "2794.79"],
  ["2023-10-17", "2805.46"],
  ["2023-10-18", "2774.16"],
];

interface Account {
  readonly ask: (query: string) => Promise<Body>;
}

/** The route over a history of its own, so that weeks need not be played; `minutes` are of the 19th. */
function account(
  nowTime: string,
  { minutes = [], flows = new Map() }: { minutes?: readonly [string, string][]; flows?: Map<string, Fixed> } = {},
): Account {
  const history = new EquityHistory(() => {});
  history.restore({ timeUs: us("2023-10-12T14:00:00Z"), equity: dollars("2780"), dayEnd: true });
  for (const [date, close] of CLOSES) history.endDay(us(`${date}T20:00:00Z`), dollars(close));
  for (const [time, value] of minutes) {
    history.restore({ timeUs: us(`2023-10-19T${time}:00Z`), equity: dollars(value), dayEnd: false });
  }
  history.endDay(us("2023-10-19T20:00:00Z"), dollars("2748.73"));
  const app = Fastify();
  portfolioHistoryRoutes(app, {
    history,
    days: NEW_YORK_DAYS,
    equity: () => dollars("2748.73"),
    cashFlows: (fromUs, toUs) =>
      fromUs < us("2023-10-17T12:00:00Z") && us("2023-10-17T12:00:00Z") <= toUs ? flows : new Map(),
    nowUs: () => us(nowTime),
  });
  const ask = async (query: string): Promise<Body> =>
    (await app.inject(`/v2/account/portfolio/history?${query}`)).json();
  return { ask };
}

describe("portfolio history by days", () => {
  it("stamps a day at 20:00 in New York and counts each day's profit from the day before", async () => {
    const { ask } = account("2023-10-20T00:00:00Z");
    const body = await ask("period=7D&timeframe=1D");
    assert.deepEqual(body, {
      timestamp: [1_697_241_600, 1_697_500_800, 1_697_587_200, 1_697_673_600, 1_697_760_000],
      equity: [2784.79, 2794.79, 2805.46, 2774.16, 2748.73],
      // From 2,780 at the close before: 4.79, 10, 10.67, −31.30, −25.43.
      profit_loss: [4.79, 10, 10.67, -31.3, -25.43],
      // 4.79/2780, 10/2784.79, 10.67/2794.79, −31.30/2805.46, −25.43/2774.16.
      profit_loss_pct: [0.0017, 0.0036, 0.0038, -0.0112, -0.0092],
      base_value: 2780,
      base_value_asof: "2023-10-12",
      timeframe: "1D",
    });
  });

  it("counts from the base value when profit is not reset", async () => {
    const { ask } = account("2023-10-20T00:00:00Z");
    const body = await ask("period=7D&timeframe=1D&pnl_reset=no_reset");
    assert.deepEqual(body.profit_loss, [4.79, 14.79, 25.46, -5.84, -31.27]);
  });

  it("begins with the account and has no base date then", async () => {
    const { ask } = account("2023-10-20T00:00:00Z");
    const body = await ask("");
    assert.equal(body.timeframe, "1D");
    assert.equal(body.timestamp.length, 6);
    assert.deepEqual([body.base_value, body.base_value_asof, body.profit_loss[0]], [2780, undefined, 0]);
  });

  it("takes a start, an end, and a period from a start", async () => {
    const { ask } = account("2023-10-20T00:00:00Z");
    const stamps = async (query: string): Promise<number[]> => (await ask(`timeframe=1D&${query}`)).timestamp;
    assert.deepEqual(
      await stamps("start=2023-10-14T12:00:00Z&end=2023-10-17T23:00:00Z"),
      [1_697_500_800, 1_697_587_200],
    );
    assert.deepEqual(await stamps("start=2023-10-13T12:00:00Z&period=4D"), [1_697_241_600, 1_697_500_800]);
    assert.deepEqual(await stamps("end=2023-10-16T23:00:00Z&period=1D"), [1_697_500_800]);
  });

  it("adds up the cash flows that it is asked for", async () => {
    const flows = new Map([["DIV", dollars("0.63")]]);
    const { ask } = account("2023-10-20T00:00:00Z", { flows });
    assert.deepEqual((await ask("period=7D&timeframe=1D&cashflow_types=ALL")).cashflow, { DIV: [0, 0, 0.63, 0, 0] });
    assert.deepEqual((await ask("period=7D&timeframe=1D&cashflow_types=CSD,DIV")).cashflow, {
      CSD: [0, 0, 0, 0, 0],
      DIV: [0, 0, 0.63, 0, 0],
    });
    assert.equal((await ask("period=7D&timeframe=1D&cashflow_types=NONE")).cashflow, undefined);
  });
});

describe("portfolio history within days", () => {
  it("has the windows of the core session with both ends, from the close before", async () => {
    const { ask } = account("2023-10-20T00:00:00Z", {
      minutes: [
        ["13:44", "2773.79"],
        ["13:59", "2769.04"],
      ],
    });
    const body = await ask("period=1D&timeframe=15Min");
    assert.deepEqual(
      [body.timestamp.length, body.timestamp[0], body.timestamp[26]],
      [27, 1_697_722_200, 1_697_745_600],
    );
    assert.deepEqual(body.equity.slice(0, 3), [2773.79, 2769.04, 2769.04]);
    assert.deepEqual(body.profit_loss.slice(0, 2), [-0.37, -5.12]);
    assert.deepEqual(body.profit_loss_pct.slice(0, 2), [-0.0001, -0.0018]);
    assert.deepEqual([body.base_value, body.base_value_asof, body.timeframe], [2774.16, "2023-10-18", "15Min"]);
  });

  it("covers extended hours and the whole day when asked to", async () => {
    const { ask } = account("2023-10-20T12:00:00Z");
    const stamps = async (query: string): Promise<number[]> => (await ask(query)).timestamp;
    const range = "start=2023-10-19T12:00:00Z&end=2023-10-20T03:00:00Z&timeframe=1H";
    const extended = await stamps(`${range}&intraday_reporting=extended_hours`);
    assert.deepEqual([extended[0], extended.length], [us("2023-10-19T08:00:00Z") / 1e6, 17]);
    assert.deepEqual(await stamps(`${range}&extended_hours=true`), extended);
    const whole = await stamps(`${range}&intraday_reporting=continuous`);
    assert.deepEqual([whole[0], whole.length], [us("2023-10-19T12:00:00Z") / 1e6, 16]);
  });

  it("counts each day from its own close before, unless it is not reset", async () => {
    const { ask } = account("2023-10-20T00:00:00Z");
    const query = "start=2023-10-17T12:00:00Z&end=2023-10-18T21:00:00Z&timeframe=1H";
    // Nothing moved within these days: 2,794.79 until the close of the 17th, then 2,805.46 until that of the 18th.
    const daily = (await ask(query)).profit_loss;
    assert.deepEqual([daily[0], daily.at(-2), daily.at(-1)], [0, 0, -31.3]);
    const whole = (await ask(`${query}&pnl_reset=no_reset`)).profit_loss;
    assert.deepEqual([whole[0], whole.at(-1)], [0, -20.63]);
  });

  it("chooses the timeframe by the span", async () => {
    const { ask } = account("2023-10-20T00:00:00Z");
    assert.equal((await ask("period=6D")).timeframe, "1Min");
    assert.equal((await ask("period=1W")).timeframe, "15Min");
    assert.equal((await ask("period=29D")).timeframe, "15Min");
    assert.equal((await ask("period=30D")).timeframe, "1D");
    assert.equal((await ask("period=1A")).timeframe, "1D");
  });
});

describe("portfolio history over the wire", () => {
  it("shows what a trade did to the account", async (t) => {
    const script = market((more) =>
      more.wait(120).quote("ACME", 109.99, 110.01).trade("ACME", 110).wait(120).trade("ACME", 110),
    );
    const venue = await start(t, script);
    await order(venue.port, "buy 100 ACME");
    await venue.play(3);
    const body = (await venue.get("/v2/account/portfolio/history?period=1D&timeframe=1Min")).body;
    // 100 bought at 100.01 are worth 100 each at 10:01 and 10:02, and 110 from then on.
    assert.deepEqual(body.equity.slice(-5), [99_999, 99_999, 100_999, 100_999, 100_999]);
    assert.deepEqual(body.profit_loss.slice(-2), [1000, 1000]);
    assert.deepEqual([body.base_value, body.timeframe], [99_999, "1Min"]);
  });

  it("refuses parameters that do not fit, by name", async (t) => {
    const venue = await start(t);
    const ask = async (query: string): Promise<[number, number, string]> =>
      refusal(await venue.get(`/v2/account/portfolio/history?${query}`));
    const said = (message: string): [number, number, string] => [422, 40010001, message];
    assert.deepEqual(
      await ask("period=1D&start=2018-01-02&end=2018-01-03"),
      said("only 2 of start, end, period may be given"),
    );
    assert.deepEqual(await ask("period=1X"), said("period must be a number and D, W, M or A, such as 1M"));
    assert.deepEqual(await ask("timeframe=2Min"), said("timeframe must be one of 1Min, 5Min, 15Min, 1H, 1D"));
    assert.deepEqual(await ask("period=3M&timeframe=1H"), said("timeframe must be 1D for more than 30 days"));
    assert.deepEqual(await ask("start=2018-01-03&end=2018-01-02"), said("start must be before end"));
    assert.deepEqual(
      await ask("intraday_reporting=never&timeframe=1Min&period=1D"),
      said("intraday_reporting must be one of market_hours, extended_hours, continuous"),
    );
    assert.deepEqual(await ask("pnl_reset=never"), said("pnl_reset must be one of per_day, no_reset"));
    for (const query of ["period=9999A", "start=1950-01-01", "end=1950-01-01", "start=1950-01-01&end=9999-01-01"]) {
      assert.equal((await venue.get(`/v2/account/portfolio/history?${query}`)).status, 200, query);
    }
  });
});
