/**
 * The kinds of settings that the schema is made of. Each carries what people are told of it: its meaning, what is allowed,
 * its environment variable and whether it is secret. Runs at start only.
 */
import { isIP } from "node:net";
import { z } from "zod";
import { CodedError } from "../core/errors.ts";
import { parseFixed } from "../core/fixed.ts";

/** What is known of one setting besides its type. */
export interface Setting {
  readonly about: string;
  /** Ends the sentence "allowed is …". */
  readonly allowed: string;
  /** Environment variable; null where only the file can set it. */
  readonly env: string | null;
  readonly secret: boolean;
  /** Also read from the file that `NAME_FILE` names: every secret, and what is kept beside one. */
  readonly mounted: boolean;
  /** Turns an environment variable's or an option's text into what the schema takes; text it cannot read stays text. */
  readonly fromText: (text: string) => unknown;
}

interface Described {
  readonly about: string;
  readonly env?: string;
}

const settings = z.registry<Setting>();

/** The setting behind a leaf of the schema; undefined for objects and arrays of objects. */
export function settingOf(schema: z.core.$ZodType): Setting | undefined {
  return settings.get(schema);
}

function declare<Schema extends z.ZodType>(
  schema: Schema,
  described: Described,
  allowed: string,
  fromText: (text: string) => unknown = (text) => text,
  secret = false,
  mounted = secret,
): Schema {
  const { about, env = null } = described;
  const told = schema.meta({ description: `${about} Allowed: ${allowed}.` });
  settings.add(told, { about, allowed, env, secret, mounted, fromText } as Setting & z.core.$replace<Setting, Schema>);
  return told;
}

function numberFromText(text: string): unknown {
  return /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

/** A whole number from `min` to `max`. */
export function integer(
  described: Described & { readonly min: number; readonly max: number; readonly default: number },
) {
  const { min, max } = described;
  const schema = z.int().min(min).max(max).default(described.default);
  return declare(schema, described, `a whole number from ${min} to ${max}`, numberFromText);
}

/** A whole number or the word `auto`. */
export function integerOrAuto(described: Described & { readonly min: number; readonly max: number }) {
  const { min, max } = described;
  const schema = z.union([z.literal("auto"), z.int().min(min).max(max)]).default("auto");
  return declare(schema, described, `auto or a whole number from ${min} to ${max}`, numberFromText);
}

/** A positive number or one of the words. */
export function numberOrWord<const Word extends string>(
  described: Described & {
    readonly max: number;
    readonly words: readonly [Word, ...Word[]];
    readonly default: number | Word;
  },
) {
  const { max, words } = described;
  const schema = z.union([z.number().positive().max(max), z.enum(words)]).default(described.default as never);
  return declare(schema, described, `a number above 0, at most ${max}, or ${words.join(" or ")}`, numberFromText);
}

/** One of the words. */
export function choice<const Word extends string>(
  described: Described & { readonly words: readonly [Word, ...Word[]]; readonly default: NoInfer<Word> },
) {
  const schema = z.enum(described.words).default(described.default as never);
  return declare(schema, described, described.words.join(", "), (text) => text.toLowerCase());
}

/** As `choice`, without a default. */
export function optionalChoice<const Word extends string>(
  described: Described & { readonly words: readonly [Word, ...Word[]] },
) {
  const schema = z.enum(described.words).nullable().default(null);
  return declare(schema, described, described.words.join(", "));
}

/** true or false. */
export function flag(described: Described & { readonly default: boolean }) {
  const words: Readonly<Record<string, boolean>> = { true: true, "1": true, false: false, "0": false };
  return declare(z.boolean().default(described.default), described, "true or false", (given) => {
    const word = given.toLowerCase();
    return Object.hasOwn(words, word) ? words[word] : given;
  });
}

/** Text that is not empty. `mounted` where it is kept beside a secret, and so may be in a file as one. */
export function defaultText(described: Described & { readonly default: string; readonly mounted?: boolean }) {
  const schema = z.string().min(1).default(described.default);
  return declare(schema, described, "text", undefined, false, described.mounted ?? false);
}

/** Text of a pattern, or nothing. */
export function optionalPattern(described: Described & { readonly pattern: RegExp; readonly allowed: string }) {
  return declare(z.string().regex(described.pattern).nullable().default(null), described, described.allowed);
}

/** Text, or nothing. */
export function optionalText(described: Described & { readonly allowed?: string }) {
  return declare(z.string().min(1).nullable().default(null), described, described.allowed ?? "text");
}

/** Text that is never shown. */
export function optionalSecret(described: Described) {
  return declare(z.string().min(1).nullable().default(null), described, "text, kept secret", undefined, true);
}

/** A secret with a default that opens nothing but this machine's own simulator. */
export function defaultSecret(described: Described & { readonly default: string }) {
  return declare(z.string().min(1).default(described.default), described, "text, kept secret", undefined, true);
}

/** A list of texts; comma-separated in the environment. */
export function list(described: Described & { readonly item: RegExp; readonly allowed: string }) {
  const schema = z.array(z.string().regex(described.item)).default([]);
  const fromText = (value: string) =>
    value
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== "");
  return declare(schema, described, `a list of ${described.allowed}`, fromText);
}

