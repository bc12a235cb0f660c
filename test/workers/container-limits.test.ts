import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuLimit, engineWorkers } from "../../src/workers/container-limits.ts";

const files = (texts: Record<string, string>) => (path: string) => texts[path] ?? null;

test("the deployment's limit wins over the cgroup's", () => {
  assert.equal(cpuLimit("500m", files({ "/sys/fs/cgroup/cpu.max": "200000 100000" }), 8), 0.5);
  assert.equal(cpuLimit("2", files({}), 8), 2);
});

test("a quota of cgroup version 2 is cores per period, and max means the host's", () => {
  assert.equal(cpuLimit(null, files({ "/sys/fs/cgroup/cpu.max": "150000 100000\n" }), 8), 1.5);
  assert.equal(cpuLimit(null, files({ "/sys/fs/cgroup/cpu.max": "max 100000\n" }), 8), 8);
});

test("a quota of cgroup version 1 is read from two files, and -1 means the host's", () => {
  const v1 = (quota: string) =>
    files({ "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": quota, "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000" });
  assert.equal(cpuLimit(null, v1("50000"), 8), 0.5);
  assert.equal(cpuLimit(null, v1("-1"), 8), 8);
});

test("a limit that is no quantity is refused by name", () => {
  for (const bad of ["", "0", "-1", "fast", "1 core"]) assert.throws(() => cpuLimit(bad), { code: "CPU_LIMIT" });
});

test("there is one engine worker per core beyond the first, never more than instances, never none", () => {
  assert.equal(engineWorkers(0.5, 10), 1);
  assert.equal(engineWorkers(2, 10), 1);
  assert.equal(engineWorkers(4, 10), 3);
  assert.equal(engineWorkers(16, 2), 2);
  assert.equal(engineWorkers(4, 0), 1);
});
