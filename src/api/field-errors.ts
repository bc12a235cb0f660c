/**
 * Turns the validator's findings into one sentence per offending field: what it is and what is allowed.
 */

export interface FieldError {
  readonly field: string;
  /** `FIELD_UNKNOWN`, `FIELD_MISSING` or `FIELD_INVALID`. */
  readonly code: string;
  readonly message: string;
}

/** A finding of the TypeBox validator (JSON Schema vocabulary). */
interface Finding {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: {
    readonly additionalProperties?: readonly string[];
    readonly requiredProperties?: readonly string[];
    readonly allowedValues?: readonly unknown[];
  };
}

/** At most this many findings are told; a hostile body may have thousands. */
const FINDINGS_MAX = 20;

/** One error per field, unknown ones first. `findings` is what the validator compiler returned for `input`. */
export function fieldErrors(findings: unknown, input: unknown): FieldError[] {
  if (!Array.isArray(findings)) return [];
  if (input === null || typeof input !== "object") {
    return [{ field: "body", code: "FIELD_MISSING", message: "the body must be a JSON object" }];
  }
  const byField = new Map<string, FieldError>();
  const ordered = (findings as Finding[]).toSorted((a, b) => rank(a) - rank(b));
  for (const finding of ordered) {
    for (const error of errorsOf(finding)) {
      if (!byField.has(error.field) && byField.size < FINDINGS_MAX) byField.set(error.field, error);
    }
  }
  return [...byField.values()];
}

function rank(finding: Finding): number {
  return finding.keyword === "additionalProperties" ? 0 : finding.keyword === "required" ? 1 : 2;
}

function errorsOf(finding: Finding): FieldError[] {
  const at = finding.instancePath.slice(1).replaceAll("/", ".");
  const inside = (name: string): string => (at === "" ? name : `${at}.${name}`);
  if (finding.keyword === "additionalProperties") {
    return (finding.params.additionalProperties ?? []).map((name) => unknownField(inside(name)));
  }
  if (finding.keyword === "required") {
    return (finding.params.requiredProperties ?? []).map((name) => ({
      field: inside(name),
      code: "FIELD_MISSING",
      message: `${inside(name)} is required`,
    }));
  }
  const field = at === "" ? "body" : at;
  const allowed = finding.params.allowedValues;
  const rule = allowed === undefined ? finding.message : `must be one of ${allowed.join(", ")}`;
  return [{ field, code: "FIELD_INVALID", message: `${field} ${rule}` }];
}

export function unknownField(field: string): FieldError {
  const shown = field.length > 64 ? `${field.slice(0, 64)}…` : field;
  return { field: shown, code: "FIELD_UNKNOWN", message: `${shown} is not a known field` };
}
