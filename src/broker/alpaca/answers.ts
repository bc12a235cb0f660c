/**
 * What an HTTP outcome means to the order path: the only place that decides between accepted, rejected, duplicate, retry
 * and unknown. When in doubt it is unknown. Pure.
 *
 *   no connection made                        retry_later    provably never sent
 *   deadline, reset, cut-off answer           unknown
 *   2xx with our order                        accepted
 *   2xx with anything else                    unknown
 *   429                                       retry_later
 *   422 "client_order_id must be unique"      duplicate
 *   4xx with Alpaca's error body, not 408     rejected       code from `rejection.ts`
 *   everything else (3xx, 5xx, 4xx without)   unknown
 */
import type { CancelAllOutcome, CancelOutcome, CloseOutcome, ReadOutcome, SubmitOutcome } from "../broker.ts";
import type { HttpOutcome } from "./http-client.ts";
import { readOrder } from "./readers.ts";
import { classifyRefusal, isDuplicate } from "./rejection.ts";
import type { SymbolNames } from "./symbols.ts";
import { parseWire, wireArray, wireObject, type WireObject } from "./wire.ts";

export type Answer = HttpOutcome & { readonly kind: "answer" };

const DEFAULT_RETRY_MS = 1000;

/** Of a POST or a PATCH; `clientOrderId` is what the answered order must have. */
export function submitOutcome(clientOrderId: string, outcome: HttpOutcome, names: SymbolNames): SubmitOutcome {
  if (outcome.kind === "failed") {
    return outcome.sent
      ? { kind: "unknown", cause: outcome.cause }
      : { kind: "retry_later", afterMs: DEFAULT_RETRY_MS };
  }
  if (isSuccess(outcome)) return acceptance(clientOrderId, outcome, names);
  if (outcome.status === 429) return { kind: "retry_later", afterMs: outcome.retryAfterMs ?? DEFAULT_RETRY_MS };
  const refusal = refusalOf(outcome);
  if (refusal === null) return { kind: "unknown", cause: describe(outcome) };
  if (isDuplicate(refusal.code)) return { kind: "duplicate" };
  return { kind: "rejected", code: refusal.code, message: withRequestId(refusal.message, outcome) };
}

/** The broker's decided no: a 4xx with its own body. Anything else decides nothing. */
function refusalOf(answer: Answer): { readonly code: string; readonly message: string } | null {
  const body = errorBody(answer);
  const decided = answer.status >= 400 && answer.status < 500 && answer.status !== 408;
  if (!decided || body === null) return null;
  const message = String(body["message"]);
  return {
    code: classifyRefusal({ status: answer.status, code: Number(body["code"] ?? 0), message, body }),
    message,
  };
}

function acceptance(clientOrderId: string, answer: Answer, names: SymbolNames): SubmitOutcome {
  const read = interpret(answer, (value) => readOrder(value, names));
  if (read.kind !== "ok") return { kind: "unknown", cause: read.kind === "failed" ? read.cause : "no order" };
  if (read.value.clientOrderId === clientOrderId) return { kind: "accepted", order: read.value };
  return { kind: "unknown", cause: withRequestId("the answer is about another order", answer) };
}

export function closeOutcome(outcome: HttpOutcome, names: SymbolNames): CloseOutcome {
  if (outcome.kind === "failed") return { kind: "failed", cause: outcome.cause };
  if (isSuccess(outcome)) {
    const read = interpret(outcome, (value) => readOrder(value, names));
    return { kind: "requested", order: read.kind === "ok" ? read.value : null };
  }
  if (outcome.status === 404 && errorBody(outcome) !== null) return { kind: "not_found" };
  const refusal = outcome.status === 429 ? null : refusalOf(outcome);
  if (refusal === null) return { kind: "failed", cause: describe(outcome) };
  return { kind: "rejected", code: refusal.code, message: withRequestId(refusal.message, outcome) };
}

/** Cancels are requests: success means that the broker took it up, not that the order is over. */
export function cancelOutcome(outcome: HttpOutcome): CancelOutcome {
  if (outcome.kind === "failed") return { kind: "failed", cause: outcome.cause };
  if (isSuccess(outcome)) return { kind: "requested" };
  if (outcome.status === 404 && errorBody(outcome) !== null) return { kind: "not_found" };
  if (outcome.status === 422) return { kind: "not_cancelable", message: describe(outcome) };
  return { kind: "failed", cause: describe(outcome) };
}

/** For calls that concern the account: there is nothing to be not found. */
export function commandOutcome(outcome: HttpOutcome): CancelOutcome {
  if (outcome.kind === "failed") return { kind: "failed", cause: outcome.cause };
  return isSuccess(outcome) ? { kind: "requested" } : { kind: "failed", cause: describe(outcome) };
}

/** The answer lists the orders; one that cannot be read was taken all the same. */
export function cancelAllOutcome(outcome: HttpOutcome): CancelAllOutcome {
  if (outcome.kind === "failed") return { kind: "failed", cause: outcome.cause };
  if (!isSuccess(outcome)) return { kind: "failed", cause: describe(outcome) };
  const listed = interpret(outcome, (value) => wireArray(value, "orders").length);
  return { kind: "requested", orders: listed.kind === "ok" ? listed.value : 0 };
}

/** 404 counts as an answer only with Alpaca's error body: a proxy's 404 says nothing of the order. */
export function readOutcome<T>(outcome: HttpOutcome, reader: (value: unknown) => T): ReadOutcome<T> {
  if (outcome.kind === "failed") return { kind: "failed", cause: outcome.cause };
  if (outcome.status === 404 && errorBody(outcome) !== null) return { kind: "not_found" };
  if (outcome.status !== 200) return { kind: "failed", cause: describe(outcome) };
  return interpret(outcome, reader);
}

/** Reads the body; what cannot be read is a failure that names the field. */
export function interpret<T>(answer: Answer, reader: (value: unknown) => T): ReadOutcome<T> {
  try {
    return { kind: "ok", value: reader(parseWire(answer.body)) };
  } catch (error) {
    return { kind: "failed", cause: withRequestId(`unreadable answer: ${(error as Error).message}`, answer) };
  }
}

export function withRequestId(text: string, answer: Answer): string {
  return answer.requestId === null ? text : `${text} (request ${answer.requestId})`;
}

function isSuccess(answer: Answer): boolean {
  return answer.status >= 200 && answer.status < 300;
}

/** The body of an error when it has Alpaca's shape: an object with a message in words, which a number is not. */
function errorBody(answer: Answer): WireObject | null {
  try {
    const body = wireObject(parseWire(answer.body), "error");
    const { message } = JSON.parse(answer.body) as { readonly message?: unknown };
    return typeof message === "string" ? body : null;
  } catch {
    return null;
  }
}

function describe(answer: Answer): string {
  const body = errorBody(answer);
  const text = body === null ? answer.body.slice(0, 200) : String(body["message"]);
  return withRequestId(`HTTP ${answer.status}: ${text}`, answer);
}
