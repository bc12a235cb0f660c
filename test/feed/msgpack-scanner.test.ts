import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decode, ExtData, ExtensionCodec } from "@msgpack/msgpack";
import fc from "fast-check";
import * as record from "../../src/core/market/record.ts";
import {
  type ControlMessage,
  FrameScanner,
  SCAN_DONE,
  SCAN_FULL,
  SCAN_MALFORMED,
} from "../../src/feed/msgpack-scanner.ts";
import { RecordScratch } from "../../src/feed/record-scratch.ts";
import { encodeFrame, quote, timestamp32, timestamp64, timestamp96, trade } from "./frame-encoder.ts";

const SYMBOLS = ["AAPL", "MSFT", "BTC/USD", "A", "AA", "BRK.B"];
const T_US = 1_795_444_200_123_456;
const RECEIVED_US = 42;

function makeScanner(control: (message: ControlMessage) => void = () => {}): FrameScanner {
  return new FrameScanner({ instruments: SYMBOLS.map((symbol, i) => ({ symbol, index: i * 10 })), control });
}

function scan(frame: Uint8Array, capacity = 64): { status: number; records: unknown[][]; scanner: FrameScanner } {
  const scanner = makeScanner();
  const scratch = new RecordScratch(capacity);
  const status = scanner.scan(frame, RECEIVED_US, scratch);
  return { status, records: rowsOf(scratch), scanner };
}

/** Records as [kind, code, instrument, flags, venue time, received time, five lanes]. */
function rowsOf(scratch: RecordScratch): unknown[][] {
  const { records } = scratch;
  return Array.from({ length: scratch.count }, (_, slot) => [
    records.kind(slot),
    records.code(slot),
    records.instrument(slot),
    records.flags(slot),
    ...[1, 2, 3, 4, 5, 6, 7].map((lane) => records.lane(slot, lane)),
  ]);
}

const t = timestamp64(1_795_444_200, 123_456_789);

