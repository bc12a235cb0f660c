/** Pages over several symbols: by symbol, then by time; the limit counts items of all symbols. Main thread of the simulator. */
import type { Instrument } from "../../../core/market/instrument.ts";
import type { TickCursor } from "../history/tick-page.ts";
import { badRequest } from "./data-query.ts";
import { type PagePlace, pageToken } from "./page-token.ts";

export interface SymbolPage<Item> {
  readonly items: readonly Item[];
  readonly next: TickCursor | null;
}

export interface PagedAnswer<Item> {
  readonly items: Readonly<Record<string, readonly Item[]>>;
  readonly next_page_token: string | null;
}

/**
 * `read` gets where to go on (null: from the beginning) and how many items there is room for. A page ends where one symbol's
 * search was cut short, even without a single item.
 */
export async function pageOf<Item>(
  instruments: readonly Instrument[],
  place: PagePlace | null,
  limit: number,
  firstUs: number,
  read: (instrument: Instrument, cursor: TickCursor | null, room: number) => Promise<SymbolPage<Item>>,
): Promise<PagedAnswer<Item>> {
  const items: Record<string, readonly Item[]> = {};
  const first = place === null ? 0 : instruments.findIndex(({ symbol }) => symbol === place.symbol);
  if (first === -1) throw badRequest("invalid page_token");
  let room = limit;
  for (let at = first; at < instruments.length; at++) {
    const instrument = instruments[at] as Instrument;
    if (room === 0) return answer(items, { symbol: instrument.symbol, timeUs: firstUs, skip: 0 });
    const page = await read(instrument, place !== null && at === first ? place : null, room);
    if (page.items.length > 0) items[instrument.symbol] = page.items;
    room -= page.items.length;
    if (page.next !== null) return answer(items, { symbol: instrument.symbol, ...page.next });
  }
  return answer(items, null);
}

function answer<Item>(items: Record<string, readonly Item[]>, next: PagePlace | null): PagedAnswer<Item> {
  return { items, next_page_token: next === null ? null : pageToken(next) };
}
