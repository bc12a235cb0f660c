/**
 * Lockstep, an extension of the protocol at `/simulator/lockstep`: the market moves only when the bot has dealt with
 * everything so far, so that a simulated day is a function of the bot and the data alone.
 *
 *   S → C  {"step": n, "trade_updates": u, "market": m}
 *          Everything of barrier n has been sent: u trade updates on the present `/stream` connection, m market-data
 *          messages on the present market-data connections, each counted since that connection was made.
 *   C → S  {"step": n, "trade_updates": u'}
 *          The bot is idle and has applied u' trade updates. While u' is less than what has been sent by now (the bot's
 *          own orders were filled meanwhile) the barrier stays closed until the same step comes with a newer count.
 *   S → C  {"end": true}
 *          The recording is over.
 *
 * n counts barriers from 1 and never repeats. One step of the market (`ticksPerStep` ticks) has
 * one barrier, or two when resting orders trade: their updates go first and are acknowledged before the tick that filled
 * them is sent as market data. A new connection takes the place of the old one and is shown the open barrier again.
 * Main thread of the simulator.
 */
import type { RawData, WebSocket } from "ws";

export class Lockstep {
  readonly #sentUpdates: () => number;
  readonly #sentMarket: () => number;
  #socket: WebSocket | null = null;
  #step = 0;
  #ended = false;
  #open: (() => void) | null = null;
  #awaited: (() => void) | null = null;

  constructor(sentUpdates: () => number, sentMarket: () => number) {
    this.#sentUpdates = sentUpdates;
    this.#sentMarket = sentMarket;
  }

  accept(socket: WebSocket): void {
    this.#socket?.close(1000, "replaced");
    this.#socket = socket;
    socket.on("message", (data) => this.#message(data));
    socket.on("close", () => {
      if (this.#socket === socket) this.#socket = null;
    });
    this.#awaited?.();
    this.#awaited = null;
    if (this.#ended) this.#send({ end: true });
    else if (this.#open !== null) this.#announce();
  }

  /** Resolves when somebody is there to acknowledge. */
  attached(): Promise<void> {
    if (this.#socket !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#awaited = resolve;
    });
  }

  /** Resolves when the bot has dealt with all that was sent before. */
  barrier(): Promise<void> {
    this.#step++;
    return new Promise((resolve) => {
      this.#open = resolve;
      this.#announce();
    });
  }

  end(): void {
    this.#ended = true;
    this.#send({ end: true });
  }

  #announce(): void {
    this.#send({ step: this.#step, trade_updates: this.#sentUpdates(), market: this.#sentMarket() });
  }

  #message(data: RawData): void {
    let message: { step?: unknown; trade_updates?: unknown };
    try {
      message = JSON.parse((data as Buffer).toString("utf8"));
    } catch {
      this.#socket?.close(1007, "JSON with step and trade_updates is needed");
      return;
    }
    if (this.#open === null || message.step !== this.#step || typeof message.trade_updates !== "number") return;
    if (message.trade_updates < this.#sentUpdates()) return;
    const resolve = this.#open;
    this.#open = null;
    resolve();
  }

  #send(message: object): void {
    if (this.#socket?.readyState === this.#socket?.OPEN) this.#socket?.send(JSON.stringify(message));
  }
}
