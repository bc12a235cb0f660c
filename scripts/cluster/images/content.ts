/** A short hash of what goes into an image: two equal ones make the same image. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

const HASH_CHARACTERS = 16;

function filesOf(path: string): string[] {
  if (!lstatSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesOf(join(path, name)));
}

/** `paths` are files or folders, relative to `root`; their modes count, their times do not. */
export function contentHash(root: string, paths: readonly string[], words: readonly string[]): string {
  const hash = createHash("sha256").update(JSON.stringify(words));
  for (const file of paths.flatMap((path) => filesOf(join(root, path)))) {
    const status = lstatSync(file);
    const content = status.isSymbolicLink() ? readlinkSync(file) : readFileSync(file);
    hash.update(`\n${file.slice(root.length)} ${status.mode} ${status.size}\n`).update(content);
  }
  return hash.digest("hex").slice(0, HASH_CHARACTERS);
}
