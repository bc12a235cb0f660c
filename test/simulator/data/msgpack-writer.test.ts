import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decode, ExtData, ExtensionCodec } from "@msgpack/msgpack";
import fc from "fast-check";
import { MsgpackWriter } from "../../../src/simulator/data/message/msgpack-writer.ts";

function written(write: (writer: MsgpackWriter) => void): Buffer {
  const writer = new MsgpackWriter();
  write(writer);
  return Buffer.from(writer.bytes.subarray(0, writer.length));
}

const hex = (write: (writer: MsgpackWriter) => void) => written(write).toString("hex");
const secondsOf = (text: string) => Date.parse(text) / 1000;

describe("the MessagePack writer", () => {
  it("writes a time with nanoseconds as Alpaca does: the documented example to the byte", () => {
    const example = hex((writer) => writer.timestamp(secondsOf("2026-11-23T14:30:00Z"), 123_456_789));
    assert.equal(example, "d7ff1d6f34546b044de8");
  });

  it("writes whole seconds in 32 bits, and what does not fit 64 bits in 96", () => {
    // 2026-11-23T14:30:00Z is 1,795,444,200 = 0x6b044de8.
    assert.equal(
      hex((writer) => writer.time(1_795_444_200e6)),
      "d6ff6b044de8",
    );
    assert.equal(
      hex((writer) => writer.timestamp(-1, 1)),
      "c70cff00000001ffffffffffffffff",
    );
    // 2^34 seconds are the first that need 96 bits, 2^32 the first that need 64.
    assert.equal(
      hex((writer) => writer.timestamp(2 ** 34, 0)),
      "c70cff000000000000000400000000",
    );
    assert.equal(
      hex((writer) => writer.timestamp(2 ** 32, 0)),
      "d7ff0000000100000000",
    );
  });

  it("writes the shortest integer, and floats always in 64 bits", () => {
    const integers: [number, string][] = [
      [0, "00"],
      [127, "7f"],
      [128, "cc80"],
      [256, "cd0100"],
      [65_536, "ce00010000"],
      [2 ** 32, "cf0000000100000000"],
      [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"],
      [-32, "e0"],
      [-33, "d0df"],
      [-129, "d1ff7f"],
      [-32_769, "d2ffff7fff"],
      [-(2 ** 31) - 1, "d3ffffffff7fffffff"],
    ];
    for (const [value, bytes] of integers)
      assert.equal(
        hex((writer) => writer.integer(value)),
        bytes,
      );
    assert.equal(
      hex((writer) => writer.float(1)),
      "cb3ff0000000000000",
    );
    assert.equal(
      hex((writer) => writer.integer(0.5)),
      "cb3fe0000000000000",
    );
  });

  it("is read back by another implementation, whatever is written", () => {
    const value = fc.oneof(
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noInteger: true }),
      fc.string({ unit: "binary", maxLength: 400 }),
      fc.boolean(),
    );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), (values) => {
        const bytes = written((writer) => {
          writer.arrayHeader(values.length);
          for (const each of values) {
            if (typeof each === "string") writer.text(each);
            else if (typeof each === "boolean") writer.boolean(each);
            else if (Number.isInteger(each)) writer.integer(each);
            else writer.float(each);
          }
        });
        assert.deepEqual(
          decode(bytes),
          values.map((each) => (Object.is(each, -0) ? 0 : each)),
        );
      }),
    );
  });

  it("writes any microsecond so that another implementation reads the same", () => {
    const extensionCodec = new ExtensionCodec();
    extensionCodec.register({ type: -1, encode: () => null, decode: (bytes) => new ExtData(-1, bytes) });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8_000_000_000_000_000 }), (timeUs) => {
        const { data } = decode(
          written((writer) => writer.time(timeUs)),
          { extensionCodec },
        ) as ExtData;
        const bytes = data as Uint8Array;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const whole = bytes.length === 4 ? BigInt(view.getUint32(0)) : view.getBigUint64(0);
        const [seconds, nanoseconds] = bytes.length === 4 ? [whole, 0n] : [whole & 0x3ffffffffn, whole >> 34n];
        assert.equal(seconds * 1_000_000n + nanoseconds / 1000n, BigInt(timeUs));
      }),
    );
  });
});
