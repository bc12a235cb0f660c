/**
 * Serves the metrics text on a port of its own, so that a network policy can keep it apart from the API. Reads only, no key;
 * on a loopback address the `Host` is checked so that no web page can read it.
 */
import { createServer, type Server } from "node:http";
import { HostPolicy } from "../access.ts";
import type { FacesConfig } from "../faces-config.ts";
import type { Metrics } from "./metrics.ts";

const REQUEST_MS_MAX = 10_000;

/** A server that does not listen yet. */
export function createMetricsServer(metrics: Metrics, config: FacesConfig): Server {
  const policy = new HostPolicy(config.allowedHosts, []);
  return createServer({ requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX }, (request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { "content-type": type, "x-content-type-options": "nosniff" });
      response.end(request.method === "HEAD" ? "" : body);
    };
    const plain = (status: number, body: string): void => answer(status, "text/plain; charset=utf-8", body);

    if (!config.requireKeyForReads && !policy.hostAllowed(request.headers.host, request.socket.localAddress)) {
      return plain(421, "The Host header names no host that this bot serves.\n");
    }
    if (request.method !== "GET" && request.method !== "HEAD") return plain(405, "Only GET is possible here.\n");
    const path = request.url?.split("?", 1)[0];
    if (path === "/") return plain(200, "Prometheus metrics are at /metrics.\n");
    if (path !== "/metrics") return plain(404, "Nothing is served at this path; metrics are at /metrics.\n");
    metrics.text().then(
      (text) => answer(200, metrics.registry.contentType, text),
      (error: unknown) => plain(500, `The metrics could not be read: ${String(error)}\n`),
    );
  });
}
