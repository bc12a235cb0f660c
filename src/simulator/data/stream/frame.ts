/** Messages of one connection that wait for the next frame. Main thread of the simulator. */
import { ENCLOSE_BYTES, type StreamCodec } from "./stream-codec.ts";

const INITIAL_BYTES = 8192;

export class Frame {
  readonly #codec: StreamCodec;
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #end = ENCLOSE_BYTES;
  /** Messages in it. */
  count = 0;

  constructor(codec: StreamCodec) {
    this.#codec = codec;
  }

  /** Bytes in it. */
  get size(): number {
    return this.#end - ENCLOSE_BYTES;
  }

  /** Adds the message that the codec has encoded last. */
  append(): void {
    const { bytes, length } = this.#codec;
    if (this.#end + length + ENCLOSE_BYTES > this.#buffer.length) this.#grow(length);
    bytes.copy(this.#buffer, this.#end, 0, length);
    this.#end += length;
    this.count++;
  }

  /** The frame's bytes; empties it. */
  take(): Buffer {
    const [start, end] = this.#codec.enclose(this.#buffer, ENCLOSE_BYTES, this.#end, this.count);
    const bytes = Buffer.allocUnsafe(end - start);
    this.#buffer.copy(bytes, 0, start, end);
    this.#end = ENCLOSE_BYTES;
    this.count = 0;
    return bytes;
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafeSlow((this.#end + length + ENCLOSE_BYTES) * 2);
    this.#buffer.copy(larger, 0, 0, this.#end);
    this.#buffer = larger;
  }
}
