/** Which symbols recorded files hold. Reads them to the end once, at start. */
import { basename } from "node:path";
import { CodedError } from "../core/errors.ts";
import { openRecording } from "../feed/recorded-file.ts";
import type { CommandIo } from "./command.ts";

/** Above it the demonstrations would be of no use to anybody; the configuration then says what to trade. */
const SYMBOLS_MAX = 10;

/** In order of first appearance. Throws `DATA_FILE` and `DATA_FORMAT` as the reader does, and `REPLAY_SYMBOLS`. */
export async function recordedSymbols(files: readonly string[], io: CommandIo): Promise<string[]> {
  const symbols = new Set<string>();
  for (const file of files) {
    io.progress(`reading the symbols of ${basename(file)}`);
    for await (const ticks of openRecording(file)) {
      for (const tick of ticks) symbols.add(tick.symbol);
      if (symbols.size > SYMBOLS_MAX) throw tooMany(file);
    }
  }
  io.progress("");
  return [...symbols];
}

function tooMany(file: string): CodedError {
  const name = basename(file);
  return new CodedError(
    "REPLAY_SYMBOLS",
    `${name} has more than ${SYMBOLS_MAX} symbols: name instruments and strategies in a configuration file`,
    { field: "simulator.replay" },
  );
}
