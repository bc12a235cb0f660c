import assert from "node:assert/strict";
import { it } from "node:test";
import { parseFixed } from "../../../src/core/fixed.ts";
import { equity } from "../../../src/core/market/instrument.ts";
import { DEFAULT_LIMITS } from "../../../src/core/risk/limits.ts";
import { fingerprintOf, type InstanceSpec, validateInstance } from "../../../src/core/strategy/instance-spec.ts";

const INSTRUMENTS = [equity(0, "AAA"), equity(1, "BBB")];
const GOOD: InstanceSpec = {
  index: 0,
  id: "trend.AAA-1",
  strategy: "ema-cross",
  parameters: { fast: 5, slow: 20 },
  instruments: [1],
  capital: parseFixed("5000", "capital"),
  execution: { type: "limit", offsetTicks: 1, cancelAfterSeconds: 30 },
};

const check = (partial: Partial<InstanceSpec>) =>
  validateInstance({ ...GOOD, ...partial }, INSTRUMENTS, DEFAULT_LIMITS);

it("gives definition, parameters with defaults, and limits with departures", () => {
  const valid = check({ limits: { collarBps: 50 } });
  assert.equal(valid.definition.name, "ema-cross");
  assert.deepEqual(valid.parameters.entries(), [
    ["fast", 5],
    ["slow", 20],
    ["barSeconds", 60],
    ["allowShort", false],
  ]);
  assert.deepEqual(valid.limits, { ...DEFAULT_LIMITS, collarBps: 50 });
});

it("names the field that is not valid", () => {
  const bad: readonly (readonly [Partial<InstanceSpec>, string, string])[] = [
    [{ id: "" }, "INSTANCE_INVALID", "id"],
    [{ id: "a b" }, "INSTANCE_INVALID", "id"],
    [{ id: "x".repeat(41) }, "INSTANCE_INVALID", "id"],
    [{ strategy: "no-such" }, "STRATEGY_UNKNOWN", "strategy"],
    [{ parameters: { fast: 30, slow: 20 } }, "STRATEGY_PARAMETER", "fast"],
    [{ instruments: [] }, "INSTANCE_INVALID", "instruments"],
    [{ instruments: [0, 1] }, "INSTANCE_INVALID", "instruments"],
    [{ instruments: [2] }, "INSTANCE_INVALID", "instruments"],
    [{ capital: 0n }, "INSTANCE_INVALID", "capital"],
    [{ capital: parseFixed("1000000001", "capital") }, "INSTANCE_INVALID", "capital"],
    [
      { execution: { type: "limit", offsetTicks: 0.5, cancelAfterSeconds: 5 } },
      "INSTANCE_INVALID",
      "execution.offsetTicks",
    ],
    [
      { execution: { type: "limit", offsetTicks: 0, cancelAfterSeconds: 0 } },
      "INSTANCE_INVALID",
      "execution.cancelAfterSeconds",
    ],
    [{ execution: { type: "stop" } as never }, "INSTANCE_INVALID", "execution.type"],
    [{ barSource: "tea" as never }, "INSTANCE_INVALID", "barSource"],
    [{ limits: { maxOrderQuantity: 0n } }, "RISK_LIMIT", "limits.maxOrderQuantity"],
  ];
  for (const [partial, code, field] of bad) assert.throws(() => check(partial), { code, field });
});

it("survives a structured clone", () => {
  assert.deepEqual(structuredClone(GOOD), GOOD);
});

it("has a fingerprint that changes with all that a snapshot depends on", () => {
  const fingerprint = (partial: Partial<InstanceSpec>): string => fingerprintOf(check(partial), INSTRUMENTS);
  const base = fingerprint({});
  assert.equal(fingerprint({ id: "other", capital: parseFixed("1", "capital") }), base);
  const others = [{ parameters: { fast: 6, slow: 20 } }, { instruments: [0] }, { barSource: "mid" } as const];
  for (const other of others) assert.notEqual(fingerprint(other), base);
});
