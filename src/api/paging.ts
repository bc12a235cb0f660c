/**
 * Pages through rows, newest first, without losing or repeating one where several share a position (orders of one
 * millisecond): the cursor is the last row's position and how many rows of that very position were already given.
 */
import type { Page } from "./bot-port.ts";

const LIMIT_DEFAULT = 100;

export interface PageRequest {
  readonly limit?: number;
  /** `<position>` or `<position>-<rows of it already given>`. */
  readonly before?: string;
}

export interface PageOf<T> {
  readonly items: readonly T[];
  readonly next_before: string | null;
}

/**
 * Asks `load` for rows with a position strictly below `page.before` and cuts the page out of them. `positionOf` is a whole
 * number that never rises along the rows.
 */
export async function readPage<T>(
  request: PageRequest,
  positionOf: (row: T) => number,
  load: (page: Page) => Promise<readonly T[]>,
): Promise<PageOf<T>> {
  const limit = request.limit ?? LIMIT_DEFAULT;
  const [position, given] = (request.before ?? "").split("-").map(Number);
  const skip = given ?? 0;
  const before = request.before === undefined ? null : (position as number) + (skip > 0 ? 1 : 0);
  const rows = await load({ limit: limit + skip, before });
  const items = rows.slice(skip, skip + limit);
  const last = items.at(-1);
  if (last === undefined || items.length < limit) return { items, next_before: null };
  const at = positionOf(last);
  let sharing = 0;
  for (let i = skip + items.length - 1; i >= 0 && positionOf(rows[i] as T) === at; i--) sharing++;
  return { items, next_before: `${at}-${sharing}` };
}
