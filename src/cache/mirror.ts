/**
 * The owner's state as this process hears of it: taken over whole from a `state` message, then kept up by numbered `events`
 * until one is missing. The owner with the highest lease generation counts; an owner that was not heard of for
 * `MIRROR_MS_MAX` counts no more, so that a restored database, whose generations begin lower, is followed as well.
 */
import type { StreamEvent } from "../api/bot-port.ts";
import { isFinal, type OrderState } from "../core/order/order-state.ts";
import { MIRROR_MS_MAX, type MirrorState, type OwnerState } from "./cache.ts";
import type { Message } from "./message.ts";

export interface MirrorOptions {
  /** Monotonic, ms. */
  readonly nowMs: () => number;
  readonly onEvent: (event: StreamEvent) => void;
  /** What was built up from events is void. */
  readonly onRestart: () => void;
}

interface Followed {
  readonly publisher: string;
  readonly generation: bigint;
  number: number;
  heardAtMs: number;
  /** False after a gap, until the next `state`. */
  whole: boolean;
  state: OwnerState;
  events: Map<string, StreamEvent>;
}

export class Mirror {
  readonly #options: MirrorOptions;
  #followed: Followed | null = null;
  #gaps = 0;

  constructor(options: MirrorOptions) {
    this.#options = options;
  }

  get gaps(): number {
    return this.#gaps;
  }

  /** Since the owner was last heard of, ms; null without one. */
  get ageMs(): number | null {
    return this.#followed === null ? null : this.#options.nowMs() - this.#followed.heardAtMs;
  }

  latest(): MirrorState | null {
    this.expire();
    if (this.#followed === null) return null;
    const { generation, state, events } = this.#followed;
    return { ...state, generation, events: [...events.values()] };
  }

  /**
   * Takes a message that was sent `ageMs` ago. False when it is of an earlier owner than the one that is followed.
   */
  take(message: Exclude<Message, { readonly kind: "released" }>, ageMs = 0): boolean {
    this.expire();
    const followed = this.#followed;
    const isSame = followed?.publisher === message.publisher && followed.generation === message.generation;
    if (followed !== null && !isSame && message.generation <= followed.generation) return false;
    if (message.kind === "state") this.#takeState(message, isSame ? followed : null, ageMs);
    else if (isSame) this.#takeEvents(message, followed);
    return true;
  }

  /** Follows nobody any more, and tells nobody. */
  clear(): void {
    this.#followed = null;
  }

  /** Gives the owner up when it has not been heard of for too long. To be called at least once a second. */
  expire(): void {
    if (this.#followed === null || (this.ageMs ?? 0) <= MIRROR_MS_MAX) return;
    this.#followed = null;
    this.#options.onRestart();
  }

  #takeState(message: Extract<Message, { readonly kind: "state" }>, followed: Followed | null, ageMs: number): void {
    const { publisher, generation, number, state } = message;
    if (followed !== null && number <= followed.number) return;
    const joins = followed !== null && followed.whole && number === followed.number + 1;
    if (followed?.whole === true && !joins) this.#gaps++;
    const events = new Map(state.events.map((event) => [keyOf(event), event]));
    const heardAtMs = this.#options.nowMs() - ageMs;
    this.#followed = { publisher, generation, number, heardAtMs, whole: true, state, events };
    if (!joins) this.#options.onRestart();
  }

  #takeEvents(message: Extract<Message, { readonly kind: "events" }>, followed: Followed): void {
    if (!followed.whole || message.number <= followed.number) return;
    if (message.number !== followed.number + 1) {
      followed.whole = false;
      this.#gaps++;
      return;
    }
    followed.number = message.number;
    followed.heardAtMs = this.#options.nowMs();
    for (const event of message.events) {
      if (event.channel === "orders" && isFinal(event.data.state as OrderState)) followed.events.delete(keyOf(event));
      else if (event.key !== null) followed.events.set(keyOf(event), event);
      this.#options.onEvent(event);
    }
  }
}

function keyOf(event: StreamEvent): string {
  return `${event.channel} ${event.key}`;
}
