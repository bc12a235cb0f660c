/**
 * The test command: `npm test -- [--long] [--cluster] [file, part of a path, or part of a test's name]…`. Starts a real
 * PostgreSQL and a real Redis unless `DATABASE_URL` and `REDIS_URL` name them, runs the tests, and stops what it started.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { globSync } from "node:fs";
import { join } from "node:path";
import { removeCluster } from "../scripts/cluster/down.ts";
import { DEFAULT_NODES, ensureCluster, whyNoCluster } from "../scripts/cluster/up.ts";
import { isClusterTest, type Kind, parseArguments, selectFiles, WrongUse } from "./support/selection.ts";
import { provideImages } from "./kubernetes/harness/images.ts";
import { type Service, startPostgres, startRedis } from "./support/services.ts";

const ROOT = join(import.meta.dirname, "..");
const EXIT_FAILED = 1;
const EXIT_WRONG_USE = 2;
/** More than the two processors of small machines: many tests wait for a market's time, a timer or a program that starts. */
const CONCURRENCY = 3;
/** Hundreds of processes load the same modules. */
const COMPILE_CACHE = join(ROOT, "node_modules", ".cache", "compiled");
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

interface Selection {
  readonly files: readonly string[];
  readonly names: readonly string[];
}

function select(filters: readonly string[], kind: Kind): Selection {
  const wanted = selectFiles(globSync("test/**/*.test.ts", { cwd: ROOT }).sort(), kind);
  const isPath = (filter: string) => wanted.some((file) => file.includes(filter));
  const paths = filters.map((filter) => filter.replace(/^\.\//, "")).filter(isPath);
  const names = filters.filter((filter) => !isPath(filter.replace(/^\.\//, "")));
  const missing = names.find((name) => /^(\.\/)?test\//.test(name));
  if (missing !== undefined) {
    throw new Error(`no test file's path contains ${missing}; cluster tests need --cluster, long ones --long`);
  }
  const files = paths.length === 0 ? wanted : wanted.filter((file) => paths.some((path) => file.includes(path)));
  return { files, names };
}

async function startServices(): Promise<{ env: Record<string, string>; started: Service[] }> {
  const started: Service[] = [];
  const given = async (url: string | undefined, start: () => Promise<Service>): Promise<string> => {
    if (url !== undefined && url !== "") return url;
    const service = await start();
    started.push(service);
    return service.url;
  };
  try {
    const database = await given(process.env["DATABASE_URL"], startPostgres);
    const redis = await given(process.env["REDIS_URL"], startRedis);
    return { env: { TEST_DATABASE_URL: database, TEST_REDIS_URL: redis }, started };
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

async function stopAll(services: readonly Service[]): Promise<void> {
  await Promise.all(services.map((service) => service.stop()));
}

/** The tests see only what is meant for them: a developer's own settings of the bot must not change an outcome. */
function testEnvironment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...rest } = process.env;
  return { ...rest, ...extra, NODE_COMPILE_CACHE: COMPILE_CACHE };
}

function runTests(selection: Selection, env: NodeJS.ProcessEnv, concurrency: number): ChildProcess {
  const argv = ["--import", "tsx", "--test", `--test-concurrency=${concurrency}`, "--test-reporter=spec"];
  for (const name of selection.names) argv.push(`--test-name-pattern=${name}`);
  return spawn(process.execPath, [...argv, ...selection.files], { cwd: ROOT, env, stdio: "inherit" });
}

function exitCode(child: ChildProcess): Promise<number> {
  const interrupt = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, interrupt);
  return new Promise((resolve) => {
    child.once("error", () => resolve(EXIT_FAILED));
    child.once("exit", (code) => resolve(code ?? EXIT_FAILED));
  });
}

async function runWithServices(selection: Selection): Promise<number> {
  const { env, started } = await startServices();
  try {
    return await exitCode(runTests(selection, testEnvironment(env), CONCURRENCY));
  } finally {
    await stopAll(started);
  }
}

/** One file after the other: each of them loads the whole cluster. */
async function runOnCluster(selection: Selection): Promise<number> {
  const isNew = await startClusterForTests();
  try {
    await provideImages();
    return await exitCode(runTests(selection, testEnvironment({}), 1));
  } finally {
    if (isNew) await removeCluster();
  }
}

/** False when there is one, and when there can be none: then the tests themselves say why they are skipped. */
async function startClusterForTests(): Promise<boolean> {
  if (process.env["KUBECONFIG"] || whyNoCluster() !== null) return false;
  return (await ensureCluster(DEFAULT_NODES)).isNew;
}

async function main(argv: readonly string[]): Promise<number> {
  const { filters, kind } = parseArguments(argv);
  const { files, names } = select(filters, kind);
  if (files.length === 0) throw new Error("there are no tests to run");
  const plain = { files: files.filter((file) => !isClusterTest(file)), names };
  const onCluster = { files: files.filter(isClusterTest), names };
  const plainCode = plain.files.length === 0 ? 0 : await runWithServices(plain);
  const clusterCode = onCluster.files.length === 0 ? 0 : await runOnCluster(onCluster);
  return plainCode === 0 ? clusterCode : plainCode;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof WrongUse ? EXIT_WRONG_USE : EXIT_FAILED;
}
