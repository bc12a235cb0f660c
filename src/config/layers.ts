/**
 * The layers of the configuration put over one another: file < environment < secret files < command-line options. What
 * comes out is still unchecked; every value remembers where it came from. Reads files, changes nothing.
 */
import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { ConfigError, type ConfigProblem, HIDDEN } from "./config-error.ts";
import { type ListedSetting, SCALAR_SETTINGS } from "./setting-list.ts";

export type Tree = Record<string, unknown>;

export interface LayerInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** YAML file; null for none. */
  readonly file: string | null;
  /** Options of the command line by setting path, as typed. */
  readonly options: ReadonlyMap<string, { readonly option: string; readonly text: string | readonly string[] }>;
}

export interface Layered {
  readonly tree: Tree;
  /** Source by setting path; a path that is not in it has its default. */
  readonly sources: ReadonlyMap<string, string>;
  readonly problems: readonly ConfigProblem[];
}

export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws `ConfigError` only where the file cannot be read as YAML; everything else is collected. */
export function readLayers(input: LayerInput): Layered {
  const tree = input.file === null ? {} : readConfigFile(input.file);
  const sources = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  for (const setting of SCALAR_SETTINGS) {
    if (input.file !== null && valueAt(tree, setting.path.split(".")) !== undefined) {
      sources.set(setting.path, `file ${input.file}`);
    }
    const given = fromEnvironment(setting, input.env, problems);
    if (given !== null) put(tree, sources, setting, setting.fromText(given.text), given.source);
    const option = input.options.get(setting.path);
    if (option !== undefined) {
      const value = typeof option.text === "string" ? setting.fromText(option.text) : [...option.text];
      put(tree, sources, setting, value, `option ${option.option}`);
    }
  }
  for (const key of ["instruments", "strategies"]) if (Object.hasOwn(tree, key)) sources.set(key, `file ${input.file}`);
  return { tree, sources, problems };
}

/** The value behind a path of keys and indexes; undefined where it leads nowhere. */
export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let value = tree;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function put(tree: Tree, sources: Map<string, string>, setting: ListedSetting, value: unknown, source: string): void {
  const keys = setting.path.split(".");
  const last = keys.pop() as string;
  let group = tree;
  for (const key of keys) {
    if (!Object.hasOwn(group, key)) group[key] = {};
    const next = group[key];
    // A file that has something else in the group's place is told so by the schema.
    if (!isTree(next)) return;
    group = next;
  }
  group[last] = value;
  sources.set(setting.path, source);
}

/** An empty variable counts as unset: manifests and shells often set one so. */
function fromEnvironment(
  setting: ListedSetting,
  env: LayerInput["env"],
  problems: ConfigProblem[],
): { text: string; source: string } | null {
  if (setting.env === null) return null;
  const direct = env[setting.env] ?? "";
  const fileName = `${setting.env}_FILE`;
  const file = setting.mounted ? (env[fileName] ?? "") : "";
  if (file === "") return direct === "" ? null : { text: direct, source: `environment ${setting.env}` };
  const source = `environment ${fileName}`;
  if (direct !== "") {
    problems.push({
      key: setting.path,
      value: setting.secret ? HIDDEN : direct,
      message: `set ${setting.env} or ${fileName}, not both`,
      source,
    });
    return null;
  }
  try {
    const text = readFileSync(file, "utf8").replace(/[\r\n]+$/, "");
    if (text !== "") return { text, source };
    problems.push({ key: setting.path, value: file, message: "the file is empty; it must hold the value", source });
  } catch (error) {
    problems.push({ key: setting.path, value: file, message: `the file cannot be read: ${messageOf(error)}`, source });
  }
  return null;
}

function readConfigFile(file: string): Tree {
  const wrong = (message: string) =>
    new ConfigError([{ key: "file", value: file, message, source: "configuration file" }]);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw wrong(`cannot be read: ${messageOf(error)}`);
  }
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault !== undefined) throw wrong(`is not sound YAML: ${fault.message.split("\n")[0]}`);
  const value: unknown = withoutNulls(document.toJS());
  if (value === undefined) return {};
  if (!isTree(value)) throw wrong("must hold keys with values");
  return value;
}

/** A key without a value is as good as absent. */
function withoutNulls(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isTree(value)) return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutNulls(member)]));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