describe("messages", () => {
  test("a quote", () => {
    const { status, records } = scan(encodeFrame([quote("MSFT")]));
    assert.equal(status, SCAN_DONE);
    assert.deepEqual(records, [[record.KIND_QUOTE, 0, 10, 0, T_US, RECEIVED_US, 189.12, 300, 189.15, 200, 0]]);
  });

  test("a trade with its conditions by tape", () => {
    const { records } = scan(encodeFrame([trade("AAPL"), trade("A", { c: ["B"], z: "A" }), trade("A", { c: ["B"] })]));
    const oddLot = record.FLAG_ODD_LOT | record.FLAG_NOT_LAST | record.FLAG_NOT_HIGH_LOW;
    assert.deepEqual(records[0], [record.KIND_TRADE, 0, 0, oddLot, T_US, RECEIVED_US, 189.13, 10, 96_921, 0, 0]);
    assert.equal(records[1]?.[3], record.FLAG_NOT_LAST | record.FLAG_NOT_HIGH_LOW);
    assert.equal(records[2]?.[3], 0);
  });

  test("a crypto trade with its taker and fractional size", () => {
    const { records } = scan(
      encodeFrame([{ T: "t", S: "BTC/USD", p: 67_000.5, s: 0.0125, t, i: 1n << 60n, tks: "S" }]),
    );
    assert.deepEqual(records[0], [record.KIND_TRADE, 2, 20, 0, T_US, RECEIVED_US, 67_000.5, 0.0125, 2 ** 60, 0, 0]);
  });

  test("bars and updated bars", () => {
    const bar = { S: "A", o: 1.5, h: 3, l: 1, c: 2, v: 1000, n: 7, vw: 1.9, t };
    const { records } = scan(
      encodeFrame([
        { T: "b", ...bar },
        { ...bar, T: "u" },
      ]),
    );
    const flags = 60 << record.BAR_INTERVAL_SHIFT;
    assert.deepEqual(records[0], [record.KIND_BAR, 0, 30, flags, T_US, RECEIVED_US, 1.5, 3, 1, 2, 1000]);
    assert.equal(records[1]?.[0], record.KIND_BAR_UPDATE);
  });

  test("halts and resumptions of both tapes; other statuses change nothing", () => {
    const status = (sc: string): object => ({ T: "s", S: "AA", sc, sm: "text", rc: "", rm: "", t, z: "C" });
    const { records, status: result } = scan(encodeFrame(["2", "3", "H", "P", "T", "Q", "E"].map(status)));
    assert.equal(result, SCAN_DONE);
    assert.deepEqual(
      records.map((row) => row[1]),
      [2, 1, 2, 2, 1],
    );
  });

  test("price bands, corrections and cancels", () => {
    const correction = {
      T: "c",
      S: "A",
      x: "M",
      oi: 5,
      op: 10,
      os: 20,
      oc: ["@"],
      ci: 6,
      cp: 11,
      cs: 21,
      cc: ["I"],
      t,
      z: "A",
    };
    const cancel = { T: "x", S: "A", i: 5, x: "M", p: 10, s: 20, a: "C", t, z: "A" };
    const { records } = scan(encodeFrame([{ T: "l", S: "A", u: 12, d: 8, i: "B", t, z: "A" }, correction, cancel]));
    assert.deepEqual(records[0]?.slice(6), [8, 12, 0, 0, 0]);
    assert.deepEqual(records[1]?.slice(6), [11, 21, 5, 10, 20]);
    assert.deepEqual(records[2]?.slice(6), [0, 0, 5, 10, 20]);
    assert.equal(records[2]?.[0], record.KIND_CORRECTION);
  });

  test("all three forms of the timestamp", () => {
    const times = [timestamp32(4_000_000_000), timestamp64(9_000_000_000, 999_999_999), timestamp96(5n, 1999)];
    const { records } = scan(encodeFrame(times.map((time) => quote("A", { t: time }))));
    assert.deepEqual(
      records.map((row) => row[4]),
      [4_000_000_000_000_000, 9_000_000_000_999_999, 5_000_001],
    );
  });

  test("unknown keys of every type, unknown messages and unknown symbols are passed over", () => {
    const extra = {
      a: null,
      b: [1, [2, { c: "x" }]],
      zz: new Uint8Array(300),
      yy: new ExtData(7, new Uint8Array(5)),
      long: "k".repeat(70_000),
    };
    const frame = encodeFrame([
      { ...extra, ...quote("A") },
      { T: "n", id: 1, symbols: ["A"] },
      quote("ZZZZ"),
      quote("A"),
    ]);
    const { status, records, scanner } = scan(frame);
    assert.equal(status, SCAN_DONE);
    assert.equal(records.length, 2);
    assert.equal(scanner.unknownSymbolCount, 1);
    assert.equal(scanner.ignoredCount, 1);
  });

  test("control messages arrive decoded, between the records", () => {
    const seen: ControlMessage[] = [];
    const scanner = makeScanner((message) => seen.push(message));
    const scratch = new RecordScratch(8);
    const frame = encodeFrame([
      quote("A"),
      { T: "success", msg: "connected" },
      { T: "error", code: 406, msg: "x" },
      quote("A"),
    ]);
    assert.equal(scanner.scan(frame, 1, scratch), SCAN_DONE);
    assert.equal(scratch.count, 2);
    assert.deepEqual(seen, [
      { T: "success", msg: "connected" },
      { T: "error", code: 406, msg: "x" },
    ]);
  });

  test("a full target is told, and the frame goes on after it was emptied", () => {
    const scanner = makeScanner();
    const scratch = new RecordScratch(2);
    const frame = encodeFrame(Array.from({ length: 5 }, (_, i) => quote("A", { bs: i })));
    const sizes: unknown[] = [];
    let status = scanner.scan(frame, 1, scratch);
    for (let round = 0; round < 3; round++) {
      sizes.push(...rowsOf(scratch).map((row) => row[7]));
      scratch.clear();
      if (status !== SCAN_FULL) break;
      status = scanner.resume(scratch);
    }
    assert.equal(status, SCAN_DONE);
    assert.deepEqual(sizes, [0, 1, 2, 3, 4]);
  });
});

