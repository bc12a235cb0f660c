/**
 * The journal's codes and the words that people read for them; the same from every journal.
 */
import { CodedError } from "../core/errors.ts";

/** What people read for each refusal; the same words come from both journals. */
export const REFUSALS: Readonly<Record<string, string>> = {
  ID_CONTENT_MISMATCH: "the client order id is journalled already, for another order",
  NOT_REPLACEABLE: "only an open simple order or an exit can be replaced, by one of its kind, one at a time",
  TRADING_HALTED: "trading is halted for the account, the instance or the symbol",
  TRADING_REDUCING: "only orders that reduce a position are allowed now",
  UNKNOWN_ORDER: "an order on the symbol has an unknown outcome; new risk waits until it is settled",
  SELF_TRADE: "an open order of the other side would trade with it",
  MAX_ORDER_NOTIONAL: "the order's worst-case value is over the limit for one order",
  MAX_SYMBOL_NOTIONAL: "the symbol's worst-case value would be over its limit",
  MAX_GROSS_NOTIONAL: "the account's worst-case gross value would be over its limit",
  MAX_OPEN_ORDERS: "as many orders as allowed are open",
  BUYING_POWER: "the cash that is not reserved does not cover the order's worst case",
};

export function fenced(): CodedError {
  return new CodedError("FENCED", "the lease is not held any more: nothing was written");
}

export function accountMismatch(brokerAccountId: string, mode: string): CodedError {
  const message = `this book belongs to the broker account ${brokerAccountId} in ${mode} mode; use its own database for another`;
  return new CodedError("ACCOUNT_MISMATCH", message, { field: "brokerAccountId" });
}

export function orderNotFound(clientOrderId: string): CodedError {
  return new CodedError("ORDER_NOT_FOUND", `the journal has no order ${clientOrderId}`, { field: "clientOrderId" });
}

const EXECUTION_FAULTS = {
  EXECUTION_INVALID:
    "needs an id, a positive quantity and price, and a fee in kind of at least 0 and less than its quantity",
  EXECUTION_MISMATCH: "differs from its order in symbol or side",
  OVERFILL: "would fill its order beyond the order's quantity",
} as const;

/** `field` is the one at fault. */
export function executionFault(
  code: keyof typeof EXECUTION_FAULTS,
  executionId: string,
  field = "quantity",
): CodedError {
  return new CodedError(code, `execution ${executionId} ${EXECUTION_FAULTS[code]}: nothing was written`, { field });
}
