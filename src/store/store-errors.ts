/**
 * Tells a store that cannot be reached from a store that refuses. Callers degrade on the first (`STORE_UNAVAILABLE`) and
 * try again; everything else is a fault of ours and passes through.
 */
import { CodedError } from "../core/errors.ts";

/** SQLSTATE classes: connection, insufficient resources (disk, memory, connections), operator intervention, system error. */
const UNAVAILABLE_CLASSES = new Set(["08", "53", "57", "58"]);
/** Serialisation, deadlock, lock not available, idle or whole-transaction time-out, read-only server (a demoted primary). */
const UNAVAILABLE_STATES = new Set(["40001", "40P01", "55P03", "25P03", "25P04", "25006"]);
const SOCKET_CODES = /^(E[A-Z]{2,}|UND_ERR_.*)$/;
const CONNECTION_NAMES = new Set([
  "BackendTerminatedError",
  "BackendTerminatedUnexpectedlyError",
  "ConnectionError",
  "IdleTransactionTimeoutError",
  "StatementCancelledError",
  "StatementTimeoutError",
]);
const CONNECTION_MESSAGES =
  /connection (terminated|ended|is closed)|client (is|was) (closed|destroyed|not acquired|pending)|not queryable|pool (has ended|is being)/i;

export function unavailable(message: string, cause?: unknown): CodedError {
  return new CodedError("STORE_UNAVAILABLE", message, { cause });
}

/** The error that a store call throws for `error`. */
export function storeError(error: unknown): unknown {
  if (error instanceof CodedError) return error;
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof CodedError) return inner;
    if (isUnavailable(inner)) return unavailable(`the database cannot be used now: ${inner.message}`, error);
  }
  return error;
}

function isUnavailable(error: Error): boolean {
  if (CONNECTION_NAMES.has(error.name) || CONNECTION_MESSAGES.test(error.message)) return true;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (/^[0-9A-Z]{5}$/.test(code) && !code.startsWith("E")) {
    return UNAVAILABLE_CLASSES.has(code.slice(0, 2)) || UNAVAILABLE_STATES.has(code);
  }
  return SOCKET_CODES.test(code);
}

/** The SQLSTATE somewhere in the error's causes, with its message and detail; null when there is none. */
export function sqlFailure(error: unknown): { code: string; message: string; detail: string } | null {
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause) {
    if ("code" in inner && typeof inner.code === "string" && /^[0-9A-Z]{5}$/.test(inner.code)) {
      const detail = "detail" in inner && typeof inner.detail === "string" ? inner.detail : "";
      return { code: inner.code, message: inner.message, detail };
    }
  }
  return null;
}
