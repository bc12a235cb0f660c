/**
 * The worker that holds the embedded database (PGlite). It runs requests one after the other, in order, and answers each;
 * the main thread never waits for it. Started by `embedded-link.ts` only.
 */
import { parentPort, workerData } from "node:worker_threads";
import { PGlite, type Results } from "@electric-sql/pglite";
import { VALUE_PARSERS } from "./value-parsers.ts";

export interface EmbeddedRequest {
  readonly id: number;
  readonly kind: "query" | "script" | "close";
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface EmbeddedAnswer {
  readonly id: number;
  readonly result?: EmbeddedResult;
  readonly error?: { readonly message: string; readonly code: string; readonly detail: string };
}

export interface EmbeddedResult {
  readonly fields: readonly { readonly dataTypeId: number; readonly name: string }[];
  readonly rows: readonly Record<string, unknown>[];
  readonly affectedRows: number;
}

const port = parentPort;
if (port === null) throw new Error("embedded-worker.ts must be started as a worker");
const { directory } = workerData as { directory: string };
// Durability stays strict: an acknowledged commit has reached the file system.
const database = await PGlite.create({
  dataDir: directory,
  relaxedDurability: false,
  // Of the process's memory: the default of 128 MB is for a server of its own, and costs 120 MB even when idle.
  startParams: [...PGlite.defaultStartParams, "-c", "shared_buffers=32MB"],
});
await database.exec("SET DateStyle TO 'ISO, YMD'; SET TimeZone TO 'UTC'");

async function run(request: EmbeddedRequest): Promise<EmbeddedResult> {
  if (request.kind === "close") await database.close();
  else if (request.kind === "script") await database.exec(request.text);
  else
    return asResult(
      await database.query<Record<string, unknown>>(request.text, [...request.values], { parsers: VALUE_PARSERS }),
    );
  return { fields: [], rows: [], affectedRows: 0 };
}

function asResult(results: Results<Record<string, unknown>>): EmbeddedResult {
  const fields = results.fields.map((field) => ({ dataTypeId: field.dataTypeID, name: field.name }));
  return { fields, rows: results.rows, affectedRows: results.affectedRows ?? 0 };
}

function asError(error: unknown): NonNullable<EmbeddedAnswer["error"]> {
  const { message, code, detail } = error as { message?: string; code?: string; detail?: string };
  return { message: message ?? String(error), code: code ?? "", detail: detail ?? "" };
}

let queue: Promise<void> = Promise.resolve();

port.on("message", (request: EmbeddedRequest) => {
  queue = queue.then(async () => {
    const answer = await run(request).then(
      (result): EmbeddedAnswer => ({ id: request.id, result }),
      (error: unknown): EmbeddedAnswer => ({ id: request.id, error: asError(error) }),
    );
    port.postMessage(answer);
    if (request.kind === "close") port.close();
  });
});
port.postMessage({ id: 0 } satisfies EmbeddedAnswer);
