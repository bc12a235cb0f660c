/**
 * The stream's wire format: what a client may say, what it is told, and how both are encoded. JSON or MessagePack carry the
 * same objects; an event is encoded once per encoding, however many clients get it.
 *
 * To the client:
 *   hello         {type, generation, channels, key_needed}              first of all
 *   authenticated {type, role}
 *   subscribed    {type, channels}                                      the subscriptions after the request
 *   snapshot      {type, channel, generation, number, items: [{key, data}]}
 *   changes       {type, channel, generation, changes: [{number, key, data}]}
 *   error         {type, code, message}
 *
 * Numbers rise by one per event of a channel. `quotes`, `orders` and `pnl` have keys: under load only the latest change of a
 * key is sent, so numbers may jump. `signals` and `fills` have none and never jump. A snapshot of another generation, also in
 * the middle of a connection, says that what was built up before is void: another replica trades, events were missed, or the
 * one that trades is not heard of (the snapshot is empty then).
 */
import { decode, encode } from "@msgpack/msgpack";
import { CodedError } from "../../core/errors.ts";
import type { Role } from "../access.ts";
import type { StreamChannel, StreamEvent } from "../bot-port.ts";

export const CHANNELS: readonly StreamChannel[] = ["quotes", "signals", "orders", "fills", "pnl"];

/** Names of the WebSocket subprotocols. */
export type Encoding = "json" | "msgpack";

export interface Change {
  readonly number: number;
  readonly key: string | null;
  readonly data: StreamEvent["data"];
}

export type ServerMessage =
  | {
      readonly type: "hello";
      readonly generation: string;
      readonly channels: readonly StreamChannel[];
      readonly key_needed: boolean;
    }
  | { readonly type: "authenticated"; readonly role: Role }
  | { readonly type: "subscribed"; readonly channels: readonly StreamChannel[] }
  | {
      readonly type: "snapshot";
      readonly channel: StreamChannel;
      readonly generation: string;
      readonly number: number;
      readonly items: readonly { readonly key: string | null; readonly data: StreamEvent["data"] }[];
    }
  | {
      readonly type: "changes";
      readonly channel: StreamChannel;
      readonly generation: string;
      readonly changes: readonly Change[];
    }
  | { readonly type: "error"; readonly code: string; readonly message: string };

export type ClientMessage =
  | { readonly action: "auth"; readonly key: string }
  | { readonly action: "subscribe" | "unsubscribe"; readonly channels: readonly StreamChannel[] };

/** A message in its encoding, ready to send to any number of clients. */
export class Encoded {
  readonly #message: ServerMessage;
  #json: Buffer | null = null;
  #msgpack: Uint8Array | null = null;

  constructor(message: ServerMessage) {
    this.#message = message;
  }

  as(encoding: Encoding): Uint8Array {
    if (encoding === "json") return (this.#json ??= Buffer.from(JSON.stringify(this.#message)));
    return (this.#msgpack ??= encode(this.#message));
  }
}

/**
 * Parses what a client sent. Throws `STREAM_MALFORMED`, `STREAM_FIELD_UNKNOWN`, `STREAM_ACTION_UNKNOWN`,
 * `STREAM_CHANNELS_INVALID` or `STREAM_KEY_INVALID`.
 */
export function parseClientMessage(data: Uint8Array, encoding: Encoding): ClientMessage {
  const message = decodeObject(data, encoding);
  if (message["action"] === "auth") {
    onlyFields(message, "key");
    const key = message["key"];
    if (typeof key !== "string") throw new CodedError("STREAM_KEY_INVALID", "key must be a string", { field: "key" });
    return { action: "auth", key };
  }
  if (message["action"] === "subscribe" || message["action"] === "unsubscribe") {
    onlyFields(message, "channels");
    return { action: message["action"], channels: channelsOf(message["channels"]) };
  }
  throw new CodedError("STREAM_ACTION_UNKNOWN", "action must be auth, subscribe or unsubscribe", { field: "action" });
}

function decodeObject(data: Uint8Array, encoding: Encoding): Record<string, unknown> {
  let value: unknown;
  try {
    value = encoding === "json" ? JSON.parse(Buffer.from(data).toString("utf8")) : decode(data);
  } catch (cause) {
    throw new CodedError("STREAM_MALFORMED", `the message is not valid ${encoding}`, { cause });
  }
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new CodedError("STREAM_MALFORMED", "the message must be an object with an action");
}

function onlyFields(message: Record<string, unknown>, field: string): void {
  const unknown = Object.keys(message).find((name) => name !== "action" && name !== field);
  if (unknown === undefined) return;
  const name = unknown.slice(0, 64);
  throw new CodedError("STREAM_FIELD_UNKNOWN", `${name} is not a known field; allowed: action, ${field}`, {
    field: name,
  });
}

function channelsOf(value: unknown): readonly StreamChannel[] {
  const known = (name: unknown): name is StreamChannel => (CHANNELS as readonly unknown[]).includes(name);
  if (Array.isArray(value) && value.length > 0 && value.length <= CHANNELS.length && value.every(known)) {
    return [...new Set(value)];
  }
  throw new CodedError("STREAM_CHANNELS_INVALID", `channels must list some of ${CHANNELS.join(", ")}`, {
    field: "channels",
  });
}
