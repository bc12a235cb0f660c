/**
 * Hands the bot's events to whoever listens (the stream, the other replicas). Main thread only; a listener that throws hurts
 * nobody else.
 */
import type { StreamEvent } from "../api/bot-port.ts";

export type EventListener = (event: StreamEvent) => void;

export class EventHub {
  readonly #listeners = new Set<EventListener>();
  readonly #restarts = new Set<() => void>();
  readonly #onFault: (error: unknown) => void;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back when what was built up from events is void. */
  onRestart(listener: () => void): () => void {
    this.#restarts.add(listener);
    return () => this.#restarts.delete(listener);
  }

  emit(event: StreamEvent): void {
    for (const listener of this.#listeners) this.#guard(() => listener(event));
  }

  /** From now on another process's events come, or none that join those before. */
  restart(): void {
    for (const listener of this.#restarts) this.#guard(listener);
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onFault(error);
    }
  }
}
