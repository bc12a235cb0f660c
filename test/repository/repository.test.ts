import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { describe, it } from "node:test";
import { type LockedPackage, missingEntries } from "../../scripts/complete-lockfile.ts";
import { generatedDocuments } from "../../scripts/generated-documents.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const TEXT =
  /\.(ts|mjs|js|md|json|yaml|yml|html|css|sql)$|(^|\/)(Dockerfile|LICENSE|NOTICE|run|\.[a-z]+rc|\.dockerignore|\.gitignore)$/;

/** Files that git knows, or would know: also right before the first commit of a file. */
function repositoryFiles(): string[] {
  const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return [...new Set(list.trimEnd().split("\n"))].filter((file) => existsSync(join(ROOT, file)));
}

function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

const packageJson = JSON.parse(read("package.json")) as {
  scripts: Record<string, string>;
  bin: Record<string, string>;
};

describe("the repository", () => {
  it("has documents that agree with the code they are made from", () => {
    for (const [file, text] of generatedDocuments()) {
      assert.ok(existsSync(join(ROOT, file)) && read(file) === text, `${file} is stale: run npm run docs`);
    }
  });

  it("names no path of anybody's machine", () => {
    const own = `test/repository/${import.meta.filename.split(/[\\/]/).at(-1)}`;
    for (const file of repositoryFiles().filter((name) => TEXT.test(name) && name !== own)) {
      assert.doesNotMatch(read(file), /(^|[\s"'`(=])\/(home|Users|root|work)\/\w/m, file);
    }
  });

  it("has a lockfile that names no registry", () => {
    const lockfile = read("package-lock.json");
    assert.doesNotMatch(lockfile, /"resolved": "https?:/);
    assert.match(lockfile, /"integrity": "sha512-/);
  });

  it("has a lockfile with the packages of every platform, so that npm ci takes it", () => {
    const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, LockedPackage> };
    assert.deepEqual(Object.keys(missingEntries(packages)), [], "run npm run lock");
  });

  it("keeps what belongs to a machine out of git", () => {
    for (const file of repositoryFiles())
      assert.doesNotMatch(file, /^(node_modules|dist|data)\/|\.(csv|gz|log|sqlite)$/, file);
  });

  it("names only scripts, files and links that exist in its documents", () => {
    const documents = repositoryFiles().filter((file) => file.endsWith(".md"));
    assert.ok(documents.includes("README.md"));
    for (const file of documents) {
      const text = read(file);
      for (const [, script = ""] of text.matchAll(/npm run ([a-z][a-z:-]*)/g)) {
        assert.ok(Object.hasOwn(packageJson.scripts, script), `${file}: npm run ${script}`);
      }
      for (const [, target = ""] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        assert.ok(existsSync(join(ROOT, dirname(file), target)), `${file}: ${target}`);
      }
    }
  });

  it("has scripts whose files exist", () => {
    for (const [name, script] of Object.entries({ ...packageJson.scripts, ...packageJson.bin })) {
      for (const [file] of script.matchAll(/\b(?:bin|scripts|test|bench)\/[\w./-]+\.(?:ts|mjs)/g)) {
        assert.ok(existsSync(join(ROOT, file)), `${name}: ${file}`);
      }
    }
  });

  it("has executable entry points", () => {
    for (const file of [".ci/run", "bin/algo-trading-bot.mjs"])
      assert.ok(statSync(join(ROOT, file)).mode & 0o100, file);
  });
});

/** What each folder of `src` may import from besides itself; `core` nothing. Anything may import `core`. */
const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  config: ["orders"],
  feed: ["broker"],
  venue: [],
  orders: ["broker"],
  broker: ["orders"],
  store: ["orders"],
  cluster: ["orders"],
  cache: ["api", "config"],
  workers: ["config"],
  simulator: ["venue", "feed"],
  research: ["config", "venue", "feed", "orders", "broker", "workers", "store"],
  api: ["orders"],
};
/** Composition: the only folders that know everything. */
const TOP = ["bot", "cli", "main.ts"];

describe("the layers of the sources", () => {
  const sources = repositoryFiles().filter((file) => file.startsWith("src/") && file.endsWith(".ts"));
  const imports = sources.flatMap((file) =>
    [...read(file).matchAll(/(?:\bfrom|\bimport\(|^import) ?"(\.[^"]+)"/gm)].map(([, target = ""]) => ({
      file,
      target: posix.join(posix.dirname(file), target),
    })),
  );
  const folderOf = (file: string) => file.split("/")[1] as string;

  it("point towards core", () => {
    assert.ok(imports.length > 100);
    const wrong = imports.filter(({ file, target }) => {
      const from = folderOf(file);
      const to = folderOf(target);
      return !TOP.includes(from) && from !== to && to !== "core" && LAYERS[from]?.includes(to) !== true;
    });
    assert.deepEqual(wrong, []);
  });

  it("leave core without a single package or module of Node", () => {
    for (const file of sources.filter((name) => folderOf(name) === "core")) {
      for (const [, target = ""] of read(file).matchAll(/^(?:import|export) .*?from "([^"]+)"/gms)) {
        assert.ok(target.startsWith("."), `${file} imports ${target}`);
      }
    }
  });

  it("name files that exist, with their extension", () => {
    for (const { file, target } of imports) assert.ok(existsSync(join(ROOT, target)), `${file} imports ${target}`);
  });

  it("have files that say why they exist", () => {
    for (const file of sources) assert.match(read(file), /^(\/\*\*|\/\/)/, `${file} begins without a comment`);
  });
});
