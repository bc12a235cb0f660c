/** That the objects of an environment fit together: selectors, ports, keys, claims, accounts, and what no file may contain. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ENVIRONMENTS, type KubeObject, namesOf, NO_KUBECTL, parseObjects, render, ROOT } from "./harness/render.ts";
import { containersOf, selects, type Service, workloadsOf } from "./harness/workload.ts";

interface Selecting {
  readonly spec: { readonly selector: { readonly matchLabels: Readonly<Record<string, string>> } };
}

interface Binding {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
}

interface Data {
  readonly data?: Readonly<Record<string, string>>;
}

/** Secrets that deploy.sh makes, with their keys. */
const SECRETS: Readonly<Record<string, readonly string[]>> = {
  "algo-trading-secrets": [
    "DATABASE_USER",
    "DATABASE_PASSWORD",
    "REDIS_PASSWORD",
    "ALPACA_API_KEY",
    "ALPACA_SECRET_KEY",
  ],
  "postgres-internal": ["SUPERUSER_PASSWORD", "REPLICATION_PASSWORD", "REWIND_PASSWORD"],
};

/** Services whose endpoints Patroni writes. */
const WITHOUT_SELECTOR = ["postgres-primary", "postgres-primary-config", "postgres-primary-sync"];

function ofKind<Fields>(objects: readonly KubeObject[], ...kinds: string[]): (KubeObject & Fields)[] {
  return objects.filter(({ kind }) => kinds.includes(kind)) as (KubeObject & Fields)[];
}

/** Keys of a ConfigMap of the manifests, or of a Secret of deploy.sh's. */
function keysOf(objects: readonly KubeObject[], kind: "ConfigMap" | "Secret", name: string): readonly string[] {
  if (kind === "Secret") return SECRETS[name] ?? [];
  return Object.keys(ofKind<Data>(objects, "ConfigMap").find(({ metadata }) => metadata.name === name)?.data ?? {});
}

