/**
 * Pages through rows, newest first: a page ends with the position of its last row, and the next one starts below it. Positions
 * are the store's numbers and unique within a list, so that no row is lost or repeated while new ones arrive.
 */
import type { Page } from "./bot-port.ts";

const LIMIT_DEFAULT = 100;

export interface PageRequest {
  readonly limit?: number;
  /** `next_before` of the page before. */
  readonly before?: number;
}

export interface PageOf<T> {
  readonly items: readonly T[];
  /** Null when there are no more rows. */
  readonly next_before: number | null;
}

/** The page asked for; `load` gives at most `limit` rows with a position below `before`, newest first. */
export async function readPage<T>(
  request: PageRequest,
  positionOf: (row: T) => number | undefined,
  load: (page: Page) => Promise<readonly T[]>,
): Promise<PageOf<T>> {
  const limit = request.limit ?? LIMIT_DEFAULT;
  // One more than asked for shows whether there is a next page.
  const rows = await load({ limit: limit + 1, before: request.before ?? null });
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items, next_before: more ? (positionOf(last) ?? null) : null };
}
