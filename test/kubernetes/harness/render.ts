/**
 * Renders the manifests in `k8s/` as an operator would, by `kubectl kustomize`: a copy of them, in which the test may edit files and
 * add components to an overlay, with a namespace and images of its choice around it. Needs no cluster.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, parseAllDocuments, stringify } from "yaml";
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
  /** Names of folders in `k8s/components`, added to the overlay's own. */
  readonly components?: readonly string[];
  /** Texts of files in `k8s` to replace before; each must be there once. */
  readonly edits?: readonly { readonly file: string; readonly from: string; readonly to: string }[];
  /** Put in place of `CHANGE_ME` in production's client networks. */
  readonly clients?: string;
  /** Another program than `kubectl kustomize`, and its arguments before the folder. */
  readonly renderer?: readonly [string, ...string[]];
}

const TIMEOUT_MS = 30_000;

/** Reason to skip rendering tests, or false. */
export const NO_KUBECTL: string | false =
  findKubectl() === null && "kubectl is not there: set KUBECTL, put it on PATH, or run npm run cluster:up";

/** Patches of overlays that a component comes in the place of, as it says itself. */
const INSTEAD_OF: Readonly<Record<string, readonly string[]>> = {
  "tls-ingress": ["load-balancer.yaml", "clients.yaml"],
};

/** What an overlay renders to, as text. Throws what Kustomize says. */
export async function renderText(environment: Environment, options: RenderOptions = {}): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "algo-render-"));
  try {
    cpSync(join(ROOT, "k8s"), join(folder, "k8s"), { recursive: true });
    for (const { file, from, to } of options.edits ?? []) edit(join(folder, "k8s", file), from, to);
    addComponents(join(folder, "k8s", "overlays", environment, "kustomization.yaml"), options.components ?? []);
    writeFileSync(join(folder, "kustomization.yaml"), stringify(around(environment, options)));
    const [program, ...args] = options.renderer ?? [findKubectl() ?? "kubectl", "kustomize"];
    const text = await must(program, [...args, folder], { timeoutMs: TIMEOUT_MS });
    return options.clients === undefined ? text : text.replaceAll("CHANGE_ME", options.clients);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function edit(file: string, from: string, to: string): void {
  const text = readFileSync(file, "utf8");
  if (text.split(from).length !== 2) throw new Error(`${file} has ${JSON.stringify(from)} not exactly once`);
  writeFileSync(file, text.replace(from, to));
}

interface Overlay {
  readonly components?: readonly string[];
  readonly patches?: readonly { readonly path?: string }[];
}

function addComponents(file: string, components: readonly string[]): void {
  const overlay = parse(readFileSync(file, "utf8")) as Overlay;
  const dropped = components.flatMap((component) => INSTEAD_OF[component] ?? []);
  const added = components.map((component) => `../../components/${component}`);
  const changed = {
    ...overlay,
    components: [...(overlay.components ?? []), ...added],
    patches: (overlay.patches ?? []).filter(({ path }) => path === undefined || !dropped.includes(path)),
  };
  writeFileSync(file, stringify(changed));
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

function around(environment: Environment, { namespace, images = {} }: RenderOptions): object {
  return {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    ...(namespace === undefined ? {} : { namespace }),
    resources: [`k8s/overlays/${environment}`],
    images: Object.entries(images).map(([name, reference]) => imageOf(name, reference)),
  };
}

function imageOf(name: string, reference: string): object {
  const colon = reference.lastIndexOf(":");
  return { name, newName: reference.slice(0, colon), newTag: reference.slice(colon + 1) };
}
