/** Days as records, with a timer every second: a real one (NYSE quotes and the tape's trades of a large share), seeded ones. */
import { saleConditionFlags } from "../../../src/core/market/sale-condition.ts";
import {
  KIND_QUOTE,
  KIND_TIMER,
  KIND_TRADE,
  LANE_A,
  NO_INSTRUMENT,
  RecordBuffer,
} from "../../../src/core/market/record.ts";
import { microseconds, readRows } from "./market-data.ts";
import { Random } from "./random.ts";

const SECOND = 1_000_000;
const DAY = "fixtures/ticks_us_taq_xxx_20180102";

interface Tick {
  readonly timeUs: number;
  readonly kind: number;
  readonly flags: number;
  readonly lanes: readonly number[];
}

/** Null when the data is not there. Quotes come before trades of the same time. */
export function realDay(): RecordBuffer | null {
  const quotes = readRows(`${DAY}_quotes.csv.gz`);
  const trades = readRows(`${DAY}_trades.csv.gz`);
  if (quotes === null || trades === null) return null;
  const ticks: Tick[] = [];
  for (const [time, , bid, bidSize, ask, askSize, exchange] of quotes) {
    if (exchange !== "N") continue;
    const lanes = [bid, bidSize, ask, askSize].map(Number);
    ticks.push({ timeUs: microseconds(time as string), kind: KIND_QUOTE, flags: 0, lanes });
  }
  for (const [time, , price, size, , condition] of trades) {
    const lanes = [Number(price), Number(size)];
    ticks.push({
      timeUs: microseconds(time as string),
      kind: KIND_TRADE,
      flags: saleConditionFlags(condition ?? "", "A"),
      lanes,
    });
  }
  ticks.sort((a, b) => a.timeUs - b.timeUs || b.kind - a.kind);
  return toRecords(ticks);
}

/** An hour and a half of a random walk in cents: the same seed gives the same records. */
export function syntheticDay(seed: number): RecordBuffer {
  const random = new Random(seed);
  const ticks: Tick[] = [];
  let cents = 15_000;
  let timeUs = 1_514_903_400 * SECOND;
  for (let i = 0; i < 60_000; i++) {
    timeUs += random.integer(0, 180_000);
    cents += random.integer(-2, 2) + Math.round(Math.sin(i / 700));
    if (random.next() < 0.6) {
      const lanes = [(cents - 1) / 100, 100, (cents + 1) / 100, 100];
      ticks.push({ timeUs, kind: KIND_QUOTE, flags: 0, lanes });
    } else ticks.push({ timeUs, kind: KIND_TRADE, flags: 0, lanes: [cents / 100, random.integer(1, 500)] });
  }
  return toRecords(ticks);
}

function toRecords(ticks: readonly Tick[]): RecordBuffer {
  const withTimers: Tick[] = [];
  let second = 0;
  for (const tick of ticks) {
    const boundary = Math.floor(tick.timeUs / SECOND);
    if (boundary > second) withTimers.push({ timeUs: boundary * SECOND, kind: KIND_TIMER, flags: 0, lanes: [] });
    second = boundary;
    withTimers.push(tick);
  }
  const records = RecordBuffer.allocate(withTimers.length);
  for (const [slot, { timeUs, kind, flags, lanes }] of withTimers.entries()) {
    records.header(slot, kind, 0, kind === KIND_TIMER ? NO_INSTRUMENT : 0, flags, timeUs, 0);
    for (const [i, lane] of lanes.entries()) records.setLane(slot, LANE_A + i, lane);
  }
  return records;
}
