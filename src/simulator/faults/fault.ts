/**
 * The faults that a simulator can be told to commit, as its configuration and its administrative endpoint take them:
 * which fault, where, and when. Checked in one place, with errors that name the field and what is allowed. Pure.
 *
 * On requests (`where` is a method and a path such as `POST /v2/orders`; a `*` at its end stands for any rest):
 *
 *     drop_request      the connection ends before anything is done
 *     drop_answer       done, then the connection ends without an answer
 *     accept_late       the connection ends after `cutAfterMs`; what was asked is done `delayMs` after its arrival
 *     slow_answer       done at once, answered after `delayMs`
 *     rate_limit        429, nothing done
 *     error_before      5xx, nothing done
 *     error_after       5xx, although done
 *     truncate_answer   done, and half of the answer is sent
 *     malformed_answer  done, and answered with something that is no answer
 *     lag               orders, positions and activities as they were `lagMs` ago
 *
 * On streams (`where` is `trade_updates` or `market_data`; of market data one message is one frame):
 *
 *     lose, duplicate   one message
 *     delay             one message by `delayMs`; those behind it overtake it
 *     reorder           one message comes after the next one, or after `delayMs` when there is none
 *     cut               the connection ends in place of the message
 *     freeze            the connection stays open and silent, without pongs, and keeps its slot
 *     hold_slot         newcomers are refused with 406, as while a half-dead connection holds the slot
 *
 * And `clock_skew`: the clock's time, and the times of trade updates, are off by `skewMs`.
 */
import { z } from "zod";
import { CodedError } from "../../core/errors.ts";

const METHOD_AND_PATH = /^(GET|POST|PUT|PATCH|DELETE) \/[^\s?]*$/;
const MAX_DELAY_MS = 600_000;

/** When a fault strikes: among the requests or messages that fit it, and within venue time. */
const when = {
  /** Of each that fits, by a seeded draw. */
  probability: z.number().min(0).max(1).default(1),
  /** Lets so many that fit pass first. */
  skip: z.int().min(0).default(0),
  /** Strikes at most so often; null for no end. */
  times: z.int().min(1).nullable().default(null),
  /** Venue time from which on, RFC 3339. */
  from: z.iso.datetime({ offset: true }).nullable().default(null),
  /** Venue time until which. */
  until: z.iso.datetime({ offset: true }).nullable().default(null),
};

const onRequest = {
  ...when,
  where: z.string().regex(METHOD_AND_PATH, "a method and a path, such as POST /v2/orders or GET /v2/*"),
};
const onStream = { ...when, where: z.enum(["trade_updates", "market_data"]) };
const delayMs = z.int().min(0).max(MAX_DELAY_MS);
const status = z.int().min(500).max(599).default(500);

const requestFaults = [
  z.strictObject({ fault: z.literal("drop_request"), ...onRequest }),
  z.strictObject({ fault: z.literal("drop_answer"), ...onRequest }),
  z.strictObject({ fault: z.literal("accept_late"), ...onRequest, delayMs, cutAfterMs: delayMs.default(0) }),
  z.strictObject({ fault: z.literal("slow_answer"), ...onRequest, delayMs }),
  z.strictObject({ fault: z.literal("rate_limit"), ...onRequest }),
  z.strictObject({ fault: z.literal("error_before"), ...onRequest, status }),
  z.strictObject({ fault: z.literal("error_after"), ...onRequest, status }),
  z.strictObject({ fault: z.literal("truncate_answer"), ...onRequest }),
  z.strictObject({ fault: z.literal("malformed_answer"), ...onRequest }),
  z.strictObject({ fault: z.literal("lag"), ...onRequest, lagMs: delayMs }),
] as const;

const streamFaults = [
  z.strictObject({ fault: z.literal("lose"), ...onStream }),
  z.strictObject({ fault: z.literal("duplicate"), ...onStream }),
  z.strictObject({ fault: z.literal("delay"), ...onStream, delayMs }),
  z.strictObject({ fault: z.literal("reorder"), ...onStream, delayMs: delayMs.default(1000) }),
  z.strictObject({ fault: z.literal("cut"), ...onStream }),
  z.strictObject({ fault: z.literal("freeze"), ...onStream }),
  z.strictObject({ fault: z.literal("hold_slot"), ...onStream }),
] as const;

const clockFault = z.strictObject({
  fault: z.literal("clock_skew"),
  ...when,
  skewMs: z.int().min(-86_400_000).max(86_400_000),
});

export const faultSchema = z.discriminatedUnion("fault", [...requestFaults, ...streamFaults, clockFault]);

/** As given: what has a preset may be left out. */
export type FaultInput = z.input<typeof faultSchema>;
/** Complete and checked. */
export type Fault = z.output<typeof faultSchema>;
export type RequestFault = z.output<(typeof requestFaults)[number]>;
export type StreamFault = z.output<(typeof streamFaults)[number]>;
export type StreamName = StreamFault["where"];

const REQUEST_FAULTS: ReadonlySet<string> = new Set(requestFaults.map((schema) => schema.shape.fault.value));

export function isRequestFault(fault: Fault): fault is RequestFault {
  return REQUEST_FAULTS.has(fault.fault);
}

/** Throws `SIMULATOR_FAULT` naming the first bad field and what is allowed. */
export function checkFault(input: unknown): Fault {
  const parsed = faultSchema.safeParse(input);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  const field = issue.path.join(".") || "fault";
  throw new CodedError("SIMULATOR_FAULT", `${field}: ${issue.message}`, { field });
}
