/**
 * The two encodings of the stream. A message is encoded once, whoever reads it; frames are put together from encoded
 * messages. Main thread of the simulator.
 */
import { encode } from "@msgpack/msgpack";
import { rfc3339Nano } from "../message/wire-timestamp.ts";
import { type Field, levelBody, type MessageShape } from "../message/message-shape.ts";
import { MsgpackWriter } from "../message/msgpack-writer.ts";

export interface StreamCodec {
  readonly binary: boolean;
  /** The message encoded last: `bytes` up to `length`, until the next one. */
  readonly bytes: Buffer;
  readonly length: number;
  /** `symbol` null for messages without one. */
  encode<S>(described: MessageShape<S>, symbol: string | null, source: S): void;
  /** Writes what comes before and after `count` messages at `buffer[start..end)`; returns the frame's bounds. */
  enclose(buffer: Buffer, start: number, end: number, count: number): readonly [start: number, end: number];
  /** A whole frame of one control message. */
  control(message: object): Buffer;
}

/** Room that `enclose` needs before and after the messages. */
export const ENCLOSE_BYTES = 3;

export class JsonCodec implements StreamCodec {
  readonly binary = false;
  bytes = Buffer.allocUnsafeSlow(4096);
  length = 0;

  /** With the comma that parts it from the one before. */
  encode<S>(described: MessageShape<S>, symbol: string | null, source: S): void {
    let text = `,${described.jsonHead}`;
    if (symbol !== null) text += quoted(symbol);
    for (const field of described.fields) text += field.jsonKey + jsonValue(field, source);
    text += "}";
    // One letter of text is at most three bytes of UTF-8.
    if (text.length * 3 > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(text.length * 6);
    this.length = this.bytes.write(text);
  }

  enclose(buffer: Buffer, start: number, end: number): readonly [number, number] {
    buffer[start] = OPENING_BRACKET;
    buffer[end] = CLOSING_BRACKET;
    return [start, end + 1];
  }

  control(message: object): Buffer {
    return Buffer.from(JSON.stringify([message]));
  }
}

const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;

function jsonValue<S>(field: Field<S>, source: S): string {
  switch (field.type) {
    case "float":
    case "integer":
      return String(field.get(source));
    case "text":
      return quoted(field.get(source));
    case "texts":
      return textList(field.get(source));
    case "time":
      return `"${rfc3339Nano(field.get(source))}"`;
    case "levels":
      return JSON.stringify(field.get(source).map(levelBody));
    case "flag":
      return String(field.get(source));
  }
}

/** Symbols, exchanges and conditions are few and come again and again. */
const QUOTED = new Map<string, string>();
const QUOTED_MOST = 10_000;
const QUOTED_LETTERS = 16;

function quoted(text: string): string {
  const known = QUOTED.get(text);
  if (known !== undefined) return known;
  const json = JSON.stringify(text);
  if (text.length <= QUOTED_LETTERS && QUOTED.size < QUOTED_MOST) QUOTED.set(text, json);
  return json;
}

function textList(list: readonly string[]): string {
  let json = "";
  for (const text of list) json += json === "" ? quoted(text) : `,${quoted(text)}`;
  return `[${json}]`;
}

export class MsgpackCodec implements StreamCodec {
  readonly binary = true;
  readonly #writer = new MsgpackWriter();

  get bytes(): Buffer {
    return this.#writer.bytes;
  }

  get length(): number {
    return this.#writer.length;
  }

  encode<S>(described: MessageShape<S>, symbol: string | null, source: S): void {
    const writer = this.#writer;
    writer.clear();
    writer.raw(described.msgpackHead);
    if (symbol !== null) writer.text(symbol);
    for (const field of described.fields) {
      writer.raw(field.msgpackKey);
      writeValue(writer, field, source);
    }
  }

  enclose(buffer: Buffer, start: number, end: number, count: number): readonly [number, number] {
    if (count < 16) {
      buffer[start - 1] = 0x90 | count;
      return [start - 1, end];
    }
    buffer[start - 3] = 0xdc;
    buffer.writeUInt16BE(count, start - 2);
    return [start - 3, end];
  }

  control(message: object): Buffer {
    return Buffer.from(encode([message]));
  }
}

function writeValue<S>(writer: MsgpackWriter, field: Field<S>, source: S): void {
  switch (field.type) {
    case "float":
      return writer.float(field.get(source));
    case "integer":
      return writer.integer(field.get(source));
    case "text":
      return writer.text(field.get(source));
    case "texts": {
      const list = field.get(source);
      writer.arrayHeader(list.length);
      for (const text of list) writer.text(text);
      return;
    }
    case "time":
      return writer.time(field.get(source));
    case "levels": {
      const list = field.get(source);
      writer.arrayHeader(list.length);
      for (const level of list) {
        writer.mapHeader(2);
        writer.text("p");
        writer.float(level.price);
        writer.text("s");
        writer.float(level.size);
      }
      return;
    }
    case "flag":
      return writer.boolean(field.get(source));
  }
}
