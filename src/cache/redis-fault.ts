/** What is wrong with Redis, as codes for metrics and sentences for people. Pure. */

export type RedisFault =
  | "unreachable"
  | "wrong_password"
  | "loading"
  | "read_only"
  | "no_replicas"
  | "out_of_memory"
  | "refused";

const DETAILS: Readonly<Record<RedisFault, string>> = {
  unreachable: "Redis cannot be reached or does not answer",
  wrong_password: "Redis or its Sentinels refuse the password or the user: look at REDIS_PASSWORD",
  loading: "Redis loads its data",
  read_only: "this Redis is a replica: it takes no writes",
  no_replicas: "Redis takes no writes: too few of its replicas are connected",
  out_of_memory: "Redis takes no writes: its memory is full",
  refused: "Redis refuses commands",
};

/** First match counts; everything else that is no answer of the server is `unreachable`. */
const PATTERNS: readonly (readonly [pattern: RegExp, fault: RedisFault])[] = [
  [/\b(WRONGPASS|NOAUTH|NOPERM)\b|invalid password/i, "wrong_password"],
  [/\bLOADING\b/, "loading"],
  [/\bREADONLY\b/, "read_only"],
  [/\bNOREPLICAS\b/, "no_replicas"],
  [/\bOOM\b/, "out_of_memory"],
];

export function faultOf(error: unknown): RedisFault {
  const message = error instanceof Error ? error.message : String(error);
  for (const [pattern, fault] of PATTERNS) if (pattern.test(message)) return fault;
  return error instanceof Error && error.name === "ReplyError" ? "refused" : "unreachable";
}

export function describeFault(fault: RedisFault): string {
  return DETAILS[fault];
}
