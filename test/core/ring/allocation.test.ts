/** The paths that run for every tick allocate nothing: no collection happens over many times what would force one. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import type { AllocationReport } from "./allocation-peer.ts";

/** Any object or boxed double per operation would be at least 36 MB. */
const OPERATIONS = 3_000_000;

describe("per tick, nothing is allocated", () => {
  for (const path of ["ring", "inbound", "conflating", "latency"]) {
    it(`by the ${path} path`, async () => {
      const workerData = { path, operations: OPERATIONS };
      const worker = new Worker(new URL("./allocation-peer.ts", import.meta.url), { workerData });
      const [report] = (await once(worker, "message")) as [AllocationReport];
      await worker.terminate();
      assert.equal(report.collections, 0);
      assert.ok(report.grownBytes < 1_000_000, `${report.grownBytes} bytes in ${OPERATIONS} operations`);
    });
  }
});
