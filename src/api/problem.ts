/**
 * Refusals as RFC 9457 problem documents. Every error that leaves the REST face goes through here, so that each has a stable
 * code and no internal detail leaks.
 */
import { STATUS_CODES } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { CodedError } from "../core/errors.ts";
import type { Answer } from "./bot-port.ts";
import { type FieldError, fieldErrors } from "./field-errors.ts";

export const PROBLEM_TYPE = "application/problem+json";

export interface ProblemDocument {
  /** `urn:algo-trading-bot:problem:` and the code in lower case with dashes. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly field?: string;
  readonly errors?: readonly FieldError[];
}

/** A refusal with its HTTP status; thrown by routes and hooks, sent by the error handler. */
export class ProblemError extends CodedError {
  readonly status: number;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    detail: string,
    options: { field?: string; errors?: readonly FieldError[]; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(code, detail, options.field === undefined ? {} : { field: options.field });
    this.status = status;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }

  document(): ProblemDocument {
    return {
      type: `urn:algo-trading-bot:problem:${this.code.toLowerCase().replaceAll("_", "-")}`,
      title: STATUS_CODES[this.status] ?? "Error",
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(this.field === undefined ? {} : { field: this.field }),
      ...(this.errors.length === 0 ? {} : { errors: this.errors }),
    };
  }
}

/** The answer's value, or its refusal thrown as a problem. */
export function valueOf<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value;
  const { status, code, message, field } = answer.refusal;
  throw new ProblemError(status, code, message, field === undefined ? {} : { field });
}

export async function sendProblem(reply: FastifyReply, problem: ProblemError): Promise<void> {
  await reply
    .status(problem.status)
    .headers(problem.headers)
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problem.document()));
}

/** Codes and sentences for what Fastify itself refuses. */
const FRAMEWORK: Readonly<Record<string, readonly [number, string, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: [413, "BODY_TOO_LARGE", "the body may have at most 16384 bytes"],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, "MEDIA_TYPE_UNSUPPORTED", "the body must be application/json"],
  FST_ERR_CTP_EMPTY_JSON_BODY: [400, "BODY_MALFORMED", "the body is empty, but its content type says JSON"],
  FST_ERR_CTP_INVALID_JSON_BODY: [400, "BODY_MALFORMED", "the body is not valid JSON"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, "BODY_MALFORMED", "the body's length differs from its Content-Length"],
  FST_ERR_BAD_URL: [400, "URL_MALFORMED", "the path is not a valid URL path"],
};

interface FrameworkError extends Error {
  readonly code?: string;
  readonly statusCode?: number;
  readonly validation?: unknown;
  readonly validationContext?: string;
}

/**
 * Any thrown value as the problem to send. A `CodedError` of the bot is an expected failure of something it depends on (503
 * with its code); anything else is a bug: 500, and only the log has the details.
 */
export function problemFrom(error: FrameworkError, request: FastifyRequest): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error.validation !== undefined) return validationProblem(error, request);
  const known = error.code === undefined ? undefined : FRAMEWORK[error.code];
  if (known !== undefined) return new ProblemError(known[0], known[1], known[2]);
  if (error instanceof CodedError) return new ProblemError(503, error.code, error.message, fieldOption(error));
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return new ProblemError(error.statusCode, "REQUEST_REFUSED", error.message);
  }
  return new ProblemError(500, "INTERNAL", `unexpected failure; the log has it under request ${request.id}`);
}

function fieldOption(error: CodedError): { field?: string } {
  return error.field === undefined ? {} : { field: error.field };
}

function validationProblem(error: FrameworkError, request: FastifyRequest): ProblemError {
  const part = error.validationContext ?? "body";
  const input = part === "body" ? request.body : part === "querystring" ? request.query : request.params;
  const errors = fieldErrors(error.validation, input);
  const first = errors[0] ?? { field: part, code: "FIELD_INVALID", message: `${part} is not valid` };
  return new ProblemError(400, first.code, first.message, { field: first.field, errors });
}
