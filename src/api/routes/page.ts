/** The operations page: its files and the little it must know before it may ask for anything else. */
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";
import type { FacesConfig } from "../faces-config.ts";
import { EmptyQuery, PageConfig } from "../schema.ts";
import { READ_PROBLEMS, type Rest } from "./route.ts";

/** Beside this folder in `src` and, copied by the build, in `dist`. */
const PAGE_FILES = fileURLToPath(new URL("../page/", import.meta.url));

export function addPageConfigRoute(app: Rest, config: FacesConfig, wsPort: () => number): void {
  app.get(
    "/api/v1/page-config",
    {
      config: { access: "public" },
      schema: {
        tags: ["page"],
        summary: "Where the stream is and whether reads need a key",
        querystring: EmptyQuery,
        response: { 200: PageConfig, ...READ_PROBLEMS },
      },
    },
    async () => ({ ws_port: wsPort(), key_for_reads: config.requireKeyForReads }),
  );
}

export async function addPageFiles(app: FastifyInstance): Promise<void> {
  await app.register(async (files) => {
    files.addHook("onRoute", (route) => {
      route.config = { ...route.config, access: "document" };
      route.schema = { ...route.schema, hide: true };
    });
    await files.register(fastifyStatic, { root: PAGE_FILES, prefix: "/page/", cacheControl: false, dotfiles: "deny" });
    files.get("/", (_request, reply) => reply.header("cache-control", "no-cache").sendFile("index.html"));
  });
}
