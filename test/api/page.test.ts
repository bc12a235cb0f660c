import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { createFaces, type Faces } from "../../src/api/faces.ts";
import { Metrics } from "../../src/api/metrics/metrics.ts";
import { CONFIG, log, MemoryKeys } from "./harness.ts";
import { MemoryBot, order, quote, signal, START, trade } from "./memory-bot.ts";

const CHROMIUM = process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium";
const skip = existsSync(CHROMIUM) ? false : `no browser at ${CHROMIUM} (set CHROMIUM_PATH)`;
const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

describe("the page", { skip }, () => {
  const bot = new MemoryBot();
  const metrics = new Metrics(1);
  let faces: Faces;
  let browser: Browser;
  let address = "";
  let page: Page;
  /** Errors and refused resources that the browser reported; none may be left at the end of a test. */
  let complaints: string[] = [];

  before(async () => {
    faces = await createFaces({ bot, keys: new MemoryKeys(), metrics, config: CONFIG, log });
    address = (await faces.listen()).rest;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
  });
  after(async () => {
    await browser?.close();
    await faces?.close();
    metrics.close();
  });
  afterEach(async () => {
    await page.close();
    assert.deepEqual(complaints, []);
  });

  async function open(options: { width?: number } = {}): Promise<void> {
    complaints = [];
    page = await browser.newPage({ viewport: { width: options.width ?? 1_400, height: 1_000 } });
    page.setDefaultTimeout(10_000);
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !/status of 40\d/.test(message.text())) complaints.push(message.text());
    });
    await page.goto(address);
    await page.locator("#connection", { hasText: "live" }).waitFor();
  }
  const text = (selector: string): Promise<string> => page.locator(selector).innerText();
  const row = (table: string, content: string) => page.locator(`#${table} tbody tr`, { hasText: content });

  it("shows equity, orders, fills, positions, strategies and signals", async () => {
    await open();
    await page.locator("#chart svg path.line").waitFor();
    assert.match((await page.locator("#chart svg").getAttribute("aria-label")) ?? "", /deepest fall/);
    assert.ok((await page.locator("#chart .axis").count()) > 6);
    assert.match(await text("#figures"), /\+597\.35/);
    await row("orders", "not enough buying power").waitFor();
    assert.equal(await page.locator("#orders tbody tr").count(), 5);
    assert.equal(await page.locator("#fills tbody tr").count(), 4);
    await row("positions", "BTC/USD").waitFor();
    await row("strategies", "zscore-btc").waitFor();
    await row("signals", "MAX ORDER NOTIONAL").first().waitFor();
    await page.locator("#banner", { hasText: "Simulated money" }).waitFor();
    await page.locator("#trading-state", { hasText: "active" }).waitFor();
    await page.locator("#parts", { hasText: "database" }).waitFor();
  });

  it("changes as the bot does", async () => {
    await open();
    const line = page.locator("#chart svg path.line");
    const drawn = await line.getAttribute("d");
    const [figures] = bot.snapshot("pnl");
    assert.ok(figures?.channel === "pnl");
    const data = { ...figures.data, total: "777.77", time: START + 200 * 60_000, equity: "101234.56" };
    bot.emit({ channel: "pnl", key: "pnl", data });
    bot.emit({ channel: "orders", key: "order-4", data: order(4, { state: "filled", filled_quantity: "10" }) });
    bot.emit({ channel: "fills", key: null, data: trade(40, { symbol: "MSFT" }) });
    bot.emit({ channel: "signals", key: null, data: signal(41, { reason: "broke out of the channel" }) });
    bot.emit(quote("MSFT", 371.25, 371.5));
    await page.locator("#figures", { hasText: "+777.77" }).waitFor();
    assert.match(await text("#figures"), /101,234\.56/);
    assert.notEqual(await line.getAttribute("d"), drawn);
    await row("orders", "10 / 10").nth(1).waitFor();
    await row("fills", "MSFT").waitFor();
    await row("signals", "broke out of the channel").waitFor();
    await page.locator("#quotes", { hasText: "371.25 / 371.50" }).waitFor();
  });

  it("shows text from the bot as text, never as markup", async () => {
    await open();
    const hostile = '<img src="x" onerror="document.title=\'owned\'">';
    bot.emit({ channel: "signals", key: null, data: signal(60, { reason: hostile, instance: hostile }) });
    await row("signals", "onerror").waitFor();
    assert.equal(await page.locator("#signals img").count(), 0);
    assert.notEqual(await page.title(), "owned");
  });

  it("asks for a key before it changes anything, and shows a refusal", async () => {
    await open();
    await page.getByRole("button", { name: "Stop ema-cross-aapl" }).click();
    await page.getByLabel("Key", { exact: true }).fill("atb_viewer");
    await page.getByRole("button", { name: "Use key" }).click();
    await page.locator("#alert", { hasText: "ROLE_TOO_LOW" }).waitFor();
    assert.equal(await page.evaluate("sessionStorage.length"), 1);
    assert.equal(await page.evaluate("localStorage.length"), 0);
  });

  it("cancels an order, kills and resumes with a key", async () => {
    await open();
    await page.locator("#key-button").click();
    await page.getByLabel("Key", { exact: true }).fill("atb_risk");
    await page.getByRole("button", { name: "Use key" }).click();
    await page.getByRole("button", { name: "Cancel buy 10 AAPL" }).first().click();
    await row("orders", "cancelling").waitFor();

    await page.getByRole("button", { name: "Kill switch" }).click();
    await page.getByLabel("Reason", { exact: true }).fill("drill");
    await page.getByRole("button", { name: "Stop trading" }).click();
    await page.locator("#trading-state", { hasText: "halted" }).waitFor();
    assert.ok(bot.calls.includes("kill key-risk drill"));

    await page.locator("#resume-button").click();
    await page.getByLabel("Reason", { exact: true }).fill("drill over");
    await page.locator("#reason-submit").click();
    await page.locator("#trading-state", { hasText: "active" }).waitFor();
    assert.ok(bot.calls.includes("resume key-risk drill over"));
  });

  it("asks for a key first where reads need one, then shows everything", async () => {
    const locked = { ...CONFIG, requireKeyForReads: true };
    const own = await createFaces({ bot: new MemoryBot(), keys: new MemoryKeys(), metrics, config: locked, log });
    complaints = [];
    page = await browser.newPage();
    await page.goto((await own.listen()).rest);
    await page.getByLabel("Key", { exact: true }).fill("atb_viewer");
    assert.equal(await page.locator("#orders button").count(), 0);
    await page.getByRole("button", { name: "Use key" }).click();
    await page.locator("#connection", { hasText: "live" }).waitFor();
    await page.locator("#orders button").first().waitFor();
    await page.locator("#figures", { hasText: "100,503.87" }).waitFor();
    await page.close();
    await own.close();
  });

  it("fits a phone", async () => {
    await open({ width: 360 });
    await page.locator("#chart svg").waitFor();
    assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
    assert.ok(await page.getByRole("button", { name: "Kill switch" }).isVisible());
  });

  it("says so when the stream is away, and goes on by asking", async () => {
    await open();
    await page.routeWebSocket(/stream/, (socket) => socket.close());
    await faces.drain(0);
    await page.locator("#connection", { hasText: "polling" }).waitFor();
    bot.rows = [order(90, { symbol: "QQQ" }), ...bot.rows];
    await row("orders", "QQQ").waitFor();
    complaints = complaints.filter((line) => !/WebSocket connection .* failed/.test(line));
  });
});
