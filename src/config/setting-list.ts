/** The schema walked into a flat list of its settings, for layers, errors and documents. */
import { z } from "zod";
import { CONFIG_SCHEMA } from "./schema.ts";
import { type Setting, settingOf } from "./setting.ts";

export interface ListedSetting extends Setting {
  /** `ports.api`; `strategies[].id` for a member of a list. */
  readonly path: string;
  /** As a person would write it; undefined where there is none and the key must be given. */
  readonly defaultValue: unknown;
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodNullable) {
    return unwrap(schema.def.innerType);
  }
  return schema;
}

/** The default as it is written, before any parsing. */
function defaultOf(schema: z.core.$ZodType): unknown {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return schema.def.defaultValue;
  if (schema instanceof z.ZodPipe) return defaultOf(schema.def.in);
  return undefined;
}

function walk(schema: z.core.$ZodType, path: string, found: ListedSetting[]): void {
  const setting = settingOf(schema);
  if (setting !== undefined) {
    found.push({ ...setting, path, defaultValue: defaultOf(schema) });
    return;
  }
  const inner = unwrap(schema);
  if (inner instanceof z.ZodArray) walk(inner.def.element, `${path}[]`, found);
  else if (inner instanceof z.ZodObject) {
    for (const [key, member] of Object.entries(inner.shape)) walk(member, path === "" ? key : `${path}.${key}`, found);
  } else found.push(unlisted(schema, path));
}

/** A leaf that only the file sets and that has no kind of its own, such as a strategy's parameters. */
function unlisted(schema: z.core.$ZodType, path: string): ListedSetting {
  const about = schema instanceof z.ZodType ? (schema.description ?? "") : "";
  const allowed = "names with numbers, true or false";
  return {
    path,
    about,
    allowed,
    env: null,
    secret: false,
    mounted: false,
    fromText: (text) => text,
    defaultValue: defaultOf(schema),
  };
}

/** All settings in the schema's order. */
export const SETTINGS: readonly ListedSetting[] = (() => {
  const found: ListedSetting[] = [];
  walk(CONFIG_SCHEMA, "", found);
  return found;
})();

/** Settings that a variable or an option can set: those outside of lists. */
export const SCALAR_SETTINGS: readonly ListedSetting[] = SETTINGS.filter((setting) => !setting.path.includes("[]"));

/** Keys of the group at `path` (`""` for the top), for suggestions. */
export function keysOfGroup(path: string): string[] {
  const prefix = path === "" ? "" : `${path}.`;
  const keys = SETTINGS.filter((setting) => setting.path.startsWith(prefix)).map(
    (setting) => setting.path.slice(prefix.length).split(/[.[]/)[0] as string,
  );
  return [...new Set(keys)];
}
