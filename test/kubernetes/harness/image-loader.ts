/**
 * Brings images to a cluster that `KUBECONFIG` names. How differs from cluster to cluster, so the command is given:
 * `CLUSTER_LOAD_IMAGE="kind load image-archive"` or `CLUSTER_LOAD_IMAGE="k3s ctr images import"`; the file's path follows it.
 */
import { resolve } from "node:path";
import { must } from "../../../scripts/cluster/command.ts";

const LOAD_TIMEOUT_MS = 300_000;

export function imageLoader(command = process.env["CLUSTER_LOAD_IMAGE"] ?? ""): (tar: string) => Promise<void> {
  const [program, ...args] = command.split(" ").filter((word) => word !== "");
  return async (tar) => {
    if (program === undefined) {
      throw new Error(
        `${tar} cannot be loaded: set CLUSTER_LOAD_IMAGE to this cluster's command, e.g. "kind load image-archive"`,
      );
    }
    await must(program, [...args, resolve(tar)], { timeoutMs: LOAD_TIMEOUT_MS });
  };
}