describe("against @msgpack/msgpack", () => {
  const price = fc.double({ min: 0.0001, max: 1e6, noNaN: true, noDefaultInfinity: true });
  const size = fc.oneof(fc.nat(1_000_000), fc.double({ min: 0, max: 1e6, noNaN: true }));
  const time = fc.tuple(fc.nat(2 ** 31 - 1), fc.nat(999_999_999)).map(([s, ns]) => timestamp64(s, ns));
  const junk = fc.dictionary(
    // The oracle refuses __proto__ as a key.
    fc.string({ minLength: 2, maxLength: 40 }).filter((key) => !KNOWN_KEYS.has(key) && key !== "__proto__"),
    fc.anything({ maxDepth: 3, withNullPrototype: false, withBigInt: false }).filter(encodable),
    { maxKeys: 3 },
  );
  const symbol = fc.constantFrom(...SYMBOLS);
  const quoteMessage = fc.record({ T: fc.constant("q"), S: symbol, bp: price, bs: size, ap: price, as: size, t: time });
  const tradeMessage = fc.record({ T: fc.constant("t"), S: symbol, p: price, s: size, i: fc.nat(), t: time });

  test("random quotes and trades with shuffled and unknown keys give what the oracle decodes", () => {
    const message = fc
      .tuple(fc.oneof(quoteMessage, tradeMessage), junk, fc.infiniteStream(fc.nat()))
      .map(([body, extra, order]) => shuffled({ ...extra, ...body }, order));
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
        const frame = encodeFrame(messages);
        const { status, records } = scan(frame);
        assert.equal(status, SCAN_DONE);
        assert.deepEqual(records, (decodeFrame(frame) as Record<string, unknown>[]).map(expectedRow));
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });

  test("does not hide that the second of two equal keys counts", () => {
    const frame = Buffer.from(encodeFrame([quote("A", { bp: 7, xp: 189.5 })]));
    frame.write("bp", frame.indexOf("xp"));
    const scanner = makeScanner();
    const scratch = new RecordScratch(4);
    for (let i = 0; i < 3; i++) assert.equal(scanner.scan(frame, RECEIVED_US, scratch), SCAN_DONE);
    assert.deepEqual(
      rowsOf(scratch).map((row) => row[6]),
      [189.5, 189.5, 189.5],
    );
  });
});

describe("hostile input", () => {
  const sound = encodeFrame([quote("A"), trade("AAPL"), quote("MSFT")]);
  const firstEnd = 1 + encodeFrame(quote("A")).length;

  test("a frame cut off anywhere is malformed and keeps only whole messages before the cut", () => {
    for (let length = 0; length < sound.length; length++) {
      const { status, records } = scan(sound.slice(0, length));
      assert.equal(status, SCAN_MALFORMED, `cut at ${length}`);
      assert.ok(records.length < 3);
      if (length < firstEnd) assert.equal(records.length, 0);
      for (const row of records) assert.ok(row[0] === record.KIND_QUOTE || row[0] === record.KIND_TRADE);
    }
  });

  test("the fault's offset is that of the message", () => {
    const { scanner } = scan(sound.slice(0, firstEnd + 5));
    assert.equal(scanner.faultOffset, firstEnd);
  });

  test("bytes after the array are malformed", () => {
    assert.equal(scan(Buffer.concat([sound, Buffer.from([0])])).status, SCAN_MALFORMED);
  });

  const frames: [string, Uint8Array][] = [
    ["an empty frame", new Uint8Array(0)],
    ["a map instead of an array", encodeFrame(quote("A"))],
    ["a number", encodeFrame(7)],
    ["an array of numbers", encodeFrame([1, 2, 3])],
    ["an array that claims four billion items", Uint8Array.of(0xdd, 255, 255, 255, 255, 0x80)],
    ["a map that claims four billion pairs", Uint8Array.of(0x91, 0xdf, 255, 255, 255, 255, 0xa1, 0x54)],
    ["a text that claims four gigabytes", Uint8Array.of(0x91, 0x81, 0xa1, 0x54, 0xdb, 255, 255, 255, 255, 0x71)],
    ["the byte that MessagePack never uses", Uint8Array.of(0x91, 0x81, 0xa1, 0x54, 0xc1)],
    ["nesting without end", Uint8Array.of(0x91, 0x81, 0xa1, 0x61, ...Array.from({ length: 5000 }, () => 0x91))],
    [
      "nested maps without end",
      Uint8Array.of(0x91, 0x81, 0xa1, 0x61, ...Array.from({ length: 5000 }, () => [0x81, 0xa1, 0x61]).flat()),
    ],
    ["a message without T", encodeFrame([{ S: "A", p: 1 }])],
    ["a message whose T is a number", encodeFrame([{ T: 5, S: "A" }])],
    ["a quote without symbol", encodeFrame([quote("A", { S: undefined })])],
    ["a quote whose symbol is a number", encodeFrame([quote("A", { S: 1 })])],
    ["a quote whose bid is a text", encodeFrame([quote("A", { bp: "189.12" })])],
    ["a quote whose ask is NaN", encodeFrame([quote("A", { ap: Number.NaN })])],
    ["a quote whose bid is infinite", encodeFrame([quote("A", { bp: Number.POSITIVE_INFINITY })])],
    ["a quote with a negative size", encodeFrame([quote("A", { bs: -1 })])],
    ["a quote whose time is a text", encodeFrame([quote("A", { t: "2026-11-23T14:30:00Z" })])],
    ["a quote whose nanoseconds exceed a second", encodeFrame([quote("A", { t: timestamp64(1, 1_000_000_000) })])],
    ["a quote from before 1970", encodeFrame([quote("A", { t: timestamp96(-5n, 0) })])],
    ["a quote from the end of time", encodeFrame([quote("A", { t: timestamp96(1n << 62n, 0) })])],
    ["a trade at price 0", encodeFrame([trade("A", { p: 0 })])],
    ["a trade whose conditions are numbers", encodeFrame([trade("A", { c: [1] })])],
    ["a trade whose conditions are a map", encodeFrame([trade("A", { c: {} })])],
    ["a bar whose high is below its low", encodeFrame([{ T: "b", S: "A", o: 1, h: 1, l: 2, c: 1, v: 1, t }])],
    ["a correction without the corrected price", encodeFrame([{ T: "c", S: "A", oi: 1, op: 1, os: 1, cs: 1, t }])],
  ];
  for (const [label, frame] of frames) {
    test(`${label} is malformed and writes nothing`, () => {
      const { status, records } = scan(frame);
      assert.equal(status, SCAN_MALFORMED);
      assert.equal(records.length, 0);
    });
  }

  test("random bytes never throw, and never give a record that is not whole", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const { records } = scan(bytes);
        for (const row of records) assertWhole(row);
      }),
      { numRuns: 2000 },
    );
  });

  test("sound frames with some bytes changed never throw, and what they give is whole", () => {
    const change = fc.tuple(fc.nat(sound.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const frame = sound.slice();
        for (const [at, byte] of changes) frame[at] = byte;
        const { records } = scan(frame);
        assert.ok(records.length <= 3);
        for (const row of records) assertWhole(row);
      }),
      { numRuns: 3000 },
    );
  });

  test("a scanner goes on with the next frame after a malformed one", () => {
    const scanner = makeScanner();
    const scratch = new RecordScratch(8);
    assert.equal(scanner.scan(sound.slice(0, 50), 1, scratch), SCAN_MALFORMED);
    scratch.clear();
    assert.equal(scanner.scan(sound, 1, scratch), SCAN_DONE);
    assert.equal(scratch.count, 3);
  });
});

