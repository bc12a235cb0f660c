/** The merged configuration for people: secrets hidden, amounts as decimals, each value with its source. */
import { stringify } from "yaml";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { HIDDEN } from "./config-error.ts";
import type { LoadedConfig } from "./load.ts";
import { valueAt } from "./layers.ts";
import { SCALAR_SETTINGS } from "./setting-list.ts";

export interface ShownSetting {
  readonly key: string;
  readonly value: unknown;
  /** `default`, `file …`, `environment …` or `option …`. */
  readonly source: string;
}

/** Paths of all settings that are never shown. */
export const SECRET_FIELDS: readonly string[] = SCALAR_SETTINGS.filter(({ secret }) => secret).map(({ path }) => path);

/** Every setting outside of lists, then the instruments and strategies that apply, demonstrations included. */
export function shownSettings({ config, parsed, sources }: LoadedConfig): ShownSetting[] {
  const scalars = SCALAR_SETTINGS.map(({ path, secret }) => {
    const value = valueAt(parsed, path.split("."));
    const shown = secret && value !== null ? HIDDEN : plain(value);
    return { key: path, value: shown, source: sources.get(path) ?? "default" };
  });
  const lists = [
    {
      key: "instruments",
      value: plain(config.instruments.map(shownInstrument)),
      source: sources.get("instruments") ?? "default",
    },
    { key: "strategies", value: plain(config.strategies), source: sources.get("strategies") ?? "default" },
  ];
  return [...scalars, ...lists];
}

/** As a YAML file that could be used as configuration, each value with its source as a comment where it is no default. */
export function shownYaml(settings: readonly ShownSetting[]): string {
  const lines: string[] = [];
  let group = "";
  for (const { key, value, source } of settings) {
    const dot = key.indexOf(".");
    const own = dot === -1 ? "" : key.slice(0, dot);
    if (own !== group && own !== "") lines.push(`${own}:`);
    group = own;
    const indent = own === "" ? "" : "  ";
    const [head = "", ...rest] = stringify({ [key.slice(dot + 1)]: value }, { lineWidth: 0 })
      .trimEnd()
      .split("\n");
    lines.push(`${indent}${head}${source === "default" ? "" : `  # ${source}`}`, ...rest.map((line) => indent + line));
  }
  return lines.join("\n");
}

/** The keys that a configuration file may set. */
function shownInstrument(instrument: Instrument): Record<string, unknown> {
  const { symbol, assetClass, calendar, priceIncrement, quantityIncrement, minQuantity, minNotional, shortable } =
    instrument;
  return { symbol, assetClass, calendar, priceIncrement, quantityIncrement, minQuantity, minNotional, shortable };
}

/** Amounts are the only bigints of a configuration. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return formatFixed(value as Fixed);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}
