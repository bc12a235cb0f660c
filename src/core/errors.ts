/**
 * The one error type for expected failures. A `code` is stable (people and programs match on it), `field` names the
 * offending input, and the message says what is allowed. Bugs throw plain errors instead.
 */
export class CodedError extends Error {
  readonly code: string;
  readonly field: string | undefined;

  constructor(code: string, message: string, options: { field?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CodedError";
    this.code = code;
    this.field = options.field;
  }
}
