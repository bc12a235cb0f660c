/**
 * The administrative interface of the faults, for tests and for people who want to see what their bot makes of them:
 *
 *     GET    /simulator/faults      those in force, with how often each fitted and struck
 *     POST   /simulator/faults      one fault or a list of them; answers with their numbers
 *     DELETE /simulator/faults/:id  ends one
 *     DELETE /simulator/faults      ends all
 *
 * Main thread of the simulator.
 */
import type { FastifyInstance } from "fastify";
import { CodedError } from "../../core/errors.ts";
import { WireError } from "../wire-error.ts";
import { checkFault } from "./fault.ts";
import type { FaultPlan } from "./fault-plan.ts";

const MALFORMED = 40010001;
const NOT_FOUND = 40410000;

export function faultRoutes(app: FastifyInstance, plan: FaultPlan): void {
  app.get("/simulator/faults", () => ({
    faults: plan.list().map(({ id, fault, seen, struck }) => ({ id, ...fault, seen, struck })),
  }));
  app.post("/simulator/faults", (request) => {
    const given = Array.isArray(request.body) ? (request.body as unknown[]) : [request.body];
    // All or none: a list with a mistake in it changes nothing.
    const faults = given.map(checked);
    return { ids: faults.map((fault) => plan.set(fault)) };
  });
  app.delete("/simulator/faults/:id", (request) => {
    const { id } = request.params as { id: string };
    const cleared = plan.clear(Number(id));
    if (cleared === 0) throw new WireError(404, NOT_FOUND, `there is no fault ${id}`);
    return { cleared };
  });
  app.delete("/simulator/faults", () => ({ cleared: plan.clear() }));
}

function checked(input: unknown): unknown {
  try {
    return checkFault(input);
  } catch (error) {
    if (error instanceof CodedError) throw new WireError(422, MALFORMED, error.message);
    throw error;
  }
}
