import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { alpaca3 } from "./alpaca-3.ts";
import { MarketScript, ScriptedVenue } from "./scripted-venue.ts";

type Json = Record<string, unknown>;
/** This client's types say little of what its calls take, and nothing of what they give. */
type Loose = Record<string, (...given: unknown[]) => Promise<Json & Json[]>>;

async function start(t: TestContext): Promise<Loose> {
  const script = new MarketScript().quote("ACME", 100, 100.02);
  const venue = await ScriptedVenue.start(t, script);
  return alpaca3(venue.url) as unknown as Loose;
}

describe("Alpaca's client, version 3, and the account", () => {
  it("reads account, asset, clock and calendar", async (t) => {
    const client = await start(t);
    assert.equal((await client["getAccount"]?.())?.["buying_power"], "400000");
    assert.equal((await client["getAsset"]?.("ACME"))?.["class"], "us_equity");
    assert.equal((await client["getAssets"]?.({ status: "active" }))?.length, 1);
    assert.equal((await client["getClock"]?.())?.["is_open"], true);
    const [day] = (await client["getCalendar"]?.({ start: "2018-07-03", end: "2018-07-03" })) ?? [];
    assert.deepEqual([day?.["date"], day?.["close"]], ["2018-07-03", "13:00"]);
  });

  it("changes the account's configuration", async (t) => {
    const client = await start(t);
    const after = await client["updateAccountConfigurations"]?.({ no_shorting: true });
    assert.equal(after?.["no_shorting"], true);
    assert.deepEqual(await client["getAccountConfigurations"]?.(), after);
  });

  it("keeps watchlists", async (t) => {
    const client = await start(t);
    const made = await client["addWatchlist"]?.("mine", ["ACME"]);
    assert.deepEqual(
      (await client["getWatchlists"]?.())?.map(({ name }) => name),
      ["mine"],
    );
    await client["deleteFromWatchlist"]?.(made?.["id"], "ACME");
    assert.deepEqual((await client["getWatchlist"]?.(made?.["id"]))?.["assets"], []);
    await client["addToWatchlist"]?.(made?.["id"], "ACME");
    await client["deleteWatchlist"]?.(made?.["id"]);
    assert.deepEqual(await client["getWatchlists"]?.(), []);
  });

  it("reads equity over time, and pages fills", async (t) => {
    const client = await start(t);
    const history = await client["getPortfolioHistory"]?.({ period: "1D", timeframe: "5Min" });
    assert.equal(history?.["base_value"], 100_000);
    for (const side of ["buy", "sell", "buy"]) {
      await client["createOrder"]?.({ symbol: "ACME", qty: 1, side, type: "market", time_in_force: "day" });
    }
    const ask = (page: object) =>
      client["getAccountActivities"]?.({ activityTypes: "FILL", direction: "asc", ...page });
    const first = (await ask({ pageSize: 2 })) ?? [];
    const rest = (await ask({ pageSize: 2, pageToken: first[1]?.["id"] })) ?? [];
    assert.deepEqual(
      [...first, ...rest].map(({ side }) => side),
      ["buy", "sell", "buy"],
    );
  });

  it("refuses quantity and money together, and neither, with 422", async (t) => {
    const client = await start(t);
    const order = { symbol: "ACME", side: "buy", type: "market", time_in_force: "day" };
    for (const [amounts, message] of [
      [{ qty: 1, notional: 100 }, "only one of qty or notional is accepted"],
      [{}, "qty or notional is required"],
    ] as const) {
      await assert.rejects(
        client["createOrder"]?.({ ...order, ...amounts }) as Promise<unknown>,
        (error: { response: { status: number; data: Json } }) =>
          error.response.status === 422 &&
          error.response.data["code"] === 40010001 &&
          error.response.data["message"] === message,
      );
    }
  });
});