describe("the manifests fit together", { skip: NO_KUBECTL }, () => {
  for (const environment of ENVIRONMENTS) {
    describe(environment, () => {
      const rendered = render(environment);
      rendered.catch(() => undefined);

      it("every workload selects its own pods", async () => {
        for (const { metadata, spec } of workloadsOf(await rendered)) {
          assert.ok(selects(spec.selector.matchLabels, spec.template.metadata.labels), metadata.name);
        }
      });

      it("every object says what it belongs to", async () => {
        for (const { kind, metadata } of await rendered) {
          assert.equal(metadata.labels?.["app.kubernetes.io/part-of"], "algo-trading", `${kind} ${metadata.name}`);
        }
      });

      it("every Service leads to pods of one workload, and to ports that they name", async () => {
        const objects = await rendered;
        for (const { metadata, spec } of ofKind<Service>(objects, "Service")) {
          if (WITHOUT_SELECTOR.includes(metadata.name)) {
            assert.equal(spec.selector, undefined, metadata.name);
            continue;
          }
          const { "statefulset.kubernetes.io/pod-name": _pod, ...selector } = spec.selector ?? {};
          assert.ok(Object.keys(selector).length > 0, `${metadata.name} has a selector`);
          const targets = workloadsOf(objects).filter((w) => selects(selector, w.spec.template.metadata.labels));
          assert.equal(targets.length, 1, metadata.name);
          const ports = targets.flatMap((w) => containersOf(w.spec.template).flatMap((c) => c.ports ?? []));
          for (const { port, targetPort = port } of spec.ports ?? []) {
            const found = ports.some(({ name, containerPort }) => name === targetPort || containerPort === targetPort);
            assert.ok(found, `${metadata.name}: ${targetPort}`);
          }
        }
      });

      it("every probe asks a port that its container names", async () => {
        for (const { metadata, spec } of workloadsOf(await rendered)) {
          for (const container of containersOf(spec.template)) {
            for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
              const port = probe?.httpGet?.port;
              if (port === undefined) continue;
              const ports = (container.ports ?? []).flatMap(({ name, containerPort }) => [name, containerPort]);
              assert.ok(ports.includes(port), `${metadata.name}: ${port}`);
            }
          }
        }
      });

      it("every budget protects pods of one workload, and leaves it movable", async () => {
        const objects = await rendered;
        for (const { metadata, spec } of ofKind<Selecting>(objects, "PodDisruptionBudget")) {
          const targets = workloadsOf(objects).filter((w) =>
            selects(spec.selector.matchLabels, w.spec.template.metadata.labels),
          );
          assert.equal(targets.length, 1, metadata.name);
        }
      });

      it("every key that is read exists", async () => {
        const objects = await rendered;
        for (const { metadata, spec } of workloadsOf(objects)) {
          const need = (kind: "ConfigMap" | "Secret", name: string, keys: readonly string[]) => {
            const there = keysOf(objects, kind, name);
            assert.ok(there.length > 0, `${metadata.name}: there is no ${kind} ${name}`);
            for (const key of keys) assert.ok(there.includes(key), `${metadata.name}: ${kind} ${name} has no ${key}`);
          };
          for (const { secret, configMap } of spec.template.spec.volumes ?? []) {
            if (secret !== undefined) need("Secret", secret.secretName, secret.items?.map(({ key }) => key) ?? []);
            if (configMap !== undefined)
              need("ConfigMap", configMap.name, configMap.items?.map(({ key }) => key) ?? []);
          }
          for (const { env = [], envFrom = [] } of containersOf(spec.template)) {
            for (const { configMapRef } of envFrom)
              if (configMapRef !== undefined) need("ConfigMap", configMapRef.name, []);
            for (const { valueFrom } of env) {
              const { secretKeyRef, configMapKeyRef } = valueFrom ?? {};
              if (secretKeyRef !== undefined) need("Secret", secretKeyRef.name, [secretKeyRef.key]);
              if (configMapKeyRef !== undefined) need("ConfigMap", configMapKeyRef.name, [configMapKeyRef.key]);
            }
          }
        }
      });

      it("every mounted volume is declared, and every claim exists", async () => {
        const objects = await rendered;
        for (const { metadata, spec } of workloadsOf(objects)) {
          const { volumes = [] } = spec.template.spec;
          const declared = [...volumes, ...(spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata)];
          const names = declared.map(({ name }) => name);
          for (const { name, volumeMounts = [] } of containersOf(spec.template)) {
            for (const mount of volumeMounts) {
              assert.ok(names.includes(mount.name), `${metadata.name}/${name}: ${mount.name}`);
            }
          }
          for (const { persistentVolumeClaim } of volumes) {
            if (persistentVolumeClaim === undefined) continue;
            assert.ok(namesOf(objects, "PersistentVolumeClaim").includes(persistentVolumeClaim.claimName));
          }
        }
      });

      it("every file that a variable names is mounted", async () => {
        for (const { metadata, spec } of workloadsOf(await rendered)) {
          for (const { env = [], volumeMounts = [] } of containersOf(spec.template)) {
            for (const { name, value } of env.filter((variable) => variable.name.endsWith("_FILE"))) {
              const isMounted = volumeMounts.some(({ mountPath }) => value?.startsWith(`${mountPath}/`));
              assert.ok(isMounted, `${metadata.name}: ${name}=${value}`);
            }
          }
        }
      });

      it("every service account, role and binding exists, in the namespace of the rest", async () => {
        const objects = await rendered;
        for (const { spec } of workloadsOf(objects)) {
          const account = spec.template.spec.serviceAccountName;
          if (account !== undefined) assert.ok(namesOf(objects, "ServiceAccount").includes(account), account);
        }
        for (const { metadata, roleRef, subjects } of ofKind<Binding>(objects, "RoleBinding")) {
          assert.ok(namesOf(objects, roleRef.kind).includes(roleRef.name), metadata.name);
          for (const subject of subjects) {
            assert.ok(namesOf(objects, subject.kind).includes(subject.name), metadata.name);
            assert.equal(subject.namespace, metadata.namespace);
          }
        }
      });

      it("every container has requests and limits, and a security context", async () => {
        for (const { metadata, spec } of workloadsOf(await rendered)) {
          const pod = spec.template.spec;
          assert.equal(pod.securityContext?.runAsNonRoot, true, metadata.name);
          assert.equal(pod.securityContext?.seccompProfile?.type, "RuntimeDefault", metadata.name);
          for (const { name, resources, securityContext } of containersOf(spec.template)) {
            const where = `${metadata.name}/${name}`;
            const disk = metadata.name.startsWith("algo-trading-") ? ["ephemeral-storage"] : [];
            for (const resource of ["cpu", "memory", ...disk]) {
              assert.ok(resources.requests[resource] !== undefined, `${where}: requests ${resource}`);
              assert.ok(resources.limits[resource] !== undefined, `${where}: limits ${resource}`);
            }
            assert.equal(securityContext?.allowPrivilegeEscalation, false, where);
            assert.equal(securityContext?.readOnlyRootFilesystem, true, where);
            assert.deepEqual(securityContext?.capabilities, { drop: ["ALL"] }, where);
          }
        }
      });

      it("only Patroni's pods carry a token of the API server", async () => {
        for (const { metadata, spec } of workloadsOf(await rendered)) {
          if (metadata.name === "postgres") continue;
          assert.equal(spec.template.spec.automountServiceAccountToken, false, metadata.name);
        }
      });

      it("the bots and their simulator see no service links among their settings", async () => {
        const own = workloadsOf(await rendered).filter(({ metadata }) => metadata.name.startsWith("algo-trading-"));
        for (const { metadata, spec } of own) assert.equal(spec.template.spec.enableServiceLinks, false, metadata.name);
      });

      it("another namespace reaches every object", async () => {
        for (const { kind, metadata } of await render(environment, { namespace: "elsewhere" })) {
          if (kind === "Namespace") assert.equal(metadata.name, "elsewhere");
          else assert.equal(metadata.namespace, "elsewhere", `${kind} ${metadata.name}`);
        }
      });

      it("another image reaches every container of the bot's image", async () => {
        const images = { "algo-trading-bot": "registry.example.com/desk/algo-trading-bot:v2" };
        const used = workloadsOf(await render(environment, { images }))
          .filter(({ metadata }) => metadata.name.startsWith("algo-trading-"))
          .flatMap(({ spec }) => containersOf(spec.template).map(({ image }) => image));
        assert.deepEqual([...new Set(used)], [images["algo-trading-bot"]]);
      });
    });
  }
});

