import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Command, type CommandArguments, type CommandIo, EXIT_DONE } from "../../src/cli/command.ts";
import { runCommandLine } from "../../src/cli/dispatch.ts";
import { COMMANDS } from "../../src/cli/registry.ts";
import { CodedError } from "../../src/core/errors.ts";

interface Outcome {
  readonly code: number;
  readonly printed: string;
  readonly told: string;
  readonly given: CommandArguments | null;
}

const SETTINGS_OF_COMMAND = {
  name: "desk close",
  summary: "Close a desk.",
  details: [],
  positionals: [{ name: "ID", about: "the desk" }],
  options: [
    { name: "config", value: "FILE", about: "File." },
    { name: "replay", value: "FILE", repeatable: true, about: "Files." },
    { name: "count", value: "N", about: "Number." },
    { name: "record", value: null, about: "Flag." },
  ],
  examples: [],
} as const;

async function run(
  argv: readonly string[],
  work: (given: CommandArguments) => number = () => EXIT_DONE,
): Promise<Outcome> {
  let given: CommandArguments | null = null;
  const printed: string[] = [];
  const told: string[] = [];
  const command: Command = {
    ...SETTINGS_OF_COMMAND,
    async run(commandArguments) {
      given = commandArguments;
      return work(commandArguments);
    },
  };
  const io: CommandIo = {
    env: {},
    print: (text) => printed.push(text),
    tell: (text) => told.push(text),
    progress: () => undefined,
    isTerminal: false,
    signal: new AbortController().signal,
  };
  const code = await runCommandLine(argv, [command, ...COMMANDS], io);
  return { code, printed: printed.join("\n"), told: told.join("\n"), given };
}

describe("the command line", () => {
  it("hands a command its options and positionals", async () => {
    const argv = ["desk", "close", "k1", "--replay", "a", "--replay=b", "--record", "--count", "7"];
    const { code, given } = await run(argv);
    assert.equal(code, 0);
    assert.deepEqual(given?.positionals, ["k1"]);
    assert.deepEqual(given?.texts("replay"), ["a", "b"]);
    assert.equal(given?.has("record"), true);
    assert.equal(given?.text("config"), null);
    assert.equal(given?.integer("count", 1, 10, 1), 7);
  });

  it("answers wrong use with 2 and the nearest name", async () => {
    const cases: [readonly string[], RegExp][] = [
      [["strat"], /unknown command "strat"; did you mean start\?/],
      [["withdraw"], /algo-trading-bot help lists them/],
      [["desk"], /desk needs one of close/],
      [["start", "--sped", "2"], /unknown option --sped; did you mean --speed\?/],
      [["start", "-x"], /unknown option -x/],
      [["start", "now"], /start does not take "now"/],
      [["start", "--speed"], /--speed needs a value: --speed N/],
      [["start", "--speed", "--record"], /--speed needs a value/],
      [["start", "--speed", "1", "--speed", "2"], /--speed may be given once/],
      [["start", "--record=yes"], /--record takes no value/],
      [["desk", "close"], /ID is missing: the desk/],
      [["help", "strat"], /did you mean start\?/],
    ];
    for (const [argv, message] of cases) {
      const { code, told, printed } = await run(argv);
      assert.equal(code, 2, argv.join(" "));
      assert.match(told, message);
      assert.equal(printed, "");
    }
  });

  it("refuses numbers out of range", async () => {
    for (const count of ["0", "11", "1.5", "x"]) {
      const outcome = await run(["desk", "close", "k", "--count", count], (given) => given.integer("count", 1, 10, 1));
      assert.equal(outcome.code, 2);
      assert.match(outcome.told, /--count must be a whole number from 1 to 10/);
    }
  });

  it("answers a wrong configuration with 2 and an expected failure with 1, both with their code in JSON", async () => {
    const fail = (code: string) => () => {
      throw new CodedError(code, "it failed", { field: "thing" });
    };
    assert.deepEqual((await run(["desk", "close", "k"], fail("CONFIG_INVALID"))).code, 2);
    const plain = await run(["desk", "close", "k"], fail("DATA_FILE"));
    assert.deepEqual([plain.code, plain.told], [1, "it failed (DATA_FILE)"]);
    const json = await run(["desk", "close", "k", "--json"], fail("DATA_FILE"));
    assert.deepEqual(JSON.parse(json.told), { error: { code: "DATA_FILE", message: "it failed", field: "thing" } });
  });

  it("answers a bug with 1 and the stack", async () => {
    const outcome = await run(["desk", "close", "k"], () => {
      throw new TypeError("a bug");
    });
    assert.equal(outcome.code, 1);
    assert.match(outcome.told, /TypeError: a bug\n\s+at /);
  });

  it("explains itself and every command", async () => {
    for (const argv of [[], ["help"], ["--help"], ["-h"]]) {
      const { code, printed } = await run(argv);
      assert.equal(code, 0);
      for (const { name, summary } of COMMANDS) assert.ok(printed.includes(`  ${name} `) && summary.length > 0, name);
    }
    for (const { name, options, positionals } of COMMANDS) {
      const words = name.split(" ");
      const help = await run([...words, "--help"]);
      assert.deepEqual([help.code, help.printed], [0, (await run(["help", ...words])).printed]);
      for (const option of options) assert.ok(help.printed.includes(`--${option.name}`), `${name} --${option.name}`);
      for (const positional of positionals) assert.ok(help.printed.includes(positional.name));
    }
  });

  it("names settings that exist", async () => {
    const { SCALAR_SETTINGS } = await import("../../src/config/setting-list.ts");
    const paths = SCALAR_SETTINGS.map(({ path }) => path);
    const named = COMMANDS.flatMap(({ options }) => options).flatMap(({ setting }) => setting ?? []);
    for (const setting of named) assert.ok(paths.includes(setting), setting);
  });
});
