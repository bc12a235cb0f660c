/** Names and addresses inside a cluster's own network. They are the same in every cluster: each has namespaces of its own. */

/** The control plane, and the gateway of nobody: there is no way out of this network. */
export const API_ADDRESS = "10.89.0.1";
export const API_PORT = 6443;
export const NODE_NETWORK_PREFIX = 24;
export const SERVICE_RANGE = "10.96.0.0/16";
export const API_SERVICE_ADDRESS = "10.96.0.1";
export const DNS_SERVICE_ADDRESS = "10.96.0.10";
export const POD_RANGE = "10.244.0.0/16";
export const MAX_NODES = 9;

/** `node1` for 1. */
export function nodeName(node: number): string {
  return `node${node}`;
}

export function nodeAddress(node: number): string {
  return `10.89.0.${10 + node}`;
}

export function podRange(node: number): string {
  return `10.244.${node}.0/24`;
}
