/**
 * The simulator as a child process of the bot: started when none answers, found again after the bot was killed alone,
 * started again on its port when it dies alone, and stopped by its own process id when the bot ends cleanly. Main thread.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CodedError } from "../core/errors.ts";

export interface SimulatorState {
  readonly time: string;
  readonly progress: number;
  readonly done: boolean;
}

interface ChildFile {
  readonly pid: number;
  readonly port: number;
  /** What it was started with; another configuration may not take it over. */
  readonly fingerprint: string;
}

export interface SimulatorChild {
  readonly url: string;
  readonly streamUrl: string;
  /** Null when the simulator did not answer. */
  state(): Promise<SimulatorState | null>;
  /** True when it was running already: another process may be using it. */
  readonly isFound: boolean;
  /** From now on starts it again, on its port and ledger, whenever its process is gone. */
  supervise(log: SupervisorLog): void;
  /** Resolves when the process is gone. */
  stop(): Promise<void>;
}

export interface SupervisorLog {
  warn(detail: Record<string, unknown>, message: string): void;
  error(detail: Record<string, unknown>, message: string): void;
}

export interface SimulatorChildOptions {
  readonly dataDir: string;
  /** Handed to the process as JSON. */
  readonly config: Record<string, unknown>;
  readonly fingerprint: string;
  readonly startMs: number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** How long an orderly end may take, and how often it is looked for, ms. */
const STOP_MS = 5000;
const STOP_POLL_MS = 20;

/** How often a supervised simulator is looked for, and the longest pause after starts that failed, ms. */
const LOOK_MS = 1000;
const RESTART_PAUSE_MAX_MS = 60_000;

/** `process.ts` beside the sources, `process.js` beside the compiled files. */
const PROCESS_FILE = new URL(`../simulator/process.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);

export async function startSimulatorChild(options: SimulatorChildOptions): Promise<SimulatorChild> {
  const file = join(options.dataDir, "simulator.json");
  const running = readChildFile(file);
  if (running !== null && (await stateAt(running.port)) !== null) {
    if (running.fingerprint !== options.fingerprint) {
      throw new CodedError(
        "SIMULATOR_CONFIGURATION",
        `a simulator with another configuration is running (process ${running.pid}); stop it or use another data directory`,
      );
    }
    return new RunningSimulator(options, file, running, true);
  }
  return new RunningSimulator(options, file, await startProcess(options, file), false);
}

async function startProcess(options: SimulatorChildOptions, file: string): Promise<ChildFile> {
  const { child, port } = await launch(options);
  const started = { pid: child.pid as number, port, fingerprint: options.fingerprint } satisfies ChildFile;
  writeFileSync(file, JSON.stringify(started));
  release(child, options.config["detached"] === true);
  return started;
}

/** Lets the child outlive this process, now that it can be found again; otherwise it ends when this process does. */
function release(child: ChildProcess, detached: boolean): void {
  if (detached) child.send({ keep: true }, () => child.connected && child.disconnect());
  else child.channel?.unref();
  child.unref();
}

function readChildFile(file: string): ChildFile | null {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as Partial<ChildFile>;
    if (typeof value.pid !== "number" || typeof value.port !== "number" || typeof value.fingerprint !== "string")
      return null;
    return { pid: value.pid, port: value.port, fingerprint: value.fingerprint };
  } catch {
    return null;
  }
}

async function launch(options: SimulatorChildOptions): Promise<{ child: ChildProcess; port: number }> {
  mkdirSync(options.dataDir, { recursive: true });
  const logFile = join(options.dataDir, "simulator.log");
  const log = openSync(logFile, "a");
  const logStart = fstatSync(log).size;
  const child = spawn(process.execPath, [...process.execArgv, PROCESS_FILE.pathname], {
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
    env: { ...process.env, SIMULATOR_CONFIG: JSON.stringify(options.config) },
  });
  closeSync(log);
  const port = await new Promise<number>((resolve, reject) => {
    const fail = (why: string) =>
      reject(new CodedError("SIMULATOR_START", `the simulator did not start: ${why}; see ${logFile}`));
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`no answer within ${options.startMs} ms`);
    }, options.startMs);
    child.once("message", (message: { listening?: number }) => {
      clearTimeout(timer);
      if (typeof message.listening === "number") resolve(message.listening);
      else fail(`unexpected message ${JSON.stringify(message)}`);
    });
    child.once("exit", (code, endedBy) => {
      clearTimeout(timer);
      const said = readFileSync(logFile).subarray(logStart).toString("utf8").trim();
      fail(said === "" ? `it ended with ${code ?? endedBy}` : said);
    });
  });
  return { child, port };
}

async function stateAt(port: number): Promise<SimulatorState | null> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/simulator/state`, { signal: AbortSignal.timeout(2000) });
    return answer.ok ? ((await answer.json()) as SimulatorState) : null;
  } catch {
    return null;
  }
}

class RunningSimulator implements SimulatorChild {
  readonly url: string;
  readonly streamUrl: string;
  readonly isFound: boolean;
  readonly #options: SimulatorChildOptions;
  readonly #file: string;
  readonly #stopping = new AbortController();
  #running: ChildFile;
  #supervision: Promise<void> = Promise.resolve();

  constructor(options: SimulatorChildOptions, file: string, running: ChildFile, isFound: boolean) {
    this.#options = options;
    this.#file = file;
    this.#running = running;
    this.isFound = isFound;
    this.url = `http://127.0.0.1:${running.port}`;
    this.streamUrl = `ws://127.0.0.1:${running.port}`;
  }

  state(): Promise<SimulatorState | null> {
    return stateAt(this.#running.port);
  }

  supervise(log: SupervisorLog): void {
    this.#supervision = this.#keepRunning(log);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#supervision;
    const { pid } = this.#running;
    const { sleep } = this.#options;
    send(pid, "SIGTERM");
    for (let waitedMs = 0; send(pid, 0) && waitedMs < STOP_MS; waitedMs += STOP_POLL_MS) await sleep(STOP_POLL_MS);
    // Its ledger is on disk at all times: a hard end loses nothing.
    send(pid, "SIGKILL");
    rmSync(this.#file, { force: true });
  }

  async #keepRunning(log: SupervisorLog): Promise<void> {
    const { signal } = this.#stopping;
    for (let waitMs = LOOK_MS; !signal.aborted; ) {
      await pause(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted || send(this.#running.pid, 0)) continue;
      try {
        const { port } = this.#running;
        const options = { ...this.#options, config: { ...this.#options.config, port } };
        this.#running = await startProcess(options, this.#file);
        waitMs = LOOK_MS;
        log.warn({ pid: this.#running.pid }, "the simulator had died and was started again");
      } catch (error) {
        waitMs = Math.min(waitMs * 2, RESTART_PAUSE_MAX_MS);
        log.error({ error: String(error) }, "the simulator is gone and does not start; trying again");
      }
    }
  }
}

/** False when there is no such process. */
function send(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
