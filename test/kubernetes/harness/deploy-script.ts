/**
 * `deploy.sh` in a copy of its part of the tree, or in a checkout of all of it, so that a test may edit files as the guide tells
 * people to. Either is in a temporary folder; `remove` takes it away.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CommandResult, must, run } from "../../../scripts/cluster/command.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const PARTS = ["deploy.sh", "scripts/deploy", "k8s", "k8s-deployment.yaml"];
const AUTHOR = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
const TIMEOUT_MS = 900_000;

export interface ScriptTree {
  readonly folder: string;
  /** Runs `./deploy.sh ARGS`; never rejects. `input` is its standard input, which is never a terminal. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv, input?: string): Promise<CommandResult>;
  /** Starts `./deploy.sh ARGS` in a process group of its own, for actions that go on until they are stopped. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess;
  read(file: string): string;
  write(file: string, text: string): void;
  /** Puts `to` in every place of `from`, which has to be there. */
  edit(file: string, from: string, to: string): void;
  remove(): void;
}

export interface Checkout extends ScriptTree {
  /** Commits what was edited. Gives the commit, as deploy.sh names images after it. */
  commit(message: string): Promise<string>;
}

/** No git checkout. `env` goes on top of this process's own, whose settings of the script are left out. */
export function scriptTree(env: NodeJS.ProcessEnv = {}): ScriptTree {
  const folder = mkdtempSync(join(tmpdir(), "deploy-script-"));
  for (const part of PARTS) cpSync(join(ROOT, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
  return openTree(folder, env);
}

/** The last commit, with a git of its own; what is not committed here is not in it. */
export async function checkout(env: NodeJS.ProcessEnv = {}): Promise<Checkout> {
  const folder = mkdtempSync(join(tmpdir(), "deploy-checkout-"));
  await must("git", ["clone", "--quiet", ROOT, folder]);
  const git = (...args: string[]) => must("git", ["-C", folder, ...AUTHOR, ...args]);
  return {
    ...openTree(folder, env),
    async commit(message) {
      await git("commit", "--quiet", "--all", `--message=${message}`);
      return (await git("rev-parse", "--short=12", "HEAD")).trim();
    },
  };
}

/** Names a network in the two places where production's overlay waits for those of its clients. */
export function nameClients(tree: ScriptTree): void {
  for (const file of ["load-balancer.yaml", "clients.yaml"]) {
    tree.edit(`k8s/overlays/prod/${file}`, "CHANGE_ME", "198.51.100.0/24");
  }
}

/** Lets an environment that trades with Alpaca trade the simulator, as in a rehearsal. */
export function tradeSimulator(tree: ScriptTree, environment: "staging" | "prod"): void {
  const file = `k8s/overlays/${environment}/kustomization.yaml`;
  tree.edit(file, "components:\n", "components:\n  - ../../components/simulator\n");
}

function openTree(folder: string, env: NodeJS.ProcessEnv): ScriptTree {
  const script = join(folder, "deploy.sh");
  const environment = (extra: NodeJS.ProcessEnv = {}) => ({ ...withoutSettings(process.env), ...env, ...extra });
  return {
    folder,
    run: (args, extra, input = "") => run(script, args, { env: environment(extra), input, timeoutMs: TIMEOUT_MS }),
    start: (args, extra) =>
      spawn(script, args, { env: environment(extra), detached: true, stdio: ["ignore", "pipe", "pipe"] }),
    read: (file) => readFileSync(join(folder, file), "utf8"),
    write: (file, text) => writeFileSync(join(folder, file), text),
    edit(file, from, to) {
      const text = readFileSync(join(folder, file), "utf8");
      if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
      writeFileSync(join(folder, file), text.replaceAll(from, to));
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { REGISTRY: _registry, NAMESPACE: _namespace, IMAGE_TAG: _tag, IMAGE_BUILD_OPTIONS: _options, ...rest } = env;
  return rest;
}
