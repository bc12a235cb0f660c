/**
 * buildah with storage and settings of its own in one folder, so that the machine's are neither used nor changed. It works
 * in a shell without an init system and where root may not raise limits: runc, and no more open files than this process.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";

/** More than any build needs, less than machines allow. */
const LIMIT = 20_000;

export interface BuildSettings {
  readonly args?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
}

export interface Build extends BuildSettings {
  /** Full name with tag that the image gets. */
  readonly name: string;
  readonly context: string;
  readonly dockerfile: string;
}

export interface Buildah {
  readonly build: (build: Build) => Promise<void>;
  /** Writes a file for `CONTAINERS_STORAGE_CONF`, with which other calls of buildah see the same images. Gives its path. */
  readonly storageFile: () => string;
  readonly has: (name: string) => boolean;
  /** Writes the image to a docker-archive that names it `as`. */
  readonly save: (name: string, as: string, file: string) => Promise<void>;
}

/** `--ulimit` options. Root without CAP_SYS_RESOURCE may not raise a limit, and buildah's defaults are above many a machine's. */
function limits(): string[] {
  const lines = readFileSync("/proc/self/limits", "utf8").split("\n");
  const capped = (title: string): number => {
    const hard = Number(
      lines
        .find((line) => line.startsWith(title))
        ?.slice(title.length)
        .trim()
        .split(/\s+/)[1],
    );
    return Number.isNaN(hard) ? LIMIT : Math.min(hard, LIMIT);
  };
  const [files, processes] = [capped("Max open files"), capped("Max processes")];
  return ["--ulimit", `nofile=${files}:${files}`, "--ulimit", `nproc=${processes}:${processes}`];
}

/** Options of `buildah build`. */
export function buildOptions({ args = {}, labels = {}, volumes = [] }: BuildSettings): string[] {
  // The host's network is the one that reaches packages. The docker format keeps HEALTHCHECK.
  const how = "--format docker --layers --pull-never --network host --runtime runc --isolation oci".split(" ");
  const pairs = (option: string, settings: Readonly<Record<string, string>>) =>
    Object.entries(settings).flatMap(([key, value]) => [option, `${key}=${value}`]);
  const mounts = volumes.flatMap((volume) => ["--volume", volume]);
  return [...how, ...limits(), ...pairs("--build-arg", args), ...pairs("--label", labels), ...mounts];
}

/** Throws when buildah is missing. */
export function openBuildah(folder: string, logFile: string): Buildah {
  const [root, runRoot, driver] = [join(folder, "storage"), join(folder, "run"), "overlay"];
  const storage = ["--root", root, "--runroot", runRoot, "--storage-driver", driver];
  const buildah = (args: readonly string[]) => run("buildah", [...storage, ...args], { logFile });
  execFileSync("buildah", ["--version"], { stdio: "ignore" });
  return {
    build: ({ name, context, dockerfile, ...settings }) =>
      buildah(["build", ...buildOptions(settings), "--tag", name, "--file", dockerfile, context]),
    storageFile: () => {
      const file = join(folder, "storage.conf");
      writeFileSync(file, `[storage]\ndriver = "${driver}"\ngraphroot = "${root}"\nrunroot = "${runRoot}"\n`);
      return file;
    },
    has: (name) => {
      try {
        execFileSync("buildah", [...storage, "inspect", "--type", "image", name], { stdio: "ignore" });
        return true;
      } catch {
        return false;
      }
    },
    save: async (name, as, file) => {
      rmSync(file, { force: true });
      // By its id: by name the archive would hold that name, too.
      const id = execFileSync("buildah", [...storage, "images", "--quiet", "--no-trunc", name], { encoding: "utf8" });
      await buildah(["push", "--quiet", id.trim().replace("sha256:", ""), `docker-archive:${file}:${as}`]);
    },
  };
}
