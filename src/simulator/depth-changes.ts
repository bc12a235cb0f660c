/**
 * Rows of recorded depth → changes of a book. The rows of one update, which follow each other, are one change; the rows of
 * a snapshot are a whole book. A snapshot is asked for while updates stream, so it may be older than updates that came
 * before it: those that are newer than the snapshot by their number are shown once more after it, those that are older and
 * come later are left out.
 */
import type { Tick } from "../feed/tick.ts";
import type { BookLevel, BookTick } from "./market-source.ts";

type Change = Omit<BookTick, "position">;

interface Update {
  readonly change: Change;
  readonly bids: BookLevel[];
  readonly asks: BookLevel[];
  readonly updateId: number;
}

/** Updates of an instrument that a snapshot may be older than. */
const RETAINED_UPDATES = 64;
const NONE: readonly Change[] = [];

export class DepthChanges {
  #open: Update | null = null;
  /** By instrument. */
  readonly #recent: Update[][] = [];
  readonly #snapshotIds: number[] = [];

  /** The changes that are whole now that `tick` comes. A row of depth begins a change or goes on with one. */
  before(tick: Tick, index: number): readonly Change[] {
    const open = this.#open;
    const goesOn =
      open !== null &&
      tick.kind === "depth" &&
      open.change.index === index &&
      open.updateId === tick.updateId &&
      open.change.timeUs === tick.timeUs;
    const whole = goesOn ? NONE : this.last();
    if (tick.kind === "depth") this.#add(tick, index);
    return whole;
  }

  /** What is open at the end of the recording. */
  last(): readonly Change[] {
    const update = this.#open;
    if (update === null) return NONE;
    this.#open = null;
    const { change, updateId } = update;
    const recent = (this.#recent[change.index] ??= []);
    if (!change.reset) {
      recent.push(update);
      if (recent.length > RETAINED_UPDATES) recent.shift();
      return [change];
    }
    const newer = recent.filter((each) => each.updateId > updateId);
    return [change, ...newer.map((each) => ({ ...each.change, timeUs: change.timeUs }))];
  }

  #add(tick: Tick, index: number): void {
    if (tick.snapshot) this.#snapshotIds[index] = tick.updateId;
    else if (tick.updateId <= (this.#snapshotIds[index] ?? Number.NEGATIVE_INFINITY)) return;
    if (this.#open === null) {
      const [bids, asks]: [BookLevel[], BookLevel[]] = [[], []];
      const change: Change = { kind: "book", index, timeUs: tick.timeUs, reset: tick.snapshot, bids, asks };
      this.#open = { change, bids, asks, updateId: tick.updateId };
    }
    const { bids, asks } = this.#open;
    (tick.bookSide === 1 ? bids : asks).push({ price: tick.price, size: tick.size });
  }
}
