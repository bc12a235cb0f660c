/**
 * Builds the cluster's programs from Go modules into the cache's `bin`, each once for its version. Kubernetes cannot be
 * built by `go install`: its module replaces parts of itself by folders. So every module gets a wrapper that requires it,
 * names its programs as tools, and turns those replacements into the published versions of the parts.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { must, run } from "./command.ts";
import { cacheFolder, findInPath, isExecutable, programFolder } from "./paths.ts";
import { say } from "./progress.ts";
import { packagesToBuild } from "./requirements.ts";
import { GO_VERSION, KUBERNETES_MODULE, OLD_KUSTOMIZE, PROGRAMS, type Program } from "./versions.ts";

const PAUSE_SOURCE = join(import.meta.dirname, "node", "pause.c");

/**
 * The folder with every program of the cluster: `KUBE_ASSETS`, or the cache's `bin` after building what is missing there.
 * Throws when a given folder is incomplete, when Go is missing or too old, or when a build fails.
 */
export async function providePrograms(): Promise<string> {
  const given = process.env["KUBE_ASSETS"];
  if (given !== undefined && given !== "") return checkAssets(given);
  await buildMissing(PROGRAMS);
  await buildPause();
  return programFolder();
}

/** The oldest supported Kustomize, as a path. */
export async function provideOldKustomize(): Promise<string> {
  await buildMissing([OLD_KUSTOMIZE]);
  return join(programFolder(), OLD_KUSTOMIZE.name);
}

/** Whether programs can be had without building: given, or built before. */
export function canProvidePrograms(): boolean {
  return (
    Boolean(process.env["KUBE_ASSETS"]) || findInPath("go") !== null || missing(PROGRAMS, readStamps()).length === 0
  );
}

function checkAssets(folder: string): string {
  const names = [...PROGRAMS.map(({ name }) => name), "pause"];
  const absent = names.filter((name) => !isExecutable(join(folder, name)));
  if (absent.length === 0) return folder;
  throw new Error(`KUBE_ASSETS=${folder} lacks ${absent.join(", ")}; it must hold every program of the cluster`);
}

/** What each program in `bin` was built from: its name to `module@version`. */
type Stamps = Record<string, string>;

function stampFile(): string {
  return join(programFolder(), "versions.json");
}

function readStamps(): Stamps {
  try {
    return JSON.parse(readFileSync(stampFile(), "utf8")) as Stamps;
  } catch {
    return {};
  }
}

function stamp(name: string, origin: string): void {
  writeFileSync(`${stampFile()}.new`, `${JSON.stringify({ ...readStamps(), [name]: origin }, null, 2)}\n`);
  renameSync(`${stampFile()}.new`, stampFile());
}

function originOf({ module, version }: Program): string {
  return `${module}@${version}`;
}

function missing(programs: readonly Program[], stamps: Stamps): Program[] {
  const isBuilt = (program: Program) =>
    stamps[program.name] === originOf(program) && isExecutable(join(programFolder(), program.name));
  return programs.filter((program) => !isBuilt(program));
}

async function buildMissing(programs: readonly Program[]): Promise<void> {
  mkdirSync(programFolder(), { recursive: true });
  let wanted = missing(programs, readStamps());
  if (wanted.length === 0) return;
  await requireGo();
  for (const program of wanted) await adopt(program);
  wanted = missing(programs, readStamps());
  if (wanted.length === 0) return;
  const totalS = wanted.reduce((sum, { coldBuildS }) => sum + coldBuildS, 0);
  say(`building ${wanted.map(({ name }) => name).join(", ")}: up to ${Math.ceil(totalS / 60)} minutes on two cores`);
  await packagesToBuild();
  for (const program of wanted) await build(program);
}

async function requireGo(): Promise<void> {
  const { code, stdout } = await run("go", ["env", "GOVERSION"], { env: goEnvironment(false) });
  const [, major = 0, minor = 0] = /^go(\d+)\.(\d+)/.exec(stdout) ?? [];
  const [neededMajor = 0, neededMinor = 0] = GO_VERSION.split(".").map(Number);
  const isEnough = Number(major) > neededMajor || (Number(major) === neededMajor && Number(minor) >= neededMinor);
  if (code === 0 && isEnough) return;
  const found = code === 0 ? `is ${stdout.trim()}` : "is not there";
  throw new Error(
    `Go ${found}; ${GO_VERSION} or newer builds the cluster, or KUBE_ASSETS names a folder with its programs`,
  );
}

