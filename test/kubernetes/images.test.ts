/** Facts of the three images that need no build: their Dockerfiles and the commands that lie in them. */
import assert from "node:assert/strict";
import { accessSync, constants, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Instruction, readInstructions, readStages } from "../support/dockerfile.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const COMMANDS = ["bot/psql", "bot/redis-cli", "postgres/primary-client"].map((name) => `deploy/images/${name}`);

interface Image {
  readonly title: string;
  readonly file: string;
  /** The base that users pull, and its user id there. */
  readonly base: string;
  readonly user: string;
}

const IMAGES: readonly Image[] = [
  {
    title: "algo-trading-bot",
    file: "Dockerfile",
    base: "NODE_IMAGE=docker.io/library/node:24-bookworm-slim",
    user: "1000",
  },
  {
    title: "algo-trading-postgres",
    file: "deploy/images/postgres/Dockerfile",
    base: "POSTGRES_IMAGE=docker.io/library/postgres:17-bookworm",
    user: "999",
  },
  {
    title: "redis",
    file: "deploy/images/redis/Dockerfile",
    base: "DEBIAN_IMAGE=docker.io/library/debian:bookworm-slim",
    user: "999",
  },
];

function textsOf(instructions: readonly Instruction[], name: string): string[] {
  return instructions.filter((instruction) => instruction.name === name).map(({ text }) => text);
}

for (const { title, file, base, user } of IMAGES) {
  describe(`the image ${title}`, () => {
    const text = readFileSync(join(ROOT, file), "utf8");
    const instructions = readInstructions(join(ROOT, file));
    const last = readStages(instructions).at(-1)?.instructions ?? [];

    it("takes its base as a build argument", () => {
      assert.equal(instructions[0]?.text, base);
      const variable = base.split("=")[0];
      assert.deepEqual(new Set(readStages(instructions).map((stage) => stage.base)), new Set([`\${${variable}}`]));
    });

    it(`runs as user ${user}`, () => assert.deepEqual(textsOf(last, "USER"), [user]));

    it("starts its program without a shell in between", () => {
      for (const start of [...textsOf(last, "ENTRYPOINT"), ...textsOf(last, "CMD")]) {
        const words = JSON.parse(start) as string[];
        assert.ok(!words[0]?.endsWith("sh"), start);
      }
    });

    it("uses nothing that only BuildKit understands", () => {
      assert.doesNotMatch(text, /^# *syntax *=/m);
      assert.doesNotMatch(text, /<</);
      for (const { name, text: rest } of instructions) {
        const options = rest.split(" ").filter((word) => word.startsWith("--"));
        if (name === "RUN") assert.doesNotMatch(rest, /^--/);
        if (name === "COPY" || name === "ADD")
          for (const option of options) assert.match(option, /^--(from|chown)=/, `${name} ${rest}`);
      }
    });

    it("leaves no package lists and no packages behind", () => {
      const installs = textsOf(last, "RUN").filter((command) => command.includes("apt-get install"));
      assert.equal(installs.length, 1);
      for (const install of installs) {
        assert.match(install, /apt-get install --yes --no-install-recommends/);
        assert.match(install, /&& apt-get clean && rm -rf \/var\/lib\/apt\/lists\/\*/);
      }
    });

    it("says what it is", () => assert.match(textsOf(last, "LABEL")[0] ?? "", new RegExp(`image.title="${title}"`)));
  });
}

describe("the commands in the images", () => {
  for (const file of COMMANDS) {
    it(`${file} can be run and is plain POSIX shell that stops at errors`, () => {
      accessSync(join(ROOT, file), constants.X_OK);
      const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
      assert.equal(lines[0], "#!/bin/sh");
      assert.ok(lines.includes("set -eu"));
      assert.match(lines.at(-2) ?? "", /^exec /, "the real program takes its place and gets its signals");
    });
  }
});
