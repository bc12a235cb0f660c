/**
 * The simulator as a child process of the bot: started when none answers, found again after the bot was killed alone, and
 * stopped by its own process id when the bot ends cleanly. Main thread only.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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
  stop(): Promise<void>;
}

export interface SimulatorChildOptions {
  readonly dataDir: string;
  /** Handed to the process as JSON. */
  readonly config: Record<string, unknown>;
  readonly fingerprint: string;
  readonly startMs: number;
  readonly sleep: (ms: number) => Promise<void>;
}

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
    return handle(running.pid, running.port, file);
  }
  const { pid, port } = await launch(options);
  writeFileSync(file, JSON.stringify({ pid, port, fingerprint: options.fingerprint } satisfies ChildFile));
  return handle(pid, port, file);
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

async function launch(options: SimulatorChildOptions): Promise<{ pid: number; port: number }> {
  mkdirSync(options.dataDir, { recursive: true });
  const logFile = join(options.dataDir, "simulator.log");
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [...process.execArgv, PROCESS_FILE.pathname], {
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
    env: { ...process.env, SIMULATOR_CONFIG: JSON.stringify(options.config) },
  });
  closeSync(log);
  const port = await new Promise<number>((resolve, reject) => {
    const fail = (why: string) =>
      reject(new CodedError("SIMULATOR_START", `the simulator did not start: ${why}; see ${logFile}`));
    const timer = setTimeout(() => fail(`no answer within ${options.startMs} ms`), options.startMs);
    child.once("message", (message: { listening?: number }) => {
      clearTimeout(timer);
      if (typeof message.listening === "number") resolve(message.listening);
      else fail(`unexpected message ${JSON.stringify(message)}`);
    });
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      fail(`it ended with ${code ?? signal}`);
    });
  });
  child.disconnect();
  child.unref();
  return { pid: child.pid as number, port };
}

async function stateAt(port: number): Promise<SimulatorState | null> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/simulator/state`, { signal: AbortSignal.timeout(2000) });
    return answer.ok ? ((await answer.json()) as SimulatorState) : null;
  } catch {
    return null;
  }
}

function handle(pid: number, port: number, file: string): SimulatorChild {
  return {
    url: `http://127.0.0.1:${port}`,
    streamUrl: `ws://127.0.0.1:${port}`,
    state: () => stateAt(port),
    async stop() {
      try {
        process.kill(pid, "SIGTERM");
      } catch {
        // Already gone.
      }
      rmSync(file, { force: true });
    },
  };
}
