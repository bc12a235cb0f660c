/** That the table of the deployment guide names tests that exist. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "./harness/render.ts";

const TABLE = readFileSync(join(ROOT, "docs", "kubernetes", "guide-table.md"), "utf8");

/** The last cells of the rows with three. */
function testCells(): string[] {
  return TABLE.split("\n")
    .map((line) => /^\|.*\|.*\| (.+) \|$/.exec(line)?.[1] ?? "")
    .filter((cell) => cell !== "" && cell !== "test");
}

describe("the table of the deployment guide", () => {
  it("names a test for each line, or says where it is spoken of", () => {
    const cells = testCells();
    assert.ok(cells.length > 50, `${cells.length} lines`);
    for (const cell of cells) assert.match(cell, /`[a-z.-]+`|^–$|see the last section|^-+$/, cell);
  });

  it("names only tests that exist", () => {
    const names = testCells().flatMap((cell) => [...cell.matchAll(/`([a-z.-]+)`/g)].map(([, name]) => String(name)));
    for (const name of new Set(names)) {
      assert.ok(existsSync(join(ROOT, "test", "kubernetes", `${name}.test.ts`)), name);
    }
  });
});
