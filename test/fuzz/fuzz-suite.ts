/** Both sides of the wire under hostile input; `FUZZ_SEED` repeats a run. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { endlessAnswer, fuzzAdapter, fuzzMarketStream, fuzzScanner, fuzzTradeStream } from "./bot-fuzz.ts";
import { FuzzedSimulator } from "./simulator-fuzz.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_007);
/** Far above what a frame or an answer may cost, far below what hostile ones ask for. */
const GROWTH_BYTES = 400 * 1024 * 1024;

/** `scale` multiplies the rounds. */
export function fuzzSuite(scale: number): void {
  describe(`the simulator, FUZZ_SEED=${SEED}`, () => {
    let simulator: FuzzedSimulator;

    before(async () => {
      simulator = await FuzzedSimulator.open();
    });

    after(() => simulator.close());

    test("answers hostile requests with an error of its own", () => simulator.rest(SEED, 400 * scale));

    test("lives through what is no HTTP", () => simulator.tcp(SEED, 100 * scale));

    test("lives through hostile frames on the trade-update stream", () =>
      simulator.stream("/stream", SEED, 150 * scale));

    test("lives through hostile frames on the market-data stream", () =>
      simulator.stream("/v2/iex", SEED, 150 * scale));

    for (const path of ["/stream", "/v2/iex"]) {
      test(`gives frames on ${path} no more memory than they have bytes`, async () => {
        const grown = await simulator.greed(path);
        assert.ok(grown < GROWTH_BYTES, `${grown} bytes`);
      });
    }
  });

  describe(`the bot, FUZZ_SEED=${SEED}`, () => {
    test("ends every call in a value, and takes nothing for an order that is none", () =>
      fuzzAdapter(SEED, 300 * scale));

    test("gives an answer up that never ends", async () => {
      const { cause, grownBytes } = await endlessAnswer();
      assert.match(cause, /exceeds/);
      assert.ok(grownBytes < GROWTH_BYTES, `${grownBytes} bytes`);
    });

    test("goes on with the trade-update stream after any frame", () => fuzzTradeStream(SEED, 1000 * scale));

    test("scans any frame to its end", () => fuzzScanner(SEED, 10_000 * scale));

    test("goes on with market data after any frame", () => fuzzMarketStream(SEED, 1000 * scale));
  });
}