describe("the files of the manifests", () => {
  const files = globSync("k8s/**/*.yaml", { cwd: ROOT }).map((file) => ({
    file,
    text: readFileSync(join(ROOT, file), "utf8"),
  }));

  it("name no namespace: overlays and deploy.sh do", () => {
    for (const { file, text } of files) {
      if (/overlays\/\w+\/kustomization\.yaml$/.test(file)) continue;
      assert.doesNotMatch(text, /^\s*namespace:/m, file);
      assert.doesNotMatch(text, /\.svc\b/, file);
    }
  });

  it("hold no secret value", () => {
    for (const { file, text } of files) {
      for (const object of parseObjects(text)) {
        if (object.kind !== "Secret") continue;
        const { stringData = {}, data = {} } = object as { stringData?: object; data?: object };
        assert.deepEqual(data, {}, file);
        for (const [key, value] of Object.entries(stringData)) {
          if (key !== "DATABASE_USER") assert.match(String(value), /^CHANGE_ME/, `${file}: ${key}`);
        }
      }
    }
  });

  it("are all used by a kustomization beside them", () => {
    const known = files.filter(({ file }) => file.endsWith("kustomization.yaml"));
    for (const { file } of files.filter((each) => !each.file.endsWith("kustomization.yaml"))) {
      const beside = known.find((each) => each.file === file.replace(/[^/]+$/, "kustomization.yaml"));
      const name = file.split("/").at(-1) ?? "";
      assert.ok(beside?.text.includes(name), `${file} is in no kustomization.yaml`);
    }
  });
});
