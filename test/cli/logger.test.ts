import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CommandIo } from "../../src/cli/command.ts";
import { createLogger } from "../../src/cli/logger.ts";

const CANARY = "canary-c0de";

function lines(
  isTerminal: boolean,
  level: "debug" | "warn" = "debug",
): { told: string[]; log: ReturnType<typeof createLogger> } {
  const told: string[] = [];
  const io: CommandIo = {
    env: {},
    print: () => undefined,
    tell: (text) => told.push(text),
    progress: () => undefined,
    isTerminal,
    signal: new AbortController().signal,
  };
  return { told, log: createLogger({ logLevel: level, environment: "staging" }, io) };
}

describe("the log", () => {
  it("is JSON lines for machines", () => {
    const { told, log } = lines(false);
    log.info({ orders: 3 }, "reconciled");
    const line = JSON.parse(told[0] as string) as Record<string, unknown>;
    assert.deepEqual(
      [line["level"], line["msg"], line["orders"], line["environment"]],
      ["info", "reconciled", 3, "staging"],
    );
    assert.match(String(line["time"]), /^\d{4}-\d\d-\d\dT/);
  });

  it("is short lines on a terminal", () => {
    const { told, log } = lines(true);
    log.warn({ cause: "gone", count: 2 }, "lost");
    assert.match(told[0] as string, /^\d\d:\d\d:\d\d\.\d{3} WARN {2}lost cause=gone count=2$/);
  });

  it("says nothing below its level", () => {
    const { told, log } = lines(false, "warn");
    log.info("quiet");
    assert.deepEqual(told, []);
  });

  it("never carries a secret in a field that is named like one", () => {
    for (const isTerminal of [false, true]) {
      const { told, log } = lines(isTerminal);
      log.info(
        {
          secret: CANARY,
          alpaca: { secretKey: CANARY, keyId: CANARY },
          request: { headers: { authorization: CANARY } },
        },
        "x",
      );
      assert.doesNotMatch(told.join(), new RegExp(CANARY));
    }
  });
});
