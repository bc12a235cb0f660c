/**
 * What a finished replay amounts to, and whether the books equal the broker's: printed for people, stored for programs.
 */
import type { BrokerAccount, BrokerPosition } from "../broker/broker.ts";
import { type Fixed, formatFixed } from "../core/fixed.ts";
import type { PositionRow } from "../orders/journal.ts";
import { comparePositions } from "../orders/reconciler.ts";

export interface RunSummary {
  readonly intents: number;
  readonly intentHash: string;
  readonly orders: number;
  readonly refused: number;
  readonly fills: number;
  readonly realised: string;
  readonly unrealised: string;
  readonly bookCash: string;
  readonly brokerCash: string;
  readonly positions: readonly { readonly symbol: string; readonly book: string; readonly broker: string }[];
  /** True when every position and the cash are equal. */
  readonly reconciled: boolean;
  readonly seconds: number;
}

export interface RunCounts {
  readonly intents: number;
  readonly intentHash: string;
  readonly orders: number;
  readonly refused: number;
  readonly fills: number;
  readonly seconds: number;
}

export function summarise(
  counts: RunCounts,
  rows: readonly PositionRow[],
  bookCash: Fixed,
  profit: { readonly realised: Fixed; readonly unrealised: Fixed },
  account: BrokerAccount,
  positions: readonly BrokerPosition[],
): RunSummary {
  const breaks = comparePositions(rows, positions);
  const book = new Map<string, Fixed>();
  for (const row of rows) book.set(row.symbol, (book.get(row.symbol) ?? 0n) + row.quantity);
  const theirs = new Map(positions.map((p) => [p.symbol, p.quantity]));
  const symbols = [...new Set([...book.keys(), ...theirs.keys()])].sort();
  return {
    ...counts,
    realised: formatFixed(profit.realised),
    unrealised: formatFixed(profit.unrealised),
    bookCash: formatFixed(bookCash),
    brokerCash: formatFixed(account.cash),
    positions: symbols.map((symbol) => ({
      symbol,
      book: formatFixed(book.get(symbol) ?? 0n),
      broker: formatFixed(theirs.get(symbol) ?? 0n),
    })),
    reconciled: breaks.length === 0 && bookCash === account.cash,
  };
}

export function formatSummary(summary: RunSummary): string {
  const lines = [
    `intents    ${summary.intents} (hash ${summary.intentHash})`,
    `orders     ${summary.orders}, refused ${summary.refused}`,
    `fills      ${summary.fills}`,
    `realised   ${summary.realised}`,
    `unrealised ${summary.unrealised}`,
    `cash       ${summary.bookCash} in the books, ${summary.brokerCash} at the broker`,
    ...summary.positions.map((p) => `position   ${p.symbol}: ${p.book} in the books, ${p.broker} at the broker`),
    summary.reconciled ? "books      equal the broker's" : "books      DIFFER from the broker's",
    `time       ${summary.seconds.toFixed(1)} s`,
  ];
  return `Replay finished\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}
