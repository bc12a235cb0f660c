/**
 * Runs a recorded inbound sequence through an engine again and tells what came out. The same recording gives the same
 * intents by hash, on any machine; nothing is sent anywhere. Any thread.
 */
import { Engine } from "../core/engine.ts";
import { INTENT_ORDER } from "../core/order/intent.ts";
import { IntentHash, IntentList } from "../core/order/intent-list.ts";
import { readRecording } from "../feed/run-file.ts";
import { decodeBigints, type RunHeader } from "./run-recording.ts";

export interface RerunResult {
  readonly records: number;
  /** Orders among the intents. */
  readonly intents: number;
  /** Of all intents and snapshots, in order; equals the hash that the run itself had. */
  readonly intentHash: string;
  /** Bytes after the last whole block, as a killed process leaves them. */
  readonly tornBytes: number;
}

/**
 * Throws `RUN_FILE` for a file that is no recording. `onProgress` is called now and then with the number of records.
 */
export async function rerunRecording(path: string, onProgress?: (records: number) => void): Promise<RerunResult> {
  const file = await readRecording(path);
  const { spec, restored } = decodeBigints(file.header) as RunHeader;
  const list = new IntentList();
  const hash = new IntentHash();
  const engine = new Engine(spec, list);
  for (const { instanceIndex, snapshot } of restored) engine.restore(instanceIndex, Float64Array.from(snapshot));
  let records = 0;
  let orders = 0;
  for await (const block of file) {
    for (let slot = 0; slot < block.capacity; slot++) {
      engine.process(block, slot, records++);
      if (list.count > 0) orders += drain(list, hash);
    }
    onProgress?.(records);
  }
  return { records, intents: orders, intentHash: hash.hex(), tornBytes: file.tornBytes };
}

/** Adds the list's records to the hash and empties it; returns how many orders there were. */
function drain(list: IntentList, hash: IntentHash): number {
  const { intents, count } = list;
  let orders = 0;
  for (let slot = 0; slot < count; slot++) {
    hash.add(intents, slot);
    if (intents.kind(slot) === INTENT_ORDER) orders += 1;
  }
  list.clear();
  return orders;
}
