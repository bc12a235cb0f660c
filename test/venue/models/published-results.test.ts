/**
 * The venue with other engines' models gives other engines' published fills: zipline's buyapple example and
 * NautilusTrader's acceptance test, from the recorded bars that they ran on.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { type Fixed, fixedToNumber } from "../../../src/core/fixed.ts";
import { calendarOf, parseEpochDay, type Session } from "../../../src/core/market/calendar.ts";
import { equity } from "../../../src/core/market/instrument.ts";
import { barFill } from "../../../src/venue/models/bar-fill.ts";
import type { VenueBar } from "../../../src/venue/models/contract.ts";
import { feeBps, feePerShare } from "../../../src/venue/models/fee.ts";
import { volumeShareFill } from "../../../src/venue/models/volume-share-fill.ts";
import { PLAIN_ORDER, type VenueEvent } from "../../../src/venue/order.ts";
import { Venue } from "../../../src/venue/venue.ts";
import { microseconds, readRows } from "../../core/support/market-data.ts";
import { MISSING_RESULTS, readResults } from "../../core/support/reference-results.ts";
import { fixed } from "./support.ts";

const ZIPLINE_BARS = readRows("fixtures/daily_us_zipline9_2004_2014.csv.gz");
const BUYAPPLE = readResults("zipline_buyapple_transactions.csv");
const BUYAPPLE_DAYS = readResults("zipline_buyapple_daily.csv");

function barOf(row: readonly string[], session: { readonly openUs: number; readonly closeUs: number }): VenueBar {
  const [open, high, low, close, volume] = row.slice(2).map(Number) as [number, number, number, number, number];
  return { startUs: session.openUs, endUs: session.closeUs, open, high, low, close, volume, halfSpread: 0 };
}

const notional = (quantity: Fixed, price: Fixed) => fixedToNumber(quantity) * fixedToNumber(price);

function executionsOf(events: readonly VenueEvent[]): { quantity: Fixed; price: Fixed; fee: Fixed }[] {
  return events.flatMap(({ execution }) => (execution === null ? [] : [execution]));
}

const missingBuyapple = ZIPLINE_BARS === null || BUYAPPLE === null || BUYAPPLE_DAYS === null ? MISSING_RESULTS : false;

it("zipline's buyapple: ten shares a day at the next close, volume share, a fee per share", {
  skip: missingBuyapple,
}, () => {
  const venue = new Venue({
    instruments: [equity(0, "AAPL")],
    startingCash: fixed("10000000"),
    seed: "buyapple",
    fill: volumeShareFill({ share: fixed("0.025"), impact: fixed("0.1") }),
    fee: feePerShare(fixed("0.0075"), fixed("1")),
  });
  const transactions: [string, number, number][] = [];
  const values: [string, number, number][] = [];
  let [shares, cash] = [0, 10_000_000];
  const rows = (ZIPLINE_BARS ?? []).filter(([date, symbol]) => {
    return symbol === "AAPL" && (date as string) >= "2014-01-02" && (date as string) <= "2014-10-31";
  });
  let due = "0";
  for (const row of rows) {
    const date = row[0] as string;
    const session = calendarOf("nyse").sessionOf(parseEpochDay(date, "date")) as Session;
    // Before the day of the 7:1 split the shares and the order that waits are multiplied.
    if (date === "2014-06-09") {
      shares *= 7;
      due = "70";
    }
    if (due !== "0") {
      const request = {
        ...PLAIN_ORDER,
        clientOrderId: date,
        symbol: "AAPL",
        side: "buy",
        type: "market",
        timeInForce: "day",
        quantity: fixed(due),
      } as const;
      assert.ok(venue.submit(request, session.openUs).ok);
    }
    const bar = barOf(row, session);
    for (const { quantity, price, fee } of executionsOf(venue.onBar(0, bar))) {
      transactions.push([date, fixedToNumber(quantity), fixedToNumber(price)]);
      shares += fixedToNumber(quantity);
      cash -= notional(quantity, price) + fixedToNumber(fee);
    }
    values.push([date, cash + shares * bar.close, cash]);
    due = "10";
  }
  const expected = (BUYAPPLE as string[][]).map(([date, , amount, price]) => [date, Number(amount), Number(price)]);
  assert.equal(transactions.length, 210);
  transactions.forEach(([date, amount, price], n) => {
    assert.deepEqual([date, amount], expected[n]?.slice(0, 2));
    assert.ok(Math.abs(price - (expected[n]?.[2] as number)) < 1e-6, `${date}: ${price}`);
  });
  values.forEach(([date, value, left], n) => {
    const row = (BUYAPPLE_DAYS as string[][])[n] as string[];
    assert.equal(date, row[0]);
    assert.ok(Math.abs(value - Number(row[1])) < 1e-6, `${date}: portfolio ${value}, published ${row[1]}`);
    assert.ok(Math.abs(left - Number(row[2])) < 1e-6, `${date}: cash ${left}, published ${row[2]}`);
  });
});

const BTC_BARS = readRows("fixtures/bars1m_crypto_btcperp_202201.csv.gz");
const NAUTILUS = readResults("nautilus_emacross_btcusdt_orders_recomputed.csv");

/** Exponential mean, seeded with the first value; its weight is 2 / (n + 1). */
function exponentialMean(length: number): (value: number) => number {
  const alpha = 2 / (length + 1);
  let mean = Number.NaN;
  return (value) => {
    mean = Number.isNaN(mean) ? value : alpha * value + (1 - alpha) * mean;
    return mean;
  };
}

