import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { createSimulator } from "../../../src/simulator/simulator.ts";
import { type Body, call, KEYS, order } from "../client.ts";
import { market, refusal, start } from "./venue.ts";

describe("the account", () => {
  it("has every field, with four times its equity to buy with while it is flat", async (t) => {
    const venue = await start(t);
    const account = (await venue.get("/v2/account")).body;
    const { id, account_number: number, created_at: created, ...rest } = account;
    assert.match(id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.match(number, /^PA[0-9A-Z]{10}$/);
    assert.match(created, /^2018-01-02T15:00:00\.\d{6}Z$/);
    assert.deepEqual(rest, {
      status: "ACTIVE",
      crypto_status: "ACTIVE",
      currency: "USD",
      balance_asof: "2018-01-02",
      cash: "100000",
      equity: "100000",
      portfolio_value: "100000",
      last_equity: "100000",
      long_market_value: "0",
      short_market_value: "0",
      position_market_value: "0",
      initial_margin: "0",
      maintenance_margin: "0",
      last_maintenance_margin: "0",
      buying_power: "400000",
      effective_buying_power: "400000",
      regt_buying_power: "200000",
      non_marginable_buying_power: "100000",
      options_buying_power: "0",
      sma: "100000",
      accrued_fees: "0",
      intraday_adjustments: "0",
      pending_reg_taf_fees: "0",
      pending_transfer_in: "0",
      pending_transfer_out: "0",
      multiplier: "4",
      options_approved_level: 0,
      options_trading_level: 0,
      crypto_tier: 0,
      account_blocked: false,
      trading_blocked: false,
      transfers_blocked: false,
      trade_suspended_by_user: false,
      shorting_enabled: true,
      user_configurations: null,
      admin_configurations: {},
    });
  });

  it("values what it holds at the last trade", async (t) => {
    const venue = await start(t);
    // 10 at the ask of 100.01 cost 1,000.10 and are worth 1,000 at the last trade.
    assert.equal((await order(venue.port, "buy 10 ACME")).status, 200);
    const account = (await venue.get("/v2/account")).body;
    assert.deepEqual(
      [account.cash, account.long_market_value, account.equity, account.initial_margin, account.maintenance_margin],
      ["98999.9", "1000", "99999.9", "500", "300"],
    );
  });
});

describe("the account's configurations", () => {
  const PATH = "/v2/account/configurations";

  it("are changed by any subset and answered whole", async (t) => {
    const venue = await start(t);
    const preset = {
      disable_overnight_trading: false,
      fractional_trading: true,
      max_margin_multiplier: "4",
      max_options_trading_level: 0,
      no_shorting: false,
      ptp_no_exception_entry: false,
      suspend_trade: false,
      trade_confirm_email: "none",
    };
    assert.deepEqual((await venue.get(PATH)).body, preset);
    const change = {
      disable_overnight_trading: true,
      fractional_trading: false,
      max_margin_multiplier: "2",
      max_options_trading_level: 1,
      no_shorting: true,
      ptp_no_exception_entry: true,
      trade_confirm_email: "all",
    };
    assert.deepEqual((await venue.patch(PATH, change)).body, { ...preset, ...change });
    assert.deepEqual((await venue.patch(PATH, { no_shorting: false })).body, {
      ...preset,
      ...change,
      no_shorting: false,
    });
    assert.equal((await venue.get("/v2/account")).body.multiplier, "2");
  });

  it("refuse what is no choice, and then change nothing", async (t) => {
    const venue = await start(t);
    const patch = async (body: object): Promise<[number, number, string]> => refusal(await venue.patch(PATH, body));
    assert.deepEqual(await patch({ suspend_trade: "yes" }), [
      422,
      40010001,
      "suspend_trade must be one of true, false",
    ]);
    assert.deepEqual(await patch({ no_shorting: true, max_margin_multiplier: "3" }), [
      422,
      40010001,
      "max_margin_multiplier must be one of 1, 2, 4",
    ]);
    assert.deepEqual(await patch({ trade_confirm_email: "some" }), [
      422,
      40010001,
      "trade_confirm_email must be one of all, none",
    ]);
    assert.deepEqual(await patch([]), [422, 40010001, "request body format is invalid"]);
    assert.equal((await venue.get(PATH)).body.no_shorting, false);
  });

  it("without fractional trading take whole shares only", async (t) => {
    const venue = await start(t);
    await venue.patch(PATH, { fractional_trading: false });
    assert.deepEqual(refusal(await order(venue.port, "buy 1.5 ACME")), [
      403,
      40310000,
      "account is not enabled for fractional trading",
    ]);
    assert.equal((await order(venue.port, "buy 1 ACME")).status, 200);
    assert.equal((await order(venue.port, "buy 0.01 BTC/USD")).status, 200);
  });

  it("survive a restart of the simulator", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "configurations-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const config = { ...KEYS, port: 0, ledgerFile: join(directory, "ledger.jsonl"), startTime: "2026-03-02T15:00:00Z" };
    const first = await createSimulator(config);
    const changed = await call(await first.listen(), "PATCH", PATH, { trade_confirm_email: "all", no_shorting: true });
    await first.close();
    const second = await createSimulator(config);
    t.after(() => second.close());
    assert.deepEqual((await call(await second.listen(), "GET", PATH)).body, changed.body);
  });
});

