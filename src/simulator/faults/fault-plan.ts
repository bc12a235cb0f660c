/**
 * The faults in force and whose turn it is. A draw is a hash of the seed, the fault's number and how many have fitted it,
 * so that the same conversation meets the same faults again. Main thread of the simulator; `isArmed` is all that is looked
 * at while there are none.
 */
import { hashUnit } from "../../venue/seeded-hash.ts";
import { parseTimeUs } from "../wire-time.ts";
import {
  checkFault,
  type Fault,
  isRequestFault,
  type RequestFault,
  type StreamFault,
  type StreamName,
} from "./fault.ts";

/** A fault as it is listed: with its number and what it has done so far. */
export interface PlannedFault {
  readonly id: number;
  readonly fault: Fault;
  /** Requests or messages that fitted it. */
  readonly seen: number;
  /** How often it has struck. */
  readonly struck: number;
}

interface Entry {
  readonly id: number;
  readonly fault: Fault;
  readonly fromUs: number;
  readonly untilUs: number;
  seen: number;
  struck: number;
}

export interface FaultPlanOptions {
  readonly seed: number;
  readonly script: readonly Fault[];
  /** Venue time, epoch microseconds. */
  readonly nowUs: () => number;
}

export class FaultPlan {
  readonly #options: FaultPlanOptions;
  readonly #entries = new Map<number, Entry>();
  readonly #onCleared: (() => void)[] = [];
  readonly #onSet: ((fault: Fault) => void)[] = [];
  #nextId = 1;

  constructor(options: FaultPlanOptions) {
    this.#options = options;
    for (const fault of options.script) this.#enter(fault);
  }

  get isArmed(): boolean {
    return this.#entries.size > 0;
  }

  list(): PlannedFault[] {
    return [...this.#entries.values()].map(({ id, fault, seen, struck }) => ({ id, fault, seen, struck }));
  }

  /** Puts a fault into force; returns its number. Throws `SIMULATOR_FAULT`. */
  set(input: unknown): number {
    const fault = checkFault(input);
    for (const listener of this.#onSet) listener(fault);
    return this.#enter(fault);
  }

  /** Ends one fault, or all of them; returns how many. What they have begun ends as well. */
  clear(id?: number): number {
    const before = this.#entries.size;
    if (id === undefined) this.#entries.clear();
    else this.#entries.delete(id);
    if (before !== this.#entries.size) for (const listener of this.#onCleared) listener();
    return before - this.#entries.size;
  }

  /** Told of every fault that is set, with those of the script at once. */
  onSet(listener: (fault: Fault) => void): void {
    this.#onSet.push(listener);
    for (const entry of this.#entries.values()) listener(entry.fault);
  }

  onCleared(listener: () => void): void {
    this.#onCleared.push(listener);
  }

  has(fits: (fault: Fault) => boolean): boolean {
    for (const entry of this.#entries.values()) if (fits(entry.fault)) return true;
    return false;
  }

  /** The fault that strikes this request, or null. */
  onRequest(method: string, path: string): RequestFault | null {
    const asked = `${method} ${path}`;
    return this.#strike((fault): fault is RequestFault => isRequestFault(fault) && fitsWhere(fault.where, asked));
  }

  /** The fault that strikes this message of a stream, or null. */
  onMessage(stream: StreamName): StreamFault | null {
    return this.#strike(
      (fault): fault is StreamFault => isStreamFault(fault) && fault.where === stream && fault.fault !== "hold_slot",
    );
  }

  /** Whether somebody who comes to the stream now finds its slot taken. */
  holdsSlot(stream: StreamName): boolean {
    const fits = (fault: Fault): fault is StreamFault => fault.fault === "hold_slot" && fault.where === stream;
    return this.#strike(fits) !== null;
  }

  /** By how much the clock is off now, ms. */
  skewMs(): number {
    return this.#strike(isClockSkew)?.skewMs ?? 0;
  }

  #enter(fault: Fault): number {
    const id = this.#nextId++;
    const fromUs = fault.from === null ? Number.NEGATIVE_INFINITY : (parseTimeUs(fault.from) as number);
    const untilUs = fault.until === null ? Number.POSITIVE_INFINITY : (parseTimeUs(fault.until) as number);
    this.#entries.set(id, { id, fault, fromUs, untilUs, seen: 0, struck: 0 });
    return id;
  }

  #strike<F extends Fault>(fits: (fault: Fault) => fault is F): F | null {
    for (const entry of this.#entries.values()) {
      const { fault } = entry;
      if (fits(fault) && this.#isDue(entry)) return fault;
    }
    return null;
  }

  #isDue(entry: Entry): boolean {
    const { fault, id } = entry;
    const nowUs = this.#options.nowUs();
    if (nowUs < entry.fromUs || nowUs >= entry.untilUs) return false;
    entry.seen++;
    if (entry.seen <= fault.skip || (fault.times !== null && entry.struck >= fault.times)) return false;
    if (hashUnit(this.#options.seed, id, entry.seen) >= fault.probability) return false;
    entry.struck++;
    return true;
  }
}

function isClockSkew(fault: Fault): fault is Fault & { readonly fault: "clock_skew" } {
  return fault.fault === "clock_skew";
}

function isStreamFault(fault: Fault): fault is StreamFault {
  return fault.fault !== "clock_skew" && !isRequestFault(fault);
}

function fitsWhere(where: string, asked: string): boolean {
  return where.endsWith("*") ? asked.startsWith(where.slice(0, -1)) : where === asked;
}
