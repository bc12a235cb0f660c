/** What the contracts of orders have in common: a scripted market, a client, and the updates that it watches. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Arrivals } from "./arrivals.ts";
import { MarketScript, ScriptedVenue } from "./scripted-venue.ts";
import { type OrderFields, Refused, type SeenOrder, type SeenUpdate, type TradingClient } from "./trading-client.ts";

export type Connect = (url: string) => TradingClient;

export interface Desk {
  readonly venue: ScriptedVenue;
  readonly client: TradingClient;
  readonly updates: Arrivals<SeenUpdate>;
  /** Submits and waits for the order's event. */
  readonly submit: (fields: OrderFields, event: string) => Promise<SeenOrder>;
  /** The order's update of this kind, now or to come. */
  readonly update: (id: string, event: string) => Promise<SeenUpdate>;
  /** The events so far, in order. */
  readonly events: (id: string) => string[];
}

/** A simulator with the script's market and a client that watches its orders. */
export async function openDesk(t: TestContext, connect: Connect, script: MarketScript, settings = {}): Promise<Desk> {
  const venue = await ScriptedVenue.start(t, script, settings);
  const client = venue.attach(connect(venue.url));
  const updates = await client.watch();
  const update = (id: string, event: string) => updates.find((seen) => seen.order.id === id && seen.event === event);
  const events = (id: string) => updates.all.filter(({ order }) => order.id === id).map((seen) => seen.event);
  const submit = async (fields: OrderFields, event: string) => {
    const { id } = await client.submit(fields);
    return (await update(id, event)).order;
  };
  return { venue, client, updates, submit, update, events };
}

export const BUY = { symbol: "ACME", side: "buy", qty: "10" } as const;
export const SELL = { symbol: "ACME", side: "sell", qty: "10" } as const;

/** A market that stays as it is. */
export const quiet = () => new MarketScript().quote("ACME", 100, 100.02);

/** How Alpaca refused it. */
export async function refusal(call: Promise<unknown>): Promise<Refused> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof Refused, String(error));
    return error;
  }
  throw new Error("nothing was refused");
}
