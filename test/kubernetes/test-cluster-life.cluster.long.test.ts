/** Starting and taking down a test cluster of another name, beside whatever else runs: what is left afterwards is nothing. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type CommandResult, run } from "../../scripts/cluster/command.ts";
import { clusterFolder, programFolder } from "../../scripts/cluster/paths.ts";
import { isAlive } from "../../scripts/cluster/processes.ts";
import { type ClusterState, readState } from "../../scripts/cluster/state.ts";
import { whyNoCluster } from "../../scripts/cluster/up.ts";

const MAIN = join(import.meta.dirname, "..", "..", "scripts", "cluster", "main.ts");
const NAME = "beside";
const START_MS = 300_000;

describe("the life of a test cluster", { skip: whyNoCluster() ?? false }, () => {
  const assets = mkdtempSync(join(tmpdir(), "bot-test-assets-"));
  const folder = clusterFolder(NAME);

  const cluster = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> =>
    run(process.execPath, [MAIN, ...args], {
      env: { ...process.env, ALGO_CLUSTER_NAME: NAME, ...env },
      timeoutMs: START_MS,
    });
  const mounts = () => readFileSync("/proc/self/mountinfo", "utf8");
  const groups = () => {
    const hierarchies = readdirSync("/sys/fs/cgroup").map((name) => join("/sys/fs/cgroup", name));
    return ["/sys/fs/cgroup", ...hierarchies].filter((path) => existsSync(join(path, `algo-cluster-${NAME}`)));
  };
  const assertNothingLeft = (state: ClusterState) => {
    assert.deepEqual(state.processes.filter(isAlive), []);
    assert.ok(!mounts().includes(folder), "mounts are left");
    assert.deepEqual(groups(), []);
    assert.deepEqual(readdirSync(folder), ["log"]);
  };

  before(async () => void (await cluster(["down"])));
  after(async () => {
    await cluster(["down"]);
    rmSync(folder, { recursive: true, force: true });
    rmSync(assets, { recursive: true });
  });

  it("leaves nothing but logs of a start that fails, and says which part failed", async () => {
    for (const program of readdirSync(programFolder())) {
      if (program !== "kubelet") symlinkSync(join(programFolder(), program), join(assets, program));
    }
    const lacking = await cluster(["up", "--nodes", "1"], { KUBE_ASSETS: assets });
    assert.equal(lacking.code, 1);
    assert.match(lacking.stderr, /lacks kubelet; it must hold every program/);
    assert.ok(!existsSync(join(folder, "state.json")));

    symlinkSync("/bin/false", join(assets, "kubelet"));
    const states: ClusterState[] = [];
    const watching = setInterval(() => {
      const state = readState(folder);
      if (state !== null) states.push(state);
    }, 100);
    const failed = await cluster(["up", "--nodes", "1"], { KUBE_ASSETS: assets });
    clearInterval(watching);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /node1\/kubelet ended/);
    const last = states.at(-1);
    assert.ok(last !== undefined);
    assertNothingLeft({ ...last, processes: states.flatMap(({ processes }) => processes) });
  });

  it("starts, stays as it is when it is started again, and goes without a trace", async () => {
    const { code, stdout, stderr } = await cluster(["up", "--nodes", "1"]);
    assert.equal(code, 0, stderr);
    const state = readState(folder);
    assert.ok(state !== null);
    assert.match(stdout, new RegExp(`^export KUBECONFIG=${join(folder, "kubeconfig")}$`, "m"));

    const again = await cluster(["up", "--nodes", "3"]);
    assert.equal(again.code, 0);
    assert.match(again.stderr, /beside is up already, with 1 node\(s\)/);
    assert.deepEqual(readState(folder), state);
    assert.match((await cluster(["status"])).stdout, /^cluster beside is up\nnode1: running\n/);
    assert.equal((await cluster(["node", "cut", "node2"])).code, 2);

    assert.equal((await cluster(["down"])).code, 0);
    assertNothingLeft(state);
  });
});
