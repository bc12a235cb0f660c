/**
 * Fees that the broker takes from what was bought (crypto): nothing in a fill says so but the position after it. Main thread
 * only. What is not seen here is booked when the broker reports it as an activity.
 */
import type { BrokerPosition, TradeUpdate } from "../broker/broker.ts";
import type { Fixed } from "../core/fixed.ts";

/**
 * Alpaca's maker and taker rates, basis points (https://alpaca.markets/support/crypto-maker-taker-gmt-faq). A difference that is
 * at none of them is no fee: an update that was lost, or came out of order, leaves one of any size.
 */
const RATES_BPS = [2n, 5n, 8n, 10n, 12n, 13n, 15n, 18n, 20n, 22n, 25n];

export class FeesInKind {
  readonly #positions = new Map<string, Fixed>();
  #isKnown = false;

  /** The account's positions, with everything that the stream has told so far in them. */
  note(positions: readonly BrokerPosition[]): void {
    if (this.#isKnown) return;
    for (const { symbol, quantity } of positions)
      if (!this.#positions.has(symbol)) this.#positions.set(symbol, quantity);
    this.#isKnown = true;
  }

  /** The stream has a gap: what it told before says nothing of what comes. */
  forget(): void {
    this.#positions.clear();
    this.#isKnown = false;
  }

  /** The part of a fill that did not reach the position; 0 when there is none, or when it cannot be told. */
  of(update: TradeUpdate): Fixed {
    const { order, quantity, positionQuantity } = update;
    if (positionQuantity === null || quantity === null || !order.symbol.includes("/")) return 0n;
    const before = this.#positions.get(order.symbol) ?? (this.#isKnown ? 0n : null);
    this.#positions.set(order.symbol, positionQuantity);
    if (before === null || order.side !== "buy") return 0n;
    const fee = before + quantity - positionQuantity;
    return isAtRate(fee, quantity) ? fee : 0n;
  }
}

/** To the ninth digit, whichever way it was rounded. */
function isAtRate(fee: Fixed, quantity: Fixed): boolean {
  return RATES_BPS.some((bps) => {
    const down = (quantity * bps) / 10_000n;
    return fee === down || fee === down + 1n;
  });
}
