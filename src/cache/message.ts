/**
 * The messages between replicas and their format: MessagePack, an array of [version, kind, publisher, generation, number,
 * body]. Numbers rise by one per message of a publisher, so that a lost one is seen. Decoding trusts nobody: sizes are
 * bounded, every field is checked, and what is not known to this version is left out.
 *
 *   events    body: [[channel, key, data], …]
 *   state     body: [owner, [[id, state, worker, intents, refusals], …], {code: refusals}, [[channel, key, data], …]]
 *   released  body: null; it has the number 0
 */
import { Decoder, Encoder } from "@msgpack/msgpack";
import type { StreamEvent } from "../api/bot-port.ts";
import type { InstanceState, OwnerState } from "./cache.ts";
import { eventOf, isText, isWhole } from "./event-shape.ts";

const VERSION = 1;
/** Larger messages are not looked at, and not sent. */
export const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;
const TEXT_BYTES_MAX = 4096;
const LIST_MAX = 20_000;
const MAP_MAX = 1_000;
/** Digits of a generation of 64 bits. */
const GENERATION = /^\d{1,20}$/;
const PUBLISHER = /^[0-9a-f]{16}$/;
const INSTANCE_STATES: ReadonlySet<unknown> = new Set(["warming_up", "running", "stopped", "standby"]);

interface Head {
  /** Random, of a life of a process. */
  readonly publisher: string;
  /** Of the lease that the publisher holds. */
  readonly generation: bigint;
  readonly number: number;
}

export type Message = Head &
  (
    | { readonly kind: "events"; readonly events: readonly StreamEvent[] }
    | { readonly kind: "state"; readonly state: OwnerState }
    | { readonly kind: "released" }
  );

const encoder = new Encoder();
const decoder = new Decoder({
  maxStrLength: TEXT_BYTES_MAX,
  maxBinLength: 0,
  maxExtLength: 0,
  maxArrayLength: LIST_MAX,
  maxMapLength: MAP_MAX,
});

/** The bytes of a message; null when there are more than the others would take. Never throws: trading goes on. */
export function encodeMessage(message: Message): Uint8Array | null {
  const { kind, publisher, generation, number } = message;
  try {
    const bytes = encoder.encode([VERSION, kind, publisher, String(generation), number, bodyOf(message)]);
    return bytes.length > MESSAGE_BYTES_MAX ? null : bytes;
  } catch {
    return null;
  }
}

function bodyOf(message: Message): unknown {
  if (message.kind === "released") return null;
  if (message.kind === "events") return message.events.map(tuple);
  const { owner, instances, refusals, events } = message.state;
  const rows = instances.map((row) => [row.id, row.state, row.worker, row.intents, row.refusals]);
  return [owner, rows, refusals, events.map(tuple)];
}

function tuple({ channel, key, data }: StreamEvent): unknown[] {
  return [channel, key, data];
}

/** The message; null for what is malformed or of another version. */
export function decodeMessage(bytes: Uint8Array): Message | null {
  if (bytes.length > MESSAGE_BYTES_MAX) return null;
  let value: unknown;
  try {
    value = decoder.decode(bytes);
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value.length < 6) return null;
  const [version, kind, publisher, generation, number, body] = value as unknown[];
  if (version !== VERSION || !isText(publisher) || !PUBLISHER.test(publisher)) return null;
  if (!isText(generation) || !GENERATION.test(generation) || !isWhole(number)) return null;
  const head = { publisher, generation: BigInt(generation), number };
  if (kind === "released") return { ...head, kind };
  if (kind === "events") {
    const events = eventsOf(body);
    return events === null ? null : { ...head, kind, events };
  }
  const state = kind === "state" ? stateOf(body) : null;
  return state === null ? null : { ...head, kind: "state", state };
}

function eventsOf(body: unknown): StreamEvent[] | null {
  if (!Array.isArray(body)) return null;
  const events: StreamEvent[] = [];
  for (const item of body) {
    const event = eventOf(item);
    if (event === null) return null;
    events.push(event);
  }
  return events;
}

function stateOf(body: unknown): OwnerState | null {
  if (!Array.isArray(body) || body.length < 4) return null;
  const [owner, rows, refusals, items] = body as unknown[];
  const events = eventsOf(items);
  if (!isText(owner) || !Array.isArray(rows) || events === null || !isCounts(refusals)) return null;
  const instances = rows.map(instanceOf);
  return instances.every((row) => row !== null) ? { owner, instances, refusals, events } : null;
}

function instanceOf(row: unknown): InstanceState | null {
  if (!Array.isArray(row)) return null;
  const [id, state, worker, intents, refusals] = row as unknown[];
  if (!isText(id) || !INSTANCE_STATES.has(state) || !isWhole(intents) || !isWhole(refusals)) return null;
  if (worker !== null && !isWhole(worker)) return null;
  return { id, state: state as InstanceState["state"], worker, intents, refusals };
}

function isCounts(value: unknown): value is Readonly<Record<string, number>> {
  return value !== null && typeof value === "object" && !Array.isArray(value) && Object.values(value).every(isWhole);
}
