/** The whole simulator with its synthetic market: what it says of times before it was started, its keys and its limits. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSimulator } from "../../../src/simulator/simulator.ts";
import { type Body, call, dataStream, KEYS } from "../client.ts";

const instruments = [{ symbol: "DEMO", calendar: "always" as const }, { symbol: "BTC/USD" }];
const BASE = { ...KEYS, port: 0, haltRate: 0, instruments, startTime: "2026-03-02T15:00:20Z", speed: 50 };

async function read(port: number, path: string): Promise<Body> {
  const { status, body } = await call(port, "GET", path);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

/** A message of the stream as REST has it. */
function bodyOf(message: Body): Body {
  return Object.fromEntries(Object.entries(message).filter(([key]) => key !== "T" && key !== "S"));
}

describe("history of a seeded market", () => {
  it("is what was streamed, also for one that was started later", { timeout: 60_000 }, async () => {
    const first = await createSimulator(BASE);
    const port = await first.listen();
    const stream = await dataStream(port, "/v2/sip", { trades: ["DEMO"], bars: ["DEMO"], dailyBars: ["DEMO"] });
    const bar = await stream.find(({ T }) => T === "b");
    const day = await stream.find(({ T }) => T === "d");
    await stream.close();
    const streamed = stream.messages.filter(({ T }) => T === "t").map(bodyOf);
    assert.ok(streamed.length > 10);
    const range = `start=${streamed[0].t}&end=${streamed.at(-1).t}`;
    assert.deepEqual((await read(port, `/v2/stocks/DEMO/trades?${range}`)).trades, streamed);
    await first.close();

    const second = await createSimulator({ ...BASE, startTime: "2026-03-03T15:00:00Z" });
    const later = await second.listen();
    assert.deepEqual((await read(later, `/v2/stocks/DEMO/trades?${range}`)).trades, streamed);
    const minutes = await read(later, `/v2/stocks/DEMO/bars?timeframe=1Min&start=${bar.t}&end=${bar.t}`);
    assert.deepEqual(minutes.bars, [bodyOf(bar)]);
    // The day's bar holds the hours before the simulator was started: it opens with the day's first minute that trades.
    const morning = await read(later, `/v2/stocks/DEMO/bars?timeframe=1Min&start=${day.t}&limit=1`);
    assert.deepEqual([day.t, day.o], ["2026-03-02T05:00:00Z", morning.bars[0].o]);
    assert.ok(day.v > 100 * bar.v);
    await second.close();
  });

  it("has latest data and snapshots before anything has been played, and pages that may be short", async () => {
    const simulator = await createSimulator({ ...BASE, speed: "max" });
    const port = await simulator.listen();
    const snapshot = await read(port, "/v2/stocks/DEMO/snapshot");
    assert.equal(snapshot.minuteBar.t, "2026-03-02T14:59:00Z");
    assert.equal(snapshot.dailyBar.t, "2026-03-02T05:00:00Z");
    assert.equal(snapshot.prevDailyBar.t, "2026-03-01T05:00:00Z");
    assert.ok(snapshot.latestQuote.bp < snapshot.latestQuote.ap && snapshot.latestTrade.p > 0);
    const days: string[] = [];
    const path = "/v1beta3/crypto/us/bars?symbols=BTC/USD&timeframe=1Day&start=2026-02-15&limit=3";
    for (let token: string | null = ""; token !== null; ) {
      const page: Body = await read(port, `${path}${token === "" ? "" : `&page_token=${encodeURIComponent(token)}`}`);
      const bars: Body[] = page.bars["BTC/USD"] ?? [];
      assert.ok(bars.length <= 3);
      days.push(...bars.map(({ t }) => t));
      token = page.next_page_token;
    }
    const expected = Array.from({ length: 16 }, (_, i) => new Date(Date.UTC(2026, 1, 15 + i)).toISOString());
    assert.deepEqual(
      days,
      expected.map((time) => time.replace(".000Z", "Z")),
    );
    await simulator.close();
  });
});

describe("requests for market data", () => {
  it("need keys, but not for crypto, and are refused with a message only", async () => {
    const simulator = await createSimulator(BASE);
    const port = await simulator.listen();
    const bare = await fetch(`http://127.0.0.1:${port}/v2/stocks/DEMO/trades/latest`);
    assert.deepEqual([bare.status, await bare.json()], [401, { message: "unauthorized." }]);
    const crypto = await fetch(`http://127.0.0.1:${port}/v1beta3/crypto/us/latest/trades?symbols=BTC/USD`);
    assert.equal(crypto.status, 200);
    assert.equal(crypto.headers.get("x-ratelimit-limit"), "10000");
    await simulator.close();
  });

  it("have a limit of their own, 200 a minute on the basic plan", async () => {
    const basic = await createSimulator({ ...BASE, dataPlan: "basic" });
    const port = await basic.listen();
    const path = "/v2/stocks/meta/exchanges";
    const { headers } = await call(port, "GET", path);
    assert.equal(headers.get("x-ratelimit-limit"), "200");
    assert.match(headers.get("x-ratelimit-remaining") ?? "", /^1\d\d$/);
    assert.match(headers.get("x-ratelimit-reset") ?? "", /^\d{10}$/);
    await basic.close();
    const tight = await createSimulator({ ...BASE, dataRequestsPerMinute: 2 });
    const at = await tight.listen();
    const answers = [];
    // Six: two windows of a minute may meet here.
    for (let i = 0; i < 6; i++) answers.push(await call(at, "GET", path));
    const refused = answers.find((answer) => answer.status === 429);
    assert.deepEqual(refused?.body, { message: "too many requests." });
    assert.equal(refused?.headers.get("x-ratelimit-remaining"), "0");
    assert.equal((await call(at, "GET", "/v2/account")).status, 200);
    await tight.close();
  });
});
