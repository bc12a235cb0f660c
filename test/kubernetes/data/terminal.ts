/** `kubectl` as somebody types it: on a terminal, with its output redirected into a file. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { TestNamespace } from "../harness/namespace.ts";

/** Runs `kubectl ARGS > FILE`, on a terminal of its own; throws when it fails. */
export async function typeIntoFile(
  { cluster, name }: TestNamespace,
  args: readonly string[],
  file: string,
): Promise<void> {
  const line = [cluster.kubectlPath, `--namespace=${name}`, ...args].map(quoted).join(" ");
  // Its input stays open: at the end of it `script` would type a character.
  const child = spawn("script", ["--quiet", "--return", "--command", `${line} > ${quoted(file)}`, "/dev/null"], {
    env: cluster.env,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = (await once(child, "exit")) as [number | null];
  child.stdin.end();
  if (code !== 0) throw new Error(`${line}: ended with ${code}: ${said}`);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
