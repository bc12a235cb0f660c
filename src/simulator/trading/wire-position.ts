/** A position as Alpaca's JSON. Pure. */
import { divideRounded, type Fixed, FIXED_ONE, formatFixed } from "../../core/fixed.ts";
import { averageEntryPrice, type Holding, notionalOf } from "../../venue/holdings.ts";
import type { VenueMarket } from "../../venue/market.ts";
import { exchangeOf } from "./assets.ts";
import { type InstrumentDirectory, plainSymbol } from "./instrument-directory.ts";

type Json = Record<string, unknown>;

export interface PositionFigures {
  readonly holding: Holding;
  readonly market: VenueMarket;
  /** What no open order is closing already; not negative. */
  readonly available: Fixed;
  /** How the day before ended: the price, null where there was none, and the signed position. */
  readonly overnight: { readonly price: Fixed | null; readonly quantity: Fixed };
}

/** Quantity, value and cost of a short position are negative. */
export function wirePosition(figures: PositionFigures, directory: InstrumentDirectory): Json {
  const { holding, market, available, overnight } = figures;
  const { instrument } = market;
  const entry = averageEntryPrice(instrument, holding);
  const price = market.mark() ?? entry;
  const lastDay = overnight.price ?? price;
  const value = signedValue(market, holding.quantity, price);
  const profit = value - holding.cost;
  const base = dayBase(figures, lastDay, entry);
  const sign = holding.quantity < 0n ? -1n : 1n;
  return {
    asset_id: directory.idOf(instrument.symbol),
    symbol: plainSymbol(instrument.symbol),
    exchange: exchangeOf(instrument),
    asset_class: instrument.assetClass,
    asset_marginable: instrument.assetClass !== "crypto",
    avg_entry_price: formatFixed(entry),
    qty: formatFixed(holding.quantity),
    qty_available: formatFixed(sign * available),
    side: holding.quantity < 0n ? "short" : "long",
    market_value: formatFixed(value),
    cost_basis: formatFixed(holding.cost),
    unrealized_pl: formatFixed(profit),
    unrealized_plpc: formatFixed(ratio(profit, holding.cost)),
    unrealized_intraday_pl: formatFixed(value - base),
    unrealized_intraday_plpc: formatFixed(ratio(value - base, base)),
    current_price: formatFixed(price),
    lastday_price: formatFixed(lastDay),
    change_today: formatFixed(ratio(price - lastDay, lastDay)),
  };
}

/** What the day's profit counts from: the last close for what was held then, the average entry for the rest. */
function dayBase({ holding, market, overnight }: PositionFigures, lastDay: Fixed, entry: Fixed): Fixed {
  const { quantity } = holding;
  const sameSide = quantity > 0n === overnight.quantity > 0n;
  const kept = !sameSide ? 0n : size(overnight.quantity) < size(quantity) ? overnight.quantity : quantity;
  return signedValue(market, kept, lastDay) + signedValue(market, quantity - kept, entry);
}

function signedValue({ instrument }: VenueMarket, quantity: Fixed, price: Fixed): Fixed {
  return quantity < 0n ? -notionalOf(instrument, -quantity, price) : notionalOf(instrument, quantity, price);
}

/** A fraction of a base of either sign; 0 of nothing. */
function ratio(part: Fixed, base: Fixed): Fixed {
  return base === 0n ? 0n : divideRounded(part * FIXED_ONE, size(base), "half_even");
}

function size(value: Fixed): Fixed {
  return value < 0n ? -value : value;
}
