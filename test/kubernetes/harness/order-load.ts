/** Orders by hand as a client in the cluster sends them: through the Service, each with its key until it is answered. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createNamespace, type TestNamespace } from "./namespace.ts";
import { eventually } from "./wait.ts";

export interface LoadOptions {
  /** The bot's image, for its Node. */
  readonly image: string;
  /** An API key that may trade. */
  readonly apiKey: string;
  /** Between two orders. */
  readonly periodMs: number;
  /** A node that stays whole. */
  readonly node: string;
}

export interface SentOrder {
  readonly key: string;
  readonly status: number;
  /** Null when it was refused; `text` then says why. */
  readonly id: string | null;
  readonly text?: string;
  /** How often an attempt failed, by cause. */
  readonly failures: Readonly<Record<string, number>>;
}

const CLIENT = join(import.meta.dirname, "load", "client.mjs");
const START_MS = 60_000;
const STOP_MS = 90_000;
const SYMBOL = "BTC/USD";
/** Above the broker's smallest order, and a thousand of them stay within the limits of the risk checks. */
const QUANTITY = "0.0002";

export class OrderLoad {
  readonly #namespace: TestNamespace;

  private constructor(namespace: TestNamespace) {
    this.#namespace = namespace;
  }

  /** Starts the client in a namespace of its own, where the bots' policies are not in force, and waits for its first order. */
  static async start(target: TestNamespace, options: LoadOptions): Promise<OrderLoad> {
    const load = new OrderLoad(await createNamespace(target.cluster, "load"));
    try {
      await load.#namespace.wait("create", "serviceaccount/default", START_MS);
      await load.#namespace.apply(JSON.stringify(clientPod(await serviceAddress(target), options)));
      await eventually("the first order by hand", START_MS, async () => (await load.sent())[0]);
      return load;
    } catch (error) {
      console.error(await load.#namespace.describe());
      await load.remove();
      throw error;
    }
  }

  /** The orders that have been answered so far. */
  async sent(): Promise<readonly SentOrder[]> {
    return (await this.#lines()).filter((line): line is SentOrder => "key" in line);
  }

  /** Sends no more, waits until every order is answered, and gives all of them. */
  async stop(): Promise<readonly SentOrder[]> {
    await this.#namespace.must(["exec", "client", "--", "/bin/sh", "-c", ": >/tmp/stop"]);
    await eventually("an answer to every order", STOP_MS, async () =>
      (await this.#lines()).some((line) => "done" in line) ? true : null,
    );
    return this.sent();
  }

  async remove(): Promise<void> {
    await this.#namespace.remove();
  }

  async #lines(): Promise<readonly (SentOrder | { readonly done: number })[]> {
    const text = await this.#namespace.must(["logs", "client"]);
    const lines = text.split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line) as SentOrder | { readonly done: number });
  }
}

/** By address: the load must not depend on the DNS of a node that is being faulted. */
async function serviceAddress(target: TestNamespace): Promise<string> {
  return target.must(["get", "service", "algo-trading-bot-api", "--output=jsonpath={.spec.clusterIP}"]);
}

function clientPod(address: string, { image, apiKey, periodMs, node }: LoadOptions): object {
  const settings = {
    TARGET: address,
    API_KEY: apiKey,
    RUN: `load-${Date.now()}`,
    PERIOD_MS: String(periodMs),
    SYMBOL,
    QUANTITY,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "client" },
    spec: {
      nodeSelector: { "kubernetes.io/hostname": node },
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      containers: [
        {
          name: "client",
          image,
          imagePullPolicy: "IfNotPresent",
          command: ["node", "--input-type=module", "--eval", readFileSync(CLIENT, "utf8")],
          env: Object.entries(settings).map(([name, value]) => ({ name, value })),
          resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        },
      ],
    },
  };
}

/** How often attempts failed, by cause, over all orders. */
export function failuresByCause(orders: readonly SentOrder[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { failures } of orders) {
    for (const [cause, count] of Object.entries(failures)) sum[cause] = (sum[cause] ?? 0) + count;
  }
  return sum;
}
