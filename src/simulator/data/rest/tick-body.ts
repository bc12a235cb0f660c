/** Bodies of bars, quotes and trades as REST has them. Pure. */
import type { Instrument } from "../../../core/market/instrument.ts";
import type { CorrectionTick, HistoryBar, TradeTick } from "../../market-source.ts";
import type { TradeFate } from "../history/tick-history.ts";
import type { PagedTick } from "../history/tick-page.ts";
import { bodyOf } from "../message/message-shape.ts";
import { barShape, quoteShape, tradeShape } from "../message/messages.ts";

export type Body = Readonly<Record<string, unknown>>;

export function barBody(bar: HistoryBar, instrument: Instrument): Body {
  return bodyOf(barShape("b", instrument), bar);
}

/** `fate`: what became of a trade since. */
export function tickBody(tick: PagedTick, instrument: Instrument, fate?: TradeFate): Body {
  if (tick.kind === "quote") return bodyOf(quoteShape(instrument), tick);
  const body = bodyOf(tradeShape(instrument), tick.kind === "trade" ? tick : correctedTrade(tick));
  if (tick.kind === "correction") return { ...body, u: "corrected" };
  return fate === undefined ? body : { ...body, u: fate };
}

function correctedTrade(tick: CorrectionTick): TradeTick {
  const { position, index, timeUs, corrected, exchange, tape } = tick;
  return { kind: "trade", position, index, timeUs, ...corrected, aggressor: 0, exchange, tape };
}
