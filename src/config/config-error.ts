/** What is wrong with a configuration, all of it at once: each problem names key, value, what is allowed, and the source. */
import { CodedError } from "../core/errors.ts";

export interface ConfigProblem {
  /** Dotted key such as `ports.api`, or the name of a variable or file where no key is to blame. */
  readonly key: string;
  /** As given, secrets hidden; null where nothing was given. */
  readonly value: string | null;
  /** A sentence on what is wrong or allowed. */
  readonly message: string;
  /** Where the value came from. */
  readonly source: string;
}

export const HIDDEN = "***";

/** Code `CONFIG_INVALID`; the command line answers it with exit code 2. */
export class ConfigError extends CodedError {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(lineOf);
    super("CONFIG_INVALID", `the configuration is wrong:\n${lines.join("\n")}`, { field: problems[0]?.key ?? "" });
    this.name = "ConfigError";
    this.problems = problems;
  }
}

function lineOf({ key, value, message, source }: ConfigProblem): string {
  return `  ${key}${value === null ? "" : ` = ${value}`} (${source}): ${message}`;
}
