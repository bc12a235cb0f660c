/** Hands the bot's events to whoever listens (the stream). Main thread only; a listener that throws hurts nobody else. */
import type { StreamEvent } from "../api/bot-port.ts";

export type EventListener = (event: StreamEvent) => void;

export class EventHub {
  readonly #listeners = new Set<EventListener>();
  readonly #onFault: (error: unknown) => void;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: StreamEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        this.#onFault(error);
      }
    }
  }
}
