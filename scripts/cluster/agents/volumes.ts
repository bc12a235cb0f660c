/**
 * Makes volumes for claims of the class `standard`: a folder of the node that the scheduler has chosen, as a `local` volume,
 * removed when its claim is gone. Sizes are written down and not enforced. One process for the whole cluster:
 * `volumes.ts SERVER PKI NODES_FOLDER`.
 */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ApiClient, type ApiObject } from "./api-client.ts";

/** The name in the storage class (`manifests/storage.yaml`). */
const PROVISIONER = "test-cluster.local/folder";

interface Claim extends ApiObject {
  readonly spec: {
    readonly storageClassName?: string;
    readonly accessModes: readonly string[];
    readonly volumeName?: string;
    readonly resources: { readonly requests: { readonly storage: string } };
  };
  readonly status?: { readonly phase?: string };
}

interface Volume extends ApiObject {
  readonly spec: {
    readonly local?: { readonly path: string };
    readonly persistentVolumeReclaimPolicy: string;
  };
  readonly status?: { readonly phase?: string };
}

const [server = "", pki = "", nodesFolder = ""] = process.argv.slice(2);
const api = new ApiClient(server, pki);
const claims = new Map<string, Claim>();
const volumes = new Map<string, Volume>();
/** Claims and volumes that are being worked on, by uid: an object changes several times meanwhile. */
const busy = new Set<string>();

function isOurs(object: ApiObject, annotation: string): boolean {
  return object.metadata.annotations?.[annotation] === PROVISIONER;
}

async function provide(claim: Claim, node: string): Promise<void> {
  const name = `pvc-${claim.metadata.uid}`;
  const path = join(nodesFolder, node, "volumes", name);
  mkdirSync(path, { recursive: true });
  // A pod without an fsGroup must be able to write, whoever it runs as.
  chmodSync(path, 0o777);
  const { namespace, name: claimName, uid } = claim.metadata;
  const onNode = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
  await api.create("/api/v1/persistentvolumes", {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, annotations: { "pv.kubernetes.io/provisioned-by": PROVISIONER } },
    spec: {
      capacity: { storage: claim.spec.resources.requests.storage },
      accessModes: claim.spec.accessModes,
      persistentVolumeReclaimPolicy: "Delete",
      storageClassName: claim.spec.storageClassName,
      local: { path },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name: claimName, uid },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onNode] }] } },
    },
  });
  console.log(`${namespace}/${claimName}: ${path}`);
}

async function reclaim(volume: Volume): Promise<void> {
  const { name } = volume.metadata;
  if (volume.spec.local !== undefined) rmSync(volume.spec.local.path, { recursive: true, force: true });
  await api.remove(`/api/v1/persistentvolumes/${name}`);
  console.log(`${name}: removed`);
}

async function once(object: ApiObject, work: () => Promise<void>): Promise<void> {
  const { uid } = object.metadata;
  if (busy.has(uid)) return;
  busy.add(uid);
  try {
    await work();
  } catch (error) {
    console.error(`${object.metadata.name}: ${(error as Error).message}`);
    busy.delete(uid);
  }
}

function serveClaims(): void {
  for (const claim of claims.values()) {
    const node = claim.metadata.annotations?.["volume.kubernetes.io/selected-node"];
    const isWaiting = claim.status?.phase === "Pending" && !claim.spec.volumeName && !claim.metadata.deletionTimestamp;
    if (!isWaiting || node === undefined || !isOurs(claim, "volume.kubernetes.io/storage-provisioner")) continue;
    void once(claim, () => provide(claim, node));
  }
}

function serveVolumes(): void {
  for (const volume of volumes.values()) {
    const isFree = volume.status?.phase === "Released" && !volume.metadata.deletionTimestamp;
    if (!isFree || volume.spec.persistentVolumeReclaimPolicy !== "Delete") continue;
    if (isOurs(volume, "pv.kubernetes.io/provisioned-by")) void once(volume, () => reclaim(volume));
  }
}

await Promise.all([
  api.follow("/api/v1/persistentvolumeclaims", claims, serveClaims),
  api.follow("/api/v1/persistentvolumes", volumes, serveVolumes),
]);
