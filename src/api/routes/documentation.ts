/** The OpenAPI document and the page that shows it, served from installed files: works without a network. */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import type { Rest } from "./route.ts";

/** Must run before the routes that it describes are added. */
export async function describeRoutes(app: Rest, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Algorithmic trading bot",
        version,
        description: "Orders, positions, strategies and risk. Decimals are strings; times are epoch milliseconds.",
      },
      components: { securitySchemes: { key: { type: "http", scheme: "bearer", description: "A key: atb_…" } } },
    },
  });
}

/** Swagger's page sets styles from script, hence `unsafe-inline` for styles, here only. */
const DOCS_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export async function addDocumentationRoutes(app: FastifyInstance): Promise<void> {
  app.get("/openapi.json", { config: { access: "document" }, schema: { hide: true } }, async () => app.swagger());
  await app.register(async (docs) => {
    docs.addHook("onRoute", (route) => {
      route.config = { ...route.config, access: "document" };
    });
    await docs.register(swaggerUi, {
      routePrefix: "/docs",
      staticCSP: DOCS_POLICY,
      uiConfig: { layout: "BaseLayout" },
    });
  });
}
