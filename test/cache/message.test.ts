import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decode, encode } from "@msgpack/msgpack";
import { assert as holds, array, constantFrom, property, uint8Array } from "fast-check";
import { decodeMessage, encodeMessage, type Message, MESSAGE_BYTES_MAX } from "../../src/cache/message.ts";
import { fill, order, ownerState, pnl, quote, signal } from "./samples.ts";

const HEAD = { publisher: "0011223344556677", generation: (9n << 32n) + 7n, number: 12 };
const EVENTS = [quote("BTC/USD", 64_000.5), signal(4), order("a", "accepted"), fill("f1"), pnl("12.5")];

function bytesOf(message: Message): Uint8Array {
  const bytes = encodeMessage(message);
  assert.ok(bytes !== null);
  return bytes;
}

/** A message as its array, to be changed and encoded again. */
// oxlint-disable-next-line typescript/no-explicit-any
function opened(message: Message): any {
  return decode(bytesOf(message));
}

describe("a message between replicas", () => {
  it("comes out as it went in, of every kind and channel", () => {
    for (const message of [
      { ...HEAD, kind: "events", events: EVENTS },
      { ...HEAD, kind: "state", state: ownerState(EVENTS) },
      { ...HEAD, number: 0, kind: "released" },
    ] satisfies Message[]) {
      assert.deepEqual(decodeMessage(bytesOf(message)), message);
    }
  });

  it("leaves out what a newer release has added", () => {
    const message = opened({ ...HEAD, kind: "events", events: [quote("DEMO", 1)] });
    message[5][0][2].exchange = "V";
    message[5][0].push("more");
    message.push("more");
    const found = decodeMessage(encode(message));
    assert.deepEqual(found, { ...HEAD, kind: "events", events: [quote("DEMO", 1)] });
  });

  it("is dropped when a part of it is missing, of another kind, or of another version", () => {
    const events = (): unknown[] => opened({ ...HEAD, kind: "events", events: EVENTS });
    const state = (): unknown[] => opened({ ...HEAD, kind: "state", state: ownerState(EVENTS) });
    const wrongs: [string, unknown[]][] = [];
    for (const [index, values] of [
      [0, [0, 2, "1", null]],
      [1, ["event", 1, null]],
      [2, ["", "xyz", 7, null, "00112233445566778"]],
      [3, ["", "-1", "1.5", 7, null, "9".repeat(21)]],
      [4, [-1, 1.5, "1", null, Number.NaN]],
      [5, [null, 1, "text", {}, [[]], [["news", null, {}]], [["quotes", "DEMO", null]], [["__proto__", null, {}]]]],
    ] as const) {
      for (const value of values) wrongs.push([`${index} ${JSON.stringify(value)}`, events().with(index, value)]);
    }
    for (const field of ["symbol", "bid", "ask", "time"]) {
      const message: any = events(); // oxlint-disable-line typescript/no-explicit-any
      delete message[5][0][2][field];
      wrongs.push([`a quote without ${field}`, message]);
    }
    for (const [path, value] of [
      [0, 7],
      [1, [["demo-1", "dreaming", 0, 1, 1]]],
      [1, [["demo-1", "running", -1, 1, 1]]],
      [1, [["demo-1", "running", 0, 1.5, 1]]],
      [1, ["demo-1"]],
      [2, { PRICE_COLLAR: -1 }],
      [2, []],
      [3, [["quotes", "OTHER", quote("DEMO", 1).data]]],
      [3, [["fills", "key", fill("f").data]]],
    ] as const) {
      const message: any = state(); // oxlint-disable-line typescript/no-explicit-any
      message[5][path] = value;
      wrongs.push([`state ${path} ${JSON.stringify(value)}`, message]);
    }
    wrongs.push(["too short", events().slice(0, 5)], ["almost nothing", [1]]);
    for (const [what, message] of wrongs) assert.equal(decodeMessage(encode(message)), null, what);
  });

  it("is dropped unread when it is too large, and not sent either", () => {
    assert.equal(decodeMessage(new Uint8Array(MESSAGE_BYTES_MAX + 1)), null);
    const big = Array.from({ length: 30_000 }, (_, i) => order(`id-${i}`, "accepted"));
    assert.equal(encodeMessage({ ...HEAD, kind: "events", events: big }), null);
    const long = opened({ ...HEAD, kind: "events", events: [quote("DEMO", 1)] });
    long[5][0][2].symbol = "S".repeat(5000);
    assert.equal(decodeMessage(encode(long)), null);
  });

  it("never makes its reader throw, whatever bytes come", () => {
    holds(property(uint8Array({ maxLength: 200 }), (bytes) => void decodeMessage(bytes)));
    const good = [...bytesOf({ ...HEAD, kind: "state", state: ownerState(EVENTS) })];
    const places = constantFrom(...good.keys());
    holds(
      property(array(places, { maxLength: 5 }), uint8Array({ minLength: 5, maxLength: 5 }), (where, values) => {
        const bytes = Uint8Array.from(good);
        where.forEach((place, i) => (bytes[place] = values[i] as number));
        decodeMessage(bytes);
      }),
      { numRuns: 500 },
    );
  });
});
