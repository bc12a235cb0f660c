import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseEpochDay } from "../../../src/core/market/calendar.ts";
import { settlementDay } from "../../../src/simulator/trading/market-hours.ts";
import { formatEpochDay } from "../../../src/core/market/calendar.ts";
import type { Body } from "../client.ts";
import { refusal, start } from "./venue.ts";

describe("assets", () => {
  it("have every field of a share, and of a pair its increments", async (t) => {
    const venue = await start(t);
    const share = (await venue.get("/v2/assets/ACME")).body;
    assert.match(share.id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.deepEqual(share, {
      id: share.id,
      class: "us_equity",
      exchange: "NASDAQ",
      symbol: "ACME",
      name: "ACME (simulated)",
      status: "active",
      tradable: true,
      marginable: true,
      shortable: true,
      easy_to_borrow: true,
      borrow_status: "easy_to_borrow",
      fractionable: true,
      margin_requirement_long: "30",
      margin_requirement_short: "30",
      maintenance_margin_requirement: 30,
      attributes: [],
    });
    const pair = (await venue.get("/v2/assets/BTC%2FUSD")).body;
    assert.deepEqual(
      [pair.symbol, pair.class, pair.exchange, pair.marginable, pair.shortable, pair.borrow_status],
      ["BTC/USD", "crypto", "CRYPTO", false, false, undefined],
    );
    assert.deepEqual(
      [pair.min_order_size, pair.min_trade_increment, pair.price_increment],
      ["0.000000001", "0.000000001", "0.000000001"],
    );
  });

  it("are found by symbol, by symbol without the slash and by id, and otherwise not", async (t) => {
    const venue = await start(t);
    const pair = (await venue.get("/v2/assets/BTC%2FUSD")).body;
    assert.deepEqual((await venue.get("/v2/assets/BTCUSD")).body, pair);
    assert.deepEqual((await venue.get(`/v2/assets/${pair.id}`)).body, pair);
    assert.deepEqual(refusal(await venue.get("/v2/assets/NONE")), [404, 40410000, "asset not found for NONE"]);
  });

  it("are filtered by class, status, exchange and attributes", async (t) => {
    const venue = await start(t);
    const symbols = async (query: string): Promise<string[]> =>
      (await venue.get(`/v2/assets?${query}`)).body.map((asset: Body) => asset.symbol);
    assert.deepEqual(await symbols(""), ["ACME"]);
    assert.deepEqual(await symbols("asset_class=crypto&status=active"), ["BTC/USD"]);
    assert.deepEqual(await symbols("asset_class=us_equity,crypto"), ["BTC/USD", "ACME"]);
    assert.deepEqual(await symbols("exchange=NASDAQ"), ["ACME"]);
    assert.deepEqual(await symbols("exchange=NYSE"), []);
    assert.deepEqual(await symbols("status=inactive"), []);
    assert.deepEqual(await symbols("asset_class=us_option"), []);
    assert.deepEqual(await symbols("attributes=ipo,has_options"), []);
    assert.deepEqual(refusal(await venue.get("/v2/assets?status=sleeping")), [
      422,
      40010001,
      "status must be one of active, inactive, any",
    ]);
  });
});

describe("clocks", () => {
  it("tell the session of New York in the second and the third version", async (t) => {
    const venue = await start(t);
    const legacy = (await venue.get("/v2/clock")).body;
    assert.match(legacy.timestamp, /^2018-01-02T10:00:00\.\d{6}-05:00$/);
    assert.deepEqual(
      [legacy.is_open, legacy.next_open, legacy.next_close],
      [true, "2018-01-03T09:30:00-05:00", "2018-01-02T16:00:00-05:00"],
    );
    const { clocks } = (await venue.get("/v3/clock?markets=NYSE,XNAS")).body;
    assert.deepEqual(
      clocks.map((clock: Body) => clock.market),
      [
        { acronym: "NYSE", mic: "XNYS", name: "New York Stock Exchange", timezone: "America/New_York" },
        {
          acronym: "NASDAQ",
          mic: "XNAS",
          name: "National Association of Securities Dealers Automated Quotations",
          timezone: "America/New_York",
        },
      ],
    );
    const { market: _market, timestamp, ...hours } = clocks[0];
    assert.match(timestamp, /^2018-01-02T10:00:00\.\d{6}-05:00$/);
    assert.deepEqual(hours, {
      is_market_day: true,
      next_market_open: "2018-01-03T09:30:00-05:00",
      next_market_close: "2018-01-02T16:00:00-05:00",
      phase: "core",
      phase_until: "2018-01-02T16:00:00-05:00",
    });
  });

  it("tell the phases of any moment: before, within and after the session, on short days and weekends", async (t) => {
    const venue = await start(t);
    const at = async (time: string): Promise<unknown[]> => {
      const [clock] = (await venue.get(`/v3/clock?markets=NYSE&time=${encodeURIComponent(time)}`)).body.clocks;
      return [clock.phase, clock.phase_until, clock.is_market_day, clock.next_market_open, clock.next_market_close];
    };
    // Friday 2026-11-27 is the short day after Thanksgiving.
    const friday = ["2026-11-27T09:30:00-05:00", "2026-11-27T13:00:00-05:00"];
    const monday = ["2026-11-30T09:30:00-05:00", "2026-11-30T16:00:00-05:00"];
    assert.deepEqual(await at("2026-11-27T03:00:00-05:00"), ["closed", "2026-11-27T04:00:00-05:00", true, ...friday]);
    assert.deepEqual(await at("2026-11-27T04:00:00-05:00"), ["pre", "2026-11-27T09:30:00-05:00", true, ...friday]);
    assert.deepEqual(await at("2026-11-27T09:30:00-05:00"), [
      "core",
      "2026-11-27T13:00:00-05:00",
      true,
      monday[0],
      friday[1],
    ]);
    assert.deepEqual(await at("2026-11-27T13:00:00-05:00"), ["post", "2026-11-27T17:00:00-05:00", true, ...monday]);
    assert.deepEqual(await at("2026-11-27T17:00:00-05:00"), ["closed", "2026-11-30T04:00:00-05:00", true, ...monday]);
    assert.deepEqual(await at("2026-11-28T12:00:00-05:00"), ["closed", "2026-11-30T04:00:00-05:00", false, ...monday]);
  });

  it("refuse markets that they do not know and times that are none", async (t) => {
    const venue = await start(t);
    const codes = "NYSE, XNYS, NASDAQ, XNAS, IEX, IEXG, OTC, OTCM";
    assert.deepEqual(refusal(await venue.get("/v3/clock?markets=LSE")), [400, 40010001, `markets must be of ${codes}`]);
    assert.deepEqual(refusal(await venue.get("/v3/clock?time=noon")), [
      400,
      40010001,
      "time must be an RFC 3339 time or a date such as 2018-01-02",
    ]);
    assert.equal((await venue.get("/v3/clock?time=1900-01-01")).status, 400);
  });
});

describe("calendars", () => {
  it("have the documented fields, with a short day and the day on which a trade settles", async (t) => {
    const venue = await start(t);
    const days = (await venue.get("/v2/calendar?start=2026-11-25&end=2026-11-27")).body;
    assert.deepEqual(days, [
      {
        date: "2026-11-25",
        open: "09:30",
        close: "16:00",
        session_open: "0400",
        session_close: "2000",
        settlement_date: "2026-11-27",
      },
      {
        date: "2026-11-27",
        open: "09:30",
        close: "13:00",
        session_open: "0400",
        session_close: "1700",
        settlement_date: "2026-11-30",
      },
    ]);
    const settling = (await venue.get("/v2/calendar?start=2026-11-27&end=2026-11-30&date_type=SETTLEMENT")).body;
    assert.deepEqual(
      settling.map((day: Body) => day.date),
      ["2026-11-25", "2026-11-27"],
    );
  });

  it("give the whole calendar without a range and nothing for an empty one", async (t) => {
    const venue = await start(t);
    const all = (await venue.get("/v2/calendar")).body;
    assert.deepEqual([all[0].date, all.at(-1).date], ["1990-01-02", "2029-12-31"]);
    assert.deepEqual((await venue.get("/v2/calendar?start=2026-11-28&end=2026-11-29")).body, []);
    assert.deepEqual(refusal(await venue.get("/v2/calendar?start=soon")), [
      400,
      40010001,
      "start must be a date such as 2018-01-02",
    ]);
    for (const query of ["date_type=LUNAR", "start=2026-02-30", "end=2026-01-01x"]) {
      assert.equal((await venue.get(`/v2/calendar?${query}`)).status, 400, query);
    }
    assert.equal((await venue.get("/v2/calendar?start=2026-11-27T00:00:00-05:00&end=2026-11-27")).body.length, 1);
  });

  it("have the sessions of a market in the third version, in its time and in UTC", async (t) => {
    const venue = await start(t);
    const { market, calendar } = (await venue.get("/v3/calendar/NYSE?start=2025-01-02&end=2025-01-02")).body;
    assert.equal(market.acronym, "NYSE");
    // The values of Alpaca's own example.
    assert.deepEqual(calendar, [
      {
        date: "2025-01-02",
        pre_start: "2025-01-02T04:00:00-05:00",
        pre_end: "2025-01-02T09:30:00-05:00",
        core_start: "2025-01-02T09:30:00-05:00",
        core_end: "2025-01-02T16:00:00-05:00",
        post_start: "2025-01-02T16:00:00-05:00",
        post_end: "2025-01-02T20:00:00-05:00",
        settlement_date: "2025-01-03",
      },
    ]);
    const utc = (await venue.get("/v3/calendar/XNYS?start=2025-01-02&end=2025-01-02&timezone=UTC")).body.calendar;
    assert.deepEqual([utc[0].core_start, utc[0].core_end], ["2025-01-02T14:30:00Z", "2025-01-02T21:00:00Z"]);
    const week = (await venue.get("/v3/calendar/NYSE")).body.calendar;
    assert.deepEqual(
      week.map((day: Body) => day.date),
      ["2018-01-02", "2018-01-03", "2018-01-04", "2018-01-05", "2018-01-08", "2018-01-09"],
    );
    assert.deepEqual((await venue.get("/v3/calendar/NYSE?start=0001-01-01&end=0099-12-31")).body.calendar, []);
    assert.equal((await venue.get("/v3/calendar/LSE")).status, 400);
  });

  it("settle by the rule of the trade's time and never on a bank holiday", () => {
    const settles = (date: string): string => formatEpochDay(settlementDay(parseEpochDay(date, "date")));
    // The first trade date of one day, with the last of two settling on the same day (SEC, 2024).
    assert.equal(settles("2024-05-24"), "2024-05-29");
    assert.equal(settles("2024-05-28"), "2024-05-29");
    // Columbus Day 2024: the trades of Friday and of Monday settle on Tuesday (FINRA).
    assert.equal(settles("2024-10-11"), "2024-10-15");
    assert.equal(settles("2024-10-14"), "2024-10-15");
    // Veterans Day 2024, a Monday.
    assert.equal(settles("2024-11-08"), "2024-11-12");
    assert.equal(settles("2018-01-02"), "2018-01-04");
    assert.equal(settles("2017-08-31"), "2017-09-06");
    assert.equal(settles("1995-06-05"), "1995-06-12");
  });
});

describe("what the account does not have", () => {
  it("is answered with empty lists, unknown ids and refusals", async (t) => {
    const venue = await start(t);
    assert.deepEqual((await venue.get("/v2/options/contracts")).body, { option_contracts: [], next_page_token: null });
    assert.deepEqual(refusal(await venue.get("/v2/options/contracts/TSLA231110C00021000")), [
      404,
      40410000,
      "option contract TSLA231110C00021000 not found",
    ]);
    for (const action of ["exercise", "do-not-exercise"]) {
      assert.deepEqual(refusal(await venue.post(`/v2/positions/TSLA231110C00021000/${action}`, {})), [
        403,
        40310000,
        "no available position for the specified contract",
      ]);
    }
    assert.deepEqual((await venue.get("/v1/locates")).body, { locates: [], next_page_token: null });
    assert.deepEqual((await venue.get("/v1/locates/quotes?symbols=ACME,NONE")).body, {
      quotes: [],
      errors: [
        {
          symbol: "ACME",
          code: "easy_to_borrow",
          message: "security is easy-to-borrow and does not require a locate",
        },
        { symbol: "NONE", code: "symbol_not_found", message: "symbol not found" },
      ],
    });
    const locate = await venue.post("/v1/locates", { symbol: "ACME", requested_qty: "100" });
    assert.deepEqual([locate.status, locate.body.code], [422, "easy_to_borrow"]);
    for (const path of [
      "/v2/wallets",
      "/v2/wallets/transfers",
      "/v2/wallets/whitelists",
      "/v2/tokenization/requests",
    ]) {
      assert.deepEqual((await venue.get(path)).body, []);
    }
    assert.equal((await venue.post("/v2/tokenization/mint", {})).status, 403);
    assert.equal((await venue.get("/v2/tokenization/requests:by_client_request_id?client_request_id=a")).status, 404);
    assert.deepEqual((await venue.get("/v2/corporate_actions/announcements?ca_types=Split")).body, []);
  });
});
