/** Writes one record at a time and hands it to whoever is tested: an engine, a bar builder. */
import {
  ACCOUNT_DONE,
  ACCOUNT_FILL,
  ACCOUNT_POSITION,
  ACCOUNT_REFUSED,
  BAR_INTERVAL_SHIFT,
  CONTROL_RESUME,
  KIND_ACCOUNT,
  KIND_BAR,
  KIND_BAR_UPDATE,
  KIND_CONTROL,
  KIND_GAP,
  KIND_PRICE_BAND,
  KIND_QUOTE,
  KIND_STATUS,
  KIND_TIMER,
  KIND_TRADE,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  NO_INSTRUMENT,
  RecordBuffer,
} from "../../../src/core/market/record.ts";
import type { TestBar } from "./bars.ts";

export class RecordWriter {
  readonly records = RecordBuffer.allocate(1);
  /** Flags added to every market record, such as FLAG_WARM_UP. */
  flags = 0;
  /** Written as the time of receipt, which must decide nothing. */
  receivedTimeUs = 0;
  readonly #take: (records: RecordBuffer, slot: number) => void;

  constructor(take: (records: RecordBuffer, slot: number) => void) {
    this.#take = take;
  }

  trade(timeUs: number, price: number, size: number, flags = 0, instrument = 0): void {
    this.#market(KIND_TRADE, instrument, flags, timeUs, [price, size]);
  }

  quote(timeUs: number, bid: number, ask: number, instrument = 0): void {
    this.#market(KIND_QUOTE, instrument, 0, timeUs, [bid, 100, ask, 100]);
  }

  bar(startUs: number, intervalSeconds: number, bar: TestBar, flags = 0, instrument = 0): void {
    this.#bar(KIND_BAR, startUs, intervalSeconds, bar, flags, instrument);
  }

  barUpdate(startUs: number, intervalSeconds: number, bar: TestBar, flags = 0, instrument = 0): void {
    this.#bar(KIND_BAR_UPDATE, startUs, intervalSeconds, bar, flags, instrument);
  }

  gap(timeUs: number, instrument = 0): void {
    this.#market(KIND_GAP, instrument, 0, timeUs, []);
  }

  band(timeUs: number, lower: number, upper: number, instrument = 0): void {
    this.#market(KIND_PRICE_BAND, instrument, 0, timeUs, [lower, upper]);
  }

  status(timeUs: number, code: number, instrument = 0): void {
    this.records.header(0, KIND_STATUS, code, instrument, 0, timeUs, this.receivedTimeUs);
    this.#take(this.records, 0);
  }

  timer(timeUs: number): void {
    this.#market(KIND_TIMER, NO_INSTRUMENT, 0, timeUs, []);
  }

  control(code: number, argument = 0, instance = 0, timeUs = 0): void {
    this.records.header(0, KIND_CONTROL, code, NO_INSTRUMENT, 0, timeUs, this.receivedTimeUs);
    this.records.setInteger(0, LANE_A, argument);
    this.records.setInteger(0, LANE_E, instance);
    this.#take(this.records, 0);
  }

  resume(instance = 0, suppressUntilUs = 0): void {
    this.control(CONTROL_RESUME, suppressUntilUs, instance);
  }

  /** `quantity`, `price` and `position` are Fixed integers. */
  fill(
    timeUs: number,
    intent: number,
    quantity: number,
    price: number,
    position: number,
    instance = 0,
    instrument = 0,
  ) {
    this.#account(ACCOUNT_FILL, timeUs, [intent, quantity, price, position], instance, instrument);
  }

  done(timeUs: number, intent: number, instance = 0, instrument = 0): void {
    this.#account(ACCOUNT_DONE, timeUs, [intent], instance, instrument);
  }

  refused(timeUs: number, intent: number, refusal: number, instance = 0, instrument = 0): void {
    this.#account(ACCOUNT_REFUSED, timeUs, [intent, refusal], instance, instrument);
  }

  position(timeUs: number, position: number, instance = 0, instrument = 0): void {
    this.#account(ACCOUNT_POSITION, timeUs, [0, 0, 0, position], instance, instrument);
  }

  #market(kind: number, instrument: number, flags: number, timeUs: number, lanes: readonly number[]): void {
    this.records.header(0, kind, 0, instrument, (flags | this.flags) >>> 0, timeUs, this.receivedTimeUs);
    for (const [i, lane] of lanes.entries()) this.records.setLane(0, LANE_A + i, lane);
    this.#take(this.records, 0);
  }

  #bar(kind: number, startUs: number, intervalSeconds: number, bar: TestBar, flags: number, instrument: number): void {
    const allFlags = (flags | this.flags | (intervalSeconds << BAR_INTERVAL_SHIFT)) >>> 0;
    this.records.header(0, kind, 0, instrument, allFlags, startUs, this.receivedTimeUs);
    this.records.setLane(0, LANE_A, bar.open);
    this.records.setLane(0, LANE_B, bar.high);
    this.records.setLane(0, LANE_C, bar.low);
    this.records.setLane(0, LANE_D, bar.close);
    this.records.setLane(0, LANE_E, bar.volume);
    this.#take(this.records, 0);
  }

  #account(code: number, timeUs: number, lanes: readonly number[], instance: number, instrument: number): void {
    this.records.header(0, KIND_ACCOUNT, code, instrument, 0, timeUs, this.receivedTimeUs);
    for (const [i, lane] of lanes.entries()) this.records.setInteger(0, LANE_A + i, lane);
    this.records.setInteger(0, LANE_E, instance);
    this.#take(this.records, 0);
  }
}
