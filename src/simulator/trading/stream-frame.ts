/**
 * Frames of the trade-update stream: JSON in binary frames as the paper venue sends it, JSON in text frames, or MessagePack
 * where the client's upgrade request asks for it. Clients send JSON in any of them. Pure.
 */
import { encode } from "@msgpack/msgpack";
import { readMessagePack } from "../message-pack.ts";

export type TradeFrameCodec = "binary" | "text" | "msgpack";

/** The bytes or the text of a frame; a string goes out as a text frame. */
export function tradeFrame(message: object, codec: TradeFrameCodec): string | Uint8Array {
  if (codec === "msgpack") return encode(message);
  const text = JSON.stringify(message);
  return codec === "text" ? text : Buffer.from(text);
}

/** What a client sent, whichever way; null for anything but an object. */
export function readTradeFrame(data: Buffer, isBinary: boolean): Readonly<Record<string, unknown>> | null {
  try {
    const value = isBinary && !looksLikeJson(data) ? readMessagePack(data) : JSON.parse(data.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** An object of JSON begins with a brace or white space, one of MessagePack never does. */
function looksLikeJson(data: Buffer): boolean {
  return data.toString("latin1", 0, 64).trimStart().startsWith("{");
}
