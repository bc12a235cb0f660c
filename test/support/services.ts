/**
 * Starts a real PostgreSQL and a real Redis for the tests, on free loopback ports, in temporary folders. Owned by the test
 * runner's process. A small shell guards each server: it stops it and removes its folder when the runner ends, however
 * the runner ends, so that nothing is left behind.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { freePort } from "./free-ports.ts";

export interface Service {
  readonly url: string;
  /** Stops the server and removes its files. */
  stop(): Promise<void>;
}

interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** Runs "$@" in the background; at the end of standard input sends it the signal $1 and removes the folder $2. */
const GUARD = 'signal=$1; folder=$2; shift 2; "$@" & pid=$!; read _; kill -"$signal" $pid; wait $pid; rm -rf "$folder"';
const START_ATTEMPTS = 400;
const START_PAUSE_MS = 50;

/** A PostgreSQL with `fsync` on; user and database are `postgres`, without a password, on loopback only. */
export async function startPostgres(): Promise<Service> {
  const bin = findOrInstall("PostgreSQL", "DATABASE_URL", "postgresql", findPostgresBin);
  const identity = serverIdentity();
  const folder = temporaryFolder("postgres", identity);
  const data = join(folder, "data");
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"], {
    ...identity,
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
  const port = await freePort();
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=on",
    "max_connections=150",
    "timezone=UTC",
    "log_min_messages=panic",
  ];
  const argv = [join(bin, "postgres"), "-D", data, ...settings.flatMap((setting) => ["-c", setting])];
  const child = guarded("QUIT", folder, argv, identity);
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  return ready("PostgreSQL", url, child, () => answersSql(url));
}

/** A Redis without persistence. */
export async function startRedis(): Promise<Service> {
  const program = findOrInstall("Redis", "REDIS_URL", "redis-server", () => findInPath("redis-server"));
  const folder = temporaryFolder("redis", {});
  const port = await freePort();
  const argv = [program, "--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
  argv.push("--save", "", "--appendonly", "no", "--loglevel", "warning");
  const child = guarded("TERM", folder, argv, {});
  return ready("Redis", `redis://127.0.0.1:${port}`, child, () => answersPing(port));
}

async function ready(
  name: string,
  url: string,
  child: ChildProcess,
  answers: () => Promise<boolean>,
): Promise<Service> {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    await ended;
  };
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    if (await answers()) return { url, stop };
    if (child.exitCode !== null) break;
    await sleep(START_PAUSE_MS);
  }
  await stop();
  throw new Error(`${name} did not start for the tests; its messages are above`);
}

/** Detached, so that an interrupt from the terminal reaches the runner alone and the servers outlive the tests. */
function guarded(signal: string, folder: string, argv: readonly string[], identity: Identity): ChildProcess {
  const stdio = ["pipe", "ignore", "inherit"] as const;
  const options = { ...identity, cwd: folder, stdio: [...stdio], detached: true };
  return spawn("/bin/sh", ["-c", GUARD, "sh", signal, folder, ...argv], options);
}

async function answersSql(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("SELECT 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("data", (data) => finish(data.toString().startsWith("+PONG")));
    socket.once("error", () => finish(false));
  });
}

/** PostgreSQL refuses root; Debian's package brings a user of its own for it. */
function serverIdentity(): Identity {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

function temporaryFolder(name: string, identity: Identity): string {
  const folder = mkdtempSync(join(tmpdir(), `bot-test-${name}-`));
  if (identity.uid !== undefined && identity.gid !== undefined) chownSync(folder, identity.uid, identity.gid);
  return folder;
}

function findOrInstall(name: string, variable: string, debianPackage: string, find: () => string | null): string {
  const found = find();
  if (found !== null) return found;
  if (process.getuid?.() === 0 && findInPath("apt-get") !== null) {
    console.error(`${name} is not installed; installing Debian's package ${debianPackage} for the tests`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    execFileSync("apt-get", ["update", "-qq"], { stdio: "inherit", env });
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", debianPackage], {
      stdio: "inherit",
      env,
    });
    const installed = find();
    if (installed !== null) return installed;
  }
  throw new Error(`the tests need ${name}: install it (Debian: ${debianPackage}), or name a server in ${variable}`);
}

/** The folder of the newest installed server's programs. */
function findPostgresBin(): string | null {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  for (const version of versions) {
    const bin = join(root, version, "bin");
    if (existsSync(join(bin, "initdb"))) return bin;
  }
  const initdb = findInPath("initdb");
  return initdb === null ? null : join(initdb, "..");
}

function findInPath(program: string): string | null {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, program);
    if (folder !== "" && existsSync(path)) return path;
  }
  return null;
}