/** Takes a program that lies in `bin` without a stamp, when the build information in it names the wanted version. */
async function adopt(program: Program): Promise<void> {
  const { code, stdout } = await run("go", ["version", "-m", join(programFolder(), program.name)]);
  const names = new RegExp(`^\\s+(dep|mod)\\s+${program.module.replaceAll(".", "\\.")}\\s+${program.version}\\s`, "m");
  if (code === 0 && names.test(stdout)) stamp(program.name, originOf(program));
}

async function build(program: Program): Promise<void> {
  const begun = performance.now();
  say(`building ${program.name} ${program.version} (up to ${program.coldBuildS} s)`);
  const source = await wrapper(program);
  const target = join(programFolder(), program.name);
  const variables = Object.entries(program.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const args = ["-n", "10", "go", "build", "-p", String(availableParallelism()), "-o", `${target}.new`];
  args.push("-ldflags", ["-s", "-w", ...variables].join(" "));
  if (program.tags !== undefined) args.push("-tags", program.tags);
  await must("nice", [...args, program.package], { cwd: source, env: goEnvironment(program.cgo ?? false) });
  renameSync(`${target}.new`, target);
  stamp(program.name, originOf(program));
  say(`built ${program.name} in ${((performance.now() - begun) / 1000).toFixed(0)} s`);
}

function goEnvironment(cgo: boolean): NodeJS.ProcessEnv {
  const flags = "-buildvcs=false -trimpath";
  return { ...process.env, GOFLAGS: flags, GOTOOLCHAIN: "local", CGO_ENABLED: cgo ? "1" : "0", GOWORK: "off" };
}

/** The folder of the wrapper of a program's module, made when it is not there. */
async function wrapper(program: Program): Promise<string> {
  const { module, version } = program;
  const siblings = [...PROGRAMS, OLD_KUSTOMIZE].filter((other) => originOf(other) === originOf(program));
  const folder = join(cacheFolder(), "modules", `${module.replaceAll("/", "_")}@${version}`);
  const done = join(folder, "complete");
  if (isThere(done)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const lines = ["module test-cluster.local/wrapper", "", `go ${GO_VERSION}.0`, "", `require ${module} ${version}`];
  for (const sibling of siblings) lines.push(`tool ${sibling.package}`);
  if (module === KUBERNETES_MODULE) lines.push(...(await publishedParts(module, version)));
  writeFileSync(join(folder, "go.mod"), `${lines.join("\n")}\n`);
  await must("go", ["mod", "tidy"], { cwd: folder, env: goEnvironment(false) });
  writeFileSync(done, "");
  return folder;
}

function isThere(file: string): boolean {
  try {
    readFileSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Kubernetes v1.X.Y is made of parts that are published as v0.X.Y. */
async function publishedParts(module: string, version: string): Promise<string[]> {
  const env = goEnvironment(false);
  const { GoMod } = JSON.parse(
    await must("go", ["mod", "download", "-json", `${module}@${version}`], { env, cwd: "/" }),
  );
  const parts = [...readFileSync(GoMod as string, "utf8").matchAll(/^\s*(\S+) => \.\/staging\//gm)];
  if (parts.length === 0) throw new Error(`${module} ${version} replaces no parts by folders any more`);
  return parts.map(([, part = ""]) => `replace ${part} => ${part} ${version.replace(/^v1\./, "v0.")}`);
}

async function buildPause(): Promise<void> {
  const origin = `pause.c ${createHash("sha256").update(readFileSync(PAUSE_SOURCE)).digest("hex")}`;
  const target = join(programFolder(), "pause");
  if (readStamps()["pause"] === origin && isExecutable(target)) return;
  await packagesToBuild();
  await must("gcc", ["-O2", "-Wall", "-Werror", "-static", "-o", `${target}.new`, PAUSE_SOURCE]);
  renameSync(`${target}.new`, target);
  stamp("pause", origin);
}
