/**
 * The life of an order as one pure function, so that late, repeated and crossed news can be told from what is impossible.
 *
 *     journalled ─send─▶ sending ─┬─────────────▶ accepted ─▶ partially filled ─┐
 *          │                      └─lose─▶ unknown ──┘               │          │
 *          └──────── any news of the broker (found after a crash) ───┴──────────┴─▶ filled, canceled, expired, rejected,
 *                                                                                   replaced (another took its place)
 *
 * `unknown` is neither accepted nor refused: only news of the broker ends it, never time. What was proven accepted does not
 * become unknown again. An end is final.
 */

export type OrderState =
  | "journalled"
  | "sending"
  | "unknown"
  | "accepted"
  | "partially_filled"
  | "filled"
  | "canceled"
  | "expired"
  | "rejected"
  | "replaced";

/**
 * `send`: the POST begins, or begins again with the same id. `lose`: its outcome is not known. The others are news: of the
 * broker, or, for `cancel` and `reject` of an order that was never sent, of our own.
 */
export type OrderEvent =
  | "send"
  | "lose"
  | "accept"
  | "fill_partly"
  | "fill"
  | "cancel"
  | "expire"
  | "reject"
  | "replace";

const END = { fill: "filled", cancel: "canceled", expire: "expired", reject: "rejected", replace: "replaced" } as const;
const NEWS = { accept: "accepted", fill_partly: "partially_filled", ...END } as const;

const TABLE: Readonly<Record<OrderState, Partial<Readonly<Record<OrderEvent, OrderState>>>>> = {
  journalled: { send: "sending", lose: "unknown", ...NEWS },
  sending: { send: "sending", lose: "unknown", ...NEWS },
  unknown: { send: "unknown", lose: "unknown", ...NEWS },
  accepted: NEWS,
  // An acceptance that comes after a fill is old news.
  partially_filled: { ...NEWS, accept: "partially_filled" },
  filled: { fill: "filled" },
  canceled: { cancel: "canceled" },
  expired: { expire: "expired" },
  rejected: { reject: "rejected" },
  replaced: { replace: "replaced" },
};

/** The state after the event (the same one for old news), or null when the event cannot happen in this state. */
export function nextOrderState(current: OrderState, event: OrderEvent): OrderState | null {
  return TABLE[current][event] ?? null;
}

const FINAL: ReadonlySet<OrderState> = new Set(Object.values(END));

/** Whether nothing can follow. */
export function isFinal(state: OrderState): boolean {
  return FINAL.has(state);
}
