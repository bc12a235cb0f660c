import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { call, HEADERS, Peer } from "../client.ts";
import { start, type Venue } from "./venue.ts";

const RUNS = 150;

/** Fields that some request reads, so that random bodies get past the first check now and then. */
const FIELDS = [
  "symbol",
  "qty",
  "notional",
  "side",
  "type",
  "time_in_force",
  "limit_price",
  "stop_price",
  "trail_price",
  "trail_percent",
  "extended_hours",
  "client_order_id",
  "order_class",
  "take_profit",
  "stop_loss",
  "position_intent",
  "legs",
  "name",
  "symbols",
  "suspend_trade",
  "max_margin_multiplier",
  "trail",
  "__proto__",
];
const WORDS = ["ACME", "BTC/USD", "buy", "sell", "limit", "market", "stop", "day", "gtc", "bracket", "1", "95", "1e9"];

const value = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.double(),
  fc.bigInt().map(String),
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, true, { limit_price: "110" }, { stop_price: 90, limit_price: null }, []),
);
const body = fc.dictionary(fc.constantFrom(...FIELDS), value, { maxKeys: 12 });

const ROUTES: readonly [string, string][] = [
  ["POST", "/v2/orders"],
  ["PATCH", "/v2/orders/00000000-0000-4000-8000-000000000000"],
  ["PATCH", "/v2/account/configurations"],
  ["POST", "/v2/watchlists"],
  ["PUT", "/v2/watchlists:by_name?name=a"],
  ["POST", "/v1/locates"],
];

const PATHS = [
  "/v2/account/activities",
  "/v2/account/activities/FILL",
  "/v2/account/portfolio/history",
  "/v2/orders",
  "/v2/orders:by_client_order_id",
  "/v2/positions/ACME",
  "/v2/assets",
  "/v2/assets/x",
  "/v2/calendar",
  "/v3/calendar/NYSE",
  "/v3/clock",
  "/v2/watchlists:by_name",
  "/v1/locates/quotes",
];
const PARAMETERS = [
  "status",
  "limit",
  "after",
  "until",
  "direction",
  "nested",
  "symbols",
  "side",
  "asset_class",
  "after_order_id",
  "activity_types",
  "category",
  "date",
  "page_size",
  "page_token",
  "period",
  "timeframe",
  "start",
  "end",
  "intraday_reporting",
  "pnl_reset",
  "cashflow_types",
  "date_type",
  "timezone",
  "markets",
  "time",
  "name",
];
const parameter = fc.oneof(
  fc.constantFrom("all", "asc", "true", "NYSE", "2018-01-02", "9999-12-31", "0001-01-01", "1D", "1Min", "9999A", "-1"),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc.string(),
);

async function alive(venue: Venue): Promise<void> {
  assert.equal((await venue.get("/v2/account")).status, 200);
}

describe("whatever a client sends", () => {
  it("in a body is answered with a success or a refusal that has a code and words, never with a failure", async (t) => {
    const venue = await start(t);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...ROUTES), body, async ([method, path], fields) => {
        const answer = await call(venue.port, method, path, fields);
        if (answer.status < 400) return;
        assert.ok(answer.status < 500, `${method} ${path} ${JSON.stringify(fields)}: ${answer.status}`);
        assert.ok(["number", "string"].includes(typeof answer.body.code));
        assert.ok(answer.body.message.length > 0);
      }),
      { numRuns: RUNS },
    );
    await alive(venue);
  });

  it("in a query is answered with a success or a refusal, never with a failure", async (t) => {
    const venue = await start(t);
    const query = fc.array(fc.tuple(fc.constantFrom(...PARAMETERS), parameter), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PATHS), query, async (path, pairs) => {
        const asked = `${path}?${new URLSearchParams(pairs).toString()}`;
        const { status } = await venue.get(asked);
        assert.ok(status < 500, `${asked}: ${status}`);
      }),
      { numRuns: RUNS },
    );
    await alive(venue);
  });

  it("as a broken body is refused: no JSON, too deep, too long, another type", async (t) => {
    const venue = await start(t);
    const post = async (text: string, type = "application/json"): Promise<number> => {
      const headers = { ...HEADERS, "content-type": type };
      return (await fetch(`http://127.0.0.1:${venue.port}/v2/orders`, { method: "POST", headers, body: text })).status;
    };
    assert.equal(await post("{"), 400);
    assert.equal(await post("[".repeat(30_000)), 400);
    assert.ok([400, 422].includes(await post(`${"[".repeat(20_000)}${"]".repeat(20_000)}`)));
    assert.ok((await post(`{"symbol":"${"x".repeat(70_000)}"}`)) < 500);
    assert.ok((await post("symbol=ACME", "application/x-www-form-urlencoded")) < 500);
    await alive(venue);
  });

  it("as frames of the trade-update stream harms nobody else", async (t) => {
    const venue = await start(t);
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.uint8Array({ maxLength: 64 }), fc.json()), async (frame) => {
        const peer = await Peer.open(`ws://127.0.0.1:${venue.port}/stream`);
        peer.socket.send(frame);
        await peer.find(() => true);
        peer.socket.terminate();
      }),
      { numRuns: RUNS },
    );
    await alive(venue);
  });
});
