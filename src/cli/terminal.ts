/** The command line's surroundings as the real process has them: streams, environment and signals. */
import { constants } from "node:os";
import type { CommandIo } from "./command.ts";

const CLEAR_LINE = "\r\x1b[2K";

/** Results go to standard output, everything else to standard error. A second signal ends the process at once. */
export function processIo(): CommandIo {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // The first process of a container is not ended by a signal that it does not handle.
      if (stop.signal.aborted) process.exit(128 + constants.signals[signal]);
      stop.abort(signal);
    });
  }
  const isTerminal = process.stderr.isTTY === true;
  return {
    env: process.env,
    print: (text) => process.stdout.write(`${text}\n`),
    tell: (text) => process.stderr.write(`${isTerminal ? CLEAR_LINE : ""}${text}\n`),
    progress: (text) => {
      if (isTerminal) process.stderr.write(CLEAR_LINE + text);
    },
    isTerminal,
    signal: stop.signal,
  };
}
