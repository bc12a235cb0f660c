import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { MirrorState } from "../../src/cache/cache.ts";
import { mirroredPnl, mirroredSnapshot, standbyBooks } from "../../src/bot/standby.ts";
import { positionView } from "../../src/bot/views.ts";
import { parseFixed } from "../../src/core/fixed.ts";
import type { PositionRow } from "../../src/orders/journal.ts";
import { order, ownerState, pnl, quote } from "../cache/samples.ts";

const fixed = (text: string) => parseFixed(text, "test");

const ROW: PositionRow = {
  instanceId: "demo-1",
  symbol: "DEMO",
  quantity: fixed("10"),
  cost: fixed("100"),
  realised: fixed("7"),
  fees: fixed("1"),
};

const SNAPSHOT = { cash: fixed("900"), positions: [ROW] };

const MIRROR: MirrorState = {
  ...ownerState([quote("DEMO", 11.995), order("a", "accepted"), pnl("6.15")]),
  generation: 7n,
};

describe("what a process that stands by shows", () => {
  it("is the journal's positions at the owner's marks", () => {
    const books = standbyBooks(SNAPSHOT, MIRROR);
    // The mid of 11.995 and 12.005.
    const view = positionView(ROW, books);
    assert.deepEqual([view.mark_price, view.market_value, view.unrealised], ["12", "120", "20"]);
    assert.equal(books.valuation().equity, fixed("1020"));
  });

  it("has no marks where the owner is not heard of", () => {
    const view = positionView(ROW, standbyBooks(SNAPSHOT, null));
    assert.deepEqual([view.mark_price, view.market_value, view.unrealised], [null, null, null]);
    assert.equal(view.realised, "7");
  });

  it("has the owner's last profit figures, or none", () => {
    const { time: _time, ...figures } = pnl("6.15").data as unknown as { readonly time: number };
    assert.deepEqual(mirroredPnl(MIRROR), figures);
    assert.equal(mirroredPnl({ ...MIRROR, events: [] }), null);
    assert.equal(mirroredPnl(null), null);
  });

  it("has each channel's current values, or none", () => {
    assert.deepEqual(mirroredSnapshot(MIRROR, "orders"), [order("a", "accepted")]);
    assert.deepEqual(mirroredSnapshot(MIRROR, "fills"), []);
    assert.deepEqual(mirroredSnapshot(null, "quotes"), []);
  });
});
