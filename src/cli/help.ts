/** The help texts, made from the commands' own descriptions. The documents are made from the same words. */
import { COMMON_OPTIONS } from "./arguments.ts";
import type { Command, OptionSpec } from "./command.ts";

export const PROGRAM = "algo-trading-bot";

const WIDTH = 100;

/** `algo-trading-bot key revoke ID [options]` */
export function usageLine(command: Command): string {
  const positionals = command.positionals.map(({ name }) => ` ${name}`).join("");
  return `${PROGRAM} ${command.name}${positionals} [options]`;
}

/** `--replay FILE` */
export function optionText({ name, value, repeatable }: OptionSpec): string {
  return `--${name}${value === null ? "" : ` ${value}`}${repeatable === true ? " …" : ""}`;
}

export function commandHelp(command: Command): string {
  const { summary, details, positionals, options, examples } = command;
  const rows = [...options, ...COMMON_OPTIONS].map((option): [string, string] => [optionText(option), option.about]);
  const blocks = [
    `Usage: ${usageLine(command)}`,
    [summary, ...details].flatMap((sentence) => wrap(sentence, WIDTH)).join("\n"),
    ...(positionals.length === 0 ? [] : [table(positionals.map(({ name, about }): [string, string] => [name, about]))]),
    `Options:\n${table(rows)}`,
    ...(examples.length === 0 ? [] : [`Examples:\n${examples.map((example) => `  ${example}`).join("\n")}`]),
  ];
  return blocks.join("\n\n");
}

export function overviewHelp(commands: readonly Command[]): string {
  return [
    `Usage: ${PROGRAM} COMMAND [options]`,
    `Commands:\n${table(commands.map(({ name, summary }): [string, string] => [name, summary]))}`,
    `${PROGRAM} COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong use or configuration.`,
  ].join("\n\n");
}

/** Two columns, the second one wrapped. */
function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 4;
  return rows
    .flatMap(([left, right]) =>
      wrap(right, WIDTH - width).map((line, index) => `${(index === 0 ? `  ${left}` : "").padEnd(width)}${line}`),
    )
    .join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
