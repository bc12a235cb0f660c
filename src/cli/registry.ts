/** All commands, in the order in which the help shows them. */
import type { Command } from "./command.ts";
import { BACKTEST } from "./backtest.ts";
import { KEY_CREATE, KEY_LIST, KEY_REVOKE } from "./key.ts";
import { REPLAY } from "./replay.ts";
import { SAMPLE_DATA } from "./sample-data.ts";
import { SHOW_CONFIG } from "./show-config.ts";
import { SIMULATOR } from "./simulator.ts";
import { START } from "./start.ts";
import { VERSION } from "./version.ts";

export const COMMANDS: readonly Command[] = [
  START,
  SIMULATOR,
  BACKTEST,
  REPLAY,
  SAMPLE_DATA,
  KEY_CREATE,
  KEY_LIST,
  KEY_REVOKE,
  SHOW_CONFIG,
  VERSION,
];
