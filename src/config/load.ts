/** Loads the configuration: layers, schema, rules, resolution. Opens no port and writes nothing; main thread, at start. */
import type { Config } from "./config.ts";
import { ConfigError, type ConfigProblem, HIDDEN } from "./config-error.ts";
import { type LayerInput, readLayers, valueAt } from "./layers.ts";
import { resolveConfig } from "./resolve.ts";
import { breachedRules } from "./rules.ts";
import { CONFIG_SCHEMA, type ParsedConfig } from "./schema.ts";
import { schemaProblems } from "./schema-problems.ts";
import { SETTINGS } from "./setting-list.ts";

export type { LayerInput } from "./layers.ts";

export interface LoadedConfig {
  readonly config: Config;
  /** As the schema gave it: the merged values by key, for `show-config`. Holds secrets. */
  readonly parsed: ParsedConfig;
  /** Where each value came from, by setting path; a path that is not in it has its default. */
  readonly sources: ReadonlyMap<string, string>;
}

const DEFAULT_SOURCE = "default";

/** Throws `ConfigError` (code `CONFIG_INVALID`) with every problem at once. */
export function loadConfig(input: LayerInput): LoadedConfig {
  const layered = readLayers(input);
  const result = CONFIG_SCHEMA.safeParse(layered.tree);
  const problems = [...layered.problems, ...(result.success ? [] : schemaProblems(result.error.issues, layered))];
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  const broken = breachedRules(result.data).map((breach): ConfigProblem => {
    const setting = SETTINGS.find(({ path }) => path === breach.key);
    const value = valueAt(layered.tree, breach.key.split("."));
    const shown = typeof value === "string" || typeof value === "number" ? String(value) : null;
    const source = layered.sources.get(breach.key) ?? DEFAULT_SOURCE;
    return { ...breach, value: shown !== null && setting?.secret === true ? HIDDEN : shown, source };
  });
  if (broken.length > 0) throw new ConfigError(broken);
  const source = layered.sources.get("strategies") ?? DEFAULT_SOURCE;
  return { config: resolveConfig(result.data, source), parsed: result.data, sources: layered.sources };
}
