/** How refusals are made: Alpaca's codes, and one constructor. Pure. */
import type { VenueRefusal } from "./order.ts";

export const CODE_MALFORMED = 40010001;
export const CODE_FORBIDDEN = 40310000;
export const CODE_NOT_FOUND = 40410000;
export const CODE_UNPROCESSABLE = 42210000;

export function refuse(
  status: VenueRefusal["status"],
  code: number,
  message: string,
  extra: VenueRefusal["extra"] = {},
): VenueRefusal {
  return { status, code, message, extra };
}

/** The order cannot be read: 422 with the code of a malformed request. */
export function malformedOrder(message: string): VenueRefusal {
  return refuse(422, CODE_MALFORMED, message);
}

/** The order is readable and not allowed as it is. */
export function unprocessable(message: string, extra: VenueRefusal["extra"] = {}): VenueRefusal {
  return refuse(422, CODE_UNPROCESSABLE, message, extra);
}

/** The account may not do it: funds, holdings, permissions. */
export function forbidden(message: string, extra: VenueRefusal["extra"] = {}): VenueRefusal {
  return refuse(403, CODE_FORBIDDEN, message, extra);
}
