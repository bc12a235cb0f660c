import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { before, describe, it } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { chromium } from "playwright-core";
import { BotProcess, isAlive, simulatorChild } from "./bot-process.ts";
import { atEnd, type Body, suiteScope, until } from "./wait.ts";

const READY_MS = 20_000;
const TRADES_MS = 120_000;
const STEP_MS = 20_000;
const TRADES_MIN = 3;
const METRICS = [
  "trading_trades_executed_total",
  "trading_pnl",
  "trading_win_rate",
  "trading_avg_slippage_bps",
  "trading_drawdown",
  "system_request_latency_ms",
  "system_memory_usage",
  "system_cpu_usage",
];
const CHROMIUM = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
const skipPage = existsSync(CHROMIUM) ? false : `no browser at ${CHROMIUM} (set CHROMIUM_PATH)`;

/** Positions by symbol over all instances, zeros left out, as decimal strings that two sources spell alike. */
function bySymbol(rows: readonly Body[], quantity: (row: Body) => string): Record<string, string> {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(row.symbol, (sums.get(row.symbol) ?? 0) + Number(quantity(row)));
  const held = [...sums].filter(([, sum]) => sum !== 0);
  return Object.fromEntries(held.map(([symbol, sum]) => [symbol, sum.toFixed(9)]));
}

/** What the bot says of its account, and what the simulator says, at a moment when both have taken in everything. */
async function books(bot: BotProcess): Promise<{ ours: Body; theirs: Body }> {
  const { simulator } = bot;
  return until(
    "equal books",
    async () => {
      const earlier = await simulator.ledger();
      const [account, positions, theirAccount, theirPositions, trades] = await Promise.all([
        bot.get("/api/v1/account"),
        bot.get("/api/v1/positions"),
        simulator.get("/v2/account"),
        simulator.get("/v2/positions"),
        bot.get("/api/v1/trades?limit=1"),
      ]);
      // Compared only when nothing has happened in between.
      const ledger = await simulator.ledger();
      const still = earlier.events === ledger.events && trades.items.length > 0;
      const held = Object.entries(ledger.positions).map(([symbol, qty]) => ({ symbol, qty }));
      return {
        still,
        ours: { cash: Number(account.cash), positions: bySymbol(positions.items, (row) => row.quantity) },
        theirs: { cash: Number(theirAccount.cash), positions: bySymbol(held, (row) => row.qty) },
        listed: bySymbol(theirPositions, (row) => row.qty),
      };
    },
    ({ still, ours, theirs, listed }) =>
      still && isDeepStrictEqual(ours, theirs) && isDeepStrictEqual(listed, theirs.positions),
    STEP_MS,
    () => bot.program.tail(),
  );
}

describe("the bot without any configuration", () => {
  const scope = suiteScope();
  let bot: BotProcess;

  before(async () => {
    bot = await BotProcess.launch(scope);
  });

  it("is ready, trades, and draws an equity curve that changes", async () => {
    await bot.ready(READY_MS);
    const stream = await bot.stream(["fills", "orders", "pnl", "quotes"]);
    await stream.find("the first message", (message) => message.type === "hello", STEP_MS);
    for (const channel of ["fills", "orders", "pnl", "quotes"]) {
      const isSnapshot = (message: Body) => message.type === "snapshot" && message.channel === channel;
      await stream.find(`a snapshot of ${channel}`, isSnapshot, STEP_MS);
    }
    // What was filled before the subscription is in no change of the stream.
    const earlier = new Set((await bot.get("/api/v1/trades")).items.map((trade: Body) => trade.execution_id));
    const { items } = await bot.eventually(
      "/api/v1/trades",
      (body) => body.items.length >= TRADES_MIN + earlier.size,
      TRADES_MS,
    );
    for (const trade of items) assert.match(trade.instance, /^demo-/);
    const orders = await bot.get("/api/v1/orders?state=closed");
    assert.ok(orders.items.some((order: Body) => order.state === "filled"));
    const { equity } = await bot.eventually(
      "/api/v1/pnl",
      (pnl) => new Set(pnl.equity.map((point: Body) => point.equity)).size > 2,
      STEP_MS,
    );
    assert.ok(equity.length > 10);
    const later = items.filter((trade: Body) => !earlier.has(trade.execution_id));
    for (const { execution_id: id } of later) {
      const isFill = (message: Body) => message.changes?.some((change: Body) => change.data.execution_id === id);
      await stream.find(`the fill ${id}`, isFill, STEP_MS);
    }
  });

  it("has a sample under each of the eight names", async () => {
    const text = await bot.metrics();
    for (const name of METRICS) {
      const sample = new RegExp(`^${name}(\\{[^}]*\\})? (-?[0-9.e+-]+)$`, "m").exec(text);
      assert.ok(sample !== null, `${name} has no sample`);
      assert.ok(Number.isFinite(Number(sample[2])), `${name} is ${sample[2]}`);
    }
    const fills = /^trading_trades_executed_total (\d+)$/m.exec(text)?.[1];
    assert.ok(Number(fills) >= TRADES_MIN);
  });

  it("has the cash and the positions of the simulator's own account", async () => {
    const { ours } = await books(bot);
    assert.notEqual(ours.cash, 0);
  });

  it("shows its equity and its orders on the page", { skip: skipPage }, async (t) => {
    const args = [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
    ];
    const browser = await chromium.launch({ executablePath: CHROMIUM, args });
    atEnd(t, () => browser.close());
    const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
    page.setDefaultTimeout(STEP_MS);
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${bot.ports.api}/`);
    await page.locator("#connection", { hasText: "live" }).waitFor();
    await page.locator("#chart svg path.line").waitFor();
    await page.locator("#orders tbody tr").first().waitFor();
    await page.locator("#fills tbody tr").first().waitFor();
    await page.locator("#banner", { hasText: "Simulated money" }).waitFor();
    assert.deepEqual(complaints, []);
  });

  it("ends cleanly, and goes on with the same book", async () => {
    const simulator = simulatorChild(bot.dataDir);
    assert.ok(simulator !== null);
    // Nothing is sent any more, so that the books stay as they are.
    for (const { id } of (await bot.get("/api/v1/strategies")).items) {
      assert.equal((await bot.call("POST", `/api/v1/strategies/${encodeURIComponent(id)}/stop`)).status, 200);
    }
    await bot.eventually("/api/v1/orders?state=open", ({ items }) => items.length === 0, STEP_MS);
    const { ours: left } = await books(bot);
    const { book_id: book, broker_account_id: account } = await bot.get("/api/v1/account");
    assert.deepEqual(await bot.stop(), { code: 0, signal: null });
    assert.equal(isAlive(simulator.pid), false);
    assert.equal(simulatorChild(bot.dataDir), null);

    const next = await bot.again();
    assert.doesNotMatch(next.program.stdout, /^key /m);
    await next.eventually("/api/v1/risk", (risk) => risk.owner === true, STEP_MS);
    const { ours: found } = await books(next);
    assert.deepEqual(found, left);
    const same = await next.get("/api/v1/account");
    assert.deepEqual([same.book_id, same.broker_account_id], [book, account]);
    assert.deepEqual(await next.stop(), { code: 0, signal: null });
  });
});
