/**
 * How market-data messages are described: a letter, and fields with a key, a type and where the value comes from. One
 * description serves JSON, MessagePack and the bodies of REST, so that they cannot differ. Pure.
 */
import { rfc3339Nano } from "./wire-timestamp.ts";
import { packedText } from "./msgpack-writer.ts";

export interface Level {
  readonly price: number;
  readonly size: number;
}

interface Typed<Type extends string, Value, Source> {
  readonly type: Type;
  readonly key: string;
  readonly get: (source: Source) => Value;
  /** `,"key":` */
  readonly jsonKey: string;
  readonly msgpackKey: Uint8Array;
}

export type Field<Source> =
  /** A float64 in MessagePack, whatever its value. */
  | Typed<"float", number, Source>
  /** An integer in MessagePack where the value is whole. */
  | Typed<"integer", number, Source>
  | Typed<"text", string, Source>
  | Typed<"texts", readonly string[], Source>
  /** Epoch microseconds: RFC 3339 in JSON, the timestamp extension in MessagePack. */
  | Typed<"time", number, Source>
  | Typed<"levels", readonly Level[], Source>
  | Typed<"flag", boolean, Source>;

export interface MessageShape<Source> {
  readonly fields: readonly Field<Source>[];
  /** The message up to its first field; with a symbol, up to the symbol's value. */
  readonly jsonHead: string;
  readonly msgpackHead: Uint8Array;
}

function typed<Type extends string, Value, Source>(
  type: Type,
  key: string,
  get: (source: Source) => Value,
): Typed<Type, Value, Source> {
  return { type, key, get, jsonKey: `,${JSON.stringify(key)}:`, msgpackKey: packedText(key) };
}

export const float = <S>(key: string, get: (source: S) => number) => typed("float", key, get);
export const integer = <S>(key: string, get: (source: S) => number) => typed("integer", key, get);
export const text = <S>(key: string, get: (source: S) => string) => typed("text", key, get);
export const texts = <S>(key: string, get: (source: S) => readonly string[]) => typed("texts", key, get);
export const time = <S>(key: string, get: (source: S) => number) => typed("time", key, get);
export const levels = <S>(key: string, get: (source: S) => readonly Level[]) => typed("levels", key, get);
export const flag = <S>(key: string, get: (source: S) => boolean) => typed("flag", key, get);

/** Fewer than sixteen fields with `T` and `S`: the map's header is one byte. `T` comes first, as Alpaca's clients need it. */
export function shape<S>(letter: string, fields: readonly Field<S>[], hasSymbol = true): MessageShape<S> {
  const keys = fields.length + (hasSymbol ? 2 : 1);
  if (keys > 15) throw new RangeError(`a message has at most 15 fields, ${letter} has ${keys}`);
  const symbolKey = hasSymbol ? packedText("S") : [];
  return {
    fields,
    jsonHead: `{"T":${JSON.stringify(letter)}${hasSymbol ? ',"S":' : ""}`,
    msgpackHead: Uint8Array.from([0x80 | keys, ...packedText("T"), ...packedText(letter), ...symbolKey]),
  };
}

/** The fields as REST gives them: without letter and symbol, times as text. */
export function bodyOf<S>(described: MessageShape<S>, source: S): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of described.fields) {
    if (field.type === "time") body[field.key] = rfc3339Nano(field.get(source));
    else if (field.type === "levels") body[field.key] = field.get(source).map(levelBody);
    else body[field.key] = field.get(source);
  }
  return body;
}

export function levelBody(level: Level): { p: number; s: number } {
  return { p: level.price, s: level.size };
}
