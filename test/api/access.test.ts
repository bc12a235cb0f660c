import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { bearerToken, HostPolicy, hostName, ROLES, type Role, roleAllows } from "../../src/api/access.ts";
import { createRest } from "../../src/api/rest.ts";
import { bearer, CONFIG, log, MemoryKeys, type RestUnderTest, restUnderTest } from "./harness.ts";
import { MemoryBot } from "./memory-bot.ts";

type Needed = "nothing" | "read" | Role;

/** Every route with what it needs; written by hand from the contract, not read from the code. */
const MATRIX: readonly [method: "GET" | "POST" | "PATCH" | "DELETE", url: string, needed: Needed][] = [
  ["GET", "/", "nothing"],
  ["GET", "/health", "nothing"],
  ["GET", "/ready", "nothing"],
  ["GET", "/openapi.json", "nothing"],
  ["GET", "/docs/", "nothing"],
  ["GET", "/page/index.html", "nothing"],
  ["GET", "/api/v1/page-config", "nothing"],
  ["GET", "/api/v1/orders", "read"],
  ["GET", "/api/v1/orders/order-1", "read"],
  ["GET", "/api/v1/positions", "read"],
  ["GET", "/api/v1/account", "read"],
  ["GET", "/api/v1/strategies", "read"],
  ["GET", "/api/v1/trades", "read"],
  ["GET", "/api/v1/pnl", "read"],
  ["GET", "/api/v1/signals", "read"],
  ["GET", "/api/v1/bars?symbol=AAPL", "read"],
  ["GET", "/api/v1/risk", "read"],
  ["POST", "/api/v1/orders", "trader"],
  ["PATCH", "/api/v1/orders/order-4", "trader"],
  ["POST", "/api/v1/orders/order-4/settle", "risk"],
  ["DELETE", "/api/v1/orders/order-4", "trader"],
  ["DELETE", "/api/v1/orders", "trader"],
  ["POST", "/api/v1/strategies/zscore-btc/start", "trader"],
  ["POST", "/api/v1/strategies/zscore-btc/stop", "trader"],
  ["POST", "/api/v1/risk/kill", "trader"],
  ["POST", "/api/v1/risk/resume", "risk"],
];

const CALLERS = [null, ...ROLES] as const;

function allowed(needed: Needed, caller: Role | null, keyForReads: boolean): boolean {
  if (needed === "nothing" || (needed === "read" && !keyForReads)) return true;
  return caller !== null && ROLES.indexOf(caller) >= ROLES.indexOf(needed === "read" ? "viewer" : needed);
}

for (const keyForReads of [false, true]) {
  describe(`routes and roles, reads ${keyForReads ? "with" : "without"} a key`, () => {
    let rest: RestUnderTest;
    before(async () => {
      rest = await restUnderTest({ requireKeyForReads: keyForReads });
    });
    after(() => rest.app.close());

    for (const [method, url, needed] of MATRIX) {
      it(`${method} ${url} needs ${needed}`, async () => {
        for (const caller of CALLERS) {
          const headers = caller === null ? {} : bearer(caller);
          const { statusCode } = await rest.app.inject({ method, url, headers });
          const passed = statusCode !== 401 && statusCode !== 403;
          assert.equal(passed, allowed(needed, caller, keyForReads), `${caller ?? "no key"} got ${statusCode}`);
          if (!passed) assert.equal(statusCode, caller === null ? 401 : 403);
        }
      });
    }
  });
}

describe("the matrix", () => {
  it("names every route of the API's description", async () => {
    const { app } = await restUnderTest();
    const paths = app.swagger().paths ?? {};
    const described = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const listed = MATRIX.map(([method, url]) => {
      const path = url.split("?")[0] as string;
      return `${method} ${path.replace(/order-\d|zscore-btc/, "{id}")}`;
    });
    for (const route of described) assert.ok(listed.includes(route), `${route} is missing in the matrix`);
    await app.close();
  });

  it("is closed for a route that says nothing about access", async () => {
    const dependencies = { bot: new MemoryBot(), keys: new MemoryKeys(), config: CONFIG, log };
    const fresh = await createRest({
      ...dependencies,
      wsPort: () => 8001,
      isRetired: () => false,
      onAnswered: () => {},
    });
    fresh.get("/forgotten", async () => "open");
    const reply = await fresh.inject({ url: "/forgotten", headers: bearer("admin") });
    assert.equal(reply.statusCode, 403);
    assert.equal(reply.json().code, "ROUTE_CLOSED");
    await fresh.close();
  });
});

