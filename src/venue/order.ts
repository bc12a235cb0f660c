/**
 * The shapes that go in and out of the venue: orders, events and refusals. Plain values, no behaviour beyond reading them.
 */
import type { Fixed } from "../core/fixed.ts";
import type { Instrument } from "../core/market/instrument.ts";

export type VenueSide = "buy" | "sell";
export type VenueOrderType = "market" | "limit";
export type VenueTimeInForce = "day" | "gtc" | "ioc";

/** `accepted`: waits for its session; `pending_new`: on its way to the market; the last four are final. */
export type VenueOrderStatus =
  | "accepted"
  | "pending_new"
  | "new"
  | "partially_filled"
  | "filled"
  | "canceled"
  | "expired"
  | "rejected";

export interface NewVenueOrder {
  /** Unique for ever within the account. */
  readonly clientOrderId: string;
  readonly symbol: string;
  readonly side: VenueSide;
  readonly type: VenueOrderType;
  readonly timeInForce: VenueTimeInForce;
  /** Positive. */
  readonly quantity: Fixed;
  /** Given exactly when the type is limit. */
  readonly limitPrice: Fixed | null;
}

export interface VenueOrder extends NewVenueOrder {
  readonly id: string;
  /** Counts the account's orders from 1. */
  readonly number: number;
  /** Whether it was to open or increase a position when it was submitted. */
  readonly opens: boolean;
  readonly status: VenueOrderStatus;
  readonly filledQuantity: Fixed;
  /** Σ price × quantity of its fills. */
  readonly filledNotional: Fixed;
  /** Number of its fills. */
  readonly fillCount: number;
  readonly submittedAtUs: number;
  readonly updatedAtUs: number;
  /** When it may first trade: its session's opening, or the submission plus the venue's latency. */
  readonly activeAtUs: number;
  /** End of a day order; null for the others. */
  readonly expiresAtUs: number | null;
  readonly filledAtUs: number | null;
  readonly canceledAtUs: number | null;
  readonly expiredAtUs: number | null;
}

export interface VenueExecution {
  readonly id: string;
  /** This execution only. */
  readonly quantity: Fixed;
  readonly price: Fixed;
  /** In quote currency. */
  readonly fee: Fixed;
  /** Taken from what was bought. */
  readonly feeQuantity: Fixed;
  /** The account's signed position in the symbol after it. */
  readonly positionQuantity: Fixed;
  /** The account's cash after it. */
  readonly cash: Fixed;
}

/** `accepted`: queued for its session. `new`: in the market. */
export type VenueEventKind = "accepted" | "new" | "fill" | "partial_fill" | "canceled" | "expired";

export interface VenueEvent {
  readonly kind: VenueEventKind;
  /** As of the event. */
  readonly order: VenueOrder;
  readonly timeUs: number;
  /** Of fills and partial fills only. */
  readonly execution: VenueExecution | null;
}

/** A refusal in the words and numbers of Alpaca's trading interface. */
export interface VenueRefusal {
  readonly status: 403 | 404 | 422;
  readonly code: number;
  readonly message: string;
  /** Further fields of the body. */
  readonly extra: Readonly<Record<string, string | readonly string[]>>;
}

export type SubmitResult =
  | {
      readonly ok: true;
      /** As accepted: before anything in `events` happened to it. */
      readonly order: VenueOrder;
      readonly events: readonly VenueEvent[];
    }
  | Refused;

export type CancelResult = { readonly ok: true; readonly events: readonly VenueEvent[] } | Refused;

export interface Refused {
  readonly ok: false;
  readonly refusal: VenueRefusal;
  /** What was due anyway at the time of the call. */
  readonly events: readonly VenueEvent[];
}

/** Owned and changed by the venue only. */
export type WorkingOrder = { -readonly [Key in keyof VenueOrder]: VenueOrder[Key] } & {
  readonly instrument: Instrument;
  /** The limit as a double; infinite for market orders on the side that always trades. */
  readonly limitNumber: number;
};

export function isFinal(status: VenueOrderStatus): boolean {
  return status === "filled" || status === "canceled" || status === "expired" || status === "rejected";
}

export function remainingOf(order: VenueOrder): Fixed {
  return order.quantity - order.filledQuantity;
}

/** A copy for the outside, without the venue's own fields. */
export function snapshotOf(order: WorkingOrder): VenueOrder {
  const { instrument: _instrument, limitNumber: _limitNumber, ...snapshot } = order;
  return snapshot;
}
