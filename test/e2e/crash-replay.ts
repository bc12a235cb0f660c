/** A recorded day traded by a bot that is killed again and again: alone, or together with its simulator. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeSampleDay } from "../../src/simulator/sample-data.ts";
import { assertNothingLostOrDoubled, eventually, Place, random, readJournal, runSeed } from "./crash-processes.ts";

export interface CrashReplay {
  readonly name: string;
  readonly kills: number;
  readonly speed: number;
  readonly killsSimulator: boolean;
}

/** Longest random pause between an order at the simulator and the kill, ms. */
const PAUSE_MAX_MS = 1200;

/** Fails on the first order lost, doubled or decided twice, and on books that differ. */
export async function crashReplay({ name, kills, speed, killsSimulator }: CrashReplay): Promise<void> {
  const place = new Place(name);
  const seed = runSeed(name);
  const next = random(seed);
  try {
    const day = await writeSampleDay({ directory: join(place.directory, "day"), seed: 7, date: "2018-01-02" });
    const env = { SIMULATOR_REPLAY: day.files.join(","), SIMULATOR_SPEED: String(speed) };
    for (let life = 0; life < kills; life++) {
      const bot = place.bot(env);
      const before = place.ledger().accepted.length;
      await eventually(`an order in life ${life} of the bot`, () => {
        assert.ok(!bot.isOver, bot.output);
        return place.ledger().accepted.length > before;
      });
      // Every other kill follows the order at once: its answer is on the way, or was just read.
      if (life % 2 === 0) await sleep(next() * PAUSE_MAX_MS);
      assert.ok(!bot.isOver, `the bot ended before it was killed: ${bot.output}`);
      const both = killsSimulator ? () => place.killSimulator() : () => {};
      if (next() < 0.5) both();
      await bot.kill();
      both();
    }
    const last = place.bot(env);
    assert.equal(await last.exited, 0, last.output);
    assertNothingLostOrDoubled(await readJournal(place), place.ledger());
  } finally {
    await place.end();
  }
}
