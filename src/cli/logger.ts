/**
 * The program's log on standard error: JSON lines for machines, short lines on a terminal. Secrets never reach it: what is
 * logged names no configuration, and the fields that could carry a key are removed here once more.
 */
import { type DestinationStream, type Logger, pino } from "pino";
import type { Config } from "../config/config.ts";
import type { CommandIo } from "./command.ts";

const REMOVED = ["key", "keyId", "secret", "secretKey", "password", "authorization", "token"];
const PATHS = REMOVED.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);
/** Fields of every line that a terminal does not need to see. */
const ROUTINE: readonly string[] = ["level", "time", "msg", "environment", "pid"];

export function createLogger(config: Pick<Config, "logLevel" | "environment">, io: CommandIo): Logger {
  const options = {
    level: config.logLevel,
    base: { environment: config.environment, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: PATHS, censor: "***" },
  };
  return pino(options, io.isTerminal ? terminalLines(io) : { write: (line: string) => io.tell(line.trimEnd()) });
}

function terminalLines(io: CommandIo): DestinationStream {
  return {
    write(line) {
      const fields = JSON.parse(line) as Record<string, unknown>;
      const { level, time, msg } = fields as { level: string; time: string; msg: string };
      const others = Object.entries(fields)
        .filter(([name]) => !ROUTINE.includes(name))
        .map(([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
      io.tell(`${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${msg}${others.join("")}`);
    },
  };
}
