/** The test cluster's commands and parts, as far as they need no cluster, no root and no Go. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { run } from "../../scripts/cluster/command.ts";
import { writeImageArchive } from "../../scripts/cluster/image-archive.ts";
import { withLock } from "../../scripts/cluster/lock.ts";
import { identify, isAlive, launch, signal, stopAll } from "../../scripts/cluster/processes.ts";

const MAIN = join(import.meta.dirname, "..", "..", "scripts", "cluster", "main.ts");
const folder = mkdtempSync(join(tmpdir(), "bot-test-cluster-"));
after(() => rmSync(folder, { recursive: true }));

function cluster(...args: string[]) {
  const env = { ...process.env, ALGO_CLUSTER_CACHE: join(folder, "cache"), ALGO_CLUSTER_NAME: "none" };
  return run(process.execPath, [MAIN, ...args], { env });
}

describe("a command of the test cluster", () => {
  const wrong: [string[], RegExp][] = [
    [["start"], /unknown command start; there are up, down, status, load, registry, node/],
    [["up", "--nodes", "none"], /--nodes none: a whole number from 1 to 9/],
    [["up", "--nodes", "10"], /--nodes 10: a whole number from 1 to 9/],
    [["up", "--fast"], /--fast/],
    [["load"], /name the archives to load/],
    [["load", join("missing", "image.tar")], /image\.tar does not exist/],
    [["node", "explode", "node1"], /unknown fault explode; there are cut, join, kill, boot, freeze, thaw/],
    [["node", "cut"], /expected 2 argument\(s\), got 1/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(" ")} with one line`, async () => {
      const { code, stderr } = await cluster(...args);
      assert.equal(code, 2);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1);
    });
  }

  it("says when no cluster is up", async () => {
    assert.match((await cluster("status")).stdout, /^cluster none is not up; npm run cluster:up starts it$/m);
    assert.equal((await cluster("status")).code, 1);
    assert.match((await cluster("node", "cut", "node1")).stderr, /cluster none is not up/);
  });

  it("finds nothing to take down when there is nothing", async () => {
    const { code, stderr } = await cluster("down");
    assert.equal(code, 0);
    assert.match(stderr, /none was not up/);
  });
});

describe("a recorded process", () => {
  it("is stopped, and known to be gone", async () => {
    const started = await launch({ name: "sleeper", argv: ["/bin/sleep", "600"], log: join(folder, "sleeper.log") });
    assert.ok(isAlive(started));
    await stopAll([started], 5_000);
    assert.ok(!isAlive(started));
  });

  it("is killed when it does not end by itself", async () => {
    const deaf = spawn("/bin/sh", ["-c", "trap '' TERM; echo ready; while true; do sleep 1; done"]);
    const ended = once(deaf, "exit");
    await once(deaf.stdout, "data");
    await stopAll([identify("deaf", deaf.pid ?? 0)], 100);
    assert.equal((await ended)[1], "SIGKILL");
  });

  it("is not taken for another process with the same id", async () => {
    const child = spawn("/bin/sleep", ["600"]);
    const ended = once(child, "exit");
    const known = identify("sleeper", child.pid ?? 0);
    assert.equal(signal({ ...known, startTicks: "1" }, "SIGKILL"), false);
    assert.ok(isAlive(known));
    assert.equal(signal(known, "SIGKILL"), true);
    await ended;
  });
});

describe("the lock of a cluster", () => {
  it("is held by one at a time", async () => {
    const events: string[] = [];
    const work = (name: string) =>
      withLock("lock-test", async () => {
        events.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`${name} ends`);
      });
    await Promise.all([work("a"), work("b")]);
    assert.equal(events.length, 4);
    assert.equal(events[0]?.[0], events[1]?.[0]);
  });
});

describe("an image archive", () => {
  it("holds the program, its user and its name, and is the same every time", async () => {
    const program = join(folder, "program");
    writeFileSync(program, "#!/bin/sh\n");
    const [first, second] = [join(folder, "first.tar"), join(folder, "second.tar")];
    await writeImageArchive(first, "localhost/program:1", program, "1000:1000");
    await writeImageArchive(second, "localhost/program:1", program, "1000:1000");
    assert.deepEqual(readFileSync(first), readFileSync(second));
    const part = (name: string) => execFileSync("tar", ["-xOf", first, name]);
    const [manifest] = JSON.parse(part("manifest.json").toString()) as [{ RepoTags: string[]; Layers: string[] }];
    assert.deepEqual(manifest.RepoTags, ["localhost/program:1"]);
    const config = JSON.parse(part("config.json").toString()) as { config: { User: string; Entrypoint: string[] } };
    assert.deepEqual([config.config.User, config.config.Entrypoint], ["1000:1000", ["/program"]]);
    const listed = execFileSync("tar", ["-tvf", "-"], { input: part("layer.tar") }).toString();
    assert.match(listed, /^-rwxr-xr-x 0\/0 .* program$/m);
  });
});
