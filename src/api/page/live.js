/**
 * The stream: subscribes, checks the numbering, reconnects with growing pauses, and says when the page must poll instead. After
 * every reconnection, and whenever another generation begins, snapshots replace what was known.
 */

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 30_000;

export class Live {
  #url;
  #channels;
  #keyOf;
  #on;
  #socket = null;
  #pauseMs = PAUSE_MS_MIN;
  #generation = null;
  #numbers = new Map();

  /** `keyOf()` gives the key or null; `on` has `state(text, tone)`, `joined()`, `snapshot(channel, items)`, `change(channel, data)`. */
  constructor(url, channels, keyOf, on) {
    this.#url = url;
    this.#channels = channels;
    this.#keyOf = keyOf;
    this.#on = on;
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN && this.#generation !== null;
  }

  connect() {
    const socket = new WebSocket(this.#url, ["json"]);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#receive(JSON.parse(event.data)));
    socket.addEventListener("close", () => {
      this.#generation = null;
      const waitMs = this.#pauseMs * (0.5 + Math.random());
      this.#pauseMs = Math.min(PAUSE_MS_MAX, this.#pauseMs * 2);
      this.#on.state("polling", "warn");
      setTimeout(() => this.connect(), waitMs);
    });
  }

  /** Starts over at once, for instance with a new key. */
  restart() {
    this.#pauseMs = PAUSE_MS_MIN;
    this.#socket?.close();
  }

  #receive(message) {
    if (message.type === "hello") return this.#greet(message);
    if (message.type === "authenticated") return this.#send({ action: "subscribe", channels: this.#channels });
    if (message.type === "snapshot") return this.#snapshot(message);
    if (message.type === "changes") return this.#changes(message);
    if (message.type === "subscribed") {
      this.#pauseMs = PAUSE_MS_MIN;
      this.#on.state("live", "good");
      return this.#on.joined();
    }
    if (message.code === "KEY_INVALID") this.#on.state("key refused", "bad");
  }

  #greet(hello) {
    this.#generation = hello.generation;
    if (!hello.key_needed) return this.#send({ action: "subscribe", channels: this.#channels });
    const key = this.#keyOf();
    if (key !== null) this.#send({ action: "auth", key });
  }

  #snapshot({ channel, generation, number, items }) {
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#numbers.clear();
      this.#on.joined();
    }
    this.#numbers.set(channel, number);
    this.#on.snapshot(channel, items);
  }

  #changes({ channel, generation, changes }) {
    if (generation !== this.#generation) return;
    for (const { number, data } of changes) {
      if (number <= (this.#numbers.get(channel) ?? 0)) continue;
      this.#numbers.set(channel, number);
      this.#on.change(channel, data);
    }
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }
}
