import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "@msgpack/msgpack";
import { readMessagePack } from "../../src/simulator/message-pack.ts";

test("a whole value is decoded, its texts, lists and numbers as they are", () => {
  const request = { action: "subscribe", trades: ["AAPL", "*"], depth: 1.5, many: Array(70_000).fill(null) };
  assert.deepEqual(readMessagePack(encode(request)), request);
});

test("lengths that promise more than there is are refused before room is made for them", () => {
  // An array that announces 30 million items (0xdd and four bytes), of which there are none.
  assert.throws(() => readMessagePack(Uint8Array.of(0xdd, 0x01, 0xc9, 0xc3, 0x80)), RangeError);
  // 10,000 arrays in each other, each of 65,535 items: half a megabyte of room each.
  const nested = new Uint8Array(30_000);
  for (let at = 0; at < nested.length; at += 3) nested.set([0xdc, 0xff, 0xff], at);
  const before = process.memoryUsage().rss;
  assert.throws(() => readMessagePack(nested), RangeError);
  assert.ok(process.memoryUsage().rss - before < 100_000_000);
});

test("what follows a value, and what is deeper than sixteen levels, is refused", () => {
  assert.throws(() => readMessagePack(Uint8Array.of(0x01, 0x02)), RangeError);
  assert.throws(() => readMessagePack(new Uint8Array(20).fill(0x91, 0, 19)), RangeError);
  assert.throws(() => readMessagePack(new Uint8Array(0)), RangeError);
});