it("NautilusTrader's EMA cross: 902 orders at the close of the bar that gave the signal", {
  skip: BTC_BARS === null || NAUTILUS === null ? MISSING_RESULTS : false,
}, () => {
  // One coin in place of 0.001: a thousand times the published amounts.
  const venue = new Venue({
    instruments: [equity(0, "BTC", { calendar: "always" })],
    startingCash: fixed("10000000"),
    seed: "nautilus",
    fill: barFill("same_close"),
    fee: feeBps(fixed("10")),
  });
  const orders: string[][] = [];
  const trade = (row: readonly string[], side: "buy" | "sell") => {
    const request = { ...PLAIN_ORDER, clientOrderId: String(orders.length), symbol: "BTC", side, quantity: fixed("1") };
    const result = venue.submit({ ...request, type: "market", timeInForce: "gtc" }, microseconds(row[0] as string));
    assert.ok(result.ok);
    const [execution] = executionsOf(result.events);
    assert.ok(execution !== undefined);
    const { price, fee } = execution;
    orders.push([
      row[0] as string,
      side.toUpperCase(),
      "0.001",
      String(fixedToNumber(price)),
      String(fixedToNumber(fee / 1000n)),
    ]);
  };
  const [fast, slow] = [exponentialMean(10), exponentialMean(20)];
  let held: "buy" | "sell" | null = null;
  const rows = (BTC_BARS as string[][]).slice(0, 10_000);
  rows.forEach((row, n) => {
    const endUs = microseconds(row[0] as string);
    const bar = barOf(row, { openUs: endUs - 60_000_000, closeUs: endUs });
    venue.onBar(0, bar);
    const [quick, steady] = [fast(bar.close), slow(bar.close)];
    if (n < 19 || (bar.open === bar.high && bar.high === bar.low && bar.low === bar.close)) return;
    const wanted = quick >= steady ? "buy" : "sell";
    if (wanted === held) return;
    if (held !== null) trade(row, wanted);
    trade(row, wanted);
    held = wanted;
  });
  trade(rows.at(-1) as string[], held === "buy" ? "sell" : "buy");
  assert.equal(orders.length, 902);
  assert.equal(fixedToNumber(venue.positionOf("BTC")), 0);
  const published = (NAUTILUS as string[][]).map(([time, side, quantity, price, fee]) => {
    return [time, side, quantity, String(Number(price)), String(Number(fee))];
  });
  assert.deepEqual(orders, published);
  // 9,999,954.943133 from 10,000,000: a loss of 45.056867 with 0.001, so of 45,056.867 with one
  assert.equal(venue.cash, fixed("9954943.133"));
});
