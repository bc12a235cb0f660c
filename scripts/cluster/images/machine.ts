/**
 * What builds need of this machine to fetch packages as it does: its Debian mirror, its settings of apt and npm, its
 * certificates. Written to a folder that is mounted over `/etc/apt` and `/usr/local/etc` while an image's commands run and
 * deleted afterwards, so that no image holds any of it. Never prints a setting: there may be credentials among them.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

export const DEBIAN_SUITE = "bookworm";
const DEBIAN_MIRROR = "http://deb.debian.org/debian";
const DEBIAN_SECURITY_MIRROR = "http://deb.debian.org/debian-security";
/** Whatever the mirror, what it serves is signed by Debian. */
const DEBIAN_ARCHIVE = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** Settings of npm that say where packages come from and how to get there; the rest is the user's taste. */
const NPM_TRANSPORT = /registry|_auth|_password|username|certfile|keyfile|strict-ssl|proxy/i;

export interface Machine {
  readonly debianMirror: string;
  /** `--volume` options of buildah. Packages may write what they like into them: it is thrown away, but for npm's cache. */
  readonly volumes: readonly string[];
  /** Deletes the mounted folder. */
  readonly remove: () => void;
}

/** Archives that this machine's apt takes a suite from; the first one goes first. */
function mirrorOf(suite: string, otherwise: string): string {
  const format = "$(RELEASE) $(COMPONENT) $(SITE) $(REPO_URI)";
  const lines = execFileSync("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], {
    encoding: "utf8",
  })
    .split("\n")
    .map((line) => line.split(" "));
  const found = lines.find(([release, component]) => release === suite && component === "main");
  return found?.at(-1)?.replace(/\/$/, "") ?? otherwise;
}

function writeApt(folder: string, mirror: string): void {
  const certificates = join(folder, "machine-certificates.crt");
  const security = mirrorOf(`${DEBIAN_SUITE}-security`, DEBIAN_SECURITY_MIRROR);
  const sources = [
    `${DEBIAN_ARCHIVE} ${mirror} ${DEBIAN_SUITE} main`,
    `${DEBIAN_ARCHIVE} ${mirror} ${DEBIAN_SUITE}-updates main`,
    `${DEBIAN_ARCHIVE} ${security} ${DEBIAN_SUITE}-security main`,
  ];
  mkdirSync(join(folder, "apt.conf.d"), { recursive: true });
  for (const part of ["preferences.d", "sources.list.d", "auth.conf.d"]) mkdirSync(join(folder, part));
  if (existsSync("/etc/apt/auth.conf.d"))
    cpSync("/etc/apt/auth.conf.d", join(folder, "auth.conf.d"), { recursive: true });
  copyFileSync(CERTIFICATES, certificates);
  const settings = execFileSync("apt-config", ["dump", "--no-empty", "Acquire"], { encoding: "utf8" });
  const trust = `Acquire::https::CAInfo "/etc/apt/machine-certificates.crt";\n`;
  writeFileSync(join(folder, "apt.conf.d", "machine"), settings + trust, { mode: 0o600 });
  writeFileSync(join(folder, "sources.list"), `${sources.join("\n")}\n`);
}

function writeNpm(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const own = join(homedir(), ".npmrc");
  const lines = existsSync(own) ? readFileSync(own, "utf8").split("\n") : [];
  const registry = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
  const settings = [
    ...lines.filter((line) => NPM_TRANSPORT.test(line.split("=")[0] ?? "")),
    `registry=${registry}`,
    "cafile=/usr/local/etc/machine-certificates.crt",
    "cache=/usr/local/etc/npm-cache",
    "update-notifier=false",
  ];
  copyFileSync(CERTIFICATES, join(folder, "machine-certificates.crt"));
  writeFileSync(join(folder, "npmrc"), `${settings.join("\n")}\n`, { mode: 0o600 });
}

/** Throws when apt or npm is missing. `work` keeps npm's downloads from run to run. */
export function readMachine(work: string): Machine {
  const debianMirror = mirrorOf(DEBIAN_SUITE, DEBIAN_MIRROR);
  const folder = mkdtempSync(join(work, "machine-"));
  const npmCache = join(work, "npm-cache");
  mkdirSync(npmCache, { recursive: true });
  writeApt(join(folder, "apt"), debianMirror);
  writeNpm(join(folder, "etc"));
  mkdirSync(join(folder, "etc", "npm-cache"));
  const volumes = [
    `${join(folder, "apt")}:/etc/apt`,
    `${join(folder, "etc")}:/usr/local/etc`,
    `${npmCache}:/usr/local/etc/npm-cache`,
  ];
  return { debianMirror, volumes, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
