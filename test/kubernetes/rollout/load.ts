/** The bot's clients inside the cluster, in a namespace of their own: the bot's own namespace lets nothing else out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Cluster } from "../harness/cluster.ts";
import { createNamespace, type TestNamespace } from "../harness/namespace.ts";
import type { KubeObject } from "../harness/render.ts";
import { eventually } from "../harness/wait.ts";

export interface LoadReport {
  readonly reads: number;
  /** Requests that were not answered as they should, with the time of day in ms. */
  readonly failures: readonly { at: number; what: string; status?: number; error?: string; text?: string }[];
  /** Client order ids of what the bot took. */
  readonly accepted: readonly string[];
  /** How many orders the bot refused, by code. */
  readonly refused: Readonly<Record<string, number>>;
  readonly closed: readonly { readonly at: number; readonly code: number }[];
  /** First snapshots of connections that came after another one, and how long after its end. */
  readonly snapshots: readonly { readonly at: number; readonly afterMs: number; readonly generation: string }[];
  /** Connections to the stream that did not come about. */
  readonly unconnected: readonly { readonly at: number }[];
}

export interface Load {
  /** Ends the load and tells what happened. */
  stop(): Promise<LoadReport>;
  remove(): Promise<void>;
}

export interface LoadOptions {
  readonly cluster: Cluster;
  /** The bot's image, which has Node. */
  readonly image: string;
  /** Of the bot's Service. */
  readonly host: string;
  readonly key: string;
  readonly symbol: string;
  readonly streamClients: number;
  /** Readers that ask again at once, to keep processors busy; none by default. */
  readonly busyReaders?: number;
}

const READY_MS = 120_000;
const REPORT_MS = 60_000;
const CLIENT = readFileSync(join(import.meta.dirname, "client.mjs"), "utf8");

export async function startLoad(options: LoadOptions): Promise<Load> {
  const namespace = await createNamespace(options.cluster, "load");
  await namespace.wait("create", "serviceaccount/default", READY_MS);
  await namespace.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: objects(options) }));
  await namespace.wait("condition=Ready", "pod/clients", READY_MS);
  return { stop: () => stop(namespace), remove: () => namespace.remove() };
}

async function stop(namespace: TestNamespace): Promise<LoadReport> {
  await namespace.must(["exec", "clients", "--", "node", "--eval", "process.kill(1, 'SIGUSR2')"]);
  return eventually("the clients' report", REPORT_MS, async () => {
    return JSON.parse(await namespace.must(["exec", "clients", "--", "cat", "/tmp/report.json"])) as LoadReport;
  });
}

function objects({ image, host, key, symbol, streamClients, busyReaders = 0 }: LoadOptions): object[] {
  const settings = {
    API_URL: `http://${host}:8000`,
    STREAM_URL: `ws://${host}:8001/stream`,
    SYMBOL: symbol,
    STREAM_CLIENTS: String(streamClients),
    BUSY_READERS: String(busyReaders),
  };
  return [
    { apiVersion: "v1", kind: "Secret", metadata: { name: "key" }, stringData: { API_KEY: key } },
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "client" }, data: { "client.mjs": CLIENT } },
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "clients" },
      spec: {
        restartPolicy: "Never",
        terminationGracePeriodSeconds: 1,
        automountServiceAccountToken: false,
        containers: [
          {
            name: "clients",
            image,
            imagePullPolicy: "Never",
            command: ["node", "/client/client.mjs"],
            env: Object.entries(settings).map(([name, value]) => ({ name, value })),
            envFrom: [{ secretRef: { name: "key" } }],
            resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
            volumeMounts: [{ name: "client", mountPath: "/client" }],
          },
        ],
        volumes: [{ name: "client", configMap: { name: "client" } }],
      },
    },
  ];
}

/** The bot's Service as pods of other namespaces call it. */
export function serviceHost(namespace: string): string {
  return `algo-trading-bot-api.${namespace}.svc`;
}

/** The clients call the Service by a name with the namespace, and order more often than a person should. */
export function reachable(object: KubeObject): KubeObject {
  if (object.kind !== "ConfigMap" || object.metadata.name !== "algo-trading-config") return object;
  const { data } = object as KubeObject & { readonly data: Readonly<Record<string, string>> };
  const settings = {
    ALLOWED_HOSTS: `${data["ALLOWED_HOSTS"]},${serviceHost(object.metadata.namespace ?? "")}`,
    RISK_REPEATED_EXECUTIONS_PER_MINUTE: "1000",
  };
  return { ...object, data: { ...data, ...settings } } as KubeObject;
}
