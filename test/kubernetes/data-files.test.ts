/** The files of Redis and PostgreSQL that need no cluster to be looked at: scripts, settings and what restarts their pods. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { run } from "../../scripts/cluster/command.ts";

const BASE = join(import.meta.dirname, "../../k8s/base");
/** What is mounted from ConfigMaps: the kubelet renews it in a running pod, but nothing reads it again before a restart. */
const MOUNTED = { redis: ["redis.conf", "scripts/*.sh"], postgres: ["patroni.yml", "scripts/*.sh"] } as const;
const NO_SHELLCHECK = "shellcheck is not installed (apt-get install shellcheck)";

function hasShellcheck(): boolean {
  try {
    execFileSync("shellcheck", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

function filesOf(service: keyof typeof MOUNTED): string[] {
  const folder = join(BASE, service);
  return MOUNTED[service].flatMap((pattern) => globSync(pattern, { cwd: folder }).sort());
}

function read(service: string, file: string): string {
  return readFileSync(join(BASE, service, file), "utf8");
}

for (const service of ["redis", "postgres"] as const) {
  describe(`the files of ${service}`, () => {
    it("are named in the pod template by their checksum, so that a change restarts the pods", () => {
      const hash = createHash("sha256");
      for (const file of filesOf(service)) hash.update(`${file}\0${read(service, file)}\0`);
      const checksum = hash.digest("hex").slice(0, 16);
      const [, annotated] = /algo-trading\/files: "(\w+)"/.exec(read(service, "stateful-set.yaml")) ?? [];
      const where = `k8s/base/${service}/stateful-set.yaml`;
      assert.equal(
        annotated,
        checksum,
        `scripts or settings changed: put algo-trading/files: "${checksum}" into ${where}`,
      );
    });

    it("all reach the pods", () => {
      const listed = [...read(service, "kustomization.yaml").matchAll(/^ {6}- (\S+)$/gm)].map(([, file]) => file);
      assert.deepEqual(new Set(listed), new Set(filesOf(service)));
    });

    it("name no namespace", () => {
      for (const file of ["services.yaml", "stateful-set.yaml"])
        assert.doesNotMatch(read(service, file), /^ *namespace:/m);
    });

    it("are clean under shellcheck as POSIX sh", { skip: hasShellcheck() ? false : NO_SHELLCHECK }, async () => {
      const scripts = globSync("scripts/*.sh", { cwd: join(BASE, service) });
      // SC1091: the library that they read is found under its path in the pod only.
      const { code, stdout } = await run("shellcheck", ["--shell=sh", "--exclude=SC1091", ...scripts], {
        cwd: join(BASE, service),
      });
      assert.equal(code, 0, stdout);
    });
  });
}

describe("Redis's settings", () => {
  it("are those of the deployment guide", () => {
    const lines = read("redis", "redis.conf").split("\n");
    for (const line of ["maxclients 10000", "appendonly yes", "appendfsync everysec"])
      assert.ok(lines.includes(line), line);
  });
});
