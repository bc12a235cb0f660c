/**
 * Says what is missing before anything else runs. Plain JavaScript that parses on Node 12, because it has to run on the
 * Node that is too old. Started by itself it checks and exits with 1 when something is missing.
 */
import { existsSync } from "fs";
import { dirname, join } from "path";
import { fileURLToPath } from "url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const NEEDED_MAJOR = 24;

export function nodeMajor(version) {
  return Number(version.replace(/^v/, "").split(".")[0]);
}

/** The Node that npm installed with the project, or null where there is none for this platform. */
export function bundledNode(root, platform, arch) {
  const file = join(root, "node_modules", "node-" + platform + "-" + arch, "bin", "node");
  return existsSync(file) ? file : null;
}

/**
 * One message about the first thing that is missing, or null when all is there.
 * facts: { root, version, platform, arch }
 */
export function missing(facts) {
  if (!existsSync(join(facts.root, "node_modules"))) {
    return "The dependencies are not installed. Run `npm ci` in " + facts.root + " and try again.";
  }
  if (nodeMajor(facts.version) >= NEEDED_MAJOR) return null;
  return "This program needs Node " + NEEDED_MAJOR + " or newer; this is Node " + facts.version + ". " + advice(facts);
}

function advice(facts) {
  if (bundledNode(facts.root, facts.platform, facts.arch) !== null) {
    return "`npm ci` has installed one: start the program through npm, such as `npm start` or `npm test`.";
  }
  if (facts.platform === "linux" && (facts.arch === "x64" || facts.arch === "arm64")) {
    return "Run `npm ci --include=optional`, which installs one with the project, or install Node 24 yourself.";
  }
  if (facts.platform === "darwin") return "On macOS install Node 24, for example with `brew install node@24`.";
  return "Install Node 24 for " + facts.platform + " on " + facts.arch + "; Linux and macOS are supported.";
}

/** Exits with 1 and one message when something is missing. */
export function preflight() {
  const facts = { root: ROOT, version: process.version, platform: process.platform, arch: process.arch };
  const message = missing(facts);
  if (message === null) return;
  console.error(message);
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) preflight();
