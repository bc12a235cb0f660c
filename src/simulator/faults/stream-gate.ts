/**
 * Where a stream's messages pass on their way out, so that a fault can take hold of one. Main thread of the simulator.
 * A frozen connection is one whose socket is paused: it reads nothing and answers no ping. It keeps its slot for the time
 * after which the venue holds a silent peer for dead, even when the peer has gone, as if no word of that had come through.
 */
import type { WebSocket } from "ws";
import type { StreamName } from "./fault.ts";
import type { FaultPlan } from "./fault-plan.ts";

type Deliver<Message> = (message: Message) => void;

export class StreamGate {
  readonly #plan: FaultPlan;
  readonly #stream: StreamName;
  readonly #deadMs: number;
  readonly #frozen = new Map<WebSocket, NodeJS.Timeout>();
  readonly #held = new Map<WebSocket, () => void>();

  /** `deadMs`: for how long a frozen connection keeps its slot. */
  constructor(plan: FaultPlan, stream: StreamName, deadMs: number) {
    this.#plan = plan;
    this.#stream = stream;
    this.#deadMs = deadMs;
    plan.onCleared(() => this.#thaw());
  }

  /** False while messages need not pass here. */
  get isArmed(): boolean {
    return this.#plan.isArmed;
  }

  /** Whether a newcomer is told that the connection limit is exceeded, although nobody is seen to be there. */
  get holdsSlot(): boolean {
    return this.#frozen.size > 0 || (this.#plan.isArmed && this.#plan.holdsSlot(this.#stream));
  }

  /** Delivers a message, or does with it what the fault says whose turn it is. */
  pass<Message>(socket: WebSocket, message: Message, deliver: Deliver<Message>): void {
    const fault = this.#plan.onMessage(this.#stream);
    const released = this.#held.get(socket);
    switch (fault?.fault) {
      case undefined:
        deliver(message);
        break;
      case "duplicate":
        deliver(message);
        deliver(message);
        break;
      case "delay":
        setTimeout(() => deliver(message), fault.delayMs);
        break;
      case "reorder":
        this.#hold(socket, fault.delayMs, () => deliver(message));
        break;
      case "cut":
        socket.terminate();
        break;
      case "freeze":
        this.#freeze(socket);
        break;
      default:
      // Lost.
    }
    released?.();
  }

  /** Keeps a message back until the next one has passed. */
  #hold(socket: WebSocket, delayMs: number, deliver: () => void): void {
    const release = () => {
      clearTimeout(timer);
      if (this.#held.get(socket) === release) this.#held.delete(socket);
      deliver();
    };
    const timer = setTimeout(release, delayMs);
    this.#held.set(socket, release);
  }

  #freeze(socket: WebSocket): void {
    socket.pause();
    clearTimeout(this.#frozen.get(socket));
    this.#frozen.set(socket, setTimeout(() => this.#frozen.delete(socket), this.#deadMs).unref());
  }

  /** Frozen connections go on, where there is no fault any more that would freeze them. */
  #thaw(): void {
    if (this.#plan.has((fault) => fault.fault === "freeze" && fault.where === this.#stream)) return;
    for (const [socket, timer] of this.#frozen) {
      clearTimeout(timer);
      socket.resume();
    }
    this.#frozen.clear();
  }
}