/** An address to listen on. */
export function address(described: Described & { readonly default: string }) {
  const schema = z
    .string()
    .refine((value) => isIP(value) !== 0)
    .default(described.default);
  return declare(schema, described, "an IP address of this machine, such as 127.0.0.1, ::1 or 0.0.0.0");
}

/** A URL of one of the schemes (`https:`), or nothing. `secret` where it may hold a password. */
export function optionalUrl(described: Described & { readonly schemes: readonly string[]; readonly secret?: boolean }) {
  const isAllowed = (value: string) => URL.canParse(value) && described.schemes.includes(new URL(value).protocol);
  const schema = z.string().refine(isAllowed).nullable().default(null);
  const allowed = `a URL that begins with ${described.schemes.map((scheme) => `${scheme}//`).join(" or ")}`;
  return declare(schema, described, allowed, undefined, described.secret ?? false);
}

/** Most digits that a number of a YAML file keeps exactly on its way through a double. */
const EXACT_DIGITS = 15;

/** The decimal that was written, or null where a double may have changed it or its text has an exponent. */
function decimalText(value: string | number): string | null {
  const written = String(value);
  if (typeof value === "string") return written;
  return /^-?[\d.]+$/.test(written) && written.replace(/\D/g, "").length <= EXACT_DIGITS ? written : null;
}

function readDecimal(value: string | number, context: z.core.$RefinementCtx, allowsZero: boolean): bigint {
  try {
    const written = decimalText(value);
    const fixed = written === null ? -1n : parseFixed(written, "amount");
    if (fixed > 0n || (allowsZero && fixed === 0n)) return fixed;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
  context.addIssue({ code: "custom", message: "not an exact amount" });
  return z.NEVER;
}

const AMOUNT = "a decimal above 0 with at most 9 decimals, in quotes where it has more than 15 digits";

/** A positive exact amount, parsed to Fixed (bigint scaled by 1e-9); never a float. */
export function amount(described: Described & { readonly default: string }) {
  const schema = z
    .union([z.string(), z.number()])
    .default(described.default)
    .transform((value, context) => readDecimal(value, context, false));
  return declare(schema, described, AMOUNT);
}

/** As `amount`, or nothing; `allowsZero` where 0 means something. */
export function optionalAmount(described: Described & { readonly allowsZero?: boolean }) {
  const { allowsZero = false } = described;
  const schema = z
    .union([z.string(), z.number()])
    .nullable()
    .default(null)
    .transform((value, context) => (value === null ? null : readDecimal(value, context, allowsZero)));
  return declare(schema, described, allowsZero ? AMOUNT.replace("above 0", "of at least 0") : AMOUNT);
}

/** true, false, or nothing where the kind of instrument decides. */
export function optionalFlag(described: Described) {
  return declare(z.boolean().nullable().default(null), described, "true or false");
}

/** Text of a pattern that must be given. */
export function requiredText(described: Described & { readonly pattern: RegExp; readonly allowed: string }) {
  return declare(z.string().regex(described.pattern), described, described.allowed);
}
