/** The parts of the cluster tests' harness that need no cluster. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { must, run } from "../../scripts/cluster/command.ts";
import { imageLoader } from "./harness/image-loader.ts";
import { eventually } from "./harness/wait.ts";

const folder = mkdtempSync(join(tmpdir(), "bot-test-harness-"));
after(() => rmSync(folder, { recursive: true }));

describe("a command", () => {
  it("gives its output and its exit code", async () => {
    const script = "read line; echo got $line; echo bad >&2; exit 3";
    const result = await run("sh", ["-c", script], { input: "input\n" });
    assert.deepEqual(result, { code: 3, stdout: "got input\n", stderr: "bad\n" });
  });

  it("that does not exist ends with 127", async () => {
    assert.equal((await run(join(folder, "missing"), [])).code, 127);
  });

  it("that takes too long is killed and says so", async () => {
    const { code, stderr } = await run("sleep", ["60"], { timeoutMs: 100 });
    assert.equal(code, 137);
    assert.match(stderr, /killed after 100 ms/);
  });

  it("that must not fail throws what it said", async () => {
    await assert.rejects(must("sh", ["-c", "echo no disk >&2; exit 4"]), /failed \(4\): no disk/);
  });
});

describe("waiting for something", () => {
  it("ends with the first value that comes", async () => {
    let asked = 0;
    assert.equal(await eventually("a third answer", 10_000, () => (++asked === 3 ? asked : null)), 3);
  });

  it("ends at the deadline with the last error", async () => {
    const refused = () => Promise.reject(new Error("connection refused"));
    await assert.rejects(eventually("an answer", 1, refused), /an answer: not within 1 ms \(connection refused\)/);
  });
});

describe("loading an image into a cluster of somebody else's", () => {
  it("is done by the command that is given", async () => {
    const program = join(folder, "load");
    writeFileSync(program, `#!/bin/sh\necho "$@" > ${folder}/loaded\n`);
    chmodSync(program, 0o755);
    await imageLoader(`${program} image-archive`)("/some/image.tar");
    assert.equal(readFileSync(join(folder, "loaded"), "utf8"), "image-archive /some/image.tar\n");
  });

  it("says without a command how to give one", async () => {
    await assert.rejects(imageLoader("")("image.tar"), /set CLUSTER_LOAD_IMAGE/);
  });
});
