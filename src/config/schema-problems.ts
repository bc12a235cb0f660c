/** Turns what the schema found into problems that name key, value, what is allowed, and the nearest known name. */
import type { z } from "zod";
import { type ConfigProblem, HIDDEN } from "./config-error.ts";
import { type Layered, valueAt } from "./layers.ts";
import { nearestName } from "./nearest-name.ts";
import { keysOfGroup, type ListedSetting, SETTINGS } from "./setting-list.ts";

const BY_PATH: ReadonlyMap<string, ListedSetting> = new Map(SETTINGS.map((setting) => [setting.path, setting]));

export function schemaProblems(issues: readonly z.core.$ZodIssue[], layered: Layered): ConfigProblem[] {
  return issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => unknownKey(issue.path, key, layered))
      : [wrongValue(issue.path, layered)],
  );
}

function unknownKey(group: readonly PropertyKey[], key: string, layered: Layered): ConfigProblem {
  const known = keysOfGroup(settingPath(group));
  const variable = SETTINGS.find((setting) => setting.env === key);
  const meant = variable?.path ?? nearestName(key, known);
  const message =
    meant === null
      ? `there is no such key; known are ${known.join(", ")}`
      : `there is no such key; did you mean ${meant}?`;
  return { key: shownPath([...group, key]), value: null, message, source: sourceOf([...group, key], layered) };
}

function wrongValue(path: readonly PropertyKey[], layered: Layered): ConfigProblem {
  const setting = settingAt(path);
  const value = valueAt(layered.tree, path);
  const key = shownPath(path);
  const source = sourceOf(path, layered);
  if (setting === undefined) {
    return {
      key,
      value: shownValue(value),
      message: `must be a group of keys: ${keysOfGroup(settingPath(path)).join(", ")}`,
      source,
    };
  }
  if (value === undefined) return { key, value: null, message: `is missing; allowed is ${setting.allowed}`, source };
  return { key, value: setting.secret ? HIDDEN : shownValue(value), message: `allowed is ${setting.allowed}`, source };
}

/** The setting of a path, or of the list or record that the path leads into. */
function settingAt(path: readonly PropertyKey[]): ListedSetting | undefined {
  for (let length = path.length; length > 0; length--) {
    const setting = BY_PATH.get(settingPath(path.slice(0, length)));
    if (setting !== undefined) return setting;
  }
  return undefined;
}

function settingPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((shown, key) => (typeof key === "number" ? `${shown}[]` : join(shown, String(key))), "");
}

function shownPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (shown, key) => (typeof key === "number" ? `${shown}[${key}]` : join(shown, String(key))),
    "",
  );
}

function join(group: string, key: string): string {
  return group === "" ? key : `${group}.${key}`;
}

function sourceOf(path: readonly PropertyKey[], layered: Layered): string {
  for (let length = path.length; length > 0; length--) {
    const source = layered.sources.get(settingPath(path.slice(0, length)).replaceAll("[]", ""));
    if (source !== undefined) return source;
  }
  return "configuration file";
}

function shownValue(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
