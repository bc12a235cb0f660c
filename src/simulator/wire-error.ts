/** Errors of the REST interface as values that the server turns into Alpaca's bodies. */
import type { VenueRefusal } from "../venue/order.ts";

export class WireError extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;

  /** `code` null leaves the number out, as the data interface does. */
  constructor(status: number, code: number | null, message: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.body = { ...(code === null ? {} : { code }), message, ...extra };
  }

  static of(refusal: VenueRefusal): WireError {
    return new WireError(refusal.status, refusal.code, refusal.message, refusal.extra);
  }
}

/** 422 with the number of malformed or missing parameters. */
export function malformed(message: string): WireError {
  return new WireError(422, 40010001, message);
}

/** 400 with the same number, as the clocks and calendars answer. */
export function badParameter(message: string): WireError {
  return new WireError(400, 40010001, message);
}
