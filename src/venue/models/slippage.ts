/**
 * Prices that are worse than the market's: by a fixed share, or by one drawn from the order's number and fill. Rounded
 * against the trader to the instrument's price grid; the venue keeps the price within the order's limit. Pure.
 */
import { divideRounded, type Fixed, FIXED_ONE } from "../../core/fixed.ts";
import { type Instrument, roundPrice } from "../../core/market/instrument.ts";
import type { VenueSide } from "../order.ts";
import { hash32 } from "../seeded-hash.ts";
import type { SlippageModel } from "./contract.ts";

export const NO_SLIPPAGE: SlippageModel = { slip: (_order, _quantity, price) => price };

export function slippageBps(bps: Fixed): SlippageModel {
  return { slip: (order, _quantity, price) => worse(order.instrument, order.side, price, bps) };
}

/** Every share from 0 to `maxBps` is as likely. */
export function seededSlippage(maxBps: Fixed, seed: number): SlippageModel {
  return {
    slip(order, _quantity, price) {
      const draw = BigInt(hash32(seed, order.number, order.fillCount, DRAW_SLIPPAGE));
      return worse(order.instrument, order.side, price, (maxBps * draw) / DRAW_RANGE);
    },
  };
}

const DRAW_SLIPPAGE = 411;
const DRAW_RANGE = 4294967295n;

function worse(instrument: Instrument, side: VenueSide, price: Fixed, bps: Fixed): Fixed {
  const shift = divideRounded(price * bps, 10_000n * FIXED_ONE, "ceil");
  return side === "buy"
    ? roundPrice(instrument, price + shift, "ceil")
    : roundPrice(instrument, price - shift, "floor");
}
