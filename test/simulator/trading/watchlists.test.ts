import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { createSimulator } from "../../../src/simulator/simulator.ts";
import { type Body, call, KEYS } from "../client.ts";
import { refusal, start } from "./venue.ts";

describe("watchlists", () => {
  it("are made, read, changed and deleted by id", async (t) => {
    const venue = await start(t);
    const made = (await venue.post("/v2/watchlists", { name: "Primary Watchlist", symbols: ["ACME"] })).body;
    const account = (await venue.get("/v2/account")).body;
    const { assets, ...head } = made;
    assert.deepEqual(Object.keys(head).sort(), ["account_id", "created_at", "id", "name", "updated_at"]);
    assert.deepEqual([head.account_id, head.name], [account.id, "Primary Watchlist"]);
    assert.deepEqual(assets, [(await venue.get("/v2/assets/ACME")).body]);
    assert.deepEqual((await venue.get("/v2/watchlists")).body, [head]);
    assert.deepEqual((await venue.get(`/v2/watchlists/${made.id}`)).body, made);

    const added = (await venue.post(`/v2/watchlists/${made.id}`, { symbol: "BTCUSD" })).body;
    assert.deepEqual(symbols(added), ["ACME", "BTC/USD"]);
    const removed = await venue.delete(`/v2/watchlists/${made.id}/ACME`);
    assert.deepEqual([removed.status, symbols(removed.body)], [200, ["BTC/USD"]]);
    const pairless = await venue.delete(`/v2/watchlists/${made.id}/BTC%2FUSD`);
    assert.deepEqual(symbols(pairless.body), []);
    const renamed = (await venue.put(`/v2/watchlists/${made.id}`, { name: "Other", symbols: ["BTC/USD", "ACME"] }))
      .body;
    assert.deepEqual([renamed.name, symbols(renamed)], ["Other", ["BTC/USD", "ACME"]]);
    const kept = (await venue.put(`/v2/watchlists/${made.id}`, { name: "Again" })).body;
    assert.deepEqual([kept.name, symbols(kept)], ["Again", ["BTC/USD", "ACME"]]);

    assert.equal((await venue.delete(`/v2/watchlists/${made.id}`)).status, 204);
    const gone = await venue.get(`/v2/watchlists/${made.id}`);
    assert.deepEqual(refusal(gone).slice(0, 2), [404, 40410000]);
  });

  it("are reached by name as well", async (t) => {
    const venue = await start(t);
    const made = (await venue.post("/v2/watchlists", { name: "a name", symbols: [] })).body;
    const path = "/v2/watchlists:by_name?name=a%20name";
    assert.deepEqual((await venue.get(path)).body, made);
    assert.deepEqual(symbols((await venue.post(path, { symbol: "ACME" })).body), ["ACME"]);
    assert.deepEqual(symbols((await venue.put(path, { symbols: ["BTC/USD"] })).body), ["BTC/USD"]);
    assert.equal((await venue.delete(path)).status, 204);
    assert.equal((await venue.get(path)).status, 404);
    assert.deepEqual(refusal(await venue.get("/v2/watchlists:by_name")), [422, 40010001, "name is required"]);
  });

  it("refuse taken, missing and long names, unknown and repeated symbols", async (t) => {
    const venue = await start(t);
    const { id } = (await venue.post("/v2/watchlists", { name: "taken", symbols: ["ACME"] })).body;
    const other = (await venue.post("/v2/watchlists", { name: "other" })).body;
    const create = async (body: object): Promise<[number, number, string]> =>
      refusal(await venue.post("/v2/watchlists", body));
    assert.deepEqual(await create({ name: "taken" }), [422, 40010001, "watchlist name must be unique"]);
    assert.deepEqual(await create({ symbols: [] }), [422, 40010001, "name is required"]);
    assert.deepEqual(await create({ name: "x".repeat(65) }), [422, 40010001, "name must have 1 to 64 characters"]);
    assert.deepEqual(await create({ name: "n", symbols: ["NONE"] }), [404, 40410000, "asset not found for NONE"]);
    assert.deepEqual(await create({ name: "n", symbols: "ACME" }), [
      422,
      40010001,
      "symbols must be an array of symbols",
    ]);
    assert.deepEqual(await create({ name: "n", symbols: ["ACME", "ACME"] }), [422, 40010001, "duplicate symbol ACME"]);
    assert.deepEqual(refusal(await venue.put(`/v2/watchlists/${other.id}`, { name: "taken" })), [
      422,
      40010001,
      "watchlist name must be unique",
    ]);
    assert.deepEqual(refusal(await venue.post(`/v2/watchlists/${id}`, { symbol: "ACME" })), [
      422,
      40010001,
      "duplicate symbol ACME",
    ]);
    assert.equal((await venue.delete(`/v2/watchlists/${id}/BTCUSD`)).status, 404);
  });

  it("survive a restart of the simulator", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "watchlists-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const config = { ...KEYS, port: 0, ledgerFile: join(directory, "ledger.jsonl"), startTime: "2026-03-02T15:00:00Z" };
    const first = await createSimulator(config);
    const before = await first.listen();
    const kept = (await call(before, "POST", "/v2/watchlists", { name: "kept", symbols: ["DEMO"] })).body;
    const { id } = (await call(before, "POST", "/v2/watchlists", { name: "deleted" })).body;
    await call(before, "DELETE", `/v2/watchlists/${id}`);
    await first.close();
    const second = await createSimulator(config);
    t.after(() => second.close());
    const after = await second.listen();
    assert.deepEqual((await call(after, "GET", `/v2/watchlists/${kept.id}`)).body, kept);
    assert.equal((await call(after, "GET", "/v2/watchlists")).body.length, 1);
  });
});

function symbols(list: Body): string[] {
  return list.assets.map((asset: Body) => asset.symbol);
}
