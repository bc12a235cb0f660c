import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import type { EngineSpec } from "../../src/core/engine.ts";
import { EnginePool } from "../../src/workers/engine-pool.ts";
import { EngineThreads } from "../../src/workers/engine-threads.ts";
import { place } from "../../src/workers/placement.ts";

function demonstrationSpec(): EngineSpec {
  const { config } = loadConfig({ env: {}, file: null, options: new Map() });
  return place(config, 1).specs[0] as EngineSpec;
}

/** The instance's strategy is not known to the worker: its task throws as soon as it begins. */
function brokenSpec(): EngineSpec {
  const spec = demonstrationSpec();
  return { ...spec, instances: spec.instances.map((instance) => ({ ...instance, strategy: "no such strategy" })) };
}

test("a worker whose task throws is reported once, and another one runs on the same place", async () => {
  const specs = [brokenSpec()];
  const deaths: unknown[] = [];
  let died = (): void => undefined;
  const threads = new EngineThreads({ count: 1, heap: null });
  const pool = new EnginePool({
    specs,
    threads,
    spin: 0,
    onDeath: (_worker, error) => {
      deaths.push(error);
      died();
    },
  });
  const death = new Promise<void>((resolve) => {
    died = resolve;
  });
  const first = pool.start(0, [], null);
  await death;
  assert.match(String(deaths[0]), /no such strategy/);
  assert.equal(await first.intents.parkAsync(1000), "stopped");
  specs[0] = demonstrationSpec();
  const second = pool.start(0, [], null);
  while (!pool.isReady(0)) await new Promise((turn) => setImmediate(turn));
  assert.notEqual(second.life, first.life);
  assert.deepEqual([deaths.length, pool.restarts], [1, 1]);
  await pool.stop();
  await threads.close();
  assert.equal(deaths.length, 1, "a worker that is stopped has not died");
});

test("a worker that is halted ends as if it had died", async () => {
  const death = Promise.withResolvers<number>();
  const threads = new EngineThreads({ count: 1, heap: null });
  const pool = new EnginePool({
    specs: [demonstrationSpec()],
    threads,
    spin: 0,
    onDeath: (worker) => death.resolve(worker),
  });
  pool.start(0, [], null);
  pool.halt(0);
  assert.equal(await death.promise, 0);
  await pool.stop();
  await threads.close();
});
