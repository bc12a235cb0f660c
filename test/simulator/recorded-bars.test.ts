import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { createSimulator } from "../../src/simulator/simulator.ts";
import { type Body, call, dataStream, KEYS, order, Peer, tradeStream } from "./client.ts";

const folder = mkdtempSync(join(tmpdir(), "recorded-bars-"));
after(() => rmSync(folder, { recursive: true }));

const START_MS = Date.parse("2024-03-04T15:00:00Z");
const BARS = ["10 10.5 9.5 10.2", "10.3 10.6 10.1 10.4", "10.5 11 9.8 10.9", "10.8 10.9 10.7 10.8"];

function writeBars(): string {
  const path = join(folder, "minutes.csv.gz");
  const rows = BARS.map((bar, minute) => `${START_MS + minute * 60_000}000000,BAR,${bar.replaceAll(" ", ",")},1000`);
  writeFileSync(path, gzipSync(`ts_ns,symbol,open,high,low,close,volume\n${rows.join("\n")}\n`));
  return path;
}

describe("a recorded file of bars over the wire", () => {
  it("streams them as minute bars and trades on the path through them", { timeout: 60_000 }, async (test) => {
    const simulator = await createSimulator({
      ...KEYS,
      port: 0,
      speed: "lockstep",
      replay: [writeBars()],
      instruments: [{ symbol: "BAR", calendar: "always" }],
      fee: { model: "per_share", amount: "0.01" },
    });
    test.after(() => simulator.close());
    const port = await simulator.listen();
    const trades = await tradeStream(port);
    const market = await dataStream(port, "/v2/iex", { bars: ["BAR"] });
    const lockstep = await Peer.open(`ws://127.0.0.1:${port}/simulator/lockstep`);
    const updates = () => trades.messages.filter((message: Body) => message.stream === "trade_updates");
    const bars = () => market.messages.filter((message: Body) => message.T === "b");
    let ordered = false;
    for (let handled = 0; ; handled++) {
      let count = 0;
      const barrier = await lockstep.find(() => count++ >= handled);
      if (barrier.end === true) break;
      await trades.find(() => updates().length >= barrier.trade_updates);
      if (barrier.market > 0) await market.find(() => bars().length >= barrier.market);
      if (bars().length === 1 && !ordered) {
        ordered = true;
        assert.equal((await order(port, "buy 10 BAR", { time_in_force: "gtc" })).status, 200);
        assert.equal((await order(port, "buy 5 BAR 9.90", { time_in_force: "gtc" })).status, 200);
        // Both are new
        await trades.find(() => updates().filter(({ data }: Body) => data.event === "new").length === 2);
      }
      lockstep.send({ step: barrier.step, trade_updates: updates().length });
    }
    assert.deepEqual(
      bars().map(({ S, o, h, l, c, v, t }: Body) => [S, [o, h, l, c].join(" "), v, t]),
      BARS.map((bar, minute) => [
        "BAR",
        bar,
        1000,
        new Date(START_MS + minute * 60_000).toISOString().replace(".000", ""),
      ]),
    );
    const fills = updates().filter(({ data }: Body) => data.event === "fill");
    assert.deepEqual(
      fills.map(({ data }: Body) => [data.qty, data.price, data.timestamp.slice(0, 19)]),
      [
        // At the open of the second bar, at its start; the limit where the third bar goes through it
        ["10", "10.3", "2024-03-04T15:01:00"],
        ["5", "9.9", "2024-03-04T15:02:59"],
      ],
    );
    const { cash } = (await call(port, "GET", "/v2/account")).body;
    // 100,000 − 10 × 10.3 − 5 × 9.9 − 15 × 0.01
    assert.equal(Number(cash), 99_847.35);
    const page = (await call(port, "GET", "/v2/stocks/BAR/bars?timeframe=1Min&start=2024-03-04T15:00:00Z")).body;
    assert.equal(page.bars.length, BARS.length);
    for (const peer of [trades, market, lockstep]) await peer.close();
  });
});
