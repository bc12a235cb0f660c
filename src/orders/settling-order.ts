/**
 * The order that uses up the id of one whose outcome is unknown and which the broker does not know: accepted, it is ours
 * and cancelled, and whatever is still on its way under the id is refused. Pure.
 *
 * It must be an order that the broker takes whatever the account holds and wherever the market is, and that never trades:
 * a small buy at a hundredth of the price. The order itself would not do: the broker may refuse it (a sale of more than
 * is held, say), and a refusal leaves the id free for it.
 */
import type { BrokerOrder, NewOrder } from "../broker/broker.ts";
import { divideRounded, type Fixed, FIXED_ONE } from "../core/fixed.ts";
import { type JournalOrder, SIMPLE_TERMS } from "./journal.ts";

const CENT = FIXED_ONE / 100n;
const HUNDREDTH_OF_A_CENT = CENT / 100n;
/** Twice the broker's least cost of an order, US dollars. */
const COST = { us_equity: 2n * FIXED_ONE, crypto: 20n * FIXED_ONE };

export function settlingOrder(order: JournalOrder): NewOrder {
  const crypto = order.symbol.includes("/");
  const limitPrice = settlingPrice(order);
  const cost = crypto ? COST.crypto : COST.us_equity;
  // Whole shares; of a pair whole hundred-thousandths.
  const increment = crypto ? FIXED_ONE / 100_000n : FIXED_ONE;
  const increments = divideRounded(cost * FIXED_ONE, limitPrice * increment, "ceil");
  return {
    ...SIMPLE_TERMS,
    clientOrderId: order.clientOrderId,
    symbol: order.symbol,
    side: "buy",
    type: "limit",
    timeInForce: crypto ? "gtc" : "day",
    quantity: increments * increment,
    notional: null,
    limitPrice,
  };
}

/** True for the settling order of `order`, recognised by what it asks, so that a later life knows it too. */
export function isSettlingOrder(found: BrokerOrder, order: JournalOrder): boolean {
  const { symbol, side, quantity, limitPrice } = settlingOrder(order);
  return (
    found.type === "limit" &&
    found.symbol === symbol &&
    found.side === side &&
    found.quantity === quantity &&
    found.limitPrice === limitPrice
  );
}

/** A limit far above the market is no measure of it: the lower of mid and worst price is. On an increment of any venue. */
function settlingPrice({ worstPrice, midAtDecision }: JournalOrder): Fixed {
  const base = midAtDecision !== null && midAtDecision < worstPrice ? midAtDecision : worstPrice;
  const raw = base / 100n;
  for (const increment of [CENT, HUNDREDTH_OF_A_CENT]) if (raw >= increment) return raw - (raw % increment);
  return raw > 0n ? raw : 1n;
}
