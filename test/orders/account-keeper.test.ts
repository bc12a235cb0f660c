/** What Alpaca's activities do to a book: scripted answers over sockets, the real adapter, the journal in memory. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { AlpacaBroker } from "../../src/broker/alpaca/alpaca-broker.ts";
import { parseFixed } from "../../src/core/fixed.ts";
import { AccountKeeper, type ActivityReport } from "../../src/orders/account-keeper.ts";
import type { Fence } from "../../src/orders/journal.ts";
import { MemoryJournal } from "../../src/orders/journal-memory.ts";
import { ScriptedVenue } from "../broker/scripted-venue.ts";
import { execution, intent, WIDE_LIMITS } from "./journal-contract.ts";

const fixed = (text: string): bigint => parseFixed(text, "test");
const OPENED_US = Date.parse("2026-11-20T15:00:00Z") * 1000;

let venue: ScriptedVenue;
let broker: AlpacaBroker;
let journal: MemoryJournal;
let fence: Fence | null;
let keeper: AccountKeeper;
let rows: Record<string, unknown>[];
let alerts: string[];
let nowMs: number;
/** Symbols with orders that may have fills to tell of. */
const open = new Set<string>();

beforeEach(async () => {
  venue = await ScriptedVenue.open();
  broker = new AlpacaBroker({
    baseUrl: venue.httpUrl,
    dataUrl: venue.httpUrl,
    streamUrl: venue.streamUrl,
    keyId: "key",
    secretKey: "secret",
    cryptoPairs: ["BTC/USD"],
  });
  journal = new MemoryJournal({ nowMs: () => 0 });
  await journal.bind({
    brokerAccountId: "a",
    mode: "paper",
    openingCash: fixed("100000"),
    openedAtUs: OPENED_US,
  });
  fence = await journal.acquireLease("me", 60_000);
  alerts = [];
  nowMs = 0;
  open.clear();
  rows = [];
  venue.answer = () => ({ status: 200, body: rows });
  keeper = new AccountKeeper({
    broker,
    journal,
    fence: () => fence,
    alert: (code, message, symbol) => void alerts.push(`${code} ${symbol}: ${message}`),
    awaitsFills: (symbol) => open.has(symbol),
    nowMs: () => nowMs,
  });
});

afterEach(async () => {
  await broker.close();
  await venue.close();
});

async function holds(symbol: string, quantity: string, price: string): Promise<void> {
  const made = intent({ symbol, quantity: fixed(quantity), limitPrice: fixed(price) });
  await journal.commit(fence, [made], WIDE_LIMITS);
  await journal.applyExecutions(fence as Fence, [execution(made, quantity, price, { symbol })]);
}

let count = 0;

function row(type: string, overrides: Record<string, unknown> = {}): Record<string, unknown> {
  count += 1;
  return {
    activity_type: type,
    id: `20261123000000000::${count}`,
    date: "2026-11-23",
    created_at: "2026-11-23T10:00:00Z",
    net_amount: "0",
    status: "executed",
    description: "",
    ...overrides,
  };
}

async function position(symbol: string): Promise<bigint | undefined> {
  return (await journal.load()).positions.find((held) => held.symbol === symbol && held.instanceId !== "manual")
    ?.quantity;
}

