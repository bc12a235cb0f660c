/** The body of `PATCH /v2/orders/{id}` → a replacement for the venue. Pure. */
import type { ReplaceRequest } from "../../venue/order.ts";
import { malformed, WireError } from "../wire-error.ts";
import { decimalOf } from "./decimal.ts";
import { jsonObject } from "./json-body.ts";
import { clientOrderIdOf, optional, TIMES_IN_FORCE } from "./order-request.ts";

const UNPROCESSABLE = 42210000;

/** Throws `WireError` naming what is wrong. `newId` gives an id to a replacement that has none. */
export function readOrderChange(body: unknown, newId: () => string): ReplaceRequest {
  const fields = jsonObject(body);
  const quantity = decimalOf(fields["qty"], "qty");
  if (fields["notional"] !== undefined) {
    if (quantity !== null) throw malformed("only one of qty or notional is accepted");
    throw new WireError(422, UNPROCESSABLE, "notional can be replaced for IPO orders only");
  }
  const limitPrice = decimalOf(fields["limit_price"], "limit_price");
  const stopPrice = decimalOf(fields["stop_price"], "stop_price");
  const trail = decimalOf(fields["trail"], "trail");
  const timeInForce = optional(fields, "time_in_force", TIMES_IN_FORCE);
  return {
    ...(quantity === null ? {} : { quantity }),
    ...(limitPrice === null ? {} : { limitPrice }),
    ...(stopPrice === null ? {} : { stopPrice }),
    ...(trail === null ? {} : { trail }),
    ...(timeInForce === null ? {} : { timeInForce }),
    clientOrderId: clientOrderIdOf(fields) ?? newId(),
  };
}
