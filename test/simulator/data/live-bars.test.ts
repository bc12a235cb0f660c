import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { type Body, dataStream, type Peer } from "../client.ts";
import { COIN, DataServer, OTHER, START_US, STOCK, tick, trade } from "./data-server.ts";

let server: DataServer;

afterEach(() => server.close());

const at = (seconds: number) => START_US + seconds * 1e6;
const bars = (peer: Peer, letter: string): Body[] => peer.messages.filter(({ T }) => T === letter);

describe("bars of the streams", () => {
  it("come right after their minute, made of its trades by the rules of the tape", async () => {
    server = await DataServer.start();
    const peer = await dataStream(server.port, "/v2/sip", { bars: ["ACME"] });
    server.play(
      trade(STOCK, 1, 10, 100),
      trade(STOCK, 2, 12, 50),
      trade(STOCK, 3, 9, 10, { conditions: ["@", "I"] }), // an odd lot: volume only
      trade(OTHER, 4, 500),
      trade(STOCK, 59.9, 11, 40),
    );
    server.advance(at(59.99));
    server.advance(at(60));
    const bar = await peer.find(({ T }) => T === "b");
    // (10·100 + 12·50 + 9·10 + 11·40) / 200 = 2130 / 200
    const expected = { T: "b", S: "ACME", o: 10, h: 12, l: 10, c: 11, v: 200, n: 4, vw: 10.65 };
    assert.deepEqual(bar, { ...expected, t: "2026-03-03T15:00:00Z" });
  });

  it("come again half a minute later when a correction has changed them, and history is put right", async () => {
    server = await DataServer.start();
    const peer = await dataStream(server.port, "/v2/sip", { bars: ["*"], updatedBars: ["*"], trades: ["ACME"] });
    server.play(
      trade(STOCK, 1, 10, 100, { tradeId: 901 }),
      trade(STOCK, 2, 99, 100, { tradeId: 902 }),
      trade(STOCK, 3, 11, 100, { tradeId: 903 }),
    );
    server.advance(at(60));
    await peer.find(({ T }) => T === "b");
    server.play(
      tick("cancelError", STOCK, 65, { tradeId: 902, price: 99, size: 100, exchange: "Q", action: "E", tape: "C" }),
      tick("correction", STOCK, 66, {
        original: { tradeId: 903, price: 11, size: 100, conditions: ["@"] },
        corrected: { tradeId: 904, price: 12, size: 300, conditions: ["@"] },
        exchange: "Q",
        tape: "C",
      }),
    );
    await peer.find(({ T }) => T === "c");
    server.advance(at(89));
    assert.deepEqual(bars(peer, "u"), []);
    server.advance(at(90));
    // (10·100 + 12·300) / 400 = 11.5
    const expected = { o: 10, h: 12, l: 10, c: 12, v: 400, n: 2, vw: 11.5, t: "2026-03-03T15:00:00Z" };
    assert.deepEqual(await peer.find(({ T }) => T === "u"), { T: "u", S: "ACME", ...expected });
    const { body } = await server.get("/v2/stocks/ACME/bars?timeframe=1Min");
    assert.deepEqual(body.bars, [expected]);
    assert.deepEqual(
      peer.messages.filter(({ T }) => T === "x" || T === "c").map(({ T }) => T),
      ["x", "c"],
    );
  });

  it("of the running minute are corrected before they leave", async () => {
    server = await DataServer.start();
    const peer = await dataStream(server.port, "/v2/sip", { bars: ["*"], updatedBars: ["*"] });
    server.play(trade(STOCK, 1, 10, 100, { tradeId: 1 }), trade(STOCK, 2, 99, 100, { tradeId: 2 }));
    const wrong = { tradeId: 2, price: 99, size: 100, exchange: "Q", action: "C", tape: "C" } as const;
    server.play(tick("cancelError", STOCK, 4, wrong));
    server.advance(at(60));
    const bar = await peer.find(({ T }) => T === "b");
    assert.deepEqual([bar.h, bar.v, bar.n], [10, 100, 1]);
    server.advance(at(90));
    assert.deepEqual(bars(peer, "u"), []);
  });

  it("of the day come after every minute of the session and hold all of it so far", async () => {
    // From 09:29:00: half past is one minute later.
    server = await DataServer.start({ startUs: at(-31 * 60) });
    const peer = await dataStream(server.port, "/v2/sip", { dailyBars: ["*"] });
    server.play(trade(STOCK, -30.5 * 60, 5, 100)); // before the opening: volume only
    server.advance(at(-30 * 60));
    server.play(trade(STOCK, -30 * 60, 10, 100), trade(STOCK, -29 * 60, 12, 100));
    server.advance(at(-28 * 60));
    server.advance(at(-27 * 60));
    await peer.find(() => bars(peer, "d").length >= 3);
    assert.deepEqual(
      bars(peer, "d").map(({ o, h, l, c, v, n, t }) => [o, h, l, c, v, n, t]),
      [
        [10, 10, 10, 10, 200, 2, "2026-03-03T05:00:00Z"],
        [10, 12, 10, 12, 300, 3, "2026-03-03T05:00:00Z"],
        [10, 12, 10, 12, 300, 3, "2026-03-03T05:00:00Z"],
      ],
    );
  });

  it("of crypto begin their day at midnight UTC", async () => {
    server = await DataServer.start();
    const peer = await dataStream(server.port, "/v1beta3/crypto/us", { dailyBars: ["BTC/USD"], bars: ["*"] });
    server.play(trade(COIN, 1, 60_000, 0.5, { conditions: [] }));
    server.advance(at(60));
    const day = await peer.find(({ T }) => T === "d");
    assert.deepEqual([day.S, day.v, day.t], ["BTC/USD", 0.5, "2026-03-03T00:00:00Z"]);
  });

  it("of recorded files of bars are shown at their end", async () => {
    server = await DataServer.start();
    const peer = await dataStream(server.port, "/v2/sip", { bars: ["*"], dailyBars: ["*"] });
    const bar = { startUs: START_US, open: 1, high: 3, low: 1, close: 2, volume: 10, tradeCount: 1, vwap: 2 };
    server.play(tick("bar", STOCK, 60, { intervalSeconds: 60, openUs: START_US, bar, halfSpread: 0 }));
    const seen = await peer.find(({ T }) => T === "b");
    assert.deepEqual([seen.o, seen.h, seen.v, seen.t], [1, 3, 10, "2026-03-03T15:00:00Z"]);
    assert.equal((await peer.find(({ T }) => T === "d")).v, 10);
  });
});
