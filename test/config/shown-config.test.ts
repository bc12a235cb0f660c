import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { loadConfig } from "../../src/config/load.ts";
import { SCALAR_SETTINGS } from "../../src/config/setting-list.ts";
import { SECRET_FIELDS, shownSettings, shownYaml } from "../../src/config/shown-config.ts";

const CANARY = "canary-77ab";

describe("the shown configuration", () => {
  it("hides every secret", () => {
    const env = {
      DATABASE_URL: `postgres://u:${CANARY}@h/d`,
      REDIS_URL: `redis://:${CANARY}@h`,
      REDIS_PASSWORD: CANARY,
      ALPACA_API_KEY: CANARY,
      ALPACA_SECRET_KEY: CANARY,
      SIMULATOR_API_KEY: CANARY,
      SIMULATOR_SECRET_KEY: CANARY,
    };
    const settings = shownSettings(loadConfig({ env, file: null, options: new Map() }));
    assert.doesNotMatch(shownYaml(settings) + JSON.stringify(settings), new RegExp(CANARY));
    assert.equal(settings.find(({ key }) => key === "alpaca.secret")?.source, "environment ALPACA_SECRET_KEY");
  });

  it("counts every setting as secret whose name says so", () => {
    const named = SCALAR_SETTINGS.filter(({ path }) => /secret|password|keyId/i.test(path)).map(({ path }) => path);
    for (const path of named) assert.ok(SECRET_FIELDS.includes(path), path);
    assert.ok(SECRET_FIELDS.includes("database.url"));
  });

  it("is YAML that gives the same configuration again", () => {
    const first = loadConfig({
      env: { API_PORT: "0", SIMULATOR_STARTING_CASH: "12.5" },
      file: null,
      options: new Map(),
    });
    const yaml = shownYaml(shownSettings(first));
    assert.equal((parse(yaml) as { ports: { api: number } }).ports.api, 0);
    const folder = mkdtempSync(join(tmpdir(), "shown-config-"));
    try {
      const file = join(folder, "bot.yaml");
      writeFileSync(file, yaml.replaceAll('"***"', "null"));
      assert.deepEqual(loadConfig({ env: {}, file, options: new Map() }).config, first.config);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
