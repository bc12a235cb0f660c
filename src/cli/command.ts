/** What a command of the command line is: its words for people, its options, and what it does. */
import { CodedError } from "../core/errors.ts";

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
/** Wrong use of the command line, or a wrong configuration. */
export const EXIT_WRONG_USE = 2;

export interface OptionSpec {
  /** Without the dashes. */
  readonly name: string;
  /** What its value is called in the help; null for an option without a value. */
  readonly value: string | null;
  readonly repeatable?: boolean;
  /** One sentence. */
  readonly about: string;
  /** Path of the setting that it sets, such as `ports.api`. */
  readonly setting?: string;
}

export interface PositionalSpec {
  readonly name: string;
  readonly about: string;
}

export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results for people or programs; a newline is added. */
  readonly print: (text: string) => void;
  /** Messages about the work; a newline is added. */
  readonly tell: (text: string) => void;
  /** One line of progress, overwritten by the next; does nothing where no terminal is. */
  readonly progress: (text: string) => void;
  readonly isTerminal: boolean;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

export class CommandArguments {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];

  constructor(values: ReadonlyMap<string, readonly string[]>, positionals: readonly string[]) {
    this.#values = values;
    this.positionals = positionals;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The option's last value; null when it was not given. */
  text(name: string): string | null {
    return this.#values.get(name)?.at(-1) ?? null;
  }

  texts(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** A whole number in the range, or `fallback`; throws `USAGE`. */
  integer(name: string, min: number, max: number, fallback: number): number {
    const given = this.text(name);
    if (given === null) return fallback;
    const value = /^\d+$/.test(given) ? Number(given) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw usageError(`--${name} must be a whole number from ${min} to ${max}, got ${given}`);
  }

  get json(): boolean {
    return this.has("json");
  }
}

export interface Command {
  /** One word, or two for a member of a family such as `key create`. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Further sentences. */
  readonly details: readonly string[];
  readonly positionals: readonly PositionalSpec[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly string[];
  /** Returns the exit code. Imports what it needs only here, so that help is quick. */
  run(given: CommandArguments, io: CommandIo): Promise<number>;
}

/** Code `USAGE`; the command line answers it with exit code 2. */
export function usageError(message: string): CodedError {
  return new CodedError("USAGE", message);
}
