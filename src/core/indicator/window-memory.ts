/**
 * Where the windows of indicators live: in chunks shared by many, in order of creation, so that windows that are used
 * together lie together and share one array object (measured: a tick over a hundred instruments waits for memory most of
 * all). A chunk lives as long as any window in it. Windows belong to the thread that makes them.
 */
const CHUNK_DOUBLES = 16_384;

let chunk = new Float64Array(CHUNK_DOUBLES);
let used = 0;

/** `size` doubles of `memory` from `start` on, zero at first. */
export interface WindowSpan {
  readonly memory: Float64Array;
  readonly start: number;
}

export function takeWindow(size: number): WindowSpan {
  if (used + size > chunk.length) {
    chunk = new Float64Array(Math.max(CHUNK_DOUBLES, size));
    used = 0;
  }
  const start = used;
  used += size;
  return { memory: chunk, start };
}
