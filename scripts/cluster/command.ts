/** Runs one program to its end and keeps what it says. Never a shell: arguments reach the program as they are. */
import { spawn } from "node:child_process";

export interface CommandOptions {
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The program gets SIGKILL after this time and the result says so. No limit by default. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  /** The exit code; 127 when the program does not exist, 137 when it was killed. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const NOT_FOUND = 127;
const KILLED = 137;

/** Never rejects: a program that is missing or too slow is a result with a code and a reason in `stderr`. */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args], {
      env: options.env ?? process.env,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs, killSignal: "SIGKILL" as const }),
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A program that ends before it has read its input breaks the pipe; its exit code says what matters.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
    child.once("error", (error) => resolve({ code: NOT_FOUND, stdout: "", stderr: error.message }));
    child.once("close", (code) => {
      const late = code === null && options.timeoutMs !== undefined ? `killed after ${options.timeoutMs} ms\n` : "";
      const text = Buffer.concat(stderr).toString();
      resolve({ code: code ?? KILLED, stdout: Buffer.concat(stdout).toString(), stderr: late + text });
    });
  });
}

/** Like `run`, but throws what the program said last when it fails; gives its output. */
export async function must(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(program, args, options);
  if (code === 0) return stdout;
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-MAX_LINES).join("\n");
  throw new Error(`${program} ${args.join(" ").slice(0, MAX_SHOWN)} failed (${code}): ${said}`);
}

const MAX_LINES = 5;
const MAX_SHOWN = 160;
