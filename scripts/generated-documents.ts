/** The texts of the generated documents, by file name. Pure: the test compares them with what is committed. */
import { stringify } from "yaml";
import { z } from "zod";
import { COMMON_OPTIONS } from "../src/cli/arguments.ts";
import type { Command } from "../src/cli/command.ts";
import { optionText, PROGRAM, usageLine } from "../src/cli/help.ts";
import { COMMANDS } from "../src/cli/registry.ts";
import { CONFIG_SCHEMA } from "../src/config/schema.ts";
import { STRATEGIES } from "../src/core/strategy/registry.ts";
import { type ListedSetting, SETTINGS } from "../src/config/setting-list.ts";

const NOTE = "<!-- Made by `npm run docs` from the code: change it there. -->";

export function generatedDocuments(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/configuration.md", configurationDocument()],
    ["docs/config.schema.json", `${JSON.stringify(jsonSchema(), null, 2)}\n`],
    ["docs/cli.md", commandLineDocument()],
  ]);
}

/** What an editor needs to check a configuration file while it is written. */
function jsonSchema(): unknown {
  const schema = z.toJSONSchema(CONFIG_SCHEMA, { io: "input" });
  return { ...schema, title: `Configuration of ${PROGRAM}` };
}

function configurationDocument(): string {
  const groups = new Map<string, ListedSetting[]>();
  for (const setting of SETTINGS) {
    const group = setting.path.includes(".") ? (setting.path.split(".")[0] as string) : "";
    groups.set(group, [...(groups.get(group) ?? []), setting]);
  }
  const tables = [...groups].map(([group, settings]) => {
    const title = group === "" ? "Top level" : `\`${group}\``;
    return `## ${title}\n\n${settingTable(settings)}`;
  });
  return [NOTE, CONFIGURATION_HEAD, ...tables, strategySection(), CONFIGURATION_EXAMPLE].join("\n\n");
}

const CONFIGURATION_HEAD = `# Configuration

Every key has a default that is safe; a file and the environment change them. A later layer wins over an earlier one:

1. defaults,
2. the YAML file that \`--config FILE\` or \`CONFIG_FILE\` names,
3. environment variables (an empty one counts as unset; lists are separated by commas),
4. for secrets and the database's user: the file that \`NAME_FILE\` names, such as \`ALPACA_SECRET_KEY_FILE=/run/secrets/alpaca\`. Setting both \`NAME\`
   and \`NAME_FILE\` is an error,
5. options of the command line (see [cli.md](cli.md)).

\`${PROGRAM} show-config\` prints the result and where each value came from, with secrets hidden. A wrong configuration ends
with exit code 2 before any port opens, and names every bad key, its value, what is allowed, and the source. Unknown keys in
the file are refused with the nearest known name.

Editors check the file against [config.schema.json](config.schema.json) when its first line is
\`# yaml-language-server: $schema=docs/config.schema.json\`.

Amounts are exact decimals; write those with more than 15 digits in quotes.`;

const CONFIGURATION_EXAMPLE = `## Example

\`\`\`yaml
${stringify({
  tradingMode: "simulated",
  instruments: [{ symbol: "DEMO", calendar: "always" }],
  strategies: [
    {
      id: "trend-demo",
      strategy: "ema-cross",
      instruments: ["DEMO"],
      capital: "10000",
      parameters: { fast: 12, slow: 26, barSeconds: 60 },
      execution: { type: "limit", offsetTicks: 1, cancelAfterSeconds: 10 },
    },
  ],
  risk: { maxOrderNotional: "5000", collarBps: 100 },
}).trimEnd()}
\`\`\`

It is a demonstration, not advice.
`;

/** The built-in strategies with their parameters, as their own definitions tell. */
function strategySection(): string {
  const head =
    "## Strategies\n\nWhat `strategies[].strategy` may name, and its `parameters`. All are demonstrations, not advice.";
  const sections = [...STRATEGIES.values()].map(({ name, description, parameters, minInstruments, maxInstruments }) => {
    const count = minInstruments === maxInstruments ? `${minInstruments}` : `${minInstruments} to ${maxInstruments}`;
    const rows = Object.entries(parameters).map(([parameter, spec]) => {
      const allowed = spec.kind === "boolean" ? "true or false" : `${spec.kind} from ${spec.min} to ${spec.max}`;
      return `| \`${parameter}\` | \`${spec.default}\` | ${allowed} | ${cell(spec.description)} |`;
    });
    const table = ["| parameter | default | allowed | meaning |", "|---|---|---|---|", ...rows].join("\n");
    return `### ${name}\n\n${description} Instruments: ${count}.\n\n${table}`;
  });
  return [head, ...sections].join("\n\n");
}

function settingTable(settings: readonly ListedSetting[]): string {
  const rows = settings.map(({ path, env, defaultValue, allowed, about, secret, mounted }) => {
    const variable = env === null ? "" : `\`${env}\`${mounted ? ` or \`${env}_FILE\`` : ""}`;
    return `| \`${path}\` | ${variable} | ${defaultText(defaultValue, secret)} | ${cell(allowed)} | ${cell(about)} |`;
  });
  return ["| key | environment | default | allowed | meaning |", "|---|---|---|---|---|", ...rows].join("\n");
}

function defaultText(value: unknown, secret: boolean): string {
  if (value === undefined) return "must be given";
  if (value === null) return "none";
  if (secret) return "hidden";
  return typeof value === "string" ? `\`${value}\`` : `\`${JSON.stringify(value)}\``;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function commandLineDocument(): string {
  const head = `# Command line

The installed command is \`${PROGRAM} COMMAND\`; in a clone \`npm start\` is \`${PROGRAM} start\`, and
\`node bin/${PROGRAM}.mjs COMMAND\` runs any of them. Options for npm scripts follow two dashes: \`npm start -- --speed 10\`.

Exit codes: 0 done, 1 failed, 2 wrong use or configuration. Results go to standard output, everything else to standard error.`;
  const overview = COMMANDS.map(
    ({ name, summary }) => `| [\`${name}\`](#${name.replaceAll(" ", "-")}) | ${cell(summary)} |`,
  );
  const table = ["| command | what it does |", "|---|---|", ...overview].join("\n");
  return `${[NOTE, head, table, ...COMMANDS.map(commandSection)].join("\n\n")}\n`;
}

function commandSection(command: Command): string {
  const { name, summary, details, positionals, options, examples } = command;
  const rows = [
    ...positionals.map((positional) => [positional.name, positional.about]),
    ...[...options, ...COMMON_OPTIONS].map((option) => [optionText(option), option.about]),
  ].map(([left = "", right = ""]) => `| \`${left}\` | ${cell(right)} |`);
  const blocks = [
    `## ${name}`,
    [summary, ...details].join(" "),
    `    ${usageLine(command)}`,
    ["| option | meaning |", "|---|---|", ...rows].join("\n"),
  ];
  if (examples.length > 0) blocks.push(["```", ...examples, "```"].join("\n"));
  return blocks.join("\n\n");
}
