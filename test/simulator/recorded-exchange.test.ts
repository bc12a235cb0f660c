/**
 * Recorded bars and corporate actions through the simulator's market and account: a published backtest with its split, and
 * with the dividends that it leaves out.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { fixedToNumber, parseFixed } from "../../src/core/fixed.ts";
import { simulatorConfig } from "../../src/simulator/config.ts";
import { Exchange } from "../../src/simulator/exchange.ts";
import { Ledger } from "../../src/simulator/ledger.ts";
import { RecordedMarket } from "../../src/simulator/recorded-market.ts";
import { PLAIN_ORDER, type VenueEvent } from "../../src/venue/order.ts";
import { MISSING_RESULTS, readResults } from "../core/support/reference-results.ts";

const DATA = process.env["MARKET_DATA_DIR"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));
const BARS = `${DATA}/fixtures/daily_us_zipline9_2004_2014.csv.gz`;
const ACTIONS = `${DATA}/fixtures/daily_us_zipline9_actions.csv.gz`;
const PUBLISHED = readResults("zipline_buyapple_transactions.csv");
const DAYS = readResults("zipline_buyapple_daily.csv");

async function exchangeOn(files: readonly string[]): Promise<{ exchange: Exchange; market: RecordedMarket }> {
  const config = simulatorConfig({
    replay: [...files],
    instruments: [{ symbol: "AAPL" }],
    startingCash: "10000000",
    fill: { model: "volume_share" },
    fee: { model: "per_share", amount: "0.0075", minimum: "1" },
  });
  const { instruments, quoteExchange, barStamp } = config;
  const market = await RecordedMarket.open({ files, instruments, quoteExchange, barStamp });
  const { ledger } = await Ledger.open(null, (error) => assert.fail(error));
  const fill = config.fill ?? assert.fail("no fill model");
  const exchange = new Exchange({
    config,
    instruments: market.instruments,
    market: "recorded",
    fill,
    ledger,
    lines: [],
    startUs: market.startUs,
  });
  return { exchange, market };
}

const dateOf = (timeUs: number) => new Date(timeUs / 1000).toISOString().slice(0, 10);

describe("recorded bars and actions in the simulator", () => {
  it("give zipline's buyapple: 210 fills, the split, and the published cash but for the dividends", {
    skip: existsSync(BARS) && PUBLISHED !== null && DAYS !== null ? false : MISSING_RESULTS,
    timeout: 60_000,
  }, async () => {
    const { exchange, market } = await exchangeOn([BARS, ACTIONS]);
    const fills: [string, number, number][] = [];
    const cancels: string[] = [];
    exchange.onEvent = ({ kind, execution, timeUs, reason }: VenueEvent) => {
      if (execution !== null)
        fills.push([dateOf(timeUs), fixedToNumber(execution.quantity), fixedToNumber(execution.price)]);
      if (kind === "canceled") cancels.push(`${dateOf(timeUs)} ${reason}`);
    };
    let orders = 0;
    const buy = (quantity: string, timeUs: number) => {
      const result = exchange.submit(
        {
          ...PLAIN_ORDER,
          clientOrderId: String(++orders),
          symbol: "AAPL",
          side: "buy",
          type: "market",
          timeInForce: "day",
          quantity: parseFixed(quantity, "quantity"),
        },
        timeUs,
      );
      assert.ok(result.ok);
    };
    for await (const ticks of market.ticks()) {
      for (const tick of ticks) {
        const date = dateOf(tick.timeUs);
        if (date > "2014-10-31") break;
        exchange.play(tick);
        if (date < "2014-01-02") continue;
        if (tick.kind === "bar") buy("10", tick.timeUs);
        // Alpaca cancels what is open at a split; zipline multiplies it.
        if (tick.kind === "split") buy("70", tick.timeUs);
      }
    }
    await exchange.ledger.committed();
    const published = (PUBLISHED as string[][]).map(([date, , amount, price]) => [date, Number(amount), Number(price)]);
    assert.equal(fills.length, published.length);
    fills.forEach(([date, quantity, price], n) => {
      assert.deepEqual([date, quantity], published[n]?.slice(0, 2));
      assert.ok(Math.abs(price - (published[n]?.[2] as number)) < 1e-6);
    });
    assert.deepEqual(cancels, ["2014-06-09 CORPORATE_ACTION"]);
    const paid = exchange.activities.filter(({ type }) => type === "DIV");
    const splits = exchange.activities.filter(({ type }) => type === "SPLIT");
    assert.equal(splits.length, 1);
    assert.deepEqual(
      paid.map(({ timeUs, quantity, perShareAmount }) => {
        return [dateOf(timeUs), fixedToNumber(quantity), fixedToNumber(perShareAmount ?? 0n)];
      }),
      [
        ["2014-02-06", sharesBefore("2014-02-06"), 0.43571],
        ["2014-05-08", sharesBefore("2014-05-08"), 0.47],
        ["2014-08-07", sharesBefore("2014-08-07"), 0.47],
      ],
    );
    const dividends = paid.reduce((sum, { netAmount }) => sum + fixedToNumber(netAmount), 0);
    const cash = Number((DAYS as string[][]).at(-1)?.[2]);
    assert.ok(
      Math.abs(fixedToNumber(exchange.venue.cash) - dividends - cash) < 1e-6,
      `${exchange.venue.cash} ${dividends}`,
    );
    // The published value of the shares at the last close of 108 dollars is 926,640
    assert.equal(fixedToNumber(exchange.venue.positionOf("AAPL")), 926_640 / 108);
  });
});

/** Of the published transactions, in shares of the date. */
function sharesBefore(date: string): number {
  let shares = 0;
  for (const [day, , amount] of PUBLISHED as string[][]) {
    if ((day as string) >= date) break;
    if (day === "2014-06-09") shares *= 7;
    shares += Number(amount);
  }
  return shares;
}
