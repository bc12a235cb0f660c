import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { equity } from "../../src/core/market/instrument.ts";
import { simulatorConfig } from "../../src/simulator/config.ts";
import { Exchange } from "../../src/simulator/exchange.ts";
import { Ledger } from "../../src/simulator/ledger.ts";
import { PLAIN_ORDER, type NewVenueOrder } from "../../src/venue/order.ts";
import { fixed, us } from "../venue/harness.ts";

const directory = mkdtempSync(join(tmpdir(), "ledger-"));
after(() => rmSync(directory, { recursive: true }));
let files = 0;
const newFile = () => join(directory, `ledger-${++files}.jsonl`);
const linesOf = (file: string) => readFileSync(file, "utf8").trimEnd().split("\n");
const failed = (error: Error) => assert.fail(error);

describe("a ledger that begins anew", () => {
  it("holds the given lines and what was appended since, once each and in order", async () => {
    const file = newFile();
    const { ledger } = await Ledger.open(file, failed);
    for (let n = 0; n < 5; n++) ledger.append({ n });
    await ledger.committed();
    ledger.append({ n: 5 });
    ledger.compact(Array.from({ length: 1000 }, (_, kept) => ({ kept })));
    const told: number[] = [];
    for (let n = 6; n < 500; n++) {
      ledger.append({ n });
      ledger.afterCommit(() => told.push(n));
      if (n % 50 === 0) await ledger.committed();
    }
    await ledger.compacted();
    for (let n = 500; n < 510; n++) ledger.append({ n });
    await ledger.close();
    const expected = [
      ...Array.from({ length: 1000 }, (_, kept) => ({ kept })),
      ...Array.from({ length: 504 }, (_, place) => ({ n: place + 6 })),
    ];
    assert.deepEqual(
      linesOf(file).map((line) => JSON.parse(line)),
      expected,
    );
    assert.deepEqual(
      told,
      Array.from({ length: 494 }, (_, place) => place + 6),
    );
    assert.equal(existsSync(`${file}.new`), false);
  });

  it("leaves the old one whole until then: a half-written successor is thrown away at the next start", async () => {
    const file = newFile();
    const { ledger } = await Ledger.open(file, failed);
    ledger.append({ n: 1 });
    await ledger.close();
    writeFileSync(`${file}.new`, '{"kept":1}\n{"kep');
    const again = await Ledger.open(file, failed);
    assert.deepEqual(again.lines, [{ n: 1 }]);
    assert.equal(existsSync(`${file}.new`), false);
    await again.ledger.close();
  });

  it("says that it has failed when the successor cannot be written", async () => {
    const file = newFile();
    const errors: Error[] = [];
    const { ledger } = await Ledger.open(file, (error) => errors.push(error));
    ledger.append({ n: 1 });
    await ledger.committed();
    ledger.compact(
      (function* lines() {
        yield { kept: 1 };
        throw new Error("no lines");
      })(),
    );
    await ledger.close();
    assert.deepEqual(
      errors.map((error) => error.message),
      ["no lines"],
    );
    assert.deepEqual(linesOf(file), ['{"n":1}']);
  });
});

const START_US = us("2026-03-02T15:00:00Z");
const INSTRUMENTS = [equity(0, "AAA", { calendar: "always" }), equity(1, "BBB", { calendar: "always" })];
const TICK = { bidSize: 1, askSize: 1, bidExchange: "V", askExchange: "V", tape: "C" } as const;

async function openExchange(file: string, ledgerCompactBytes?: number): Promise<Exchange> {
  const config = simulatorConfig({
    ledgerFile: file,
    ...(ledgerCompactBytes === undefined ? {} : { ledgerCompactBytes }),
  });
  const { ledger, lines } = await Ledger.open(file, failed);
  const fill = { model: "quote" } as const;
  return new Exchange({ config, instruments: INSTRUMENTS, market: "test", fill, ledger, lines, startUs: START_US });
}

let position = 0;
function quote(exchange: Exchange, index: number, bid: number, timeUs: number): void {
  exchange.play({ kind: "quote", position: ++position, index, timeUs, bid, ask: bid + 0.01, ...TICK });
}