describe("the account keeper", () => {
  test("applies a split and a dividend once, however often they are listed", async () => {
    await holds("NVDA", "10", "700");
    rows = [
      row("DIV", { symbol: "NVDA", net_amount: "0.4", qty: "10", created_at: "2026-11-23T09:00:00Z" }),
      row("SPLIT", { symbol: "NVDA", qty: "60", description: "7 for 1 split" }),
    ];
    assert.deepEqual(await keeper.read(), { applied: 2, splits: ["NVDA"] } satisfies ActivityReport);
    assert.deepEqual(await keeper.read(), { applied: 0, splits: [] } satisfies ActivityReport);
    const { cash, splits } = await journal.load();
    assert.equal(await position("NVDA"), fixed("70"));
    // 100,000 − 7,000 + 0.4
    assert.equal(cash, fixed("93000.4"));
    assert.deepEqual(splits, [{ symbol: "NVDA", ratio: fixed("7"), atUs: Date.parse("2026-11-23T10:00:00Z") * 1000 }]);
    assert.deepEqual(alerts, []);
  });

  test("takes the parts of a split together: old shares out, new ones in, the fraction paid", async () => {
    await holds("GE", "21", "10");
    rows = [
      row("SPLIT", { symbol: "GE", qty: "-21" }),
      row("SPLIT", { symbol: "GE", qty: "2", net_amount: "8", price: "80" }),
    ];
    assert.deepEqual(await keeper.read(), { applied: 1, splits: ["GE"] });
    assert.equal(await position("GE"), fixed("2"));
    // 2 shares and a tenth of one for 21: 1 for 10.
    assert.equal((await journal.load()).splits[0]?.ratio, fixed("0.1"));
    assert.deepEqual(await keeper.read(), { applied: 0, splits: [] });
  });

  test("waits while only the part is listed that takes the shares away", async () => {
    await holds("GE", "20", "10");
    const out = row("SPLIT", { symbol: "GE", qty: "-20" });
    rows = [out];
    assert.deepEqual(await keeper.read(), { applied: 0, splits: [] });
    assert.equal(await position("GE"), fixed("20"));
    rows = [out, row("SPLIT", { symbol: "GE", qty: "2" })];
    assert.deepEqual(await keeper.read(), { applied: 1, splits: ["GE"] });
    assert.equal(await position("GE"), fixed("2"));
  });

  test("a split entered on the evening before counts from midnight in New York", async () => {
    await holds("NVDA", "10", "700");
    rows = [row("SPLIT", { symbol: "NVDA", qty: "60", date: "2026-11-24", created_at: "2026-11-23T22:00:00Z" })];
    await keeper.read();
    // Winter: five hours behind.
    assert.equal((await journal.load()).splits[0]?.atUs, Date.parse("2026-11-24T05:00:00Z") * 1000);
  });

  test("books fees, interest and transfers, and fees in kind against what fills have booked", async () => {
    await holds("BTC/USD", "1", "50000");
    rows = [
      row("FEE", { net_amount: "-0.02", description: "TAF fee" }),
      row("CFEE", { symbol: "BTCUSD", qty: "-0.0025", price: "50000" }),
      row("INT", { net_amount: "-1.5" }),
      row("CSD", { net_amount: "1000" }),
    ];
    assert.equal((await keeper.read()).applied, 4);
    const { cash, openingCash } = await journal.load();
    assert.equal(await position("BTC/USD"), fixed("0.9975"));
    assert.equal(openingCash, fixed("101000"));
    assert.equal(cash, fixed("50998.48"));
  });

  test("lets a fee in kind wait for orders that may bring it with their fill, but not for ever", async () => {
    await holds("BTC/USD", "1", "50000");
    const fee = (qty: string) => row("CFEE", { symbol: "BTCUSD", qty, price: "50000" });
    rows = [fee("-0.0025"), row("FEE", { net_amount: "-0.02" })];
    open.add("BTC/USD");
    assert.equal((await keeper.read()).applied, 1);
    assert.deepEqual([await position("BTC/USD"), keeper.pendingFee("BTC/USD")], [fixed("1"), fixed("0.0025")]);
    open.clear();
    assert.equal((await keeper.read()).applied, 1);
    assert.deepEqual([await position("BTC/USD"), keeper.pendingFee("BTC/USD")], [fixed("0.9975"), 0n]);

    // An order that rests all day holds nothing up, and what is booked does not wait again.
    open.add("BTC/USD");
    rows = [...rows, fee("-0.001")];
    assert.equal((await keeper.read()).applied, 0);
    assert.equal(keeper.pendingFee("BTC/USD"), fixed("0.001"));
    nowMs += 10_000;
    assert.equal((await keeper.read()).applied, 1);
    assert.deepEqual([await position("BTC/USD"), keeper.hasPendingFees], [fixed("0.9965"), false]);
  });

  test("asks from the book's opening, later from a little before the newest, and leaves what was before alone", async () => {
    rows = [row("CSD", { net_amount: "7", created_at: "2026-11-20T14:59:59.999Z" })];
    assert.equal((await keeper.read()).applied, 0);
    rows = [row("CSD", { net_amount: "7" })];
    assert.equal((await keeper.read()).applied, 1);
    await keeper.read();
    assert.deepEqual(
      venue.requests.map(({ query }) => query.get("after")),
      ["2026-11-20T14:59:59.999000Z", "2026-11-20T14:59:59.999000Z", "2026-11-23T09:49:59.999000Z"],
    );
  });

  test("does not apply what it does not know: told once, and its symbol halted where shares moved", async () => {
    await holds("F", "10", "10");
    rows = [
      row("SPIN", { symbol: "F", qty: "3", description: "spin-off" }),
      row("FUTURE", { net_amount: "5" }),
      row("ACATS", { symbol: "GM", qty: "100" }),
      row("CSD", { net_amount: "5", status: "canceled" }),
      row("DIV", { symbol: "F", net_amount: "1", status: "correct" }),
    ];
    assert.deepEqual(await keeper.read(), { applied: 0, splits: [] });
    await keeper.read();
    assert.equal(alerts.length, 5);
    assert.ok(alerts.every((alert) => alert.startsWith("ACTIVITY_UNKNOWN")));
    assert.equal((await journal.load()).cash, fixed("99900"));
    assert.deepEqual(
      [...(await journal.load()).tradingStates],
      [
        ["account", "active"],
        ["symbol:F", "halted"],
        ["symbol:GM", "halted"],
      ],
    );
  });

  test("fails without an answer, and without the lease writes nothing", async () => {
    venue.answer = () => ({ status: 500, body: "" });
    await assert.rejects(keeper.read(), { code: "RECONCILE_FAILED" });
    venue.answer = () => ({ status: 200, body: rows });
    rows = [row("CSD", { net_amount: "7" })];
    fence = null;
    await assert.rejects(keeper.read(), { code: "FENCED" });
    assert.equal((await journal.load()).cash, fixed("100000"));
  });
});
