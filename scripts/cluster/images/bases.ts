/**
 * The base images of the project's Dockerfiles, made without a registry: Debian by debootstrap, Node 24 from its npm package,
 * PostgreSQL from Debian. Each is made once per content of what it is made from; delete the cache's `images/building` for newer
 * packages.
 */
import { copyFileSync, cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Buildah } from "./buildah.ts";
import { contentHash } from "./content.ts";
import { DEBIAN_SUITE, type Machine } from "./machine.ts";
import { run } from "./run.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const HERE = "scripts/cluster/images";
const NPM = "npm@11";
/** Parts of a fresh system that a container does without, or that speak of the machine it was made on. */
const SUPERFLUOUS = ["boot", "dev", "proc", "sys", "run", "tmp", "var/log", "var/cache", "var/lib/apt/lists"];
const SUPERFLUOUS_FOR_READERS = ["usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man"];
const OF_THE_MACHINE = ["etc/resolv.conf", "etc/hostname", "etc/apt/sources.list"];

export interface Bases {
  readonly debian: string;
  readonly node: string;
  readonly postgres: string;
}

export interface Workshop {
  readonly buildah: Buildah;
  readonly machine: Machine;
  /** Folder for what is kept between runs and for what is made on the way. */
  readonly work: string;
  readonly logFile: string;
  readonly log: (line: string) => void;
}

/** Folder of the npm package that holds Node for this machine. Throws with the way to get it. */
function nodePackage(): string {
  const folder = join("node_modules", `node-${process.platform}-${process.arch}`);
  if (existsSync(join(ROOT, folder, "bin", "node"))) return folder;
  throw new Error(`${folder} is missing; \`npm ci --include=optional\` installs it`);
}

/** Runs `make` in a new folder, which is deleted afterwards. */
async function inFolder(work: string, make: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(work, "base-"));
  try {
    await make(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function once({ buildah, log }: Workshop, name: string, make: () => Promise<void>): Promise<string> {
  if (buildah.has(name)) return name;
  const began = performance.now();
  log(`${name}: making it`);
  await make();
  log(`${name}: made in ${((performance.now() - began) / 1000).toFixed(0)} s`);
  return name;
}

function debianBase(workshop: Workshop): Promise<string> {
  const { buildah, work, logFile, machine } = workshop;
  const files = [`${HERE}/debian.Dockerfile`, `${HERE}/slim`];
  const words = [DEBIAN_SUITE, process.arch, ...SUPERFLUOUS, ...SUPERFLUOUS_FOR_READERS, ...OF_THE_MACHINE];
  const name = `localhost/base/debian:${contentHash(ROOT, files, words)}`;
  return once(workshop, name, () =>
    inFolder(work, async (folder) => {
      const system = join(folder, "rootfs");
      await run("debootstrap", ["--variant=minbase", DEBIAN_SUITE, system, machine.debianMirror], { logFile });
      const without = [
        ...[...SUPERFLUOUS, ...SUPERFLUOUS_FOR_READERS].map((path) => `--exclude=./${path}/*`),
        ...OF_THE_MACHINE.map((path) => `--exclude=./${path}`),
      ];
      await run("tar", ["--create", "--file", join(folder, "rootfs.tar"), ...without, "--directory", system, "."], {
        logFile,
      });
      rmSync(system, { recursive: true });
      copyFileSync(join(ROOT, HERE, "slim"), join(folder, "slim"));
      await buildah.build({ name, context: folder, dockerfile: join(ROOT, HERE, "debian.Dockerfile") });
    }),
  );
}

function nodeBase(workshop: Workshop, debian: string): Promise<string> {
  const { buildah, work, logFile } = workshop;
  const bundled = nodePackage();
  const files = [`${HERE}/node.Dockerfile`, `${bundled}/package.json`];
  const name = `localhost/base/node:${contentHash(ROOT, files, [debian, NPM])}`;
  return once(workshop, name, () =>
    inFolder(work, async (folder) => {
      await run("npm", ["install", "--prefix", folder, "--no-save", "--ignore-scripts", NPM], { logFile });
      cpSync(join(folder, "node_modules", "npm"), join(folder, "npm"), { recursive: true });
      copyFileSync(join(ROOT, bundled, "bin", "node"), join(folder, "node"));
      const dockerfile = join(ROOT, HERE, "node.Dockerfile");
      await buildah.build({ name, context: folder, dockerfile, args: { DEBIAN_IMAGE: debian } });
    }),
  );
}

function postgresBase(workshop: Workshop, debian: string): Promise<string> {
  const { buildah, work, machine } = workshop;
  const name = `localhost/base/postgres:${contentHash(ROOT, [`${HERE}/postgres.Dockerfile`], [debian])}`;
  return once(workshop, name, () =>
    inFolder(work, async (folder) => {
      const dockerfile = join(ROOT, HERE, "postgres.Dockerfile");
      const args = { DEBIAN_IMAGE: debian };
      await buildah.build({ name, context: folder, dockerfile, args, volumes: machine.volumes });
    }),
  );
}

export async function makeBases(workshop: Workshop): Promise<Bases> {
  const debian = await debianBase(workshop);
  const node = await nodeBase(workshop, debian);
  const postgres = await postgresBase(workshop, debian);
  return { debian, node, postgres };
}
