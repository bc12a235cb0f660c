/**
 * What a process that stands by shows of the one that trades: made of the journal and of what is heard of that process, which
 * may be nothing. Pure. The marks here come from another process: they are for people, never for an order.
 */
import type { StreamChannel, StreamEvent } from "../api/bot-port.ts";
import type { MirrorState } from "../cache/cache.ts";
import { Books } from "../orders/books.ts";
import type { JournalSnapshot } from "../orders/journal.ts";

type PnlData = Extract<StreamEvent, { readonly channel: "pnl" }>["data"];

/** Books of the journal with the quotes of the process that trades; without marks where it is not heard of. */
export function standbyBooks(snapshot: Pick<JournalSnapshot, "cash" | "positions">, mirror: MirrorState | null): Books {
  const books = new Books();
  books.load(snapshot.cash, snapshot.positions);
  for (const event of mirror?.events ?? []) {
    if (event.channel !== "quotes") continue;
    const { symbol, bid, ask, time } = event.data;
    books.quote(symbol, bid, ask, time * 1000);
  }
  return books;
}

/** The profit figures that the process that trades last told; null where it is not heard of. */
export function mirroredPnl(mirror: MirrorState | null): Omit<PnlData, "time"> | null {
  const event = mirror?.events.find((one) => one.channel === "pnl");
  if (event?.channel !== "pnl") return null;
  const { time: _time, ...figures } = event.data;
  return figures;
}

export function mirroredSnapshot(mirror: MirrorState | null, channel: StreamChannel): readonly StreamEvent[] {
  return mirror?.events.filter((event) => event.channel === channel) ?? [];
}
