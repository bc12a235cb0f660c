import assert from "node:assert/strict";
import { test } from "node:test";
import { submitOutcome } from "../../src/broker/alpaca/answers.ts";
import { SymbolNames } from "../../src/broker/alpaca/symbols.ts";

const outcomeOf = (body: string) => {
  const answer = { kind: "answer", status: 403, body, requestId: null, retryAfterMs: null } as const;
  return submitOutcome("mine", answer as never, new SymbolNames([]));
};

test("a refusal says why in words: an order whose refusal has a number for them may be at the broker all the same", () => {
  assert.equal(outcomeOf('{"code":40310000,"message":"insufficient buying power"}').kind, "rejected");
  assert.equal(outcomeOf('{"code":40310000,"message":0}').kind, "unknown");
  assert.equal(outcomeOf('{"code":40310000,"message":["insufficient buying power"]}').kind, "unknown");
});
