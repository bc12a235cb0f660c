/** The disk is full: recording ends and trading goes on; without room the database is lost and trading waits for room. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BotProcess } from "./bot-process.ts";
import { assertNothingLostOrDoubled, CrashSimulator, Ledger, readJournal } from "./crash-processes.ts";
import { temporaryDirectory } from "./program.ts";
import { atEnd, type Scope, until } from "./wait.ts";

const SPEED = 20;
const WAIT_MS = 60_000;
const skip = process.getuid?.() === 0 && mountable() ? false : "needs a user who may mount a small file system";

function mountable(): boolean {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function smallDisk(scope: Scope, directory: string, size: string): void {
  mkdirSync(directory, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]);
  atEnd(scope, () => void execFileSync("umount", ["--lazy", directory]));
}

/** Writes until nothing fits any more; returns what takes it away again. */
function fill(directory: string): () => void {
  const file = join(directory, "fill");
  for (const bytes of [1 << 20, 4096]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(bytes), { flag: "a" });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    }
  }
  return () => rmSync(file);
}

test("a full disk ends the recording and never the trading", { skip, timeout: 120_000 }, async (scope) => {
  const directory = temporaryDirectory(scope);
  const dataDir = join(directory, "data");
  smallDisk(scope, join(dataDir, "recordings"), "32k");
  const file = join(directory, "ledger.jsonl");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED });
  const bot = await BotProcess.start(scope, { dataDir, env: { ...simulator.env(SPEED), RECORD_RUN: "true" } });
  await bot.program.says(/recording of the run stopped/, WAIT_MS);
  const before = new Ledger(file).accepted.length;
  await until(
    "orders",
    () => new Ledger(file).accepted.length,
    (count) => count > before + 1,
    WAIT_MS,
    () => bot.program.tail(),
  );
  assert.equal((await bot.get("/ready")).state, "ok");
  await bot.rest();
  assert.equal((await bot.stop()).code, 0);
  assertNothingLostOrDoubled(await readJournal({ dataDir }), new Ledger(file));
});

test("a database without room stops new orders, and trading resumes when there is room", {
  skip,
  timeout: 180_000,
}, async (scope) => {
  const directory = temporaryDirectory(scope);
  const dataDir = join(directory, "data");
  const disk = join(dataDir, "database");
  smallDisk(scope, disk, "160m");
  const file = join(directory, "ledger.jsonl");
  const simulator = await CrashSimulator.start(scope, { ledgerFile: file, speed: SPEED });
  const bot = await BotProcess.start(scope, { dataDir, env: simulator.env(SPEED) });
  const accepted = () => new Ledger(file).accepted.length;
  const orders = async () => {
    const before = accepted();
    await until(
      "orders",
      accepted,
      (count) => count > before,
      WAIT_MS,
      () => bot.program.tail(),
    );
  };
  await orders();
  const free = fill(disk);
  await until(
    "degraded",
    () => bot.call("GET", "/ready"),
    (a) => a.status === 200 && a.body.state === "degraded",
    WAIT_MS,
    () => bot.program.tail(),
  );
  assert.equal((await bot.call("GET", "/health")).status, 200);
  free();
  await orders();
  await bot.rest();
  assert.equal((await bot.stop()).code, 0);
  assertNothingLostOrDoubled(await readJournal({ dataDir }), new Ledger(file));
});