describe("activities", () => {
  const PATH = "/v2/account/activities";

  it("of a fill have the documented fields, under an id by New York's clock", async (t) => {
    const venue = await start(t);
    const posted = (await order(venue.port, "buy 2 ACME")).body;
    const [fill, ...others] = (await venue.get(`${PATH}/FILL`)).body;
    assert.deepEqual(others, []);
    assert.match(fill.id, /^20180102100000\d{3}::[0-9a-f-]{36}$/);
    assert.match(fill.transaction_time, /^2018-01-02T15:00:00\.\d{6}Z$/);
    assert.deepEqual(fill, {
      activity_type: "FILL",
      id: fill.id,
      type: "fill",
      transaction_time: fill.transaction_time,
      order_id: posted.id,
      order_status: "filled",
      symbol: "ACME",
      side: "buy",
      qty: "2",
      price: "100.01",
      cum_qty: "2",
      leaves_qty: "0",
    });
  });

  it("are filtered by type, category, order and time", async (t) => {
    const venue = await start(
      t,
      market((script) => script.wait(3600).quote("ACME", 99.99, 100.01).wait(86_400).trade("ACME", 100)),
    );
    const early = (await order(venue.port, "buy 1 ACME")).body.id;
    await venue.play(1);
    const late = (await order(venue.port, "buy 1 ACME")).body.id;
    const orders = async (query: string): Promise<string[]> =>
      (await venue.get(`${PATH}?${query}`)).body.map((row: Body) => row.order_id);
    assert.deepEqual(await orders(""), [late, early]);
    assert.deepEqual(await orders("direction=asc"), [early, late]);
    assert.deepEqual(await orders("category=trade_activity"), [late, early]);
    assert.deepEqual(await orders("category=non_trade_activity"), []);
    assert.deepEqual(await orders("activity_types=DIV,FILL"), [late, early]);
    assert.deepEqual(await orders("activity_types=TRANS,MISC,DIV"), []);
    assert.deepEqual(await orders(`order_id=${early}`), [early]);
    assert.deepEqual(await orders("after=2018-01-02T15:30:00Z"), [late]);
    assert.deepEqual(await orders("until=2018-01-02T15:30:00Z"), [early]);
    assert.deepEqual(await orders("date=2018-01-02"), [late, early]);
    assert.deepEqual(await orders("date=2018-01-03"), []);
    assert.deepEqual((await venue.get(`${PATH}/DIV`)).body, []);
  });

  it("are paged by the id of the last one", async (t) => {
    const venue = await start(t);
    for (let i = 0; i < 5; i++) await order(venue.port, "buy 1 ACME");
    const all = (await venue.get(PATH)).body;
    const pages: Body[] = [];
    for (let token = ""; ; ) {
      const page = (await venue.get(`${PATH}?page_size=2${token}`)).body;
      pages.push(...page);
      if (page.length < 2) break;
      token = `&page_token=${page[1].id}`;
    }
    assert.deepEqual(pages, all);
  });

  it("of fees in coins name the order that they belong to", async (t) => {
    const venue = await start(t, undefined, { fee: { model: "alpaca" } });
    const { id } = (await order(venue.port, "buy 0.01 BTC/USD")).body;
    const [fee, ...others] = (await venue.get(`${PATH}?activity_types=CFEE,FEE&order_id=${id}`)).body;
    // 25 basis points of what was bought.
    assert.deepEqual(others, []);
    assert.deepEqual(
      [fee.activity_type, fee.symbol, fee.qty, fee.net_amount, fee.price],
      ["CFEE", "BTC/USD", "-0.000025", "0", "10001"],
    );
    assert.equal((await venue.get("/v2/positions/BTCUSD")).body.qty, "0.009975");
    assert.equal((await venue.get(`/v2/orders/${id}`)).body.filled_qty, "0.01");
  });

  it("of corporate actions have theirs, and the close before follows a split", async (t) => {
    const script = market((more) =>
      more
        .wait(86_400)
        .quote("ACME", 49.99, 50.01)
        .trade("ACME", 50)
        .wait(86_400)
        .quote("ACME", 49.99, 50.01)
        .trade("ACME", 50),
    );
    const directory = mkdtempSync(join(tmpdir(), "actions-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const actions = join(directory, "actions.csv.gz");
    writeFileSync(
      actions,
      gzipSync("type,date,symbol,value\nsplit,2018-01-03,ACME,0.5\ndividend,2018-01-04,ACME,0.25\n"),
    );
    const venue = await start(t, script, { replay: [...script.write(directory), actions] });
    await order(venue.port, "buy 10 ACME");
    await venue.play(3);
    const position = (await venue.get("/v2/positions/ACME")).body;
    assert.deepEqual(
      [
        position.qty,
        position.cost_basis,
        position.lastday_price,
        position.change_today,
        position.unrealized_intraday_pl,
      ],
      ["20", "1000.1", "50", "0", "0"],
    );
    await venue.play(3);
    const [dividend, split, ...others] = (await venue.get(`${PATH}?category=non_trade_activity`)).body;
    assert.deepEqual(others, []);
    assert.match(split.id, /^20180103000000000::[0-9a-f-]{36}$/);
    assert.deepEqual(
      [split.activity_type, split.activity_sub_type, split.symbol, split.qty, split.net_amount, split.status],
      ["SPLIT", "FSPLIT", "ACME", "10", "0", "executed"],
    );
    assert.deepEqual(dividend, {
      activity_type: "DIV",
      activity_sub_type: "CDIV",
      id: dividend.id,
      date: "2018-01-04",
      created_at: dividend.created_at,
      net_amount: "5",
      symbol: "ACME",
      qty: "20",
      per_share_amount: "0.25",
      currency: "USD",
      description: dividend.description,
      status: "executed",
    });
    const history = "/v2/account/portfolio/history?timeframe=1D&cashflow_types=DIV";
    assert.deepEqual((await venue.get(history)).body.cashflow, { DIV: [0, 0, 5] });
  });

  it("refuse parameters that exclude each other, unknown types and bad pages", async (t) => {
    const venue = await start(t);
    const ask = async (path: string): Promise<[number, number, string]> => refusal(await venue.get(`${PATH}${path}`));
    const said = (message: string): [number, number, string] => [422, 40010001, message];
    assert.deepEqual(
      await ask("?activity_types=FILL&category=trade_activity"),
      said("activity_types and category are mutually exclusive"),
    );
    assert.deepEqual(await ask("?date=2018-01-02&after=2018-01-01"), said("date and after are mutually exclusive"));
    assert.deepEqual(await ask("?activity_types=GIFT"), said('invalid activity type "GIFT"'));
    assert.deepEqual(await ask("/GIFT"), said('invalid activity type "GIFT"'));
    assert.deepEqual(await ask("?page_size=101"), said("page_size must be 1 to 100"));
    assert.deepEqual(await ask("?page_token=none"), said("page_token must be the id of an activity in the list"));
    assert.deepEqual(await ask("?direction=up"), said("direction must be one of desc, asc"));
    assert.deepEqual(await ask("?after=then"), said("after must be an RFC 3339 time or a date such as 2018-01-02"));
    assert.equal((await ask("/FILL?activity_types=FILL"))[0], 422);
  });
});