function order(text: string, clientOrderId: string, more: Partial<NewVenueOrder> = {}): NewVenueOrder {
  const [side, quantity, symbol, price] = text.split(" ") as ["buy" | "sell", string, string, string?];
  return {
    ...PLAIN_ORDER,
    clientOrderId,
    symbol,
    side,
    type: price === undefined ? "market" : "limit",
    timeInForce: "gtc",
    quantity: fixed(quantity),
    limitPrice: price === undefined ? null : fixed(price),
    ...more,
  };
}

/** Everything that a client could ask for. */
function stateOf(exchange: Exchange): Record<string, unknown> {
  const { venue, lastDay, preferences } = exchange;
  const state = {
    snapshot: venue.snapshot(),
    settings: venue.settings,
    preferences,
    lastDay: [lastDay.timeUs, lastDay.equity, [...lastDay.prices], [...lastDay.quantities]],
    samples: exchange.equity.samples,
    watchlists: exchange.watchlists.all(),
    log: exchange.log.snapshot(),
    hash: exchange.historyHash(),
    position: exchange.position,
  };
  return JSON.parse(JSON.stringify(state, (_key, value) => (typeof value === "bigint" ? String(value) : value)));
}

function trade(exchange: Exchange, from: number, count: number): void {
  for (let n = from; n < from + count; n++) {
    const timeUs = START_US + n * 1_000_000;
    quote(exchange, n % 2, 100 + (n % 7), timeUs);
    exchange.submit(order("buy 2 AAA", `buy-${n}`), timeUs);
    exchange.submit(order("buy 1 BBB 50", `rest-${n}`), timeUs);
    exchange.submit(order("sell 1 AAA 190", `sell-${n}`, { type: "limit", timeInForce: "day" }), timeUs);
  }
}

describe("the account in a ledger that began anew", () => {
  it("is the account that it was, and goes on", async () => {
    const file = newFile();
    const exchange = await openExchange(file, 1);
    trade(exchange, 0, 20);
    exchange.watchlists.create("w1", "mine", ["AAA"], START_US);
    exchange.configure({ noShorting: true });
    exchange.endDay(START_US + 25_000_000);
    exchange.setBorrow("BBB", false, START_US + 26_000_000);
    exchange.dividend("AAA", fixed("0.5"), START_US + 27_000_000);
    exchange.bust(exchange.fills[3]?.execution?.id ?? "", START_US + 28_000_000);
    await exchange.ledger.committed();
    exchange.markPosition(START_US + 29_000_000);
    trade(exchange, 30, 5);
    await exchange.ledger.compacted();
    const kinds = new Set(linesOf(file).map((line) => JSON.parse(line).kind));
    for (const kind of ["head", "snapshot", "kept_order", "kept_fill", "kept_activity", "day", "watchlist", "event"]) {
      assert.ok(kinds.has(kind), kind);
    }
    await exchange.ledger.committed();
    const copy = newFile();
    copyFileSync(file, copy);

    const again = await openExchange(copy);
    assert.deepEqual(stateOf(again), stateOf(exchange));
    assert.equal(again.head.accountId, exchange.head.accountId);
    const used = order("buy 1 AAA", "buy-3");
    assert.equal(again.submit(used, START_US + 60_000_000).ok, false, "an id of before");
    for (const each of [exchange, again]) trade(each, 70, 5);
    assert.deepEqual(stateOf(again).snapshot, stateOf(exchange).snapshot);
    await again.ledger.close();
    await exchange.ledger.close();
  });

  it("takes no more room each time, in this life and the next", async () => {
    const file = newFile();
    let exchange = await openExchange(file, 1);
    trade(exchange, 0, 20);
    const sizes: number[] = [];
    for (let n = 0; n < 4; n++) {
      await exchange.ledger.committed();
      exchange.markPosition(START_US + 30_000_000);
      await exchange.ledger.compacted();
      await exchange.ledger.close();
      sizes.push(readFileSync(file).length);
      exchange = await openExchange(file, 1);
    }
    await exchange.ledger.close();
    assert.equal(new Set(sizes).size, 1, sizes.join(" "));
  });

  it("keeps a torn last line's fate: it is cut off, and the rest is there", async () => {
    const file = newFile();
    const exchange = await openExchange(file, 1);
    trade(exchange, 0, 3);
    await exchange.ledger.committed();
    exchange.markPosition(START_US + 9_000_000);
    await exchange.ledger.compacted();
    const state = stateOf(exchange);
    await exchange.ledger.close();
    appendFileSync(file, '{"kind":"event","ord');
    const again = await openExchange(file);
    assert.deepEqual(stateOf(again), state);
    await again.ledger.close();
  });

  it("outside a snapshot, lines of one are refused", async () => {
    const file = newFile();
    const exchange = await openExchange(file);
    await exchange.ledger.close();
    appendFileSync(file, '{"kind":"kept_ids","ids":""}\n');
    await assert.rejects(openExchange(file), { code: "LEDGER_FORMAT", message: /kept_ids is outside a snapshot/ });
  });
});

