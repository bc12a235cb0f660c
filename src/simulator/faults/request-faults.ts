/**
 * Faults of the REST interface, as hooks in front of a route and behind it: what is done, and what is answered, are two
 * things that can each go wrong. Main thread of the simulator.
 */
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { WireError } from "../wire-error.ts";
import { parseTimeUs, rfc3339NewYork } from "../wire-time.ts";
import type { RequestFault } from "./fault.ts";
import type { FaultPlan } from "./fault-plan.ts";
import type { LaggingLists } from "./lagging-lists.ts";

/** Answers of the right status that say nothing: each is of another shape than any that Alpaca gives. */
const NONSENSE = [
  "<html><body>Bad Gateway</body></html>",
  '{"id":',
  "null",
  "[[]]",
  "{}",
  '"accepted"',
  '{"id":17,"client_order_id":{},"qty":[1],"status":null}',
];
const INTERNAL_ERROR = 50010000;

export function requestFaults(app: FastifyInstance, plan: FaultPlan, lists: LaggingLists): void {
  const struck = new WeakMap<FastifyRequest, RequestFault>();
  let nonsense = 0;

  app.addHook("preHandler", (request, reply, done) => {
    const path = pathOf(request);
    if (!plan.isArmed || isAdministrative(path)) return done();
    const fault = plan.onRequest(request.method, path);
    if (fault === null) return done();
    struck.set(request, fault);
    before(fault, request, reply, done);
  });

  app.addHook("onSend", (request, reply, payload, done) => {
    const fault = struck.get(request);
    if (fault !== undefined) {
      struck.delete(request);
      after(fault, request, reply, payload, (answer) => done(null, answer));
    } else if (plan.isArmed && pathOf(request) === "/v2/clock" && typeof payload === "string") {
      done(null, skewedClock(payload, plan.skewMs()));
    } else done(null, payload);
  });

  function after(
    fault: RequestFault,
    request: FastifyRequest,
    reply: FastifyReply,
    payload: unknown,
    answer: (payload: unknown) => void,
  ): void {
    switch (fault.fault) {
      case "drop_answer":
      case "accept_late":
        request.raw.socket.destroy();
        return answer(payload);
      case "slow_answer":
        return void delay(fault.delayMs).then(() => answer(payload));
      case "error_after":
        reply.code(fault.status);
        return answer(JSON.stringify({ code: INTERNAL_ERROR, message: "internal server error occurred" }));
      case "truncate_answer":
        return answer(cutOff(request, reply, payload));
      case "malformed_answer":
        if (reply.statusCode === 204) reply.code(200);
        return answer(NONSENSE[nonsense++ % NONSENSE.length]);
      case "lag":
        return answer(lists.answer(request, reply, payload, fault.lagMs));
      default:
        return answer(payload);
    }
  }
}

function before(
  fault: RequestFault,
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  switch (fault.fault) {
    case "drop_request":
      reply.hijack();
      request.raw.socket.destroy();
      return;
    case "rate_limit":
      return done(new WireError(429, 42910000, "rate limit exceeded"));
    case "error_before":
      return done(new WireError(fault.status, INTERNAL_ERROR, "internal server error occurred"));
    case "accept_late":
      setTimeout(() => request.raw.socket.destroy(), Math.min(fault.cutAfterMs, fault.delayMs));
      return void delay(fault.delayMs).then(() => done());
    default:
      return done();
  }
}

/** Half of the answer under the length of the whole; then the connection breaks. */
function cutOff(request: FastifyRequest, reply: FastifyReply, payload: unknown): unknown {
  if (typeof payload !== "string" || payload === "") {
    request.raw.socket.destroy();
    return payload;
  }
  const bytes = Buffer.from(payload);
  reply.header("content-length", bytes.length);
  const half = bytes.subarray(0, bytes.length >> 1);
  return Readable.from(
    (async function* halfOf() {
      yield half;
      throw new Error("cut off");
    })(),
  );
}

function skewedClock(payload: string, skewMs: number): string {
  if (skewMs === 0) return payload;
  const clock = JSON.parse(payload) as { timestamp?: unknown };
  const timeUs = parseTimeUs(String(clock.timestamp));
  if (timeUs === null) return payload;
  return JSON.stringify({ ...clock, timestamp: rfc3339NewYork(timeUs + skewMs * 1000) });
}

/** What the simulator is asked about itself always works: it is how faults are ended. */
function isAdministrative(path: string): boolean {
  return path.startsWith("/simulator/");
}

function pathOf(request: FastifyRequest): string {
  return request.url.split("?", 1)[0] as string;
}
