/**
 * Hands the bot's events to whoever listens (the stream, the other replicas). Main thread only; a listener that throws hurts
 * nobody else.
 */
import type { StreamEvent } from "../api/bot-port.ts";
import { Listeners } from "../cache/listeners.ts";

export type EventListener = (event: StreamEvent) => void;

export class EventHub {
  readonly #events: Listeners<StreamEvent>;
  readonly #restarts: Listeners<void>;

  constructor(onFault: (error: unknown) => void) {
    this.#events = new Listeners(onFault);
    this.#restarts = new Listeners(onFault);
  }

  subscribe(listener: EventListener): () => void {
    return this.#events.add(listener);
  }

  /** Calls back when what was built up from events is void. */
  onRestart(listener: () => void): () => void {
    return this.#restarts.add(listener);
  }

  emit(event: StreamEvent): void {
    this.#events.call(event);
  }

  /** From now on another process's events come, or none that join those before. */
  restart(): void {
    this.#restarts.call();
  }
}
