/** Ways from the machine's loopback into the control plane's namespace, which is closed otherwise. */
import { createServer } from "node:net";
import { API_ADDRESS } from "./addresses.ts";
import { launchInControlPlane } from "./network.ts";
import { launch, type RecordedProcess } from "./processes.ts";
import { type ClusterState, logFile, recordProcess } from "./state.ts";

/**
 * Leads `port` of the machine's 127.0.0.1 to `innerPort` of the control plane's address, by the processes `NAME` and
 * `NAME-inside`. A socket in the cluster's folder is the one thing that both sides see.
 */
export async function startRelay(
  state: ClusterState,
  name: string,
  port: number,
  innerPort: number,
): Promise<RecordedProcess[]> {
  const socket = `${name}.sock`;
  const inner = [
    "socat",
    `UNIX-LISTEN:${socket},unlink-early,fork,mode=600`,
    `TCP4:${API_ADDRESS}:${innerPort}`,
  ] as const;
  const inside = await launchInControlPlane(state, `${name}-inside`, inner);
  const outer = ["socat", `TCP4-LISTEN:${port},bind=127.0.0.1,reuseaddr,fork`, `UNIX-CONNECT:${socket}`] as const;
  const env = { PATH: process.env["PATH"] ?? "" };
  const relay = await launch({ name, argv: outer, log: logFile(state, name), cwd: state.folder, env });
  recordProcess(state, relay);
  return [inside, relay];
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
