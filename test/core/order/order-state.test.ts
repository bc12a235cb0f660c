import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { isFinal, nextOrderState, type OrderEvent, type OrderState } from "../../../src/core/order/order-state.ts";

const STATES: readonly OrderState[] = [
  "journalled",
  "sending",
  "unknown",
  "accepted",
  "partially_filled",
  "filled",
  "canceled",
  "expired",
  "rejected",
  "replaced",
];
const NEWS: readonly OrderEvent[] = ["accept", "fill_partly", "fill", "cancel", "expire", "reject", "replace"];
const EVENTS: readonly OrderEvent[] = ["send", "lose", ...NEWS];

/** How much is known of an order; it never falls. */
const RANK: Readonly<Record<OrderState, number>> = {
  journalled: 0,
  sending: 1,
  unknown: 2,
  accepted: 3,
  partially_filled: 4,
  filled: 5,
  canceled: 5,
  expired: 5,
  rejected: 5,
  replaced: 5,
};

const anyEvents = fc.array(fc.constantFrom(...EVENTS), { maxLength: 20 });

it("knowledge of an order only grows, whatever happens in whatever order", () => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      let state: OrderState = "journalled";
      for (const event of events) {
        const next = nextOrderState(state, event);
        if (next === null) continue;
        assert.ok(RANK[next] >= RANK[state], `${state} ${event} ${next}`);
        state = next;
      }
    }),
  );
});

it("an end is final: nothing but its own repetition can follow", () => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      let state: OrderState = "journalled";
      for (const event of events) {
        const next: OrderState | null = nextOrderState(state, event);
        if (isFinal(state)) assert.ok(next === null || next === state);
        state = next ?? state;
      }
    }),
  );
});

it("unknown is ended by any news and by nothing else", () => {
  for (const event of EVENTS) {
    const next = nextOrderState("unknown", event);
    assert.equal(next === "unknown", !NEWS.includes(event), event);
    assert.notEqual(next, null);
  }
});

it("an order found at the broker after a crash is taken over from any state before acceptance", () => {
  for (const state of ["journalled", "sending", "unknown"] as const) {
    assert.deepEqual(
      NEWS.map((event) => nextOrderState(state, event)),
      ["accepted", "partially_filled", "filled", "canceled", "expired", "rejected", "replaced"],
    );
  }
});

it("what was accepted is never lost or sent again, and partial fills may be followed by any end", () => {
  for (const state of ["accepted", "partially_filled"] as const) {
    assert.equal(nextOrderState(state, "lose"), null);
    assert.equal(nextOrderState(state, "send"), null);
  }
  assert.equal(nextOrderState("partially_filled", "accept"), "partially_filled");
  for (const event of ["fill", "cancel", "expire"] as const) {
    assert.ok(isFinal(nextOrderState("partially_filled", event) ?? "journalled"));
  }
});

it("a fill after a cancel that was believed, and a cancel after a fill, are refused", () => {
  assert.equal(nextOrderState("canceled", "fill"), null);
  assert.equal(nextOrderState("canceled", "fill_partly"), null);
  assert.equal(nextOrderState("filled", "cancel"), null);
});

it("every state can be reached", () => {
  const reached = new Set<OrderState>(["journalled"]);
  for (let i = 0; i < STATES.length; i++) {
    for (const state of Array.from(reached)) {
      for (const event of EVENTS) reached.add(nextOrderState(state, event) ?? state);
    }
  }
  assert.deepEqual([...reached].sort(), [...STATES].sort());
});
