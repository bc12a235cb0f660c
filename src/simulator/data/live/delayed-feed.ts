/**
 * The consolidated tape a quarter of an hour late: messages that have left already wait here for their second time. Main
 * thread of the simulator.
 */
import { SIP_DELAY_US } from "../plan.ts";
import type { AnyMessage } from "../stream/stream-message.ts";

interface Waiting {
  readonly dueUs: number;
  readonly message: AnyMessage;
}

export class DelayedFeed {
  readonly #capacity: number;
  readonly #publish: (message: AnyMessage) => void;
  readonly #ring: Waiting[] = [];
  #added = 0;
  #released = 0;

  /** Holds `capacity` messages; when there are more, the oldest leave early. */
  constructor(capacity: number, publish: (message: AnyMessage) => void) {
    this.#capacity = capacity;
    this.#publish = publish;
  }

  /** `timeUs`: venue time now. */
  add(message: AnyMessage, timeUs: number): void {
    if (this.#added - this.#released === this.#capacity) this.#next();
    this.#ring[this.#added++ % this.#capacity] = { dueUs: timeUs + SIP_DELAY_US, message };
  }

  /** Time has come this far. */
  advance(timeUs: number): void {
    while (this.#released < this.#added && this.#oldest().dueUs <= timeUs) this.#next();
  }

  #oldest(): Waiting {
    return this.#ring[this.#released % this.#capacity] as Waiting;
  }

  #next(): void {
    this.#publish(this.#oldest().message);
    this.#released++;
  }
}
