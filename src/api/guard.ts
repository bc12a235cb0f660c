/**
 * The gate in front of every REST route: host, origin, budget, key, role, in this order. A route says in its config what it
 * needs; a route that says nothing is refused, so that forgetting is safe.
 */
import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { bearerToken, type Caller, HostPolicy, type KeyVerifier, NO_KEY_YET, type Role, roleAllows } from "./access.ts";
import type { FacesConfig } from "./faces-config.ts";
import { ProblemError } from "./problem.ts";

/**
 * `probe`: health and readiness, answered to anyone at any host name, with details only for `request.detailed`.
 * `document`: pages, their files and descriptions, which hold nothing of the account. `public`: the same as an answer.
 * `read`: viewer where reads need a key. A role: a change of state, which always needs a key.
 */
export type RouteAccess = "probe" | "document" | "public" | "read" | Exclude<Role, "viewer">;

declare module "fastify" {
  interface FastifyContextConfig {
    access?: RouteAccess;
    /** The kill switch waits for no budget. */
    unlimited?: boolean;
  }
  interface FastifyRequest {
    caller: Caller | null;
    /** May see more than bare states. */
    detailed: boolean;
  }
}

const CHALLENGE = { "www-authenticate": 'Bearer realm="algo-trading-bot"' };

/** Adds the gate to the instance; routes registered afterwards are behind it. */
export async function addGuard(app: FastifyInstance, keys: KeyVerifier, config: FacesConfig): Promise<void> {
  const policy = new HostPolicy(config.allowedHosts, config.allowedOrigins);
  await app.register(rateLimit, { global: false });
  const budget = { max: config.changesPerMinute, timeWindow: 60_000 };
  const addressBudget = app.createRateLimit({ ...budget, keyGenerator: (request) => `address ${request.ip}` });
  const keyBudget = app.createRateLimit({ ...budget, keyGenerator: (request) => `key ${request.caller?.id}` });

  app.decorateRequest("caller", null);
  app.decorateRequest("detailed", false);

  app.addHook("onRequest", async (request) => {
    const { access, unlimited } = request.routeOptions.config ?? {};
    if (access !== "probe" && config.requireKeyForReads && !(await keys.exist())) throw noKeyYet();
    if (request.is404) return checkHost(policy, request);
    if (access === undefined) throw new ProblemError(403, "ROUTE_CLOSED", "this route is not open to anyone");
    if (access === "probe") {
      request.detailed =
        policy.hostAllowed(request.headers.host, request.socket.localAddress) && (await mayRead(request));
      return;
    }
    checkHost(policy, request);
    if (access === "public" || access === "document") return;
    if (access === "read") return requireReader(request);
    if (!policy.originAllowed(request.headers.origin, request.headers.host)) {
      throw new ProblemError(403, "ORIGIN_NOT_ALLOWED", "pages of this origin may not change anything here", {
        field: "Origin",
      });
    }
    if (unlimited !== true) await spend(addressBudget, request);
    await requireRole(request, access);
    if (unlimited !== true) await spend(keyBudget, request);
  });

  /** Sets `request.caller` from the header; a key that is shown must be good, also where none is needed. */
  async function identify(request: FastifyRequest): Promise<void> {
    const header = request.headers.authorization;
    if (header === undefined) return;
    const token = bearerToken(header);
    request.caller = token === null ? null : await keys.verify(token);
    if (request.caller === null) {
      throw new ProblemError(401, "KEY_INVALID", "the key is malformed, unknown, expired or revoked", {
        field: "Authorization",
        headers: CHALLENGE,
      });
    }
  }

  async function mayRead(request: FastifyRequest): Promise<boolean> {
    if (!config.requireKeyForReads) return true;
    try {
      await identify(request);
    } catch {
      return false;
    }
    return request.caller !== null;
  }

  async function requireReader(request: FastifyRequest): Promise<void> {
    await identify(request);
    if (config.requireKeyForReads && request.caller === null) throw keyRequired();
  }

  async function requireRole(request: FastifyRequest, role: Role): Promise<void> {
    await identify(request);
    if (request.caller === null) throw keyRequired();
    if (!roleAllows(request.caller.role, role)) {
      throw new ProblemError(403, "ROLE_TOO_LOW", `this needs the role ${role}; the key has ${request.caller.role}`);
    }
  }
}

function checkHost(policy: HostPolicy, request: FastifyRequest): void {
  if (policy.hostAllowed(request.headers.host, request.socket.localAddress)) return;
  throw new ProblemError(421, "HOST_NOT_ALLOWED", "the Host header names no host that this bot serves", {
    field: "Host",
  });
}

function keyRequired(): ProblemError {
  return new ProblemError(401, "KEY_REQUIRED", "this needs a key: Authorization: Bearer atb_…", {
    field: "Authorization",
    headers: CHALLENGE,
  });
}

/** Until the first key is made nothing is served at a reachable address, not even what is open to everyone later. */
function noKeyYet(): ProblemError {
  return new ProblemError(401, "KEY_NEEDED", NO_KEY_YET, { headers: CHALLENGE });
}

type Budget = ReturnType<FastifyInstance["createRateLimit"]>;

async function spend(budget: Budget, request: FastifyRequest): Promise<void> {
  const state = await budget(request);
  if (state.isAllowed || !state.isExceeded) return;
  throw new ProblemError(
    429,
    "RATE_LIMITED",
    `at most ${state.max} changes a minute; try again in ${state.ttlInSeconds} s`,
    {
      headers: { "retry-after": String(state.ttlInSeconds) },
    },
  );
}
