/**
 * `npm run lock`: adds to package-lock.json the optional packages of other platforms that npm leaves out when the registry in
 * use does not hold them. Without them `npm ci` calls the lockfile out of step and refuses. What is added has an exact
 * version and the platform, but no integrity, and is never fetched on a platform that it is not for. Run it after every
 * `npm install`; a test tells when it was forgotten.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

type Packages = Readonly<Record<string, LockedPackage>>;

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64"];
const LIBRARIES: Readonly<Record<string, string>> = {
  gnu: "glibc",
  gnueabihf: "glibc",
  musl: "musl",
  musleabihf: "musl",
};

/** Entries that the lockfile lacks, by their path in it. Throws for a name that tells no platform. */
export function missingEntries(packages: Packages): Record<string, LockedPackage> {
  const missing: Record<string, LockedPackage> = {};
  for (const { dev, optionalDependencies = {} } of Object.values(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const path = `node_modules/${name}`;
      if (Object.hasOwn(packages, path)) continue;
      missing[path] = { version, ...platformOf(name), ...(dev === true ? { dev } : {}), optional: true };
    }
  }
  return missing;
}

/** Platform packages are named after what they are for: `…/cli-linux-x64-musl`. */
function platformOf(name: string): Pick<LockedPackage, "os" | "cpu" | "libc"> {
  const words = name.split(/[/-]/);
  const os = words.find((word) => SYSTEMS.includes(word));
  const cpu = words.find((word) => PROCESSORS.includes(word));
  if (os === undefined || cpu === undefined) throw new Error(`${name} is optional, missing, and names no platform`);
  const libc = words.map((word) => LIBRARIES[word]).find((library) => library !== undefined);
  return { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) };
}

function completeLockfile(file: string): void {
  const lockfile = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, LockedPackage> };
  const missing = missingEntries(lockfile.packages);
  const packages = { ...lockfile.packages, ...missing };
  const sorted = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(file, `${JSON.stringify({ ...lockfile, packages: sorted }, null, 2)}\n`);
  console.log(`${Object.keys(missing).length} entries added to ${file}`);
}

if (process.argv[1] === import.meta.filename) {
  completeLockfile(process.argv[2] ?? join(import.meta.dirname, "..", "package-lock.json"));
}
