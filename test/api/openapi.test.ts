import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Compile } from "typebox/compile";
import type { TSchema } from "typebox";
import { bearer, type RestUnderTest, restUnderTest } from "./harness.ts";

interface Operation {
  readonly summary?: string;
  readonly security?: unknown;
  readonly responses: Readonly<Record<string, { content?: Readonly<Record<string, { schema: TSchema }>> }>>;
}

/** One request for each documented answer, with the body where one is needed. */
const REQUESTS: readonly [method: string, url: string, path: string, payload?: object][] = [
  ["GET", "/health", "/health"],
  ["GET", "/ready", "/ready"],
  ["GET", "/api/v1/page-config", "/api/v1/page-config"],
  ["GET", "/api/v1/orders?limit=2", "/api/v1/orders"],
  ["POST", "/api/v1/orders", "/api/v1/orders", { symbol: "AAPL", side: "buy", type: "market", quantity: "1" }],
  ["GET", "/api/v1/orders/order-3", "/api/v1/orders/{id}"],
  ["PATCH", "/api/v1/orders/order-4", "/api/v1/orders/{id}", { limit_price: "186" }],
  ["POST", "/api/v1/orders/order-4/settle", "/api/v1/orders/{id}/settle", { reason: "looked at the broker's page" }],
  ["DELETE", "/api/v1/orders/order-5", "/api/v1/orders/{id}"],
  ["DELETE", "/api/v1/orders", "/api/v1/orders"],
  ["GET", "/api/v1/positions", "/api/v1/positions"],
  ["GET", "/api/v1/account", "/api/v1/account"],
  ["GET", "/api/v1/strategies", "/api/v1/strategies"],
  ["POST", "/api/v1/strategies/zscore-btc/stop", "/api/v1/strategies/{id}/stop"],
  ["POST", "/api/v1/strategies/zscore-btc/start", "/api/v1/strategies/{id}/start"],
  ["GET", "/api/v1/trades", "/api/v1/trades"],
  ["GET", "/api/v1/pnl", "/api/v1/pnl"],
  ["GET", "/api/v1/signals", "/api/v1/signals"],
  ["GET", "/api/v1/bars?symbol=AAPL", "/api/v1/bars"],
  ["GET", "/api/v1/risk", "/api/v1/risk"],
  ["POST", "/api/v1/risk/kill", "/api/v1/risk/kill", { reason: "test" }],
  ["POST", "/api/v1/risk/resume", "/api/v1/risk/resume", { reason: "test" }],
];

describe("the OpenAPI document", () => {
  let rest: RestUnderTest;
  let paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;

  before(async () => {
    rest = await restUnderTest();
    paths = (await rest.app.inject({ url: "/openapi.json" })).json().paths;
  });
  after(() => rest.app.close());

  it("is served as OpenAPI 3.1", async () => {
    const document = (await rest.app.inject({ url: "/openapi.json" })).json();
    assert.equal(document.openapi, "3.1.0");
    assert.equal(document.info.version, "0.1.0");
  });

  it("describes every operation that the contract names, and the requests below cover each", () => {
    const described = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const requested = REQUESTS.map(([method, , path]) => `${method} ${path}`);
    assert.deepEqual(described.toSorted(), [...new Set(requested)].toSorted());
  });

  it("leaves out no registered route but those of files and of the description itself", () => {
    const files = /^\/($|\*|docs|openapi\.json)/;
    for (const route of registeredRoutes(rest.app.printRoutes({ commonPrefix: false }))) {
      if (files.test(route.path)) continue;
      const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
      for (const method of route.methods.filter((name) => name !== "HEAD")) {
        assert.ok(paths[path]?.[method.toLowerCase()], `${method} ${path} is not described`);
      }
    }
  });

  it("has a summary for every operation and a key for every change", () => {
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        assert.ok(operation.summary, `${method} ${path} has no summary`);
        if (method !== "get") assert.ok(operation.security, `${method} ${path} names no key`);
      }
    }
  });

  for (const [method, url, path, payload] of REQUESTS) {
    it(`describes what ${method} ${url} answers`, async () => {
      const reply = await rest.app.inject({
        method: method as "GET",
        url,
        headers: { ...bearer("admin"), "idempotency-key": "openapi" },
        ...(payload === undefined ? {} : { payload }),
      });
      assert.ok(reply.statusCode < 300, reply.body);
      const answer = paths[path]?.[method.toLowerCase()]?.responses[String(reply.statusCode)];
      conforms(answer?.content?.["application/json"]?.schema, reply.json());
    });
  }

  it("describes problems", async () => {
    const reply = await rest.app.inject({ url: "/api/v1/orders?state=new&x=1" });
    const answer = paths["/api/v1/orders"]?.["get"]?.responses["4XX"];
    conforms(answer?.content?.["application/problem+json"]?.schema, reply.json());
  });

  it("is shown at /docs by files of this server", async () => {
    const page = await rest.app.inject({ url: "/docs/" });
    assert.equal(page.statusCode, 200);
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] as string);
    assert.ok(links.length > 3);
    for (const link of links) {
      assert.match(link, /^\.\//);
      assert.equal((await rest.app.inject({ url: `/docs/${link.slice(2)}` })).statusCode, 200, link);
    }
  });
});

/** Reads the tree that the router prints. */
function registeredRoutes(tree: string): { path: string; methods: string[] }[] {
  const parents: string[] = [];
  return tree.split("\n").flatMap((line) => {
    const [, indent, part, methods] = /^([│ ]*)[├└]── (\S*) \(([A-Z, ]+)\)$/.exec(line) ?? [];
    if (indent === undefined || part === undefined || methods === undefined) return [];
    const depth = indent.length / 4;
    const path = (parents[depth - 1] ?? "") + part;
    parents[depth] = path;
    return [{ path, methods: methods.split(", ") }];
  });
}

function conforms(schema: TSchema | undefined, value: unknown): void {
  assert.ok(schema, "no such answer is described");
  assert.deepEqual(Compile(schema).Errors(value), []);
}
