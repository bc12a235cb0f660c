/** Which test files a run takes. A file's name says its kind: `*.test.ts`, `*.long.test.ts`, `*.cluster[.long].test.ts`. */

export interface Kind {
  /** Also tests that take minutes. */
  readonly long: boolean;
  /** Tests that need a Kubernetes cluster, and only these. */
  readonly cluster: boolean;
}

export class WrongUse extends Error {}

export function isClusterTest(file: string): boolean {
  return /\.cluster(\.long)?\.test\.ts$/.test(file);
}

/** Plain: neither long nor cluster tests. `--cluster`: short cluster tests, with `--long` all of them. `--long`: everything. */
export function selectFiles(files: readonly string[], { long, cluster }: Kind): string[] {
  const isLong = (file: string) => file.endsWith(".long.test.ts");
  if (cluster) return files.filter((file) => isClusterTest(file) && (long || !isLong(file)));
  return files.filter((file) => long || (!isLong(file) && !isClusterTest(file)));
}

export function parseArguments(argv: readonly string[]): { filters: string[]; kind: Kind } {
  const options = ["--long", "--cluster"];
  const unknown = argv.filter((argument) => argument.startsWith("-") && !options.includes(argument));
  if (unknown.length > 0) throw new WrongUse(`unknown option ${unknown.join(" ")}; there are ${options.join(" and ")}`);
  const filters = argv.filter((argument) => !options.includes(argument));
  return { filters, kind: { long: argv.includes("--long"), cluster: argv.includes("--cluster") } };
}
