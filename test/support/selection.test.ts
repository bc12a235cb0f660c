import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseArguments, selectFiles, WrongUse } from "./selection.ts";

const FILES = ["a.test.ts", "b.long.test.ts", "c.cluster.test.ts", "d.cluster.long.test.ts"];

describe("the choice of test files", () => {
  it("is without arguments what needs neither minutes nor a cluster", () => {
    assert.deepEqual(selectFiles(FILES, parseArguments([]).kind), ["a.test.ts"]);
  });

  it("is with --cluster the short cluster tests alone", () => {
    assert.deepEqual(selectFiles(FILES, parseArguments(["--cluster"]).kind), ["c.cluster.test.ts"]);
  });

  it("is with --cluster --long every cluster test", () => {
    const { kind, filters } = parseArguments(["--cluster", "--long", "c.cluster"]);
    assert.deepEqual(selectFiles(FILES, kind), ["c.cluster.test.ts", "d.cluster.long.test.ts"]);
    assert.deepEqual(filters, ["c.cluster"]);
  });

  it("is with --long everything", () => {
    assert.deepEqual(selectFiles(FILES, parseArguments(["--long"]).kind), FILES);
  });

  it("refuses an option that does not exist", () => {
    assert.throws(
      () => parseArguments(["--fast"]),
      (error) => error instanceof WrongUse && /--fast/.test(error.message),
    );
  });
});