/** As version 0.1.0 wrote them: two shares bought at 100.01 and paid 200.02, one of them for sale at 190. */
const FORMAT_1 = [
  { kind: "head", format: 1, accountId: "a", startingCash: "100000", market: "test", startUs: START_US },
  { kind: "order", position: 1, order: order1("buy", 1, "pending_new", "0", null) },
  {
    kind: "event",
    event: "new",
    position: 1,
    timeUs: START_US,
    order: order1("buy", 1, "new", "0", null),
    execution: null,
  },
  {
    kind: "event",
    event: "fill",
    position: 1,
    timeUs: START_US,
    order: { ...order1("buy", 1, "filled", "2", null), filledNotional: "200.02", fillCount: 1, filledAtUs: START_US },
    execution: {
      id: "e",
      quantity: "2",
      price: "100.01",
      fee: "0",
      feeQuantity: "0",
      positionQuantity: "2",
      cash: "99799.98",
    },
  },
  { kind: "order", position: 1, order: order1("sell", 2, "pending_new", "0", "190") },
  {
    kind: "event",
    event: "new",
    position: 1,
    timeUs: START_US,
    order: order1("sell", 2, "new", "0", "190"),
    execution: null,
  },
  { kind: "settings", settings: { noShorting: true } },
  { kind: "day", timeUs: START_US + 1, equity: "99999.5" },
  { kind: "cursor", position: 7, timeUs: START_US + 2 },
];

function order1(side: string, number: number, status: string, filled: string, limitPrice: string | null): object {
  return {
    clientOrderId: `old-${number}`,
    symbol: "AAA",
    side,
    type: limitPrice === null ? "market" : "limit",
    timeInForce: "gtc",
    quantity: side === "buy" ? "2" : "1",
    limitPrice,
    id: `order-${number}`,
    number,
    opens: side === "buy",
    status,
    filledQuantity: filled,
    filledNotional: "0",
    fillCount: 0,
    submittedAtUs: START_US,
    updatedAtUs: START_US,
    activeAtUs: START_US,
    expiresAtUs: null,
    filledAtUs: null,
    canceledAtUs: null,
    expiredAtUs: null,
  };
}

describe("a ledger of version 0.1.0", () => {
  it("is read, appended to and begun anew", async () => {
    const file = newFile();
    writeFileSync(file, FORMAT_1.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const exchange = await openExchange(file);
    const { venue, lastDay } = exchange;
    assert.deepEqual([venue.cash, venue.positionOf("AAA"), lastDay.equity], ["99799.98", "2", "99999.5"].map(fixed));
    const open = venue.order("order-2");
    assert.deepEqual([open?.status, open?.positionIntent, open?.role], ["new", "sell_to_close", "entry"]);
    assert.equal(venue.availableOf("AAA"), fixed("1"));
    assert.equal(venue.settings.noShorting, true);
    quote(exchange, 0, 190, START_US + 10);
    assert.equal(venue.order("order-2")?.status, "filled");
    await exchange.ledger.close();
    const again = await openExchange(file, 1);
    assert.deepEqual(stateOf(again).snapshot, stateOf(exchange).snapshot);
    again.markPosition(START_US + 20);
    await again.ledger.compacted();
    await again.ledger.close();
    assert.equal(JSON.parse(linesOf(file)[0] ?? "").format, 2);
    const last = await openExchange(file);
    assert.deepEqual(stateOf(last), stateOf(again));
    await last.ledger.close();
  });
});
