/** Which methods a path is served with, to tell "no such path" (404) from "not with this method" (405). */

export class RouteTable {
  readonly #methods = new Map<string, Set<string>>();

  /** `pattern` in the router's syntax: `:name` is one segment, a trailing `*` is the rest. */
  add(method: string | readonly string[], pattern: string): void {
    const known = this.#methods.get(pattern) ?? new Set<string>();
    for (const one of typeof method === "string" ? [method] : method) known.add(one);
    this.#methods.set(pattern, known);
  }

  /** Methods served at the path of `url`, sorted; none when the path is unknown. */
  methods(url: string): string[] {
    const path = url.split("?", 1)[0] as string;
    const found = new Set<string>();
    for (const [pattern, methods] of this.#methods) {
      if (matches(pattern, path)) for (const method of methods) found.add(method);
    }
    return [...found].sort();
  }
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.at(-1) === "*") {
    wanted.pop();
    given.length = Math.min(given.length, wanted.length);
  }
  return wanted.length === given.length && wanted.every((part, i) => part.startsWith(":") || part === given[i]);
}
