/**
 * Decoding: Alpaca quote frames into records (against `@msgpack/msgpack`), and recorded CSV rows into ticks. Every
 * timed run is checked: the sums of what was decoded must equal what was encoded.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Decoder } from "@msgpack/msgpack";
import { LANE_A, LANE_C } from "../src/core/market/record.ts";
import { FrameScanner, SCAN_DONE } from "../src/feed/msgpack-scanner.ts";
import { RecordScratch } from "../src/feed/record-scratch.ts";
import { openRecording } from "../src/feed/recorded-file.ts";
import { encodeQuotes } from "./frames.ts";
import { type Benchmark, type BenchResult, checkAnswer, median } from "./harness.ts";

const SYMBOLS = Array.from({ length: 100 }, (_, index) => `SY${index.toString().padStart(2, "0")}`);
const QUOTES_PER_FRAME = 10;
const START_US = 1_795_444_200_000_000;
const WARM_UP_ROUNDS = 20;

export const decode: Benchmark = {
  name: "decode",
  description: "Alpaca MessagePack quotes into records (against @msgpack/msgpack); gzip CSV rows into ticks",
  async run(options) {
    options.progress("quote frames");
    const frames = decodeFrames(options.quick);
    options.progress("recorded rows");
    return [...frames, ...(await readRows(options.quick))];
  },
};

function decodeFrames(quick: boolean): BenchResult[] {
  const { frames, expected } = makeFrames(quick ? 100 : 1000);
  const quotes = frames.length * QUOTES_PER_FRAME;
  const scannerNs: number[] = [];
  const decoderNs: number[] = [];
  const scan = makeScan();
  const decodeAll = makeDecode();
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    checkAnswer("scanner", scan(frames), expected);
    checkAnswer("decoder", decodeAll(frames), expected);
  }
  // Short rounds, turn by turn: whatever else the machine does then meets both alike.
  for (let round = 0; round < (quick ? 3 : 101); round++) {
    scannerNs.push(elapsedNsOf(() => checkAnswer("scanner", scan(frames), expected)) / quotes);
    decoderNs.push(elapsedNsOf(() => checkAnswer("decoder", decodeAll(frames), expected)) / quotes);
  }
  const own = median(scannerNs);
  const peer = median(decoderNs);
  const peerName = "@msgpack/msgpack";
  return [result("quotes", own, { ratio: peer / own, peer: peerName }), result(`quotes by ${peerName}`, peer, {})];
}

function result(name: string, nanoseconds: number, peer: { ratio?: number; peer?: string }): BenchResult {
  return {
    name,
    value: 1000 / nanoseconds,
    unit: "M/s",
    checked: true,
    note: `${nanoseconds.toFixed(0)} ns a quote`,
    ...peer,
  };
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
  const frames: Uint8Array[] = [];
  let expected = 0;
  for (let i = 0; i < count; i++) {
    const messages = Array.from({ length: QUOTES_PER_FRAME }, (_, j) => {
      const bid = 100 + ((i * 7 + j * 13) % 997) / 100;
      const ask = bid + 0.02;
      expected += bid + ask;
      const symbol = SYMBOLS[(i * QUOTES_PER_FRAME + j) % SYMBOLS.length] as string;
      return { symbol, bid, ask, timeUs: START_US + i * 1000 + j };
    });
    frames.push(encodeQuotes(messages));
  }
  return { frames, expected };
}

/** Rows from a generated file, and from a recorded day when the market data is there. */
async function readRows(quick: boolean): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "bench-decode-"));
  try {
    const rows = quick ? 20_000 : 2_000_000;
    const path = join(folder, "quotes.csv.gz");
    writeFileSync(path, gzipSync(makeQuoteRows(rows), { level: 1 }));
    const results = [await readFile("csv rows, generated", path, rows, quick ? 1 : 5)];
    const folderOfData = process.env["MARKET_DATA_DIR"] ?? join(import.meta.dirname, "../../shared/data");
    const real = join(folderOfData, "fixtures/ticks_fx_eurusd_oanda_20140505_09.csv.gz");
    if (!quick && existsSync(real)) results.push(await readFile("csv rows, recorded day", real, 246_875, 5));
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
    checkAnswer(label, rows, expectedRows);
    rates.push(rows / (elapsedNs / 1e9));
  }
  return { name: label, value: median(rates) / 1e6, unit: "M/s", checked: true, note: "rows, gzip to ticks, one file" };
}

function elapsedNsOf(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start);
}
