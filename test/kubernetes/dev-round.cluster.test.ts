/**
 * Development from first to last as the guide walks through it, in one round: apply, status, the ports, trading, the lines that look
 * into Redis and PostgreSQL, a second image and back again, and delete. The short form that every change passes.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { after, before, it } from "node:test";
import type { CommandResult } from "../../scripts/cluster/command.ts";
import { type Cluster, onCluster } from "./harness/cluster.ts";
import { type ScriptTree, scriptTree } from "./harness/deploy-script.ts";
import { BOT_IMAGE, NEXT_BOT_IMAGE, tagOf } from "./harness/images.ts";
import { explainFailures, openNamespace, type TestNamespace } from "./harness/namespace.ts";
import { eventually } from "./harness/wait.ts";

const READY_MS = 180_000;
const TRADE_MS = 90_000;
const METRICS = [
  "trading_trades_executed_total",
  "trading_pnl",
  "trading_win_rate",
  "trading_avg_slippage_bps",
  "trading_drawdown",
  "system_cpu_usage",
  "system_memory_usage",
  "system_request_latency_ms",
];

await onCluster("the guide in development", (cluster: Cluster) => {
  const name = `dev-round-${randomBytes(3).toString("hex")}`;
  let tree: ScriptTree;
  let namespace: TestNamespace;

  before(() => {
    tree = scriptTree({ ...cluster.env, NAMESPACE: name, REGISTRY: "localhost", IMAGE_TAG: tagOf(BOT_IMAGE) });
    namespace = openNamespace(cluster, name);
  });
  after(async () => {
    await namespace.remove();
    tree.remove();
  });
  explainFailures(() => namespace);

  async function deploy(...args: readonly string[]): Promise<CommandResult> {
    const result = await tree.run(["dev", ...args]);
    assert.equal(result.code, 0, result.stdout + result.stderr);
    return result;
  }

  const runningImage = () =>
    namespace.must([
      "get",
      "deployment/algo-trading-bot",
      "--output=jsonpath={.spec.template.spec.containers[0].image}",
    ]);

  async function botPod(): Promise<string> {
    const ready = "{range .items[*]}{.metadata.name}{'\\n'}{end}";
    const all = await namespace.must([
      "get",
      "pods",
      "--selector=app.kubernetes.io/name=algo-trading-bot",
      `--output=jsonpath=${ready}`,
    ]);
    return all.split("\n")[0] as string;
  }

  it("applies, and is ready within three minutes", async (context) => {
    const began = performance.now();
    const { stderr } = await deploy("apply", "--timeout", "180");
    const tookMs = performance.now() - began;
    assert.ok(tookMs < READY_MS, `${tookMs} ms`);
    assert.match(stderr, /algo-trading-bot: 3 of 3 available/);
    context.diagnostic(`ready ${(tookMs / 1000).toFixed(0)} s after the start of apply`);
  });

  it("shows a status with nothing wrong, and who leads", async () => {
    const { stdout } = await deploy("status");
    assert.match(stdout, /PostgreSQL: primary postgres-[01], synchronous standby postgres-[01]\n/);
    assert.match(stdout, /Redis: master redis-[012]\n/);
    assert.match(stdout, /What is wrong\n {2}nothing\n$/);
  });

  it("follows the logs of all replicas", async () => {
    const child = tree.start(["dev", "logs"]);
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    try {
      await eventually("a line of each replica", 30_000, () => {
        const pods = new Set(
          [...text.matchAll(/^\[pod\/(algo-trading-bot-[a-z0-9-]+)\/algo-trading-bot\]/gm)].map(([, pod]) => pod),
        );
        return pods.size === 3 ? true : null;
      });
    } finally {
      await stop(child);
    }
  });

  it("trades its simulator, and serves the eight metrics, through port-forward", async () => {
    const child = tree.start(["dev", "port-forward"]);
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    try {
      const health = await eventually("an answer of /health", 30_000, () => fetch("http://localhost:8000/health"));
      assert.equal(health.status, 200);
      assert.equal((await fetch("http://localhost:8000/ready")).status, 200);
      for (const address of ["http://localhost:8000", "ws://localhost:8001/stream", "http://localhost:9090/metrics"])
        assert.ok(text.includes(address), text);
      assert.equal((await fetch("http://localhost:8000/api/v1/account")).status, 401);
      const key = await namespace.must([
        "exec",
        "deploy/algo-trading-bot",
        "--",
        "algo-trading-bot",
        "key",
        "create",
        "--name",
        "desk",
        "--role",
        "admin",
      ]);
      const headers = { authorization: `Bearer ${key.trim()}` };
      await eventually("a trade", TRADE_MS, async () => {
        const answer = await fetch("http://localhost:8000/api/v1/trades", { headers });
        return /"symbol"/.test(await answer.text()) ? true : null;
      });
      const metrics = await (await fetch("http://localhost:9090/metrics")).text();
      for (const metric of METRICS) assert.match(metrics, new RegExp(`^${metric}(\\{.*\\})? \\S+$`, "m"));
      const second = await tree.run(["dev", "port-forward"]);
      assert.equal(second.code, 2);
      assert.match(second.stderr, /port 8000 of this machine is in use/);
    } finally {
      await stop(child);
    }
  });

  it("answers the guide's questions to Redis and PostgreSQL from a bot's pod", async () => {
    const pod = await botPod();
    assert.equal(
      (await namespace.must(["exec", pod, "--", "redis-cli", "-h", "redis-0.redis-service", "ping"])).trim(),
      "PONG",
    );
    const psql = ["psql", "-h", "postgres-0.postgres-service", "-U", "algo_trader", "-d", "algo_trading_db"];
    const who = await namespace.must(["exec", pod, "--", ...psql, "-Atc", "SELECT current_user, current_database()"]);
    assert.equal(who.trim(), "algo_trader|algo_trading_db");
  });

  it("rolls a second image out, and a rollback brings the first one back", async () => {
    await deploy("rollout", "--tag", tagOf(NEXT_BOT_IMAGE));
    assert.equal(await runningImage(), NEXT_BOT_IMAGE);
    await deploy("rollback");
    assert.equal(await runningImage(), BOT_IMAGE);
  });

  it("deletes everything, data included, when told to", async () => {
    const { stderr } = await deploy("delete", "--yes", "--volumes");
    assert.match(stderr, /^(no open orders|OPEN ORDERS, .*)$/m);
    assert.equal((await cluster.kubectl(["get", "namespace", name])).code, 1);
  });
});

/** Ctrl-C: the whole process group gets the signal, as from a terminal. */
async function stop(child: ReturnType<ScriptTree["start"]>): Promise<void> {
  const gone = once(child, "exit");
  process.kill(-(child.pid as number), "SIGINT");
  await gone;
}