describe("keys, hosts and origins", () => {
  let rest: RestUnderTest;
  before(async () => {
    rest = await restUnderTest();
  });
  after(() => rest.app.close());

  const read = async (headers: Record<string, string>) => rest.app.inject({ url: "/api/v1/account", headers });
  const change = async (headers: Record<string, string>) =>
    rest.app.inject({ method: "DELETE", url: "/api/v1/orders", headers: { ...bearer("trader"), ...headers } });

  it("refuses a bad key even where none is needed", async () => {
    for (const authorization of ["Bearer atb_unknown", "Bearer other", "Basic YTpi", "atb_admin"]) {
      const reply = await read({ authorization });
      assert.equal(reply.statusCode, 401, authorization);
      assert.equal(reply.json().code, "KEY_INVALID");
      assert.match(String(reply.headers["www-authenticate"]), /^Bearer/);
    }
  });

  it("serves loopback names and configured hosts, and no others", async () => {
    for (const host of [
      "localhost",
      "localhost:8000",
      "127.0.0.1:1",
      "[::1]:8000",
      "desk.example",
      "DESK.example:80",
    ]) {
      assert.equal((await read({ host })).statusCode, 200, host);
    }
    for (const host of ["evil.example", "localhost.evil.example", "10.1.2.3", "127.0.0.1.evil.example", "a b", "x;y"]) {
      const reply = await read({ host });
      assert.equal(reply.statusCode, 421, host);
      assert.equal(reply.json().code, "HOST_NOT_ALLOWED");
    }
  });

  it("refuses changes asked for by pages of other origins", async () => {
    const host = "localhost:8000";
    for (const origin of ["http://localhost:8000", "https://desk.example"]) {
      assert.equal((await change({ host, origin })).statusCode, 202, origin);
    }
    for (const origin of [
      "http://evil.example",
      "http://localhost:3000",
      "null",
      "http://localhost:8000.evil.example",
    ]) {
      const reply = await change({ host, origin });
      assert.equal(reply.statusCode, 403, origin);
      assert.equal(reply.json().code, "ORIGIN_NOT_ALLOWED");
    }
  });

  it("never grants other origins a cross-origin read", async () => {
    const reply = await read({ origin: "http://evil.example" });
    assert.equal(reply.headers["access-control-allow-origin"], undefined);
  });

  it("answers probes at any host name", async () => {
    assert.equal((await rest.app.inject({ url: "/health", headers: { host: "10.1.2.3:8000" } })).statusCode, 200);
  });

  it("serves nothing but probes at a reachable address until there is a key", async () => {
    const keys = new MemoryKeys();
    keys.areMade = false;
    const config = { ...CONFIG, requireKeyForReads: true };
    const bot = new MemoryBot();
    const app = await createRest({
      bot,
      keys,
      config,
      log,
      wsPort: () => 8001,
      isRetired: () => false,
      onAnswered: () => {},
    });
    for (const [method, url] of [
      ...MATRIX.map(([verb, path]) => [verb, path] as const),
      ["GET", "/nowhere"] as const,
    ]) {
      const { statusCode } = await app.inject({ method, url });
      assert.equal(statusCode, url === "/health" || url === "/ready" ? 200 : 401, `${method} ${url}`);
    }
    assert.equal((await app.inject({ url: "/" })).json().code, "KEY_NEEDED");
    keys.areMade = true;
    assert.equal((await app.inject({ url: "/" })).statusCode, 200);
    await app.close();
  });

  it("tells details of health only to those who may read, at a host that it serves", async () => {
    const locked = await restUnderTest({ requireKeyForReads: true });
    const detail = async (app: RestUnderTest["app"], headers: Record<string, string>): Promise<unknown> =>
      (await app.inject({ url: "/ready", headers })).json().parts[1].detail;
    assert.equal(await detail(locked.app, {}), undefined);
    assert.equal(await detail(locked.app, { authorization: "Bearer atb_unknown" }), undefined);
    assert.equal(await detail(locked.app, bearer("viewer")), "embedded, 3 ms");
    assert.equal(await detail(rest.app, {}), "embedded, 3 ms");
    assert.equal(await detail(rest.app, { host: "evil.example" }), undefined);
    await locked.app.close();
  });
});

