/** Every channel of the market-data streams as version 4 of Alpaca's client reads it, from the synthetic market in a hurry. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import type { streaming } from "@alpacahq/alpaca-trade-api";
import { createSimulator } from "../../src/simulator/simulator.ts";
import { alpaca4 } from "./alpaca-4.ts";
import { Alpaca4DataStream } from "./alpaca-4-data.ts";
import { Arrivals } from "./arrivals.ts";
import { KEYS } from "./scripted-venue.ts";

const folder = mkdtempSync(join(tmpdir(), "clients-live-"));
after(() => rmSync(folder, { recursive: true }));

/** 09:25 in New York: five minutes before the opening auction. */
const START = "2026-03-02T14:25:00Z";

async function hurried(t: TestContext, settings: object = {}): Promise<string> {
  const simulator = await createSimulator({
    port: 0,
    ...KEYS,
    speed: 300,
    startTime: START,
    instruments: [{ symbol: "ACME" }, { symbol: "BTC/USD" }],
    ...settings,
  });
  t.after(() => simulator.close());
  return `http://127.0.0.1:${await simulator.listen()}`;
}

async function connected(t: TestContext, stream: streaming.MarketDataStream): Promise<void> {
  t.after(() => stream.disconnect());
  stream.connect();
  const { authenticated, message } = await stream.waitForAuthenticationResult();
  assert.ok(authenticated, message);
}

describe("Alpaca's client, version 4, and the channels of the streams", () => {
  it("reads imbalances, price bands, halts, corrections, cancellations and all three kinds of bar of a share", async (t) => {
    const url = await hurried(t, { correctionRate: 0.5, haltRate: 1 });
    const data = new Alpaca4DataStream(url, "stock");
    const { stream } = data;
    const seen = {
      imbalances: new Arrivals<streaming.StreamImbalance>(),
      lulds: new Arrivals<streaming.StreamLuld>(),
      statuses: new Arrivals<streaming.StreamStatus>(),
      corrections: new Arrivals<streaming.StreamCorrection>(),
      cancelErrors: new Arrivals<streaming.StreamCancelError>(),
    };
    stream.onImbalance((message) => seen.imbalances.add(message));
    stream.onLuld((message) => seen.lulds.add(message));
    stream.onStatus((message) => seen.statuses.add(message));
    stream.onCorrection((message) => seen.corrections.add(message));
    stream.onCancelError((message) => seen.cancelErrors.add(message));
    await connected(t, stream);
    stream.subscribeForImbalances(["ACME"]);
    stream.subscribeForLulds(["ACME"]);
    stream.subscribeForStatuses(["ACME"]);
    for (const channel of ["trades", "bars", "updatedBars", "dailyBars"] as const) {
      await data.subscribe(channel, ["ACME"]);
    }
    const [imbalance] = await seen.imbalances.first(1);
    assert.ok((imbalance?.price ?? 0) > 0 && imbalance?.symbol === "ACME");
    const [band] = await seen.lulds.first(1);
    assert.ok((band?.limitUpPrice ?? 0) > (band?.limitDownPrice ?? 0));
    const [correction] = await seen.corrections.first(1);
    assert.notEqual(correction?.originalId, undefined);
    assert.ok((correction?.correctedPrice ?? 0) > 0);
    const [cancelled] = await seen.cancelErrors.first(1);
    assert.ok(cancelled?.action === "C" || cancelled?.action === "E");
    const [bar] = await data.bars.first(1);
    assert.ok(bar !== undefined && bar.low <= bar.open && bar.open <= bar.high);
    const [day] = await data.dailyBars.first(1);
    assert.ok((day?.volume ?? 0) > 0);
    const [updated] = await data.updatedBars.first(1);
    const original = await data.bars.find(({ timeMs }) => timeMs === updated?.timeMs);
    assert.notDeepEqual(updated, original);
    const halt = await seen.statuses.find(
      ({ statusCode }) => statusCode === "H" || statusCode === "P" || statusCode === "2",
    );
    assert.equal(halt.symbol, "ACME");
    assert.match(halt.timestampRaw ?? "", /^2026-03-02T/);
  });

  it("reads the book of a pair: first whole, then its changes", async (t) => {
    const data = new Alpaca4DataStream(await hurried(t), "crypto");
    const books = new Arrivals<streaming.StreamOrderbook>();
    data.stream.onOrderbook((book) => books.add(book));
    await connected(t, data.stream);
    data.stream.subscribeForOrderbooks(["BTC/USD"]);
    const [whole, change] = await books.first(2);
    assert.deepEqual([whole?.reset, change?.reset], [true, false]);
    assert.ok((whole?.bids.length ?? 0) > 0 && (whole?.asks.length ?? 0) > 0);
  });

  it("reads news when it comes out", async (t) => {
    const newsFile = join(folder, "news.jsonl");
    const article = { id: 7, headline: "ACME opens", created_at: "2026-03-02T14:26:00Z", symbols: ["ACME"] };
    writeFileSync(newsFile, `${JSON.stringify(article)}\n`);
    const url = await hurried(t, { newsFile });
    const stream = alpaca4(url).marketData.newsStream({
      url: `${url.replace("http", "ws")}/v1beta1/news`,
      reconnect: false,
    });
    const news = new Arrivals<streaming.StreamNews>();
    stream.onNews((message) => news.add(message));
    await connected(t, stream);
    stream.subscribeForNews(["*"]);
    const [read] = await news.first(1);
    assert.deepEqual([read?.id, read?.headline, read?.symbols], [7, "ACME opens", ["ACME"]]);
    assert.equal(read?.createdAt?.toISOString(), "2026-03-02T14:26:00.000Z");
  });

  it("is told of wrong keys, and that the connection's place is taken", async (t) => {
    const url = await hurried(t);
    const first = new Alpaca4DataStream(url, "stock");
    await connected(t, first.stream);
    const second = new Alpaca4DataStream(url, "stock");
    t.after(() => second.close());
    const taken = second.errors.first(1);
    second.stream.connect();
    assert.match((await taken)[0] ?? "", /connection limit exceeded/);
  });
});
