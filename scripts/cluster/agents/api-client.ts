/** A small client of the Kubernetes API for the cluster's own agents: requests, and collections that keep themselves current. */
import { readFileSync } from "node:fs";
import { Agent, type RequestOptions, request } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

export interface ApiObject {
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

interface ApiList<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

const REQUEST_TIMEOUT_MS = 10_000;
const RETRY_MS = 1_000;
/** The server ends a watch after this; one that is silent for longer hangs on a dead network. */
const WATCH_S = 60;

export class ApiClient {
  readonly #server: string;
  readonly #options: RequestOptions;

  /** Speaks as the cluster's administrator, whose certificate is in `pki`. */
  constructor(server: string, pki: string) {
    this.#server = server;
    const [ca, cert, key] = ["ca.crt", "admin.crt", "admin.key"].map((file) => readFileSync(join(pki, file)));
    this.#options = { ca, cert, key, agent: new Agent({ keepAlive: true, ca, cert, key }) };
  }

  /** Whether the API server answers and calls itself ready. Never throws. */
  async isReady(): Promise<boolean> {
    try {
      return (await this.#send("GET", "/readyz")).code === 200;
    } catch {
      return false;
    }
  }

  async get<T>(path: string): Promise<T> {
    return this.#json<T>("GET", path);
  }

  async create(path: string, object: unknown): Promise<void> {
    await this.#json("POST", path, object);
  }

  /** Nothing happens when it is gone already. */
  async remove(path: string): Promise<void> {
    const { code, text } = await this.#send("DELETE", path);
    if (code >= 400 && code !== 404) throw new Error(`DELETE ${path}: ${code} ${text}`);
  }

  /**
   * Keeps `objects`, by namespace and name, as the server has them, and calls `changed` after each change. Goes on for
   * ever: it lists again after every interruption.
   */
  async follow<T extends ApiObject>(path: string, objects: Map<string, T>, changed: () => void): Promise<never> {
    for (;;) {
      try {
        const list = await this.get<ApiList<T>>(path);
        objects.clear();
        for (const item of list.items) objects.set(keyOf(item), item);
        changed();
        await this.#watch<T>(path, list.metadata.resourceVersion, ({ type, object }) => {
          if (type === "DELETED") objects.delete(keyOf(object));
          else objects.set(keyOf(object), object);
          changed();
        });
      } catch (error) {
        console.error(`${path}: ${(error as Error).message}`);
        await sleep(RETRY_MS);
      }
    }
  }

  async #watch<T>(path: string, since: string, event: (event: WatchEvent<T>) => void): Promise<void> {
    const query = `?watch=1&resourceVersion=${since}&timeoutSeconds=${WATCH_S}`;
    const timeout = (WATCH_S + 10) * 1000;
    await new Promise<void>((resolve, reject) => {
      const asked = request(`${this.#server}${path}${query}`, { ...this.#options, agent: false, timeout }, (answer) => {
        if (answer.statusCode !== 200) asked.destroy(new Error(`watch answered ${answer.statusCode}`));
        const lines = createInterface({ input: answer });
        // A connection that breaks is told by the answer, by its lines and by the request; a listener that is missing ends the agent.
        lines.on("error", reject);
        lines.on("line", (line) => {
          const read = JSON.parse(line) as WatchEvent<T>;
          if (read.type === "ERROR") asked.destroy(new Error("the watch is too old"));
          else event(read);
        });
        answer.once("end", resolve);
        answer.on("error", reject);
      });
      asked.once("timeout", () => asked.destroy(new Error("the watch is silent")));
      asked.on("error", reject);
      asked.end();
    });
  }

  async #json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { code, text } = await this.#send(method, path, body);
    if (code >= 400) throw new Error(`${method} ${path}: ${code} ${text}`);
    return JSON.parse(text) as T;
  }

  #send(method: string, path: string, body?: unknown): Promise<{ code: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json" };
      const options = { ...this.#options, method, headers, timeout: REQUEST_TIMEOUT_MS };
      const asked = request(`${this.#server}${path}`, options, (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk: Buffer) => chunks.push(chunk));
        answer.once("end", () => resolve({ code: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
        answer.on("error", reject);
      });
      asked.once("timeout", () => asked.destroy(new Error("no answer in time")));
      asked.on("error", reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function keyOf({ metadata }: ApiObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
