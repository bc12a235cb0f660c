/**
 * What clients send in MessagePack. It is read over once before it is decoded: the decoder makes room for as many items as
 * a length announces, so that a few bytes could ask for all the memory there is. Main thread of the simulator.
 */
import { decode } from "@msgpack/msgpack";
import { ByteTable } from "../feed/byte-table.ts";
import { MsgpackCursor } from "../feed/msgpack-cursor.ts";

const NO_KEYS = {
  short: new Uint8Array(256),
  long: new Uint8Array(65_536),
  longer: new ByteTable(1),
  longerFields: new Uint8Array(1),
};

const cursor = new MsgpackCursor(NO_KEYS, 1);

/** Throws for anything but exactly one value, at most 16 levels deep. */
export function readMessagePack(bytes: Uint8Array): unknown {
  cursor.attach(bytes);
  if (cursor.skip(0, 0) !== bytes.length) throw new RangeError("not one whole value, or too deep");
  return decode(bytes);
}
