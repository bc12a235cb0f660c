/** An order that the planner wants, between planning, pre-trade checks and writing. One per planner, reused. */
import { LEG_OPEN, SIDE_BUY, TIF_DAY, TYPE_MARKET } from "./intent.ts";

export class OrderDraft {
  side = SIDE_BUY;
  type = TYPE_MARKET;
  timeInForce = TIF_DAY;
  leg = LEG_OPEN;
  /** Fixed integer as an exact double, positive. */
  quantity = 0;
  /** Fixed integer as an exact double; 0 for market orders. */
  limitPrice = 0;
  /** Position after the order, Fixed integer as an exact double, signed. */
  positionAfter = 0;
  /** The price to pay at worst: the limit, or the far touch moved by the collar. Market double. */
  worstPrice = 0;
  /** Ask for buys, bid for sells; 0 when there is none. */
  farTouch = 0;
  /** 0 when a side is missing. */
  mid = 0;
}
