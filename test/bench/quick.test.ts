/** Every benchmark runs, with tiny sizes, and checks its answers: so that none of them rots. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { interleavedMedians, median } from "../../bench/harness.ts";
import { BENCHMARKS } from "../../bench/registry.ts";
import type { BenchReport } from "../../bench/report.ts";

const MAIN = join(import.meta.dirname, "../../bench/main.ts");

function bench(...argv: string[]) {
  return spawnSync(process.execPath, [...process.execArgv, MAIN, ...argv], { encoding: "utf8" });
}

describe("each benchmark, in a tiny size,", () => {
  for (const benchmark of BENCHMARKS) {
    it(`gives checked figures: ${benchmark.name}`, async () => {
      const results = await benchmark.run({ quick: true, progress: () => {} });
      assert.ok(results.length > 0);
      for (const result of results) {
        assert.equal(result.checked, true);
        assert.ok(Number.isFinite(result.value), `${result.name} is ${result.value}`);
        assert.equal(result.ratio === undefined, result.peer === undefined);
      }
      assert.equal(new Set(results.map(({ name }) => name)).size, results.length);
    });
  }

  it("has a name of its own", () => {
    assert.equal(new Set(BENCHMARKS.map(({ name }) => name)).size, BENCHMARKS.length);
  });
});

describe("the benchmark command", () => {
  it("prints a table and writes the results with their machine", () => {
    const directory = mkdtempSync(join(tmpdir(), "bench-"));
    try {
      const file = join(directory, "results.json");
      const { status, stdout, stderr } = bench("inbound", "engine", "--quick", "--json", file);
      assert.equal(status, 0, stderr);
      assert.match(stdout, /append to a full ring +[\d.]+ +ns/);
      const report = JSON.parse(readFileSync(file, "utf8")) as BenchReport;
      assert.equal(report.quick, true);
      assert.equal(report.machine.node, process.version);
      assert.deepEqual([...new Set(report.results.map(({ benchmark }) => benchmark))], ["inbound", "engine"]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("ends with 2 for a name or an option that it does not know, and lists the names", () => {
    const unknownName = bench("rong");
    assert.equal(unknownName.status, 2);
    for (const { name } of BENCHMARKS) assert.match(unknownName.stderr, new RegExp(`\\b${name}\\b`));
    assert.equal(bench("--fast").status, 2);
  });

  it("shows its usage", () => {
    const { status, stdout } = bench("--help");
    assert.equal(status, 0);
    assert.match(stdout, /--json FILE/);
  });
});

describe("interleaved medians", () => {
  it("run the flows in turns, forwards and backwards, and leave the first round out", async () => {
    const order: string[] = [];
    const flow = (name: string, figures: number[]) => ({
      name,
      run: () => {
        order.push(name);
        return Promise.resolve(figures.shift() ?? Number.NaN);
      },
    });
    const flows = [flow("a", [999, 7, 1, 3, 2, 6, 4, 5]), flow("b", [999, 1, 1, 1, 9, 9, 9, 9])];
    const medians = await interleavedMedians(flows, { quick: false, progress: () => {} });
    assert.deepEqual(
      [...medians],
      [
        ["a", 4],
        ["b", 9],
      ],
    );
    assert.equal(order.join(""), "abba".repeat(4));
  });

  it("take the mean of the middle two of an even number", () => {
    assert.equal(median([4, 1, 3, 2]), 2.5);
  });
});
