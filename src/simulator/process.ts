/**
 * The simulator as a process: configuration as JSON in the environment (SIMULATOR_CONFIG), `{"listening": port}` to the
 * parent (or to standard output without one) when it is ready, an orderly end on SIGTERM and SIGINT. When the parent dies
 * it ends too, unless it is detached and the parent has said `{"keep": true}`: then somebody can find it again, and
 * it ends when nobody has used it for long. Exit codes: 0 ended, 1 failed, 2 wrong configuration.
 */
import { CodedError } from "../core/errors.ts";
import { createSimulator } from "./simulator.ts";

const ORPHAN_CHECK_MS = 1000;

async function main(): Promise<void> {
  const simulator = await createSimulator(readConfig(process.env["SIMULATOR_CONFIG"]), {
    onFailure: (error) => end(error),
  });
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    simulator.close().then(() => process.exit(0), end);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  let kept = false;
  process.on("message", (message: { readonly keep?: boolean }) => {
    kept = message.keep === true && simulator.config.detached;
  });
  process.once("disconnect", () => {
    if (!kept) stop();
  });
  const { detached, orphanSeconds } = simulator.config;
  if (detached) {
    setInterval(() => {
      if (simulator.idleMs() > orphanSeconds * 1000) stop();
    }, ORPHAN_CHECK_MS).unref();
  }
  const port = await simulator.listen();
  if (process.send !== undefined && process.connected) process.send({ listening: port });
  else process.stdout.write(`${JSON.stringify({ listening: port })}\n`);
}

function readConfig(text: string | undefined): unknown {
  if (text === undefined || text === "") return {};
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CodedError("SIMULATOR_CONFIG", "SIMULATOR_CONFIG must hold JSON", {
      field: "SIMULATOR_CONFIG",
      cause: error,
    });
  }
}

function end(error: unknown): void {
  const coded = error instanceof CodedError ? error : null;
  process.stderr.write(coded === null ? `${(error as Error).stack}\n` : `${coded.code}: ${coded.message}\n`);
  process.exit(coded?.code === "SIMULATOR_CONFIG" ? 2 : 1);
}

main().catch(end);
