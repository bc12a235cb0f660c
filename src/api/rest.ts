/**
 * The REST face: builds the server (which does not listen yet) from guard, routes, documentation and page. Runs on the main
 * thread; a handler may wait but never compute for long.
 */
import type { IncomingMessage } from "node:http";
import helmet, { type FastifyHelmetOptions } from "@fastify/helmet";
import { TypeBoxValidatorCompiler } from "@fastify/type-provider-typebox";
import Fastify, { type FastifyBaseLogger, LogController } from "fastify";
import { hostName, type KeyVerifier } from "./access.ts";
import type { BotPort } from "./bot-port.ts";
import type { FacesConfig } from "./faces-config.ts";
import { addGuard } from "./guard.ts";
import { ProblemError, problemFrom, sendProblem } from "./problem.ts";
import { RouteTable } from "./route-table.ts";
import { addDocumentationRoutes, describeRoutes } from "./routes/documentation.ts";
import { addHealthRoutes } from "./routes/health.ts";
import { addMarketRoutes } from "./routes/market.ts";
import { addOrderRoutes } from "./routes/orders.ts";
import { addPageConfigRoute, addPageFiles } from "./routes/page.ts";
import { addPortfolioRoutes } from "./routes/portfolio.ts";
import { addRiskRoutes } from "./routes/risk.ts";
import type { Rest, SchemaTypes } from "./routes/route.ts";
import { addStrategyRoutes } from "./routes/strategies.ts";

export interface RestDependencies {
  readonly bot: BotPort;
  readonly keys: KeyVerifier;
  readonly config: FacesConfig;
  readonly log: FastifyBaseLogger;
  /** The stream's port once it listens; the page and its content policy need it. */
  readonly wsPort: () => number;
  /** True when this process is about to stop: kept connections are ended with their next answer. */
  readonly isRetired: () => boolean;
  /** Told of every answered request. */
  readonly onAnswered: (route: string, method: string, status: number, latencyMs: number) => void;
}

const BODY_BYTES_MAX = 16 * 1024;
const REQUEST_MS_MAX = 10_000;

/** For answers that are data: never shown as a document, never kept. Documents have helmet's instead. */
const ANSWER_HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none';frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

export async function createRest(dependencies: RestDependencies): Promise<Rest> {
  const { bot, keys, config, log } = dependencies;
  const app: Rest = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_MS_MAX,
    // No limit on handlers: every call to the bot has its own deadline, and a timer a request costs a seventh of a read.
    routerOptions: { maxParamLength: 200 },
    return503OnClosing: true,
    forceCloseConnections: "idle",
    frameworkErrors: (error, request, reply) => {
      void sendProblem(reply, problemFrom(error, request));
    },
    schemaErrorFormatter: () => new Error("validation failed"),
  }).withTypeProvider<SchemaTypes>();

  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  // Answers are what the bot says, neither coerced nor stripped; tests hold them against the documented schemas.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.removeContentTypeParser("text/plain");

  const table = new RouteTable();
  app.addHook("onRoute", (route) => table.add(route.method, route.url));
  app.addHook("onResponse", (request, reply, done) => {
    const route = request.is404 ? "unknown" : (request.routeOptions.url ?? "unknown");
    dependencies.onAnswered(route, request.method, reply.statusCode, reply.elapsedTime);
    done();
  });
  app.setErrorHandler(async (error: Error, request, reply) => {
    const problem = problemFrom(error, request);
    if (problem.status >= 500) request.log.error({ err: error, code: problem.code }, "request failed");
    await sendProblem(reply, problem);
  });
  app.setNotFoundHandler(async (request, reply) => {
    await sendProblem(reply, notServed(table, request.method, request.url));
  });

  app.addHook("onRequest", (request, reply, done) => {
    if (request.routeOptions.config?.access !== "document") reply.headers(ANSWER_HEADERS);
    if (dependencies.isRetired()) reply.header("connection", "close");
    done();
  });
  await addGuard(app, keys, config);
  await describeRoutes(app, config.version);
  addHealthRoutes(app, bot);
  addOrderRoutes(app, bot);
  addPortfolioRoutes(app, bot);
  addStrategyRoutes(app, bot);
  addMarketRoutes(app, bot);
  addRiskRoutes(app, bot);
  addPageConfigRoute(app, config, dependencies.wsPort);
  await app.register(async (documents) => {
    // Helmet works its headers out anew for every request: right for documents, too dear for answers.
    await documents.register(helmet, helmetOptions(dependencies.wsPort));
    await addPageFiles(documents);
    await addDocumentationRoutes(documents);
  });
  return app;
}

function notServed(table: RouteTable, method: string, url: string): ProblemError {
  const allowed = table.methods(url);
  if (allowed.length === 0) return new ProblemError(404, "ROUTE_NOT_FOUND", "nothing is served at this path");
  return new ProblemError(405, "METHOD_NOT_ALLOWED", `${method} is not possible here; allowed: ${allowed.join(", ")}`, {
    headers: { allow: allowed.join(", ") },
  });
}

/** Everything from this origin only; the stream is the same host's other port. Plain HTTP: TLS ends before us. */
function helmetOptions(wsPort: () => number): FastifyHelmetOptions {
  const stream = (request: IncomingMessage): string => {
    const name = hostName(request.headers.host ?? "") ?? "localhost";
    const host = `${name.includes(":") ? `[${name}]` : name}:${wsPort()}`;
    return `ws://${host} wss://${host}`;
  };
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:"],
        connectSrc: ["'self'", stream],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false,
    referrerPolicy: { policy: "no-referrer" },
    xFrameOptions: { action: "deny" },
  };
}
