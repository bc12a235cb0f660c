/**
 * Redis servers and Sentinels that one test starts, stops, freezes and starts again, on loopback ports of their own, with
 * their files in a temporary folder. They end with the test, also when its process dies.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Redis } from "ioredis";
import { atEnd, type Scope, until } from "../e2e/wait.ts";
import { freePort } from "./free-ports.ts";

const START_MS = 10_000;

/** For `test(name, { skip: skipWithoutRedisServer }, …)`: the reason to skip, or false. */
export const skipWithoutRedisServer = hasProgram("redis-server")
  ? false
  : "needs the program redis-server (Debian: redis-server)";

const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export interface RedisServerOptions {
  readonly port?: number;
  readonly password?: string;
  /** Further arguments of redis-server. */
  readonly args?: readonly string[];
}

export class RedisServer {
  readonly port: number;
  readonly #argv: readonly string[];
  readonly #folder: string;
  readonly #password: string | undefined;
  #child: ChildProcess | null = null;

  private constructor(argv: readonly string[], folder: string, port: number, password: string | undefined) {
    this.#argv = argv;
    this.#folder = folder;
    this.port = port;
    this.#password = password;
  }

  /** A server that is not started yet. */
  static async create(scope: Scope, { port, password, args = [] }: RedisServerOptions = {}): Promise<RedisServer> {
    const folder = temporaryFolder(scope);
    const own = port ?? (await freePort());
    const argv = ["--port", String(own), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"];
    if (password !== undefined) argv.push("--requirepass", password, "--masterauth", password);
    return RedisServer.#of(scope, [...argv, ...args], folder, own, password);
  }

  /** A Sentinel of `mymaster` that is not started yet. */
  static async sentinel(scope: Scope, masterPort: number, password: string): Promise<RedisServer> {
    const folder = temporaryFolder(scope);
    const port = await freePort();
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `requirepass ${password}`,
      `sentinel sentinel-pass ${password}`,
      `sentinel monitor mymaster 127.0.0.1 ${masterPort} 2`,
      `sentinel auth-pass mymaster ${password}`,
      "sentinel down-after-milliseconds mymaster 1000",
      "sentinel failover-timeout mymaster 5000",
    ];
    writeFileSync(join(folder, "sentinel.conf"), `${lines.join("\n")}\n`);
    return RedisServer.#of(scope, [join(folder, "sentinel.conf"), "--sentinel"], folder, port, password);
  }

  static async start(scope: Scope, options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = await RedisServer.create(scope, options);
    await server.start();
    return server;
  }

  static #of(
    scope: Scope,
    argv: readonly string[],
    folder: string,
    port: number,
    password: string | undefined,
  ): RedisServer {
    const server = new RedisServer(argv, folder, port, password);
    atEnd(scope, () => server.kill());
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get folder(): string {
    return this.#folder;
  }

  /** Resolves once it answers, unless it `isLoading`. */
  async start(isLoading = false): Promise<void> {
    const child = spawn("redis-server", [...this.#argv, "--loglevel", "warning"], {
      cwd: this.#folder,
      stdio: "ignore",
    });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    if (!isLoading)
      await until(
        "redis-server",
        () => this.command("PING"),
        (answer) => answer === "PONG",
        START_MS,
      );
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || !running.has(child)) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** One command on a connection of its own. */
  async command(name: string, ...args: readonly (string | Buffer)[]): Promise<unknown> {
    const client = new Redis(this.port, "127.0.0.1", {
      ...(this.#password === undefined ? {} : { password: this.#password }),
      retryStrategy: null,
      enableReadyCheck: false,
      lazyConnect: true,
    });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  }
}

function temporaryFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "bot-redis-"));
  atEnd(scope, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function hasProgram(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
