/** A recorded day traded by a bot that is killed again and again: alone, or together with its simulator. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeSampleDay } from "../../src/simulator/sample-data.ts";
import { BotProcess } from "./bot-process.ts";
import { assertNothingLostOrDoubled, Ledger, ledgerFile, random, readJournal, runSeed } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { DAY_FILES, QUOTE_EXCHANGE } from "./replay-day.ts";
import { type Scope, until } from "./wait.ts";

export interface CrashReplay {
  readonly name: string;
  readonly kills: number;
  readonly speed: number;
  readonly killsSimulator: boolean;
  /** The recorded day of New York's tape instead of a generated one. */
  readonly recorded?: boolean;
}

/** Longest random pause between an order at the simulator and the kill, ms. */
const PAUSE_MAX_MS = 1200;
const ORDER_MS = 300_000;
const DAY_MS = 900_000;

/** Fails on the first order lost, doubled or decided twice, and on books that differ. */
export async function crashReplay(scope: Scope, replay: CrashReplay): Promise<void> {
  const { name, kills, speed, killsSimulator } = replay;
  const next = random(runSeed(name));
  const directory = temporaryDirectory(scope);
  const dataDir = join(directory, "data");
  const env = { ...(await dayEnv(replay, join(directory, "day"))), SIMULATOR_SPEED: String(speed) };
  const ledger = () => new Ledger(ledgerFile(dataDir));
  let killed = 0;
  for (let life = 0; life < kills; life++) {
    const before = ledger().accepted.length;
    const bot = await BotProcess.launch(scope, { dataDir, env });
    await until(
      `an order in life ${life} of the bot`,
      () => bot.program.hasExited || ledger().accepted.length > before,
      Boolean,
      ORDER_MS,
      () => bot.program.tail(),
    );
    // Every other kill follows the order at once: its answer is on the way, or was just read.
    if (life % 2 === 0) await sleep(next() * PAUSE_MAX_MS);
    // On a slow machine the day may be over before the last kill.
    if (bot.program.hasExited) break;
    if (killsSimulator && next() < 0.5) bot.killSimulator();
    await bot.kill();
    if (killsSimulator) bot.killSimulator();
    killed += 1;
  }
  assert.ok(killed >= kills / 2, `the day was over after ${killed} kills`);
  const last = await BotProcess.launch(scope, { dataDir, env });
  assert.equal((await last.program.end(DAY_MS)).code, 0, last.program.tail());
  assertNothingLostOrDoubled(await readJournal({ dataDir }), ledger());
}

async function dayEnv({ recorded }: CrashReplay, directory: string): Promise<Record<string, string>> {
  if (recorded === true) return { SIMULATOR_REPLAY: DAY_FILES.join(","), SIMULATOR_QUOTE_EXCHANGE: QUOTE_EXCHANGE };
  const { files } = await writeSampleDay({ directory, seed: 7, date: "2018-01-02" });
  return { SIMULATOR_REPLAY: files.join(",") };
}
