/** The message that a tick is to the streams. Pure. */
import type { Instrument } from "../../../core/market/instrument.ts";
import type { MarketTick } from "../../market-source.ts";
import { type AnyMessage, sealed } from "../stream/stream-message.ts";
import * as messages from "../message/messages.ts";

/** Null for ticks without a message of their own: bars have theirs from the bars they make, corporate actions none. */
export function tickMessage(tick: MarketTick, instrument: Instrument): AnyMessage | null {
  const { timeUs } = tick;
  const about = { instrument, timeUs };
  switch (tick.kind) {
    case "quote":
      return sealed({ ...about, channel: "quotes", shape: messages.quoteShape(instrument), value: tick });
    case "trade":
      return sealed({ ...about, channel: "trades", shape: messages.tradeShape(instrument), value: tick });
    case "status":
      return sealed({ ...about, channel: "statuses", shape: messages.STATUS, value: tick });
    case "luld":
      return sealed({ ...about, channel: "lulds", shape: messages.LULD, value: tick });
    case "correction":
      return sealed({ ...about, channel: "corrections", shape: messages.CORRECTION, value: tick });
    case "cancelError":
      return sealed({ ...about, channel: "cancelErrors", shape: messages.CANCEL_ERROR, value: tick });
    case "imbalance":
      return sealed({ ...about, channel: "imbalances", shape: messages.IMBALANCE, value: tick });
    case "book": {
      const shape = tick.reset ? messages.BOOK_RESET : messages.BOOK_CHANGE;
      return sealed({ ...about, channel: "orderbooks", shape, value: tick });
    }
    default:
      return null;
  }
}
