/**
 * `npm run images`, or `node scripts/cluster/images.ts [--tag TAG]`: builds the images for the test cluster with buildah, from
 * the project's own Dockerfiles, where no registry is reached. Needs root, buildah, runc and debootstrap. The archives are in
 * the cluster cache's `images` folder; what has not changed is not built again.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Bases, makeBases, type Workshop } from "./images/bases.ts";
import { buildOptions, openBuildah } from "./images/buildah.ts";
import { contentHash } from "./images/content.ts";
import { readMachine } from "./images/machine.ts";
import { withLock } from "./lock.ts";
import { cacheFolder } from "./paths.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LABEL = "org.opencontainers.image";
const CACHE = join(cacheFolder(), "images");
const WORK = join(CACHE, "building");
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** The stock image's name, so that manifests need no other for the test cluster. */
const REDIS_NAME = "docker.io/library/redis:7.2-bookworm";
/** What the bot's Dockerfile copies, and what decides how. */
const BOT_FILES = [
  "Dockerfile",
  ".dockerignore",
  "package.json",
  "package-lock.json",
  ".npmrc",
  "tsconfig.json",
  "tsconfig.build.json",
  "scripts/build.ts",
  "src",
  "bin",
  "deploy/images/bot",
  "LICENSE",
  "NOTICE",
];

export interface Options {
  readonly tag: string;
  readonly log: (line: string) => void;
}

/** Paths of docker-archives. */
export interface Images {
  readonly bot: string;
  readonly postgres: string;
  readonly redis: string;
}

/** A bot image with another version label, and one whose start fails: what rollouts are tested with. */
export interface BotVariants {
  readonly next: string;
  readonly broken: string;
}

interface Image {
  /** What the archive and the image in buildah's storage are called after. */
  readonly part: string;
  /** Name and tag that users of the archive see. */
  readonly name: string;
  readonly files: readonly string[];
  readonly context: string;
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

interface Provided {
  /** Name in buildah's storage, for images that stand on it. */
  readonly built: string;
  readonly archive: string;
}

function git(...args: string[]): string {
  return execFileSync("git", ["-C", ROOT, ...args], { encoding: "utf8" }).trim();
}

/** The commit says when it was made: a build of the same commit gives the same labels. */
function labels(version: string): Record<string, string> {
  const changed = git("status", "--porcelain") === "" ? "" : "-dirty";
  return {
    [`${LABEL}.version`]: version,
    [`${LABEL}.revision`]: `${git("rev-parse", "HEAD")}${changed}`,
    [`${LABEL}.created`]: git("log", "-1", "--format=%cI"),
  };
}

function projectVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version;
}

