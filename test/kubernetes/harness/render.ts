/**
 * Renders the manifests in `k8s/` as an operator would, by `kubectl kustomize`, with a namespace, images and components of the test's
 * choice around an overlay. Needs no cluster.
 */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { must } from "../../../scripts/cluster/command.ts";
import { findKubectl } from "../../../scripts/cluster/paths.ts";

export const ROOT = join(import.meta.dirname, "..", "..", "..");
export const ENVIRONMENTS = ["dev", "staging", "prod"] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export interface RenderOptions {
  readonly namespace?: string;
  /** Image references by the name that the manifests use. */
  readonly images?: Readonly<Record<string, string>>;
  /** Names of folders in `k8s/components`. */
  readonly components?: readonly string[];
  /** Put in place of `CHANGE_ME` in production's client networks. */
  readonly clients?: string;
  /** Another program than `kubectl kustomize`, and its arguments before the folder. */
  readonly renderer?: readonly [string, ...string[]];
}

const TIMEOUT_MS = 30_000;

/** Reason to skip rendering tests, or false. */
export const NO_KUBECTL: string | false =
  findKubectl() === null && "kubectl is not there: set KUBECTL, put it on PATH, or run npm run cluster:up";

/** What an overlay renders to, as text. Throws what Kustomize says. */
export async function renderText(environment: Environment, options: RenderOptions = {}): Promise<string> {
  // Kustomize compares real paths.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "algo-render-")));
  try {
    writeFileSync(join(folder, "kustomization.yaml"), stringify(kustomization(folder, environment, options)));
    const [program, ...args] = options.renderer ?? [findKubectl() ?? "kubectl", "kustomize"];
    const text = await must(program, [...args, folder], { timeoutMs: TIMEOUT_MS });
    return options.clients === undefined ? text : text.replaceAll("CHANGE_ME", options.clients);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function render(environment: Environment, options: RenderOptions = {}): Promise<KubeObject[]> {
  return parseObjects(await renderText(environment, options));
}

/** Objects of a YAML text with several documents. Numbers are read as Kubernetes does: 0440 is octal. */
export function parseObjects(text: string): KubeObject[] {
  return parseAllDocuments(text, { version: "1.1" })
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

/** The object of a kind and name, with the fields that the caller looks at. Throws when there is none. */
export function pick<Fields>(objects: readonly KubeObject[], kind: string, name: string): KubeObject & Fields {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found as KubeObject & Fields;
}

export function namesOf(objects: readonly KubeObject[], kind: string): string[] {
  return objects
    .filter((object) => object.kind === kind)
    .map((object) => object.metadata.name)
    .sort();
}

function kustomization(folder: string, environment: Environment, options: RenderOptions): object {
  const from = (...parts: string[]) => relative(folder, join(realpathSync(ROOT), "k8s", ...parts));
  const { namespace, images = {}, components = [] } = options;
  return {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    ...(namespace === undefined ? {} : { namespace }),
    resources: [from("overlays", environment)],
    components: components.map((component) => from("components", component)),
    images: Object.entries(images).map(([name, reference]) => imageOf(name, reference)),
  };
}

function imageOf(name: string, reference: string): object {
  const colon = reference.lastIndexOf(":");
  return { name, newName: reference.slice(0, colon), newTag: reference.slice(colon + 1) };
}
