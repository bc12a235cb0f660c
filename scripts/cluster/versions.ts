/**
 * Every program of the test cluster: the Go module and version it is built from. One version for each; raising one builds
 * it anew. The times are a cold build's on two cores.
 */

export interface Program {
  readonly name: string;
  readonly module: string;
  readonly version: string;
  /** The Go package of its main function. */
  readonly package: string;
  /** Values of string variables set while linking. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly tags?: string;
  /** Needs a C compiler. */
  readonly cgo?: boolean;
  readonly coldBuildS: number;
}

export const KUBERNETES_MODULE = "k8s.io/kubernetes";
export const KUBERNETES_VERSION = "v1.37.2";
/** The oldest Go that the modules below accept. */
export const GO_VERSION = "1.26";

const CONTAINERD = { module: "github.com/containerd/containerd/v2", version: "v2.4.2" } as const;

function kubernetes(name: string, coldBuildS: number): Program {
  const [, minor = ""] = /^v1\.(\d+)\./.exec(KUBERNETES_VERSION) ?? [];
  const version = {
    gitVersion: KUBERNETES_VERSION,
    gitMajor: "1",
    gitMinor: minor,
    gitTreeState: "archive",
    buildDate: "2026-01-01T00:00:00Z",
  };
  const variables: Record<string, string> = {};
  for (const holder of ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]) {
    for (const [field, value] of Object.entries(version)) variables[`${holder}.${field}`] = value;
  }
  const source = {
    module: KUBERNETES_MODULE,
    version: KUBERNETES_VERSION,
    package: `${KUBERNETES_MODULE}/cmd/${name}`,
  };
  return { name, ...source, variables, coldBuildS };
}

function containerd(name: string, coldBuildS: number): Program {
  const variables = { [`${CONTAINERD.module}/version.Version`]: CONTAINERD.version };
  return { name, ...CONTAINERD, package: `${CONTAINERD.module}/cmd/${name}`, variables, tags: "no_btrfs", coldBuildS };
}

/** What a cluster runs on. */
export const PROGRAMS: readonly Program[] = [
  {
    name: "etcd",
    module: "go.etcd.io/etcd/server/v3",
    version: "v3.7.3",
    package: "go.etcd.io/etcd/server/v3",
    coldBuildS: 55,
  },
  kubernetes("kube-apiserver", 290),
  kubernetes("kube-controller-manager", 90),
  kubernetes("kube-scheduler", 12),
  kubernetes("kubelet", 35),
  kubernetes("kubectl", 26),
  kubernetes("kube-proxy", 15),
  containerd("containerd", 85),
  containerd("ctr", 7),
  containerd("containerd-shim-runc-v2", 7),
  {
    name: "runc",
    module: "github.com/opencontainers/runc",
    version: "v1.5.2",
    package: "github.com/opencontainers/runc",
    tags: "seccomp",
    cgo: true,
    coldBuildS: 15,
  },
  {
    name: "coredns",
    module: "github.com/coredns/coredns",
    version: "v1.15.0",
    package: "github.com/coredns/coredns",
    coldBuildS: 120,
  },
  {
    name: "metrics-server",
    module: "sigs.k8s.io/metrics-server",
    version: "v0.9.0",
    package: "sigs.k8s.io/metrics-server/cmd/metrics-server",
    coldBuildS: 105,
  },
];

/** Not needed to run a cluster: the oldest Kustomize that the manifests promise to work with. */
export const OLD_KUSTOMIZE: Program = {
  name: "kustomize-4.5",
  module: "sigs.k8s.io/kustomize/kustomize/v4",
  version: "v4.5.7",
  package: "sigs.k8s.io/kustomize/kustomize/v4",
  coldBuildS: 30,
};
