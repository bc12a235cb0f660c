/** Base, overlays and components run on Kubernetes 1.24 and Kustomize 4.5: newer fields belong into `components/k8s-1.30`. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { isMap, parseAllDocuments } from "yaml";
import { isExecutable, programFolder } from "../../scripts/cluster/paths.ts";
import { ENVIRONMENTS, NO_KUBECTL, renderText, ROOT } from "./harness/render.ts";

/**
 * Fields and the minor version of Kubernetes 1 in which each became stable, from its feature gates; null where none has yet. A path
 * matches at its end: keys from the outer to the inner one, without places in lists.
 */
const NEWER: Readonly<Record<string, number | null>> = {
  endPort: 25,
  "statefulset.spec.minReadySeconds": 25,
  "spec.os": 25,
  internalTrafficPolicy: 26,
  timeZone: 27,
  persistentVolumeClaimRetentionPolicy: 32,
  grpc: 27,
  "livenessProbe.terminationGracePeriodSeconds": 28,
  "readinessProbe.terminationGracePeriodSeconds": 28,
  "startupProbe.terminationGracePeriodSeconds": 28,
  nodeAffinityPolicy: 33,
  nodeTaintsPolicy: 33,
  minDomains: 30,
  matchLabelKeys: null,
  mismatchLabelKeys: 33,
  unhealthyPodEvictionPolicy: 31,
  podFailurePolicy: 31,
  successPolicy: 33,
  backoffLimitPerIndex: 33,
  podReplacementPolicy: 34,
  managedBy: 35,
  "statefulset.spec.ordinals": 31,
  "statefulset.spec.updateStrategy.rollingUpdate.maxUnavailable": null,
  appArmorProfile: 31,
  supplementalGroupsPolicy: 35,
  recursiveReadOnly: 33,
  "preStop.sleep": 34,
  stopSignal: null,
  resizePolicy: 35,
  "initContainers.restartPolicy": 33,
  schedulingGates: 30,
  hostUsers: 36,
  resourceClaims: 34,
  trafficDistribution: 33,
  containerResource: 30,
  clusterTrustBundle: 37,
  volumeAttributesClassName: 34,
  dataSourceRef: 33,
};

/** API groups with the first version that was stable by 1.24; anything else is refused. */
const STABLE_APIS = [
  "v1",
  "apps/v1",
  "autoscaling/v2",
  "batch/v1",
  "networking.k8s.io/v1",
  "policy/v1",
  "rbac.authorization.k8s.io/v1",
];

/** Every key's path, such as `Deployment.spec.template`, with the kind first and without places in lists; also those that JSON patches make. */
function pathsOf(text: string): string[] {
  return parseAllDocuments(text, { version: "1.1" }).flatMap((document) => {
    const content: unknown = document.toJS();
    const kind = isRecord(content) ? String(content["kind"]).toLowerCase() : "patch";
    return [...keyPaths(content, kind)];
  });
}

function* keyPaths(value: unknown, path: string): Generator<string> {
  if (Array.isArray(value)) for (const item of value) yield* keyPaths(item, path);
  if (!isRecord(value)) return;
  if (typeof value["op"] === "string" && typeof value["path"] === "string") {
    const place = `${path}${value["path"].replaceAll(/\/(\d+|-)(?=\/|$)/g, "").replaceAll("/", ".")}`;
    yield place;
    yield* keyPaths(value["value"], place);
    return;
  }
  for (const [key, member] of Object.entries(value)) {
    yield `${path}.${key}`;
    if (key === "patch" && typeof member === "string") yield* pathsOf(member);
    else yield* keyPaths(member, `${path}.${key}`);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function newerFields(text: string): string[] {
  const paths = pathsOf(text);
  return Object.entries(NEWER)
    .filter(([field]) => paths.some((path) => path === field || path.endsWith(`.${field}`)))
    .map(([field, minor]) => `${field} (${minor === null ? "not stable yet" : `stable in 1.${minor}`})`);
}

function apisOf(text: string): string[] {
  return parseAllDocuments(text)
    .map((document) => (isMap(document.contents) ? document.get("apiVersion") : undefined))
    .filter((api) => typeof api === "string");
}

describe("the manifests run on old clusters", () => {
  const all = globSync("k8s/**/*.yaml", { cwd: ROOT });
  const isNewer = (file: string) => file.startsWith(join("k8s", "components", "k8s-1.30"));

  it("fields that became stable after 1.24 are in the component for newer clusters only", () => {
    for (const file of all.filter((each) => !isNewer(each))) {
      assert.deepEqual(newerFields(readFileSync(join(ROOT, file), "utf8")), [], file);
    }
  });

  it("which does have them: this check sees patches too", () => {
    const found = all.filter(isNewer).flatMap((file) => newerFields(readFileSync(join(ROOT, file), "utf8")));
    assert.deepEqual(found.map((field) => String(field.split(" ")[0])).sort(), [
      "matchLabelKeys",
      "persistentVolumeClaimRetentionPolicy",
      "preStop.sleep",
      "unhealthyPodEvictionPolicy",
    ]);
  });

  it("every API was stable in 1.24", () => {
    for (const file of all) {
      for (const api of apisOf(readFileSync(join(ROOT, file), "utf8"))) {
        if (!api.startsWith("kustomize.config.k8s.io/")) assert.ok(STABLE_APIS.includes(api), `${file}: ${api}`);
      }
    }
  });

  const old = join(programFolder(), "kustomize-4.5");
  const noOld = !isExecutable(old) && `${old} is not there (Kustomize 4.5)`;

  for (const environment of ENVIRONMENTS) {
    it(`Kustomize 4.5 renders ${environment} as kubectl does`, { skip: NO_KUBECTL || noOld }, async () => {
      const components = ["nodelocal-dns", "tls-ingress", "k8s-1.30"];
      for (const options of [{}, { namespace: "elsewhere", components }]) {
        const expected = await renderText(environment, options);
        assert.equal(await renderText(environment, { ...options, renderer: [old, "build"] }), expected);
      }
    });
  }
});
