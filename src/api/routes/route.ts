/**
 * What all REST routes share: the instance type, the problems that any of them may answer with, and the refusal of bodies
 * where none belongs.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyRequest,
  FastifyTypeProvider,
  RawServerDefault,
} from "fastify";
import type { Static, TSchema } from "typebox";
import { unknownField } from "../field-errors.ts";
import { ProblemError } from "../problem.ts";
import { Problem } from "../schema.ts";

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** Types of requests and answers from their schemas; answers may be readonly, as the bot's views are. */
export interface SchemaTypes extends FastifyTypeProvider {
  validator: this["schema"] extends TSchema ? Static<this["schema"]> : unknown;
  serializer: this["schema"] extends TSchema ? DeepReadonly<Static<this["schema"]>> : unknown;
}

export type Rest = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, SchemaTypes>;

const problem = { description: "Refused", content: { "application/problem+json": { schema: Problem } } };

/** Documented answers of a read. */
export const READ_PROBLEMS = { "4xx": problem, "5xx": problem } as const;

/** Security requirement of changes of state in the OpenAPI document. */
export const KEY_NEEDED = [{ key: [] }];

/** For changes of state that take no body: anything but an empty object is refused, naming the field. */
export async function refuseBody(request: FastifyRequest): Promise<void> {
  const { body } = request;
  if (body === undefined || body === null) return;
  if (typeof body !== "object") throw new ProblemError(400, "BODY_MALFORMED", "this takes no body", { field: "body" });
  const name = Object.keys(body)[0];
  if (name === undefined) return;
  const { field, code, message } = unknownField(name);
  throw new ProblemError(400, code, message, { field });
}

/** The caller of a route that needs a role; the guard has set it. */
export function callerId(request: FastifyRequest): string {
  if (request.caller === null) throw new Error("a route that changes state ran without a caller");
  return request.caller.id;
}
