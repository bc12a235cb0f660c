/**
 * Splits and dividends on demand, for tests and for people who want to see what their bot makes of them:
 *
 *     POST /simulator/corporate-actions   {"symbol": "AAPL", "split": {"from": 1, "to": 7}}
 *                                         {"symbol": "AAPL", "dividend": "0.24"}   a share, in the quote currency
 *
 * Answers with the account activities that came of it: none where nothing is held. Main thread of the simulator.
 */
import type { FastifyInstance } from "fastify";
import { CodedError } from "../core/errors.ts";
import { formatFixed, parseFixed } from "../core/fixed.ts";
import type { CorporateActionResult } from "../venue/order.ts";
import type { Exchange } from "./exchange.ts";
import { WireError } from "./wire-error.ts";

const MALFORMED = 40010001;
const SHARES_MAX = 1_000_000;

export function corporateActionRoutes(app: FastifyInstance, exchange: Exchange, nowUs: () => number): void {
  app.post("/simulator/corporate-actions", (request) => {
    const result = act(exchange, request.body, nowUs());
    if (!result.ok) throw new WireError(result.refusal.status, result.refusal.code, result.refusal.message);
    return {
      activities: result.activities.map(({ type, quantity, netAmount }) => ({
        activity_type: type,
        qty: formatFixed(quantity),
        net_amount: formatFixed(netAmount),
      })),
    };
  });
}

function act(exchange: Exchange, body: unknown, nowUs: number): CorporateActionResult {
  if (body === null || typeof body !== "object") throw malformed("the body must be an object");
  const { symbol, split, dividend, ...rest } = body as Record<string, unknown>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw malformed(`${unknown} is not known: symbol with split or dividend`);
  if (typeof symbol !== "string") throw malformed("symbol must be a text");
  if ((split === undefined) === (dividend === undefined)) throw malformed("either split or dividend must be given");
  if (split === undefined) return exchange.dividend(symbol, amountOf(dividend), nowUs);
  const { from, to } = (split ?? {}) as { from?: unknown; to?: unknown };
  return exchange.split(symbol, { from: sharesOf(from, "split.from"), to: sharesOf(to, "split.to") }, nowUs);
}

function sharesOf(value: unknown, field: string): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= SHARES_MAX) return value as number;
  throw malformed(`${field} must be a whole number from 1 to ${SHARES_MAX}`);
}

function amountOf(value: unknown): bigint {
  try {
    const amount = parseFixed(typeof value === "string" ? value : "", "dividend");
    if (amount > 0n) return amount;
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
  }
  throw malformed("dividend must be a positive decimal text");
}

function malformed(message: string): WireError {
  return new WireError(422, MALFORMED, message);
}
