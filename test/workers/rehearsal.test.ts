import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { EnginePool } from "../../src/workers/engine-pool.ts";
import { EngineThreads } from "../../src/workers/engine-threads.ts";
import { place } from "../../src/workers/placement.ts";
import { rehearse } from "../../src/workers/rehearsal.ts";

const { config } = loadConfig({ env: {}, file: null, options: new Map() });

test("a rehearsal runs every engine and leaves its thread to the next pool", async () => {
  const threads = new EngineThreads({ count: 2, heap: { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 8 } });
  const { specs } = place(config, 2);
  await rehearse(threads, specs, new AbortController().signal);
  const pool = new EnginePool({ specs, threads, spin: 0, onDeath: (_worker, error) => assert.fail(String(error)) });
  for (const index of specs.keys()) pool.start(index, [], null);
  while (!specs.every((_, index) => pool.isReady(index))) await new Promise((turn) => setImmediate(turn));
  for (const index of specs.keys()) assert.equal(pool.worker(index)?.intents.poll(1), 0, "nothing of it is left");
  await pool.stop();
  await threads.close();
});

test("a rehearsal of an engine that cannot run fails instead of waiting", async () => {
  const threads = new EngineThreads({ count: 1, heap: null });
  const [spec] = place(config, 1).specs;
  assert.ok(spec !== undefined);
  const broken = { ...spec, instances: spec.instances.map((instance) => ({ ...instance, strategy: "no such one" })) };
  await assert.rejects(rehearse(threads, [broken], new AbortController().signal), /no such one/);
  await threads.close();
});
