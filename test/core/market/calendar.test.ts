import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  calendarOf,
  formatEpochDay,
  newYorkEpochDay,
  newYorkHoursBehind,
  newYorkTimeUs,
  parseEpochDay,
} from "../../../src/core/market/calendar.ts";

const DATA = process.env["MARKET_DATA_DIR"] ?? resolve(import.meta.dirname, "../../../../shared/data");
const nyse = calendarOf("nyse");
const us = (text: string) => Date.parse(text) * 1000;

function datesOf(file: string, keep: (symbol: string) => boolean): string[] {
  const lines = gunzipSync(readFileSync(join(DATA, file)))
    .toString("utf8")
    .split("\n");
  const dates = new Set<string>();
  for (const line of lines.slice(1)) {
    const [date, symbol] = line.split(",");
    if (date !== undefined && symbol !== undefined && keep(symbol)) dates.add(date);
  }
  return [...dates].sort();
}

function sessionsBetween(first: string, last: string): string[] {
  const dates: string[] = [];
  for (let day = parseEpochDay(first, "first"); day <= parseEpochDay(last, "last"); day++) {
    if (nyse.sessionOf(day) !== null) dates.push(formatEpochDay(day));
  }
  return dates;
}

describe("the NYSE calendar against the trading dates of real daily files", () => {
  const files: readonly [string, (symbol: string) => boolean][] = [
    ["open/daily_us_sp500_2013_2018.csv.gz", () => true],
    ["fixtures/daily_us_zipline9_2004_2014.csv.gz", (symbol) => symbol !== "DELL"],
    ["open/daily_us_wiki_actions.csv.gz", (symbol) => symbol !== "DELL"],
    ["fixtures/daily_us_yahoo_1995_2015.csv.gz", () => true],
    ["fixtures/daily_us_goog_2004_2013.csv.gz", () => true],
  ];
  for (const [file, keep] of files) {
    const skip = existsSync(join(DATA, file)) ? false : `${file} is not in MARKET_DATA_DIR`;
    it(`${file} holds exactly the sessions of its period`, { skip }, () => {
      const dates = datesOf(file, keep).filter((date) => date >= "1990-01-01");
      assert.ok(dates.length > 1000);
      assert.deepEqual(dates, sessionsBetween(dates[0] as string, dates.at(-1) as string));
    });
  }
});

describe("the NYSE calendar by known days", () => {
  it("is closed on special closings and holidays", () => {
    for (const date of [
      "1994-04-27",
      "2001-09-11",
      "2001-09-14",
      "2004-06-11",
      "2007-01-02",
      "2012-10-29",
      "2012-10-30",
      "2018-12-05",
      "2025-01-09",
      "2022-06-20",
      "2026-07-03",
      "2027-06-18",
      "2033-04-15",
      "2027-03-26",
    ]) {
      assert.equal(nyse.sessionOf(parseEpochDay(date, "date")), null, date);
    }
  });

  it("is open on days that look like holidays", () => {
    for (const date of ["2021-12-31", "2010-12-31", "2021-06-18", "1997-01-20", "2001-09-17", "2007-01-03"]) {
      assert.notEqual(nyse.sessionOf(parseEpochDay(date, "date")), null, date);
    }
  });

  it("closes at 13:00 on the short days", () => {
    for (const date of [
      "2026-11-27",
      "2024-07-03",
      "2013-07-03",
      "2002-07-05",
      "1999-12-31",
      "2018-12-24",
      "2025-12-24",
    ]) {
      const day = parseEpochDay(date, "date");
      assert.equal(nyse.sessionOf(day)?.closeUs, newYorkTimeUs(day, 13 * 60), date);
    }
    const full = parseEpochDay("2002-07-03", "date");
    assert.equal(nyse.sessionOf(full)?.closeUs, newYorkTimeUs(full, 16 * 60));
  });

  it("opens at 14:30 UTC in winter and 13:30 UTC in summer", () => {
    assert.equal(nyse.sessionOf(parseEpochDay("2018-01-02", "date"))?.openUs, us("2018-01-02T14:30:00Z"));
    assert.equal(nyse.sessionOf(parseEpochDay("2018-07-02", "date"))?.openUs, us("2018-07-02T13:30:00Z"));
  });

  it("answers isOpen, nextOpen and nextClose at the edges", () => {
    const open = us("2018-01-02T14:30:00Z");
    const close = us("2018-01-02T21:00:00Z");
    assert.equal(nyse.isOpen(open - 1), false);
    assert.equal(nyse.isOpen(open), true);
    assert.equal(nyse.isOpen(close - 1), true);
    assert.equal(nyse.isOpen(close), false);
    assert.equal(nyse.nextOpenUs(open - 1), open);
    assert.equal(nyse.nextOpenUs(open), us("2018-01-03T14:30:00Z"));
    assert.equal(nyse.nextCloseUs(open), close);
    assert.equal(nyse.nextCloseUs(close), us("2018-01-03T21:00:00Z"));
    assert.equal(nyse.nextOpenUs(us("2026-11-27T18:00:00Z")), us("2026-11-30T14:30:00Z"));
  });

  it("refuses years that it does not know", () => {
    assert.throws(() => nyse.isOpen(us("1985-01-02T15:00:00Z")), { code: "CALENDAR_RANGE" });
    assert.throws(() => nyse.isOpen(us("2040-01-03T15:00:00Z")), { code: "CALENDAR_RANGE" });
  });
});

describe("New York's clock", () => {
  it("agrees with the time-zone database around every change of clocks and on every day from 1990 to 2035", () => {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: "America/New_York",
      hour: "numeric",
      hourCycle: "h23",
    });
    for (let day = parseEpochDay("1990-01-01", "d"); day <= parseEpochDay("2035-12-31", "d"); day++) {
      for (const hour of [5, 6, 7, 12]) {
        const timeUs = (day * 24 + hour) * 3_600_000_000;
        const wall = (hour - newYorkHoursBehind(timeUs) + 24) % 24;
        assert.equal(wall, Number(format.format(timeUs / 1000)), formatEpochDay(day));
      }
    }
  });

  it("keeps its own date", () => {
    assert.equal(formatEpochDay(newYorkEpochDay(us("2018-01-03T04:59:59Z"))), "2018-01-02");
    assert.equal(formatEpochDay(newYorkEpochDay(us("2018-01-03T05:00:00Z"))), "2018-01-03");
  });
});

describe("the calendar that never closes", () => {
  it("is always open", () => {
    const always = calendarOf("always");
    assert.equal(always.isOpen(us("2018-01-06T03:00:00Z")), true);
    assert.equal(always.nextCloseUs(0), Number.POSITIVE_INFINITY);
    assert.equal(always.sessionOf(10)?.closeUs, always.sessionOf(11)?.openUs);
  });
});
