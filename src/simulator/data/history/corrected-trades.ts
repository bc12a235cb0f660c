/** Trades as later corrections and cancellations have left them. Pure. */
import type { MarketTick, TradeReport, TradeTick } from "../../market-source.ts";
import type { RecentTicks } from "./recent-ticks.ts";

/** What became of trades, by their ids; null for those that did not happen. */
function fates(recent: RecentTicks, index: number, fromNumber: number): ReadonlyMap<number, TradeReport | null> {
  const byId = new Map<number, TradeReport | null>();
  for (let number = fromNumber; number < recent.endNumber; number++) {
    const tick = recent.at(number);
    if (tick.index !== index) continue;
    if (tick.kind === "cancelError") byId.set(tick.tradeId, null);
    else if (tick.kind === "correction") byId.set(tick.original.tradeId, tick.corrected);
  }
  return byId;
}

/** Trades of one instrument in [startUs, endUs) among the recent ticks, late ones too, oldest first. */
export function correctedTrades(recent: RecentTicks, index: number, startUs: number, endUs: number): TradeTick[] {
  const first = recent.firstFrom(startUs);
  const byId = fates(recent, index, first);
  const trades: TradeTick[] = [];
  for (let number = first; number < recent.endNumber; number++) {
    const tick = recent.at(number);
    if (!isTradeOf(tick, index) || tick.timeUs < startUs || tick.timeUs >= endUs) continue;
    const fate = byId.get(tick.tradeId);
    if (fate !== null) trades.push(fate === undefined ? tick : { ...tick, ...fate });
  }
  return trades.sort((a, b) => a.timeUs - b.timeUs);
}

function isTradeOf(tick: MarketTick, index: number): tick is TradeTick {
  return tick.kind === "trade" && tick.index === index;
}