describe("the budget of changes", () => {
  it("ends with 429 and when to come back, but never for the kill switch", async () => {
    const { app } = await restUnderTest({ changesPerMinute: 3 });
    const cancel = () => app.inject({ method: "DELETE", url: "/api/v1/orders", headers: bearer("trader") });
    for (let i = 0; i < 3; i++) assert.equal((await cancel()).statusCode, 202);
    const refused = await cancel();
    assert.equal(refused.statusCode, 429);
    assert.equal(refused.json().code, "RATE_LIMITED");
    assert.ok(Number(refused.headers["retry-after"]) > 0);
    for (let i = 0; i < 5; i++) {
      const killed = await app.inject({
        method: "POST",
        url: "/api/v1/risk/kill",
        headers: bearer("trader"),
        payload: { reason: "test" },
      });
      assert.equal(killed.statusCode, 200);
    }
    assert.equal((await app.inject({ url: "/api/v1/orders" })).statusCode, 200);
    await app.close();
  });

  it("counts every address, also with bad keys", async () => {
    const { app } = await restUnderTest({ changesPerMinute: 2 });
    const guess = (remoteAddress: string) =>
      app.inject({ method: "DELETE", url: "/api/v1/orders", headers: bearer("wrong"), remoteAddress });
    assert.equal((await guess("10.0.0.1")).statusCode, 401);
    assert.equal((await guess("10.0.0.1")).statusCode, 401);
    assert.equal((await guess("10.0.0.1")).statusCode, 429);
    assert.equal((await guess("10.0.0.2")).statusCode, 401);
    await app.close();
  });
});

describe("access decisions", () => {
  it("lets a role do what the ones below it may", () => {
    assert.ok(roleAllows("admin", "viewer"));
    assert.ok(roleAllows("trader", "trader"));
    assert.ok(!roleAllows("trader", "risk"));
    assert.ok(!roleAllows("viewer", "trader"));
  });

  it("reads bearer tokens of our form only", () => {
    assert.equal(bearerToken("Bearer atb_abc"), "atb_abc");
    assert.equal(bearerToken("bearer  atb_abc"), "atb_abc");
    assert.equal(bearerToken("Bearer abc"), null);
    assert.equal(bearerToken("Bearer atb_a b"), null);
    assert.equal(bearerToken(`Bearer atb_${"a".repeat(201)}`), null);
  });

  it("takes the host name out of a Host header", () => {
    assert.equal(hostName("Desk.Example:80"), "desk.example");
    assert.equal(hostName("[::1]:8000"), "::1");
    assert.equal(hostName("user@evil"), null);
    assert.equal(hostName(""), null);
  });

  it("serves the address that the connection arrived at", () => {
    const policy = new HostPolicy([], []);
    assert.ok(policy.hostAllowed("10.2.3.4:8000", "10.2.3.4"));
    assert.ok(policy.hostAllowed("10.2.3.4:8000", "::ffff:10.2.3.4"));
    assert.ok(!policy.hostAllowed("10.2.3.5:8000", "10.2.3.4"));
    assert.ok(!policy.hostAllowed(undefined, "10.2.3.4"));
  });

  it("lets the stream be opened from any port of the same host", () => {
    const policy = new HostPolicy([], ["https://desk.example"]);
    assert.ok(policy.streamOriginAllowed("http://localhost:8000", "localhost:8001"));
    assert.ok(policy.streamOriginAllowed(undefined, "localhost:8001"));
    assert.ok(policy.streamOriginAllowed("https://desk.example", "localhost:8001"));
    assert.ok(!policy.streamOriginAllowed("http://evil.example", "localhost:8001"));
    assert.ok(!policy.streamOriginAllowed("null", "localhost:8001"));
  });
});
