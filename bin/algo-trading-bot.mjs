#!/usr/bin/env node
/**
 * The installed command. Under a Node that is too old it starts itself again under the one that npm installed with the
 * project; then it runs the compiled program, or the sources where those are newer. Plain JavaScript for Node 12.
 */
import { spawn } from "child_process";
import { existsSync, readdirSync, statSync } from "fs";
import * as modules from "module";
import { dirname, join } from "path";
import { fileURLToPath, pathToFileURL } from "url";
import { bundledNode, nodeMajor, preflight } from "./preflight.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const NEEDED_MAJOR = 24;

/** Under another Node this process only hands on signals and the exit code. */
function runUnder(node) {
  const child = spawn(node, process.execArgv.concat([fileURLToPath(import.meta.url)], process.argv.slice(2)), {
    stdio: "inherit",
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  // A terminal sends SIGINT to both; the child decides what it means, and this process waits for it.
  signals.forEach((signal) => {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  });
  child.on("error", (error) => {
    console.error(error.message);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    signals.forEach((name) => process.removeAllListeners(name));
    process.kill(process.pid, signal);
  });
}

function newestTime(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .map((entry) => {
      const file = join(folder, entry.name);
      return entry.isDirectory() ? newestTime(file) : statSync(file).mtimeMs;
    })
    .reduce((newest, time) => Math.max(newest, time), 0);
}

/** `dist/main.js` where it is not older than the sources, or where there are none. */
function mainFile() {
  const compiled = join(ROOT, "dist", "main.js");
  const sources = join(ROOT, "src");
  if (!existsSync(sources)) return compiled;
  if (existsSync(compiled) && statSync(compiled).mtimeMs >= newestTime(sources)) return compiled;
  return join(sources, "main.ts");
}

/**
 * Keeps compiled code from start to start, for this process and those that it starts: a third of the time to load. It lies
 * beside the dependencies, so that whoever may write it may change the program anyway; a read-only place keeps none.
 */
function keepCompiledCode() {
  if (modules.enableCompileCache === undefined || process.env.NODE_COMPILE_CACHE !== undefined) return;
  const folder = join(ROOT, "node_modules", ".cache", "compiled");
  modules.enableCompileCache(folder);
  process.env.NODE_COMPILE_CACHE = folder;
}

const bundled = bundledNode(ROOT, process.platform, process.arch);
if (nodeMajor(process.version) < NEEDED_MAJOR && bundled !== null) {
  runUnder(bundled);
} else {
  preflight();
  keepCompiledCode();
  import(pathToFileURL(mainFile()).href).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
