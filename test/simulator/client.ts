/** A plain client of the simulator for tests: fetch, ws and @msgpack/msgpack, nothing of our own code. */
import { once } from "node:events";
import { decode, ExtData, ExtensionCodec } from "@msgpack/msgpack";
import { WebSocket } from "ws";

export const KEYS = { keyId: "test-key", secret: "test-secret" };

export const HEADERS = {
  "apca-api-key-id": KEYS.keyId,
  "apca-api-secret-key": KEYS.secret,
  "content-type": "application/json",
};

/** Whatever the wire says. */
export type Body = any; // oxlint-disable-line typescript/no-explicit-any

export interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
}

export async function call(port: number, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: HEADERS,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text), headers: response.headers };
}

let orders = 0;

/** Posts `buy 10 DEMO` or `sell 5 DEMO 101.5`; the client order id is `id` or a new one. */
export function order(port: number, text: string, fields: object = {}): Promise<Answer> {
  const [side, qty, symbol, limit] = text.split(" ");
  return call(port, "POST", "/v2/orders", {
    symbol,
    qty,
    side,
    type: limit === undefined ? "market" : "limit",
    time_in_force: symbol?.includes("/") === true ? "gtc" : "day",
    client_order_id: `test-${process.pid}-${++orders}`,
    ...(limit === undefined ? {} : { limit_price: limit }),
    ...fields,
  });
}

/** A socket whose messages are kept in order and can be waited for. */
export class Peer {
  readonly socket: WebSocket;
  readonly messages: Body[] = [];
  readonly binary: boolean[] = [];
  readonly closed: Promise<number>;
  #arrived: (() => void)[] = [];

  private constructor(socket: WebSocket, read: (data: Buffer, binary: boolean) => readonly Body[]) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("message", (data: Buffer, binary: boolean) => {
      for (const message of read(data, binary)) {
        this.messages.push(message);
        this.binary.push(binary);
      }
      const arrived = this.#arrived;
      this.#arrived = [];
      for (const wake of arrived) wake();
    });
  }

  static async open(
    url: string,
    headers: Record<string, string> = {},
    read: (data: Buffer, binary: boolean) => readonly Body[] = readJson,
  ): Promise<Peer> {
    const socket = new WebSocket(url, { headers });
    const peer = new Peer(socket, read);
    await once(socket, "open");
    return peer;
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /** The first message so far or to come that fits. */
  async find(fits: (message: Body) => boolean): Promise<Body> {
    for (let at = 0; ; ) {
      for (; at < this.messages.length; at++) if (fits(this.messages[at])) return this.messages[at];
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

function readJson(data: Buffer): readonly Body[] {
  const value = JSON.parse(data.toString("utf8"));
  return Array.isArray(value) ? value : [value];
}

/** Market data in MessagePack; times come as raw extensions, so that their bytes can be looked at. */
export function readMsgpack(data: Buffer): readonly Body[] {
  const extensionCodec = new ExtensionCodec();
  extensionCodec.register({
    type: -1,
    encode: () => null,
    decode: (bytes) => new ExtData(-1, bytes),
  });
  return decode(data, { extensionCodec }) as Body[];
}

/** Opens the trade-update stream, authenticated and listening. */
export async function tradeStream(port: number): Promise<Peer> {
  const peer = await Peer.open(`ws://127.0.0.1:${port}/stream`);
  peer.send({ action: "authenticate", data: { key_id: KEYS.keyId, secret_key: KEYS.secret } });
  peer.send({ action: "listen", data: { streams: ["trade_updates"] } });
  await peer.find((message) => message.stream === "listening");
  return peer;
}

/** Opens a market-data stream, authenticated and subscribed. */
export async function dataStream(port: number, path: string, subscription: object): Promise<Peer> {
  const peer = await Peer.open(`ws://127.0.0.1:${port}${path}`);
  peer.send({ action: "auth", key: KEYS.keyId, secret: KEYS.secret });
  peer.send({ action: "subscribe", ...subscription });
  await peer.find((message) => message.T === "subscription");
  return peer;
}

export const isMarket = (message: Body): boolean => ["t", "q", "s", "b"].includes(message.T);
