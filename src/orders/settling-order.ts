/**
 * The orders that use up the id of one whose outcome is unknown and which the broker does not know: accepted, it is ours
 * and cancelled, and whatever is still on its way under the id is refused. Pure.
 *
 * One of them must be an order that the broker takes whatever the account holds, and neither may ever trade: a small buy
 * at a hundredth of the price, and, for an account that is short by less than that or is selling short, a sale of one
 * share far above it. The unknown order itself would not do: the broker may refuse it (a sale of more than is held, say),
 * and a refusal leaves the id free for it.
 */
import type { BrokerOrder, NewOrder } from "../broker/broker.ts";
import { divideRounded, type Fixed, FIXED_ONE } from "../core/fixed.ts";
import { type JournalOrder, SIMPLE_TERMS } from "./journal.ts";

const CENT = FIXED_ONE / 100n;
const HUNDREDTH_OF_A_CENT = CENT / 100n;
/** Twice the broker's least cost of an order, US dollars. */
const COST = { us_equity: 2n * FIXED_ONE, crypto: 20n * FIXED_ONE };
const BUY_BELOW = 100n;
/** Times the price, and times a limit that is all that is known of the price. */
const SELL_ABOVE = { price: 3n, limit: 100n };

/** To be tried in this order: the next one where the broker refuses the one before. */
export function settlingOrders(order: JournalOrder): readonly NewOrder[] {
  const crypto = order.symbol.includes("/");
  const common = { ...SIMPLE_TERMS, clientOrderId: order.clientOrderId, symbol: order.symbol, notional: null };
  const limited = { ...common, type: "limit", timeInForce: crypto ? "gtc" : "day" } as const;
  const low = buyPrice(order);
  const buy = { ...limited, side: "buy", quantity: buyQuantity(low, crypto), limitPrice: low } as const;
  // Nobody is short of a crypto pair.
  if (crypto) return [buy];
  return [buy, { ...limited, side: "sell", quantity: FIXED_ONE, limitPrice: sellPrice(order) }];
}

/** True for a settling order of `order`, recognised by what it asks, so that a later life knows it too. */
export function isSettlingOrder(found: BrokerOrder, order: JournalOrder): boolean {
  return settlingOrders(order).some(
    ({ type, symbol, side, quantity, limitPrice }) =>
      found.type === type &&
      found.symbol === symbol &&
      found.side === side &&
      found.quantity === quantity &&
      found.limitPrice === limitPrice,
  );
}

/** Whole shares; of a pair whole hundred-thousandths. */
function buyQuantity(price: Fixed, crypto: boolean): Fixed {
  const increment = crypto ? FIXED_ONE / 100_000n : FIXED_ONE;
  const cost = crypto ? COST.crypto : COST.us_equity;
  return divideRounded(cost * FIXED_ONE, price * increment, "ceil") * increment;
}

/** A limit far above the market is no measure of it: the lower of mid and worst price is. On an increment of any venue. */
function buyPrice({ worstPrice, midAtDecision }: JournalOrder): Fixed {
  const base = midAtDecision !== null && midAtDecision < worstPrice ? midAtDecision : worstPrice;
  const raw = base / BUY_BELOW;
  for (const increment of [CENT, HUNDREDTH_OF_A_CENT]) if (raw >= increment) return raw - (raw % increment);
  return raw > 0n ? raw : 1n;
}

/** In whole cents: where it would be below a dollar they are allowed as well. */
function sellPrice({ worstPrice, midAtDecision }: JournalOrder): Fixed {
  const high = midAtDecision !== null && midAtDecision > worstPrice ? midAtDecision : worstPrice;
  const raw = high * (midAtDecision === null ? SELL_ABOVE.limit : SELL_ABOVE.price);
  return raw - (raw % CENT) + CENT;
}
