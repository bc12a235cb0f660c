/**
 * What an account activity does to the positions of its symbol: the rule of every journal. Pure; the SQL functions say the
 * same in SQL.
 */
import { applyFeeInKind, applySplit, sharesOf } from "../core/accounting/position-book.ts";
import { checkFixed, type Fixed } from "../core/fixed.ts";
import { type AccountActivity, MANUAL_INSTANCE, type PositionRow } from "./journal.ts";

/** What is booked of no symbol goes under the account's currency. */
export const ACCOUNT_CURRENCY = "USD";

export interface ActivityEffect {
  /** The rows that changed. */
  readonly rows: readonly PositionRow[];
  /** Fees in kind that were booked with their fills before and are now confirmed. */
  readonly confirmedFee: Fixed;
}

/** `rows`: all positions; `pendingFee`: booked fees in kind of the symbol. Null where it cannot be applied. */
export function activityEffect(
  activity: AccountActivity,
  rows: readonly PositionRow[],
  pendingFee: Fixed,
): ActivityEffect | null {
  const { kind, symbol, quantity, cash, price } = activity;
  const holders = rows
    .filter((row) => row.symbol === symbol && row.quantity !== 0n)
    .toSorted((a, b) => (a.instanceId < b.instanceId ? -1 : 1));
  if (kind === "transfer") return { rows: [], confirmedFee: 0n };
  if (kind === "income") return { rows: income(holders, rows, symbol, cash), confirmedFee: 0n };
  if (kind === "split") {
    const after = split(holders, quantity, income(holders, rows, symbol, cash));
    return after === null ? null : { rows: after, confirmedFee: 0n };
  }
  const fees = cash === 0n ? [] : [withFee(unattributed(rows, symbol), -cash)];
  if (kind === "fee") return { rows: fees, confirmedFee: 0n };
  const confirmedFee = pendingFee < -quantity ? pendingFee : -quantity;
  const rest = -quantity - confirmedFee;
  const current = holders.map((row) => fees.find((fee) => fee.instanceId === row.instanceId) ?? row);
  const charged = chargeInKind(current, rest, price);
  return { rows: [...fees, ...charged], confirmedFee };
}

function total(holders: readonly PositionRow[]): Fixed {
  return holders.reduce((sum, row) => sum + row.quantity, 0n);
}

function shares(amount: Fixed, holders: readonly PositionRow[]): Fixed[] {
  return sharesOf(
    amount,
    holders.map((row) => row.quantity),
  );
}

function unattributed(rows: readonly PositionRow[], symbol: string | null): PositionRow {
  const label = symbol ?? ACCOUNT_CURRENCY;
  const known = rows.find((row) => row.instanceId === MANUAL_INSTANCE && row.symbol === label);
  return known ?? { instanceId: MANUAL_INSTANCE, symbol: label, quantity: 0n, cost: 0n, realised: 0n, fees: 0n };
}

function withFee(row: PositionRow, fee: Fixed): PositionRow {
  return { ...row, fees: checkFixed(row.fees + fee, "fees") };
}

function withProfit(row: PositionRow, profit: Fixed): PositionRow {
  return { ...row, realised: checkFixed(row.realised + profit, "realised") };
}

/** To the holders, or where there are none to what is not attributed. */
function income(
  holders: readonly PositionRow[],
  rows: readonly PositionRow[],
  symbol: string | null,
  cash: Fixed,
): PositionRow[] {
  if (cash === 0n) return [];
  if (total(holders) === 0n) return [withProfit(unattributed(rows, symbol), cash)];
  const parts = shares(cash, holders);
  return holders.map((row, index) => withProfit(row, parts[index] as Fixed));
}

function split(holders: readonly PositionRow[], change: Fixed, paid: readonly PositionRow[]): PositionRow[] | null {
  const before = total(holders);
  const after = before + change;
  if (before === 0n || after * before < 0n) return null;
  const quantities = shares(after, holders);
  return holders.map((row, index) => {
    const current = paid.find((other) => other.instanceId === row.instanceId) ?? row;
    return { ...current, ...applySplit(current, quantities[index] as Fixed) };
  });
}

function chargeInKind(holders: readonly PositionRow[], fee: Fixed, price: Fixed): PositionRow[] {
  if (total(holders) === 0n) return [];
  const parts = shares(fee, holders);
  return holders.flatMap((row, index) => {
    const part = parts[index] as Fixed;
    return part === 0n ? [] : [{ ...row, ...applyFeeInKind(row, part, price) }];
  });
}
