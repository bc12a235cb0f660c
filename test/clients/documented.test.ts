/** The programs of the simulator's document, run as they are printed there but for the port. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { WebSocket } from "ws";
import { createSimulator } from "../../src/simulator/simulator.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DOCUMENT = readFileSync(join(ROOT, "docs", "simulator.md"), "utf8");

/** The first JavaScript block under a heading. */
function program(heading: string): string {
  const section = DOCUMENT.slice(DOCUMENT.indexOf(`### ${heading}\n`));
  return /```js\n(.*?)```/s.exec(section)?.[1] ?? assert.fail(`no program under ${heading}`);
}

async function run(code: string): Promise<string> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], { cwd: ROOT });
  let output = "";
  child.stdout.on("data", (text: Buffer) => {
    output += text.toString("utf8");
  });
  let errors = "";
  child.stderr.on("data", (text: Buffer) => {
    errors += text.toString("utf8");
  });
  const [status] = await once(child, "close");
  assert.equal(status, 0, errors);
  return output;
}

const PROGRAMS = [
  {
    heading: "@alpacahq/alpaca-trade-api, version 4",
    says: /^DEMO [\d.]+ [\d.]+\nfilled [\d.]+\n$/,
    installed: (code: string) => code,
  },
  {
    heading: "@alpacahq/alpaca-trade-api, version 3",
    says: /^filled [\d.]+ 10\n$/,
    // Both versions are installed here, so one of them has another name.
    installed: (code: string) => code.replace('"@alpacahq/alpaca-trade-api"', '"alpaca-trade-api-3"'),
  },
  { heading: "ccxt", says: /^BTC\/USD [\d.]+ [\d.]+\nopen 0\.01\n$/, installed: (code: string) => code },
];

/** Market orders need a price: resolves when DEMO has its first quote. */
async function priced(port: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v2/iex`);
  await once(socket, "open");
  const quoted = new Promise<void>((resolve) => {
    socket.on("message", (data: Buffer) => JSON.parse(data.toString("utf8"))[0].T === "q" && resolve());
  });
  socket.send(JSON.stringify({ action: "auth", key: "simulator", secret: "simulated-money-only" }));
  socket.send(JSON.stringify({ action: "subscribe", quotes: ["DEMO"] }));
  await quoted;
  socket.close();
  await once(socket, "close");
}

describe("the documented program of", () => {
  for (const { heading, says, installed } of PROGRAMS) {
    it(heading, async (t) => {
      const simulator = await createSimulator({ port: 0, seed: 1, haltRate: 0 });
      t.after(() => simulator.close());
      const port = await simulator.listen();
      await priced(port);
      assert.match(await run(installed(program(heading)).replaceAll(":4010", `:${port}`)), says);
    });
  }
});