/** Builds an image and writes its archive, unless both are there for the same content. */
async function provide({ buildah, machine, log }: Workshop, image: Image): Promise<Provided> {
  const { name, part } = image;
  const words = [image.args, image.labels].flatMap((settings) => Object.entries(settings).flat());
  const hash = contentHash(ROOT, image.files, [name, ...words]);
  const built = `localhost/built/${part}:${hash}`;
  const archive = join(CACHE, `${part}-${name.split(":").at(-1)}.tar`);
  const mark = `${archive}.content`;
  if (existsSync(archive) && existsSync(mark) && readFileSync(mark, "utf8") === hash && buildah.has(built)) {
    log(`${name}: as it was`);
    return { built, archive };
  }
  const began = performance.now();
  await buildah.build({ ...image, name: built, volumes: machine.volumes });
  // A reader of the old archive keeps it, and an end in between leaves no mark on a half.
  rmSync(mark, { force: true });
  await buildah.save(built, name, `${archive}.new`);
  renameSync(`${archive}.new`, archive);
  writeFileSync(mark, hash);
  log(`${name}: built in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  return { built, archive };
}

function botImage(tag: string, { node }: Bases): Image {
  return {
    part: "algo-trading-bot",
    name: `localhost/algo-trading-bot:${tag}`,
    files: BOT_FILES,
    context: ROOT,
    dockerfile: join(ROOT, "Dockerfile"),
    args: { NODE_IMAGE: node },
    labels: labels(projectVersion()),
  };
}

function postgresImage(tag: string, { postgres }: Bases): Image {
  const context = join(ROOT, "deploy", "images", "postgres");
  return {
    part: "algo-trading-postgres",
    name: `localhost/algo-trading-postgres:${tag}`,
    files: ["deploy/images/postgres"],
    context,
    dockerfile: join(context, "Dockerfile"),
    args: { POSTGRES_IMAGE: postgres },
    labels: labels(projectVersion()),
  };
}

function redisImage({ debian }: Bases): Image {
  const context = join(ROOT, "deploy", "images", "redis");
  return {
    part: "redis",
    name: REDIS_NAME,
    files: ["deploy/images/redis"],
    context,
    dockerfile: join(context, "Dockerfile"),
    args: { DEBIAN_IMAGE: debian },
    labels: {},
  };
}

async function inWorkshop<T>(log: Options["log"], work: (workshop: Workshop, bases: Bases) => Promise<T>): Promise<T> {
  mkdirSync(WORK, { recursive: true });
  return withLock("images", async () => {
    const logFile = join(WORK, "build.log");
    writeFileSync(logFile, "");
    const machine = readMachine(WORK);
    try {
      const workshop = { buildah: openBuildah(WORK, logFile), machine, work: WORK, logFile, log };
      return await work(workshop, await makeBases(workshop));
    } finally {
      machine.remove();
    }
  });
}

function variant(of: string, label: "next" | "broken", tag: string): Image {
  const dockerfile = join("scripts", "cluster", "images", `${label}.Dockerfile`);
  return {
    part: "algo-trading-bot",
    name: `localhost/algo-trading-bot:${tag}-${label}`,
    files: [dockerfile],
    context: join(ROOT, "scripts", "cluster", "images"),
    dockerfile: join(ROOT, dockerfile),
    args: { BOT_IMAGE: of },
    labels: {},
  };
}

/** Rejects with what failed and the end of its log. */
export function buildImages({ tag, log }: Options): Promise<Images> {
  return inWorkshop(log, async (workshop, bases) => {
    const bot = await provide(workshop, botImage(tag, bases));
    const postgres = await provide(workshop, postgresImage(tag, bases));
    const redis = await provide(workshop, redisImage(bases));
    return { bot: bot.archive, postgres: postgres.archive, redis: redis.archive };
  });
}

/** Thin layers on the bot's image of the same tag, named `TAG-next` and `TAG-broken`. Rejects as `buildImages` does. */
export function buildBotVariants({ tag, log }: Options): Promise<BotVariants> {
  return inWorkshop(log, async (workshop, bases) => {
    const bot = await provide(workshop, botImage(tag, bases));
    const next = await provide(workshop, variant(bot.built, "next", tag));
    const broken = await provide(workshop, variant(bot.built, "broken", tag));
    return { next: next.archive, broken: broken.archive };
  });
}

/** For builds that others run with buildah: its options, and the environment in which it finds the bases that they name. */
export interface BuildTerms {
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Lets `build` run while what it needs of this machine is there. Rejects as `buildImages` does, and as it does. */
export function withBuildTerms<T>(log: Options["log"], build: (terms: BuildTerms) => Promise<T>): Promise<T> {
  return inWorkshop(log, ({ buildah, machine }, { node, postgres }) => {
    const options = buildOptions({ args: { NODE_IMAGE: node, POSTGRES_IMAGE: postgres }, volumes: machine.volumes });
    return build({ options, env: { IMAGE_BUILDER: "buildah", CONTAINERS_STORAGE_CONF: buildah.storageFile() } });
  });
}

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: { tag: { type: "string", default: "dev" } } });
  if (!TAG.test(values.tag)) {
    console.error(
      `--tag ${values.tag}: a tag has at most 128 letters, digits, "_", "." and "-", and begins with no "." or "-"`,
    );
    return 2;
  }
  const options = { tag: values.tag, log: (line: string) => console.log(line) };
  const archives = { ...(await buildImages(options)), ...(await buildBotVariants(options)) };
  for (const archive of Object.values(archives)) console.log(archive);
  return 0;
}

if (process.argv[1] === import.meta.filename) {
  main(process.argv.slice(2)).then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    },
  );
}
