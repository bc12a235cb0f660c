import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { BotProcess } from "./bot-process.ts";
import { type Body, suiteScope, until } from "./wait.ts";

const WAIT_MS = 60_000;
/** No demonstration trades it: nothing but these orders moves its position. */
const SYMBOL = "BTC/USD";

describe("a split while the bot runs", () => {
  const scope = suiteScope();
  let bot: BotProcess;
  /** Within the collar, and not where the market comes soon. */
  let restingPrice = "";

  before(async () => {
    bot = await BotProcess.start(scope);
    await bot.trading();
    const stream = await bot.stream(["quotes"]);
    const isQuoted = () => stream.changes("quotes").find((quote) => quote.symbol === SYMBOL);
    const { bid } = await until("a quote", isQuoted, (found) => found !== undefined, WAIT_MS);
    restingPrice = String(Math.floor(bid * 0.98));
  });

  it("is booked, trading begins anew with it, and no symbol is halted", async () => {
    const order = { symbol: SYMBOL, side: "buy", type: "market", time_in_force: "gtc", quantity: "0.01" };
    const { body: bought } = await bot.order("held", order);
    await bot.eventually(`/api/v1/orders/${bought.client_order_id}`, (found) => found.state === "filled", WAIT_MS);
    await bot.simulator.post("/simulator/corporate-actions", { symbol: SYMBOL, split: { from: 1, to: 7 } });
    // A reconnection reads everything again, without waiting for the minute to pass: the next update ends the connection.
    await bot.simulator.post("/simulator/faults", { fault: "cut", where: "trade_updates", times: 1 });
    await bot.order("resting", { ...order, type: "limit", limit_price: restingPrice });
    const held = await bot.eventually(
      "/api/v1/positions",
      ({ items }) => items.some((row: Body) => row.symbol === SYMBOL && row.quantity === "0.07"),
      WAIT_MS,
    );
    assert.ok(held.items.length > 0);
    await bot.program.says(/split: trading begins anew/, WAIT_MS);
    await bot.trading(WAIT_MS);
    const { states } = await bot.get("/api/v1/risk");
    assert.deepEqual(
      states.filter((row: Body) => row.state !== "active"),
      [],
    );
    const { positions } = await bot.simulator.ledger();
    assert.equal(positions[SYMBOL], "0.07");
    const next = await bot.order("after", order);
    await bot.eventually(`/api/v1/orders/${next.body.client_order_id}`, (found) => found.state === "filled", WAIT_MS);
  });
});
