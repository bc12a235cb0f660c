/**
 * All that the bot shows to the outside, as one thing to start, drain and stop: REST and page, stream, metrics. Main thread.
 */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { FastifyBaseLogger } from "fastify";
import { CodedError } from "../core/errors.ts";
import type { KeyVerifier } from "./access.ts";
import type { BotPort } from "./bot-port.ts";
import type { FacesConfig } from "./faces-config.ts";
import { createMetricsServer } from "./metrics/listener.ts";
import type { Metrics } from "./metrics/metrics.ts";
import { createRest } from "./rest.ts";
import { Stream } from "./stream.ts";

export interface FacesDependencies {
  readonly bot: BotPort;
  readonly keys: KeyVerifier;
  readonly metrics: Metrics;
  readonly config: FacesConfig;
  readonly log: FastifyBaseLogger;
}

export interface FacesAddresses {
  /** `http://127.0.0.1:8000` */
  readonly rest: string;
  /** `ws://127.0.0.1:8001/stream` */
  readonly stream: string;
  /** `http://127.0.0.1:9090/metrics` */
  readonly metrics: string;
}

export interface Faces {
  /** Opens the three ports, or none: throws `PORT_IN_USE` or `LISTEN_FAILED` after closing what was opened. */
  listen(): Promise<FacesAddresses>;
  /** From now on every answer of REST ends its connection, so that its client opens the next one elsewhere. */
  retire(): void;
  /** Closes the stream's clients with 1012, spread over `spreadMs`, and takes no new ones. REST goes on. */
  drain(spreadMs: number): Promise<void>;
  /** Ends everything; requests in flight are answered first. */
  close(): Promise<void>;
}

/** Builds the faces; nothing listens yet. `metrics` stays the caller's to close. */
export async function createFaces(dependencies: FacesDependencies): Promise<Faces> {
  const { bot, keys, metrics, config, log } = dependencies;
  const stream = new Stream({ bot, keys, config, log });
  metrics.setStream(() => stream.counts());
  let isRetired = false;
  const rest = await createRest({
    bot,
    keys,
    config,
    log,
    wsPort: () => (stream.server.address() as AddressInfo | null)?.port ?? config.wsPort,
    isRetired: () => isRetired,
    onAnswered: (route, method, status, latencyMs) => metrics.requestAnswered(route, method, status, latencyMs),
  });
  const metricsServer = createMetricsServer(metrics, config);

  async function close(): Promise<void> {
    await Promise.all([rest.close(), stream.close(), closeServer(metricsServer)]);
  }

  async function listen(): Promise<FacesAddresses> {
    const host = config.bindAddress;
    try {
      const wsPort = await naming("WS_PORT", config.wsPort, host, listenOn(stream.server, host, config.wsPort));
      const metricsListening = listenOn(metricsServer, host, config.metricsPort);
      const metricsPort = await naming("METRICS_PORT", config.metricsPort, host, metricsListening);
      await naming("API_PORT", config.apiPort, host, rest.listen({ host, port: config.apiPort }));
      const apiPort = (rest.server.address() as AddressInfo).port;
      const name = host.includes(":") ? `[${host}]` : host;
      return {
        rest: `http://${name}:${apiPort}`,
        stream: `ws://${name}:${wsPort}/stream`,
        metrics: `http://${name}:${metricsPort}/metrics`,
      };
    } catch (error) {
      await close();
      throw error;
    }
  }

  function retire(): void {
    isRetired = true;
  }

  return { listen, retire, drain: (spreadMs) => stream.drain(spreadMs), close };
}

async function listenOn(server: Server, host: string, port: number): Promise<number> {
  server.listen(port, host);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Turns the system's error into one that says which setting to change. */
async function naming<T>(setting: string, port: number, host: string, listening: Promise<T>): Promise<T> {
  try {
    return await listening;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const options = { field: setting, cause };
    if (code === "EADDRINUSE") {
      throw new CodedError("PORT_IN_USE", `${setting}: port ${port} on ${host} is in use; choose another`, options);
    }
    throw new CodedError("LISTEN_FAILED", `${setting}: cannot listen on ${host}, port ${port}: ${message}`, options);
  }
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
