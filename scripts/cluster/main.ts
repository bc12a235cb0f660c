/** The commands of the test cluster, as the npm scripts `cluster:…` call them. Wrong use ends with 2, a failure with 1. */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { MAX_NODES } from "./addresses.ts";
import { removeCluster } from "./down.ts";
import { FAULTS, type Fault, fault } from "./faults.ts";
import { loadImage } from "./images-load.ts";
import { withLock } from "./lock.ts";
import { clusterName } from "./paths.ts";
import { say, timed } from "./progress.ts";
import { ensureRegistry } from "./registry.ts";
import { type ClusterState, isRunning, kubeconfigFile, nodeNumber, readState } from "./state.ts";
import { clusterStatus } from "./status.ts";
import { DEFAULT_NODES, ensureCluster } from "./up.ts";

const EXIT_FAILED = 1;
const EXIT_WRONG_USE = 2;

class WrongUse extends Error {}

async function up(args: readonly string[]): Promise<void> {
  const { values } = parse(args, { nodes: { type: "string", default: String(DEFAULT_NODES) } }, 0);
  const count = Number(values["nodes"]);
  if (!Number.isInteger(count) || count < 1 || count > MAX_NODES) {
    throw new WrongUse(`--nodes ${values["nodes"]}: a whole number from 1 to ${MAX_NODES}`);
  }
  const { state, isNew } = await ensureCluster(count);
  if (!isNew) say(`${state.name} is up already, with ${state.nodeCount} node(s)`);
  console.log(`export KUBECONFIG=${kubeconfigFile(state)}`);
}

async function down(args: readonly string[]): Promise<void> {
  parse(args, {}, 0);
  if (!(await timed("taken down", removeCluster))) say(`${clusterName()} was not up`);
}

async function status(args: readonly string[]): Promise<void> {
  parse(args, {}, 0);
  const { isUp, lines } = await clusterStatus();
  console.log(lines.join("\n"));
  if (!isUp) process.exitCode = EXIT_FAILED;
}

async function load(args: readonly string[]): Promise<void> {
  const { positionals: archives } = parse(args, {}, null);
  const missing = archives.find((archive) => !existsSync(archive));
  if (archives.length === 0) throw new WrongUse("name the archives to load: npm run cluster:load -- FILE.tar…");
  if (missing !== undefined) throw new WrongUse(`${missing} does not exist`);
  const state = runningCluster();
  for (const archive of archives) await timed(`${archive} loaded`, () => loadImage(state, archive));
}

async function registry(args: readonly string[]): Promise<void> {
  parse(args, {}, 0);
  const name = await withLock(clusterName(), () => ensureRegistry(runningCluster()));
  console.log(`export REGISTRY=${name}`);
}

async function node(args: readonly string[]): Promise<void> {
  const { positionals } = parse(args, {}, 2);
  const [what = "", name = ""] = positionals;
  if (!isFault(what)) throw new WrongUse(`unknown fault ${what}; there are ${FAULTS.join(", ")}`);
  await withLock(clusterName(), async () => {
    const state = runningCluster();
    const number = nodeNumber(state, name);
    await timed(`${name} ${what}`, () => fault(state, number, what));
  });
}

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  up,
  down,
  status,
  load,
  registry,
  node,
};

function isFault(word: string): word is Fault {
  return FAULTS.some((known) => known === word);
}

function runningCluster(): ClusterState {
  const state = readState();
  if (state !== null && isRunning(state)) return state;
  throw new Error(`cluster ${clusterName()} is not up; npm run cluster:up starts it`);
}

type Options = Record<string, { type: "string"; default: string }>;

/** `count`: how many words there must be; null: any. */
function parse(args: readonly string[], options: Options, count: number | null) {
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true });
    if (count !== null && parsed.positionals.length !== count) {
      throw new Error(`expected ${count} argument(s), got ${parsed.positionals.length}`);
    }
    return parsed;
  } catch (error) {
    throw new WrongUse((error as Error).message);
  }
}

function isWrongUse(error: unknown): boolean {
  return error instanceof WrongUse || error instanceof RangeError;
}

try {
  const [name = "", ...args] = process.argv.slice(2);
  const command = COMMANDS[name];
  if (command === undefined)
    throw new WrongUse(`unknown command ${name}; there are ${Object.keys(COMMANDS).join(", ")}`);
  await command(args);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = isWrongUse(error) ? EXIT_WRONG_USE : EXIT_FAILED;
}
