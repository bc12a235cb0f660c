/**
 * What the machine must have: Linux, root, and a few Debian packages, which are installed where apt is there. Everything
 * that is missing is named at once.
 */
import { existsSync, statfsSync } from "node:fs";
import { run } from "./command.ts";
import { findInPath } from "./paths.ts";
import { say } from "./progress.ts";

interface Requirement {
  /** A program on PATH, or a file's whole path. */
  readonly needs: string;
  readonly package: string;
}

const TO_RUN: readonly Requirement[] = [
  { needs: "nsenter", package: "util-linux" },
  { needs: "unshare", package: "util-linux" },
  { needs: "ip", package: "iproute2" },
  { needs: "nft", package: "nftables" },
  { needs: "socat", package: "socat" },
  { needs: "openssl", package: "openssl" },
  { needs: "tar", package: "tar" },
  { needs: "/usr/lib/cni/ptp", package: "containernetworking-plugins" },
  { needs: "/usr/lib/cni/host-local", package: "containernetworking-plugins" },
];

const TO_BUILD: readonly Requirement[] = [
  { needs: "gcc", package: "gcc" },
  { needs: "/usr/include/stdlib.h", package: "libc6-dev" },
  { needs: "/usr/include/seccomp.h", package: "libseccomp-dev" },
  { needs: "pkg-config", package: "pkg-config" },
];

const FOR_REGISTRY: readonly Requirement[] = [{ needs: "docker-registry", package: "docker-registry" }];

const OVERLAY_FILESYSTEM = 0x794c7630;

/** Why no cluster can be started on this machine, or null. */
export function whyImpossible(): string | null {
  if (process.platform !== "linux") return "the test cluster runs on Linux only";
  if (process.getuid?.() !== 0) return "the test cluster needs root, for namespaces, mounts and control groups";
  return null;
}

/** Containers lie on overlays, and an overlay cannot lie on another: the folder must be on a real disk. */
export function refuseOverlay(folder: string): void {
  if (statfsSync(folder).type !== OVERLAY_FILESYSTEM) return;
  throw new Error(`${folder} is on an overlay filesystem; set ALGO_CLUSTER_CACHE to a folder on a disk or volume`);
}

export function packagesToRun(): Promise<void> {
  return install(missingPackages(TO_RUN));
}

export function packagesToBuild(): Promise<void> {
  return install(missingPackages(TO_BUILD));
}

export function packagesForRegistry(): Promise<void> {
  return install(missingPackages(FOR_REGISTRY));
}

function missingPackages(requirements: readonly Requirement[]): string[] {
  const isThere = ({ needs }: Requirement) => (needs.startsWith("/") ? existsSync(needs) : findInPath(needs) !== null);
  return [...new Set(requirements.filter((requirement) => !isThere(requirement)).map((missing) => missing.package))];
}

async function install(packages: readonly string[]): Promise<void> {
  if (packages.length === 0) return;
  const command = `apt-get install --no-install-recommends ${packages.join(" ")}`;
  if (process.getuid?.() !== 0 || findInPath("apt-get") === null) {
    throw new Error(`packages are missing; install them (Debian: ${command})`);
  }
  say(command);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", ...packages],
  ]) {
    const { code, stderr } = await run("apt-get", args, { env });
    if (code !== 0) throw new Error(`${command} failed: ${stderr.trim().split("\n").at(-1)}`);
  }
}
