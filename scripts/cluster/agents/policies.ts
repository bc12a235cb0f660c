/**
 * Enforces NetworkPolicies for the pods of one node, by one table of nftables in the node's network namespace. Runs inside
 * the node: `policies.ts SERVER PKI NODE`. What it cannot do is in docs/test-cluster.md.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { must } from "../command.ts";
import { ApiClient } from "./api-client.ts";
import { type Namespace, type NetworkPolicy, type Pod, policyTable } from "./policy-table.ts";

/** Changes come in flocks. */
const SETTLE_MS = 100;
const RETRY_MS = 1_000;

const [server = "", pki = "", node = ""] = process.argv.slice(2);
const api = new ApiClient(server, pki);
const pods = new Map<string, Pod>();
const namespaces = new Map<string, Namespace>();
const policies = new Map<string, NetworkPolicy>();

let wake = (): void => undefined;
let pending = false;
let applied = "";

function changed(): void {
  pending = true;
  wake();
}

async function nextChange(): Promise<void> {
  if (!pending) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  await sleep(SETTLE_MS);
  pending = false;
}

async function enforce(): Promise<never> {
  for (;;) {
    await nextChange();
    const table = policyTable(node, [...pods.values()], [...namespaces.values()], [...policies.values()]);
    if (table === applied) continue;
    try {
      await must("nft", ["--file", "-"], { input: table });
      applied = table;
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      pending = true;
      await sleep(RETRY_MS);
    }
  }
}

await Promise.all([
  api.follow("/api/v1/pods", pods, changed),
  api.follow("/api/v1/namespaces", namespaces, changed),
  api.follow("/apis/networking.k8s.io/v1/networkpolicies", policies, changed),
  enforce(),
]);
