/** All commands, in the order in which the help shows them. */
import type { Command } from "./command.ts";
import { SHOW_CONFIG } from "./show-config.ts";
import { START } from "./start.ts";
import { VERSION } from "./version.ts";

export const COMMANDS: readonly Command[] = [START, SHOW_CONFIG, VERSION];
