/**
 * Decoding: Alpaca quote frames into records (against `@msgpack/msgpack`), and recorded CSV rows into ticks. Every
 * timed run is checked: the sums of what was decoded must equal what was encoded.
 */
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Decoder, Encoder, ExtData } from "@msgpack/msgpack";
import { LANE_A, LANE_C } from "../src/core/market/record.ts";
import { FrameScanner, SCAN_DONE } from "../src/feed/msgpack-scanner.ts";
import { RecordScratch } from "../src/feed/record-scratch.ts";
import { openRecording } from "../src/feed/recorded-file.ts";

interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly ratio?: number;
  readonly peer?: string;
  readonly note?: string;
}

export const name = "decode";
export const description = "Alpaca MessagePack quotes into records; gzip CSV rows into ticks";

const SYMBOLS = Array.from({ length: 100 }, (_, index) => `SY${index.toString().padStart(2, "0")}`);
const QUOTES_PER_FRAME = 10;
const WARM_UP_ROUNDS = 20;

export async function run(options: { readonly quick: boolean }): Promise<BenchResult[]> {
  return [...decodeFrames(options.quick), ...(await readRows(options.quick))];
}

function decodeFrames(quick: boolean): BenchResult[] {
  const { frames, expected } = makeFrames(quick ? 100 : 1000);
  const quotes = frames.length * QUOTES_PER_FRAME;
  const scannerNs: number[] = [];
  const decoderNs: number[] = [];
  const scan = makeScan();
  const decode = makeDecode();
  for (let round = 0; round < WARM_UP_ROUNDS; round++)
    check("decoder", decode(frames), check("scanner", scan(frames), expected));
  // Short rounds, turn by turn: whatever else the machine does then meets both alike.
  for (let round = 0; round < (quick ? 3 : 101); round++) {
    scannerNs.push(elapsedNsOf(() => check("scanner", scan(frames), expected)) / quotes);
    decoderNs.push(elapsedNsOf(() => check("decoder", decode(frames), expected)) / quotes);
  }
  const own = median(scannerNs);
  const peer = median(decoderNs);
  return [
    {
      name: "decode quotes",
      value: 1e9 / own,
      unit: "quotes/s",
      ratio: peer / own,
      peer: "@msgpack/msgpack",
      note: `${own.toFixed(0)} ns a quote`,
    },
    {
      name: "decode quotes, @msgpack/msgpack",
      value: 1e9 / peer,
      unit: "quotes/s",
      note: `${peer.toFixed(0)} ns a quote`,
    },
  ];
}

/** Sum of bids and asks of all frames: the answer that a decoder must give. */
type Summer = (frames: readonly Uint8Array[]) => number;

function makeScan(): Summer {
  const instruments = SYMBOLS.map((symbol, index) => ({ symbol, index }));
  const scanner = new FrameScanner({ instruments, control: () => {} });
  const scratch = new RecordScratch(4096);
  return (frames) => {
    let sum = 0;
    for (const frame of frames) {
      scratch.clear();
      if (scanner.scan(frame, 1, scratch) !== SCAN_DONE) throw new Error("a frame was not scanned to its end");
      for (let slot = 0; slot < scratch.count; slot++) {
        sum += scratch.records.lane(slot, LANE_A) + scratch.records.lane(slot, LANE_C);
      }
    }
    return sum;
  };
}

function makeDecode(): Summer {
  const decoder = new Decoder();
  return (frames) => {
    let sum = 0;
    for (const frame of frames) {
      for (const message of decoder.decode(frame) as { bp: number; ap: number }[]) sum += message.bp + message.ap;
    }
    return sum;
  };
}

function makeFrames(count: number): { frames: Uint8Array[]; expected: number } {
  const encoder = new Encoder();
  const frames: Uint8Array[] = [];
  let expected = 0;
  for (let i = 0; i < count; i++) {
    const messages = Array.from({ length: QUOTES_PER_FRAME }, (_, j) => {
      const bid = 100 + ((i * 7 + j * 13) % 997) / 100;
      const ask = bid + 0.02;
      expected += bid + ask;
      return makeQuote(SYMBOLS[(i * QUOTES_PER_FRAME + j) % SYMBOLS.length] as string, bid, ask, i * 1000 + j);
    });
    frames.push(encoder.encode(messages));
  }
  return { frames, expected };
}

function makeQuote(symbol: string, bid: number, ask: number, microsecond: number): object {
  const stamp = Buffer.alloc(8);
  stamp.writeBigUInt64BE((BigInt(microsecond * 1000 + 7) << 34n) | 1_795_444_200n);
  const t = new ExtData(-1, new Uint8Array(stamp));
  return { T: "q", S: symbol, bx: "V", bp: bid, bs: 300, ax: "V", ap: ask, as: 200, c: ["R"], z: "C", t };
}

/** Rows from a generated file, and from a recorded day when the market data is there. */
async function readRows(quick: boolean): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-decode-"));
  try {
    const rows = quick ? 20_000 : 2_000_000;
    const path = join(folder, "quotes.csv.gz");
    writeFileSync(path, gzipSync(makeQuoteRows(rows), { level: 1 }));
    const results = [await readFile("read csv quotes", path, rows, quick ? 1 : 5)];
    const folderOfData = process.env["MARKET_DATA_DIR"] ?? join(import.meta.dirname, "../../shared/data");
    const real = join(folderOfData, "fixtures/ticks_fx_eurusd_oanda_20140505_09.csv.gz");
    if (!quick && existsSync(real)) results.push(await readFile("read csv quotes, recorded", real, 246_875, 5));
    return results;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function makeQuoteRows(rows: number): Buffer {
  const parts = ["ts_ns,symbol,bid,bid_size,ask,ask_size,exchange\n"];
  for (let i = 0; i < rows; i++) {
    const cents = 15_700 + ((i * 7919) % 200);
    const price = `${Math.floor(cents / 100)}.${(cents % 100).toString().padStart(2, "0")}`;
    parts.push(`${1_514_883_853_125_000 + i * 1000}000,XXX,${price},100,${price}5,${100 + (i % 9) * 100},N\n`);
  }
  return Buffer.from(parts.join(""));
}

async function readFile(label: string, path: string, expectedRows: number, runs: number): Promise<BenchResult> {
  const rates: number[] = [];
  for (let round = 0; round < runs; round++) {
    let rows = 0;
    const start = process.hrtime.bigint();
    for await (const batch of openRecording(path)) rows += batch.length;
    const elapsedNs = Number(process.hrtime.bigint() - start);
    check(label, rows, expectedRows);
    rates.push(rows / (elapsedNs / 1e9));
  }
  return { name: label, value: median(rates), unit: "rows/s", note: "gzip to ticks, one file" };
}

function elapsedNsOf(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}

/** Returns `expected`; throws when `actual` is another sum (but for the order of additions). */
function check(what: string, actual: number, expected: number): number {
  if (Math.abs(actual - expected) > Math.abs(expected) * 1e-9) throw new Error(`${what}: ${actual} is not ${expected}`);
  return expected;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
