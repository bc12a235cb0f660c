/**
 * `npm run build`: compiles `src` into an empty `dist` and copies what the program reads beside its code: SQL migrations
 * and the page's files.
 */
import { spawnSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const COMPILER = join(ROOT, "node_modules", "typescript", "bin", "tsc");
/** Files of `src` that are no TypeScript and belong into `dist`. */
const ASSETS = ["store/migrations/**/*.sql", "api/page/**/*.*"];

rmSync(join(ROOT, "dist"), { recursive: true, force: true });
const compiled = spawnSync(process.execPath, [COMPILER, "-p", "tsconfig.build.json"], { cwd: ROOT, stdio: "inherit" });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const assets = globSync(ASSETS, { cwd: join(ROOT, "src"), exclude: ["**/*.ts"] });
for (const asset of assets) {
  const target = join(ROOT, "dist", asset);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(ROOT, "src", asset), target);
}
console.log(`built dist, ${assets.length} other files copied`);
