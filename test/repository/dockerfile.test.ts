import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { type Instruction, readInstructions, readStages, type Stage } from "../support/dockerfile.ts";

const ROOT = join(import.meta.dirname, "..", "..");

const instructions = readInstructions(join(ROOT, "Dockerfile"));
const stages = readStages(instructions);
const runtime = stages.at(-1) as Stage;

function only(name: string): string {
  const found = runtime.instructions.filter((instruction) => instruction.name === name);
  assert.equal(found.length, 1, `one ${name} in the last stage`);
  return (found[0] as Instruction).text;
}

/** Sources of every COPY from the build context. */
function copied(): string[] {
  return stages
    .flatMap((stage) => stage.instructions)
    .filter(({ name, text }) => name === "COPY" && !text.startsWith("--from="))
    .flatMap(({ text }) => text.split(" ").slice(0, -1));
}

describe("the image", () => {
  it("takes its Node image as a build argument in every stage", () => {
    assert.match(instructions[0]?.text ?? "", /^NODE_IMAGE=docker\.io\/library\/node:24-bookworm-slim$/);
    assert.deepEqual(new Set(stages.map(({ base }) => base)), new Set(["${NODE_IMAGE}"]));
  });

  it("copies only files that exist and that the builder is given", () => {
    const given = readFileSync(join(ROOT, ".dockerignore"), "utf8")
      .split("\n")
      .filter((line) => line.startsWith("!"))
      .map((line) => line.slice(1));
    for (const file of copied()) {
      assert.ok(existsSync(join(ROOT, file)), file);
      assert.ok(
        given.some((path) => file === path || file.startsWith(`${path}/`)),
        `${file} is not in .dockerignore's list`,
      );
    }
  });

  it("copies only from stages that come before", () => {
    for (const [position, stage] of stages.entries()) {
      for (const { name, text } of stage.instructions) {
        const from = name === "COPY" ? /^--from=(\S+)/.exec(text)?.[1] : undefined;
        if (from !== undefined)
          assert.ok(
            stages.slice(0, position).some((earlier) => earlier.name === from),
            from,
          );
      }
    }
  });

  it("installs only what production needs, without running anybody's scripts", () => {
    const installs = stages.flatMap((stage) =>
      stage.instructions.filter(({ text }) => text.startsWith("npm ")).map(({ text }) => ({ stage: stage.name, text })),
    );
    assert.deepEqual(installs, [
      { stage: "build", text: "npm ci --ignore-scripts" },
      { stage: "dependencies", text: "npm ci --omit=dev --omit=optional --ignore-scripts" },
    ]);
  });

  it("ships compiled code only, without npm", () => {
    const shipped = runtime.instructions.filter(({ name }) => name === "COPY").map(({ text }) => text);
    for (const text of shipped) assert.doesNotMatch(text, /\bsrc\b|typescript|scripts/);
    assert.ok(
      runtime.instructions.some(
        ({ name, text }) => name === "RUN" && /rm -rf .* \/usr\/local\/lib\/node_modules /.test(text),
      ),
    );
  });

  it("runs as user 1000 and writes only under /data and /tmp", () => {
    assert.equal(only("USER"), "1000");
    assert.equal(only("VOLUME"), '["/data"]');
    assert.match(only("ENV"), /DATA_DIR=\/data/);
    const user = runtime.instructions.findIndex(({ name }) => name === "USER");
    const later = runtime.instructions.slice(user).map(({ name }) => name);
    assert.ok(!later.includes("RUN") && !later.includes("COPY"), "nothing is written after the user changes");
  });

  it("starts the compiled program directly, so that it gets the signals", () => {
    assert.deepEqual(JSON.parse(only("ENTRYPOINT")), ["node", "dist/main.js"]);
    assert.deepEqual(JSON.parse(only("CMD")), ["start"]);
    assert.match(only("HEALTHCHECK"), /CMD \["node", "bin\/healthcheck\.mjs"\]$/);
  });
});
