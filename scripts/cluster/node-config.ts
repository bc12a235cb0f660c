/** The configuration files of a node's programs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DNS_SERVICE_ADDRESS, nodeAddress, nodeName, POD_RANGE, podRange } from "./addresses.ts";
import { nodeGroup } from "./cgroups.ts";
import { componentConfig, pkiFolder } from "./control-plane.ts";
import { registriesFolder } from "./registry.ts";
import type { ClusterState } from "./state.ts";

export const PAUSE_IMAGE = "localhost/pause:1";
export const CONTAINERD_SOCKET = "/run/containerd/containerd.sock";

/** Writes the files into the node's folder, which is `folder`. */
export function writeNodeConfig(state: ClusterState, node: number, folder: string): void {
  // A cluster without a way out has nobody to ask for names of the outside.
  writeFileSync(join(folder, "resolv.conf"), "");
  writeFileSync(join(folder, "containerd.toml"), containerdConfig(state, folder));
  writeFileSync(join(folder, "cni", "10-pods.conflist"), JSON.stringify(podNetwork(node)));
  writeFileSync(join(folder, "kubelet.yaml"), JSON.stringify(kubeletConfig(state, node, folder)));
  writeFileSync(join(folder, "kube-proxy.yaml"), JSON.stringify(proxyConfig(state, node)));
}

/** Every packet of a pod is routed, also between pods of a node: so policies and Services see all of them. */
function podNetwork(node: number): unknown {
  const ipam = {
    type: "host-local",
    dataDir: "/run/pod-addresses",
    ranges: [[{ subnet: podRange(node) }]],
    routes: [{ dst: "0.0.0.0/0" }],
  };
  return { cniVersion: "1.0.0", name: "pods", plugins: [{ type: "ptp", ipMasq: false, ipam }] };
}

function containerdConfig(state: ClusterState, folder: string): string {
  return `version = 3
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
address = "${CONTAINERD_SOCKET}"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "${PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.images".registry]
config_path = "${registriesFolder(state)}"

[plugins."io.containerd.cri.v1.runtime"]
enable_selinux = false
# Root may be without CAP_SYS_RESOURCE, and then lowering a process's score is refused.
restrict_oom_score_adj = true

[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = "${join(state.programs, "runc")}"
SystemdCgroup = false

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "${join(folder, "cni")}"
`;
}

function kubeletConfig(state: ClusterState, node: number, folder: string): unknown {
  const pki = (file: string) => join(pkiFolder(state), file);
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: nodeAddress(node),
    healthzBindAddress: "127.0.0.1",
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki("ca.crt") },
    },
    authorization: { mode: "Webhook" },
    tlsCertFile: pki(`${nodeName(node)}-tls.crt`),
    tlsPrivateKeyFile: pki(`${nodeName(node)}-tls.key`),
    cgroupDriver: "cgroupfs",
    cgroupRoot: nodeGroup(state, node),
    failCgroupV1: false,
    failSwapOn: false,
    containerRuntimeEndpoint: `unix://${CONTAINERD_SOCKET}`,
    clusterDNS: [DNS_SERVICE_ADDRESS],
    clusterDomain: "cluster.local",
    resolvConf: join(folder, "resolv.conf"),
    // All nodes share the machine's disk and memory: a node that evicts helps nobody.
    evictionHard: {
      "memory.available": "100Mi",
      "nodefs.available": "1%",
      "nodefs.inodesFree": "1%",
      "imagefs.available": "1%",
    },
    // There is no registry to get a removed image from again.
    imageGCHighThresholdPercent: 100,
    nodeStatusUpdateFrequency: "5s",
  };
}

function proxyConfig(state: ClusterState, node: number): unknown {
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    clientConnection: { kubeconfig: componentConfig(state, "kube-proxy") },
    hostnameOverride: nodeName(node),
    mode: "nftables",
    clusterCIDR: POD_RANGE,
    healthzBindAddress: "127.0.0.1:10256",
    metricsBindAddress: "127.0.0.1:10249",
    // Zero leaves the kernel's settings for connection tracking alone; they are the whole machine's.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
}