describe("a layout that was seen before", () => {
  // Mostly few widths, so that layouts come again; the others fill the table and push layouts out of it.
  const rarely = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 9, arbitrary: usual }, { weight: 1, arbitrary: other });
  const widths = fc.constantFrom(0, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295, 0.5);
  const size = rarely(fc.constantFrom(300, 999), widths);
  const price = rarely(fc.constantFrom(189.12, 0.5), fc.constantFrom(0, 1, 300, 70_000));
  const symbol = rarely(fc.constantFrom("AAPL", "MSFT", "NONE"), fc.constantFrom("A", "AA", "BTC/USD"));
  const nanoseconds = fc.constantFrom(0, 123_456_789, 999_999_999, 1_000_000_000);
  const seconds = fc.constantFrom(0, 1_795_444_200, 2 ** 34 - 1);
  const time = fc.tuple(seconds, nanoseconds).map(([s, ns]) => timestamp64(s, ns));
  const quotes = fc
    .record({ S: symbol, bp: price, bs: size, ap: price, as: size, t: time })
    .map(({ S, ...rest }) => quote(S, rest));
  const conditions = rarely<string[]>(
    fc.constantFrom(["@"], ["@", "I"]),
    fc.array(fc.constantFrom("@", "T", "4", "", "Derivatively"), { maxLength: 4 }),
  );
  const trades = fc
    .record({
      S: symbol,
      p: price,
      s: size,
      c: conditions,
      i: fc.constantFrom(7, 96_921n, (1n << 52n) + 1n),
      t: seconds,
    })
    .map(({ S, ...rest }) => trade(S, rest));
  const others = fc.constantFrom<Record<string, unknown>>(
    { T: "s", S: "A", sc: "H", sm: "halt", t },
    { ...quote("A"), x1: t, x2: t },
    { T: "success", msg: "connected" },
  );
  const message = fc.oneof({ weight: 8, arbitrary: quotes }, { weight: 4, arbitrary: trades }, others);
  const change = fc.tuple(fc.nat(), fc.nat(255));
  const frames = fc.array(
    fc.tuple(
      fc.array(message, { minLength: 1, maxLength: 5 }),
      rarely(fc.constant<[number, number][]>([]), fc.array(change, { maxLength: 2 })),
    ),
    { minLength: 20, maxLength: 60 },
  );

  test("is read as a scanner reads it that has seen nothing, also with bytes changed", () => {
    fc.assert(
      fc.property(frames, (list) => {
        const experienced = makeScanner();
        const scratch = new RecordScratch(64);
        for (const [messages, changes] of list) {
          const frame = encodeFrame(messages);
          for (const [at, byte] of changes) frame[at % frame.length] = byte;
          scratch.clear();
          const status = experienced.scan(frame, RECEIVED_US, scratch);
          const fresh = scan(frame);
          assert.deepEqual([status, rowsOf(scratch)], [fresh.status, fresh.records]);
          if (status === SCAN_MALFORMED) assert.equal(experienced.faultOffset, fresh.scanner.faultOffset);
        }
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });

  test("does not hide that the second of two equal keys counts", () => {
    const frame = Buffer.from(encodeFrame([quote("A", { bp: 7, xp: 189.5 })]));
    frame.write("bp", frame.indexOf("xp"));
    const scanner = makeScanner();
    const scratch = new RecordScratch(4);
    for (let i = 0; i < 3; i++) assert.equal(scanner.scan(frame, RECEIVED_US, scratch), SCAN_DONE);
    assert.deepEqual(
      rowsOf(scratch).map((row) => row[6]),
      [189.5, 189.5, 189.5],
    );
  });
});

const KNOWN_KEYS = new Set("T S t p s c i z tks bp bs ap as o h l v sc u d oi op os cp cs cc".split(" "));

/** Microseconds of a timestamp extension, from its specification, with BigInt. */
const timeCodec = new ExtensionCodec();
timeCodec.register({
  type: -1,
  encode: () => null,
  decode: (data) => {
    const view = Buffer.from(data);
    if (data.length !== 8) throw new Error("only the 64-bit form is used here");
    const word = view.readBigUInt64BE();
    return Number((word & ((1n << 34n) - 1n)) * 1_000_000n + (word >> 34n) / 1000n);
  },
});

function decodeFrame(frame: Uint8Array): unknown {
  return decode(frame, { extensionCodec: timeCodec });
}

function expectedRow(message: Record<string, unknown>): unknown[] {
  const instrument = SYMBOLS.indexOf(message["S"] as string) * 10;
  const isQuote = message["T"] === "q";
  const lanes = (isQuote ? ["bp", "bs", "ap", "as"] : ["p", "s", "i"]).map((key) => message[key]);
  const kind = isQuote ? record.KIND_QUOTE : record.KIND_TRADE;
  const row = [kind, 0, instrument, 0, message["t"], RECEIVED_US, ...lanes];
  return [...row, ...Array.from({ length: 11 - row.length }, () => 0)].map((value) =>
    Object.is(value, -0) ? 0 : value,
  );
}

function shuffled(object: Record<string, unknown>, order: Iterable<number>): Record<string, unknown> {
  const ranks = order[Symbol.iterator]();
  const entries = Object.entries(object).map((entry) => ({ entry, rank: ranks.next().value as number }));
  return Object.fromEntries(entries.toSorted((a, b) => a.rank - b.rank).map(({ entry }) => entry));
}

function encodable(value: unknown): boolean {
  try {
    decodeFrame(encodeFrame(value));
    return true;
  } catch {
    return false;
  }
}

function assertWhole(row: unknown[]): void {
  const [kind, code, instrument, , timeUs, receivedUs, ...lanes] = row as number[];
  assert.ok((kind as number) >= record.KIND_TRADE && (kind as number) <= record.KIND_CORRECTION);
  assert.ok((code as number) <= 2 && SYMBOLS.length * 10 > (instrument as number));
  assert.ok(Number.isSafeInteger(timeUs) && (timeUs as number) >= 0);
  assert.equal(receivedUs, RECEIVED_US);
  for (const lane of lanes) assert.ok(Number.isFinite(lane));
}
