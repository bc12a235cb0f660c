/** What the bot and the simulator make of the variables and files that their containers get, by the bot's own loader. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { cpuLimit } from "../../src/workers/container-limits.ts";
import { ENVIRONMENTS, type Environment, type KubeObject, NO_KUBECTL, pick, render } from "./harness/render.ts";
import type { Container, EnvVariable, Workload } from "./harness/workload.ts";

interface Settings {
  readonly data: Readonly<Record<string, string>>;
}

const SECRETS = {
  DATABASE_USER: "algo_trader",
  DATABASE_PASSWORD: "SecurePass123",
  REDIS_PASSWORD: "SecurePass456",
  ALPACA_API_KEY: "PKTEST",
  ALPACA_SECRET_KEY: "secret-of-the-test",
};

const folder = mkdtempSync(join(tmpdir(), "algo-config-"));
after(() => rmSync(folder, { recursive: true }));

/** The container's environment as the kubelet would make it, with the mounted files below `folder`. */
function environmentOf(objects: readonly KubeObject[], container: Container, mounts: string): Record<string, string> {
  const made: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? []) {
    if (configMapRef !== undefined) Object.assign(made, pick<Settings>(objects, "ConfigMap", configMapRef.name).data);
  }
  for (const variable of container.env ?? []) made[variable.name] = valueOf(variable, container, made);
  return Object.fromEntries(
    Object.entries(made).map(([name, value]) => [name, value.replace(/^\/etc\/algo-trading/, mounts)]),
  );
}

function valueOf({ value, valueFrom }: EnvVariable, container: Container, before: Record<string, string>): string {
  if (value !== undefined) return value.replaceAll(/\$\((\w+)\)/g, (whole, name: string) => before[name] ?? whole);
  const field = valueFrom?.resourceFieldRef;
  if (field === undefined) return "pod-name";
  const [, resource = ""] = field.resource.split(".");
  const limit = container.resources.limits[resource] ?? "";
  // As Kubernetes' documentation of resourceFieldRef has it: the quantity divided by the divisor, rounded up.
  return String(Math.ceil(quantity(limit) / quantity(field.divisor ?? "1")));
}

function quantity(text: string): number {
  const units: Record<string, number> = { "": 1, m: 1e-3, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };
  const [, number = "", unit = ""] = /^([\d.]+)(m|Ki|Mi|Gi)?$/.exec(text) ?? [];
  return Number(number) * (units[unit] ?? Number.NaN);
}

function mount(objects: readonly KubeObject[]): string {
  const mounts = mkdtempSync(join(folder, "mounts-"));
  mkdirSync(join(mounts, "secrets"));
  mkdirSync(join(mounts, "config"));
  for (const [key, value] of Object.entries(SECRETS)) writeFileSync(join(mounts, "secrets", key), value);
  const { data } = pick<Settings>(objects, "ConfigMap", "algo-trading-strategies");
  for (const [key, text] of Object.entries(data)) writeFileSync(join(mounts, "config", key), text);
  return mounts;
}

async function configOf(environment: Environment, change: Record<string, string> = {}): Promise<Config> {
  const objects = await render(environment);
  const container = pick<Workload>(objects, "Deployment", "algo-trading-bot").spec.template.spec.containers[0];
  assert.ok(container !== undefined);
  const env = { ...environmentOf(objects, container, mount(objects)), ...change };
  return loadConfig({ env, file: env["CONFIG_FILE"] ?? null, options: new Map() }).config;
}

const EXPECTED = {
  dev: { environment: "development", logLevel: "debug", mode: "simulated", cores: 0.5, memory: 2 ** 30 },
  staging: { environment: "staging", logLevel: "info", mode: "paper", cores: 0.5, memory: 2 ** 30 },
  prod: { environment: "production", logLevel: "warn", mode: "paper", cores: 2, memory: 4 * 2 ** 30 },
} as const;

describe("the bot takes what the manifests give it", { skip: NO_KUBECTL }, () => {
  for (const environment of ENVIRONMENTS) {
    it(`${environment}: environment, mode, limits and addresses`, async () => {
      const expected = EXPECTED[environment];
      const config = await configOf(environment);
      assert.equal(config.environment, expected.environment);
      assert.equal(config.logLevel, expected.logLevel);
      assert.equal(config.tradingMode, expected.mode);
      assert.equal(config.bindAddress, "0.0.0.0");
      assert.equal(cpuLimit(String(config.resources.cpu)), expected.cores);
      assert.equal(Number(config.resources.memory), expected.memory);
      assert.equal(config.database.url, "postgresql://algo_trader:SecurePass123@postgres-primary:5432/algo_trading_db");
      assert.deepEqual(
        config.redis?.sentinels.map(({ host, port }) => `${host}:${port}`),
        ["redis-node-0:26379", "redis-node-1:26379", "redis-node-2:26379"],
      );
      assert.equal(config.redis?.masterName, "mymaster");
      assert.equal(config.redis?.password, "SecurePass456");
      assert.deepEqual([config.alpaca.keyId, config.alpaca.secret], ["PKTEST", "secret-of-the-test"]);
    });
  }

  it("development trades the shared simulator with the demonstrations", async () => {
    const config = await configOf("dev");
    assert.equal(config.alpaca.baseUrl, "http://algo-trading-simulator:4010");
    assert.equal(config.strategies.length, 3);
  });

  for (const environment of ["staging", "prod"] as const) {
    it(`${environment} trades paper at Alpaca, and nothing before strategies are configured`, async () => {
      const config = await configOf(environment);
      assert.equal(config.alpaca.baseUrl, "https://paper-api.alpaca.markets");
      assert.deepEqual(config.strategies, []);
    });
  }

  it("production goes live by two settings, never by one", async () => {
    const key = { ALPACA_API_KEY_FILE: "", ALPACA_API_KEY: "AKTEST" };
    await assert.rejects(configOf("prod", { ...key, TRADING_MODE: "live" }), /LIVE_TRADING=I_UNDERSTAND/);
    const config = await configOf("prod", { ...key, TRADING_MODE: "live", LIVE_TRADING: "I_UNDERSTAND" });
    assert.equal(config.alpaca.baseUrl, "https://api.alpaca.markets");
  });

  it("the simulator listens for all, with the keys that the bots show", async () => {
    const objects = await render("dev");
    const container = pick<Workload>(objects, "Deployment", "algo-trading-simulator").spec.template.spec.containers[0];
    assert.ok(container !== undefined);
    assert.deepEqual(container.args, ["simulator"]);
    const env = environmentOf(objects, container, mount(objects));
    const { config, sources } = loadConfig({ env, file: null, options: new Map() });
    assert.equal(config.bindAddress, "0.0.0.0");
    assert.equal(config.ports.simulator, 4010);
    assert.deepEqual([config.simulator.keyId, config.simulator.secret], ["PKTEST", "secret-of-the-test"]);
    assert.ok(sources.has("simulator.keyId") && sources.has("simulator.secret"), "which it asks for on this address");
  });
});
