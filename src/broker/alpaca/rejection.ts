/**
 * Alpaca's refusals → codes of ours that stay the same when their texts change. The table is read from the top: HTTP
 * status and numeric code first, then fields of the body, and the text only where one number stands for several causes.
 */
import type { WireObject } from "./wire.ts";

export interface Refusal {
  readonly status: number;
  /** Alpaca's number, 0 where the body has none. */
  readonly code: number;
  readonly message: string;
  readonly body: WireObject;
}

interface Rule {
  readonly codes: readonly number[];
  /** Any of these fields in the body decides. */
  readonly fields?: readonly string[];
  readonly text?: RegExp;
  readonly result: string;
}

const DUPLICATE = "DUPLICATE";

const RULES: readonly Rule[] = [
  // Our ids are well formed, so a refusal that speaks of them means that one is taken, whatever its words are.
  { codes: [40010001], text: /client_order_id|must be unique|duplicate/i, result: DUPLICATE },
  { codes: [40310100], result: "BROKER_DAY_TRADING" },
  { codes: [40310000], fields: ["reject_reason", "existing_order_id"], result: "BROKER_WASH_TRADE" },
  { codes: [40310000], fields: ["held_for_orders", "existing_qty"], result: "BROKER_QUANTITY_AVAILABLE" },
  { codes: [40310000], fields: ["buying_power"], result: "BROKER_BUYING_POWER" },
  { codes: [40310000], text: /wash trade/i, result: "BROKER_WASH_TRADE" },
  { codes: [40310000], text: /insufficient (qty|balance)/i, result: "BROKER_QUANTITY_AVAILABLE" },
  { codes: [40310000], text: /cost basis must be/i, result: "BROKER_MINIMUM_NOTIONAL" },
  { codes: [40310000], text: /buying power/i, result: "BROKER_BUYING_POWER" },
  {
    codes: [40310000, 42210000],
    text: /\b(bracket|oco|oto|take_profit|stop_loss)\b/i,
    result: "BROKER_ORDER_CLASS",
  },
  { codes: [40310000, 42210000], text: /not fractionable|fractional orders/i, result: "BROKER_FRACTIONAL" },
  { codes: [40310000, 42210000], text: /not allowed to short|sold short|hard-to-borrow/i, result: "BROKER_SHORT_SALE" },
  {
    codes: [40310000],
    text: /by user request|blocked|suspended|restricted|liquidation/i,
    result: "BROKER_ACCOUNT_RESTRICTED",
  },
  { codes: [40310000], result: "BROKER_NOT_PERMITTED" },
  {
    codes: [42210000],
    text: /cannot replace|not changed|already replaced|filled_qty|chain not fully replaced|order is already in/i,
    result: "BROKER_NOT_REPLACEABLE",
  },
  { codes: [42210000], text: /increment/i, result: "BROKER_PRICE_INCREMENT" },
  { codes: [42210000], fields: ["market_price"], result: "BROKER_STOP_PRICE" },
  { codes: [42210000], text: /stop price must be/i, result: "BROKER_STOP_PRICE" },
  { codes: [42210000], text: /time_in_force|DAY (limit )?orders/i, result: "BROKER_TIME_IN_FORCE" },
  { codes: [40410000], text: /order not found/i, result: "BROKER_ORDER_NOT_FOUND" },
  { codes: [42210000, 40410000], text: /asset|symbol|tradable/i, result: "BROKER_ASSET" },
  { codes: [40010001], result: "BROKER_INVALID_ORDER" },
  { codes: [40110000], result: "BROKER_NOT_AUTHORIZED" },
];

const BY_STATUS: Readonly<Record<number, string>> = {
  401: "BROKER_NOT_AUTHORIZED",
  403: "BROKER_NOT_AUTHORIZED",
  404: "BROKER_ASSET",
};

/** `DUPLICATE`, or the BROKER_* code of a 4xx answer of Alpaca's shape to an order. */
export function classifyRefusal(refusal: Refusal): string {
  const rule = RULES.find((candidate) => matches(candidate, refusal));
  return rule?.result ?? BY_STATUS[refusal.status] ?? "BROKER_ORDER_REFUSED";
}

export function isDuplicate(result: string): boolean {
  return result === DUPLICATE;
}

function matches(rule: Rule, refusal: Refusal): boolean {
  if (!rule.codes.includes(refusal.code)) return false;
  if (rule.fields !== undefined) return rule.fields.some((field) => refusal.body[field] !== undefined);
  return rule.text === undefined || rule.text.test(refusal.message);
}
