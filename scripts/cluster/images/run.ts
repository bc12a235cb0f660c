/** Starts the programs that images are made with; their output goes to a log file, and its end into the error. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

const TAIL_LINES = 25;

export interface Run {
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs one program to its end and appends what it prints to the log file. Rejects with the log's last lines. */
export async function run(
  program: string,
  args: readonly string[],
  { logFile, env = process.env }: Run,
): Promise<void> {
  const output = openSync(logFile, "a");
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      const child = spawn(program, args, { env, stdio: ["ignore", output, output] });
      child.once("error", reject);
      child.once("exit", resolve);
    });
    if (code === 0) return;
    const tail = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
    throw new Error(`${program} ${args[0] ?? ""} failed with ${code}; all of its output is in ${logFile}\n${tail}`);
  } finally {
    closeSync(output);
  }
}
