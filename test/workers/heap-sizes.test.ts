import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { heapSizes, MAIN_HEAP_SHARE, memoryLimit, warnOfHeap } from "../../src/workers/heap-sizes.ts";

const GIB = 1_073_741_824;

test("the deployment's memory limit wins over the cgroup's, in Kubernetes' notation", () => {
  assert.equal(memoryLimit("1Gi", 5 * GIB), GIB);
  assert.equal(memoryLimit("512Mi", 0), 536_870_912);
  assert.equal(memoryLimit("1073741824", 0), GIB);
  assert.equal(memoryLimit("1.5G", 0), 1_500_000_000);
  for (const bad of ["", "0", "-1", "1 Gi", "much"]) assert.throws(() => memoryLimit(bad, 0), { code: "MEMORY_LIMIT" });
});

test("a cgroup without a limit counts as none", () => {
  assert.equal(memoryLimit(null, GIB), GIB);
  assert.equal(memoryLimit(null, 0), null);
  assert.equal(memoryLimit(null, 9_223_372_036_854_771_712), null);
  assert.equal(heapSizes(null, 1), null);
});

test("the heaps leave two fifths of a pod's memory to what is no heap", () => {
  for (const limitGib of [1, 4]) {
    for (const workers of [1, 2, 3]) {
      const sizes = heapSizes(limitGib * GIB, workers);
      assert.ok(sizes !== null);
      const heapsMb = sizes.mainMb + workers * sizes.worker.maxOldGenerationSizeMb;
      assert.ok(heapsMb <= limitGib * 1024 * 0.6, `${limitGib} GiB, ${workers} workers: ${heapsMb} MiB of heaps`);
    }
  }
});

test("a pod of 1 GiB gives the main thread 460 MiB and one worker 153 MiB, and no worker less than it needs", () => {
  const worker = { maxOldGenerationSizeMb: 153, maxYoungGenerationSizeMb: 8 };
  assert.deepEqual(heapSizes(GIB, 1), { mainMb: 460, worker });
  assert.equal(heapSizes(GIB, 15)?.worker.maxOldGenerationSizeMb, 48);
});

test("a heap that may outgrow the container is said, with the option that mends it", () => {
  const said: string[] = [];
  const log = { warn: (_detail: object, message: string) => said.push(message) };
  const sizes = heapSizes(GIB, 1);
  warnOfHeap(sizes, log, 508 * 2 ** 20);
  warnOfHeap(null, log, 4 * GIB);
  assert.deepEqual(said, []);
  warnOfHeap(sizes, log, 4 * GIB);
  assert.match(said.join(), /NODE_OPTIONS=--max-old-space-size=460$/);
});

test("the image starts Node with the main thread's share, and Node takes it", () => {
  const dockerfile = readFileSync(join(import.meta.dirname, "..", "..", "Dockerfile"), "utf8");
  const option = /NODE_OPTIONS=(--max-old-space-size-percentage=(\d+))/.exec(dockerfile);
  assert.equal(Number(option?.[2]) / 100, MAIN_HEAP_SHARE);
  const limit = "console.log(require('node:v8').getHeapStatistics().heap_size_limit)";
  const options = option?.[1] as string;
  const given = Number(execFileSync(process.execPath, [options, "-e", limit], { encoding: "utf8" }));
  const own = Number(execFileSync(process.execPath, ["--max-old-space-size-percentage=90", "-e", limit]));
  assert.ok(given > 0 && given < own);
});
