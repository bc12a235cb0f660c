/**
 * The regulatory fees that Alpaca passes on for shares: the SEC's and FINRA's on sales, the audit trail's on both sides.
 * Alpaca adds each up over a trading day and rounds the day's sum up to the cent
 * (https://docs.alpaca.markets/docs/regulatory-fees); here a fill is charged what the rounded sums of its New York day grow
 * by, so that a day costs the same and the cash is right at any time. Deterministic; remembers the running day's sums.
 */
import { type Fixed, FIXED_ONE, parseFixed, roundToIncrement } from "../../core/fixed.ts";
import { newYorkEpochDay, parseEpochDay } from "../../core/market/calendar.ts";
import type { FeeFill, FeeModel } from "./contract.ts";
import {
  AUDIT_TRAIL_PER_SHARE,
  type DatedRate,
  SECTION_31_PER_MILLION,
  TRADING_ACTIVITY_PER_SHARE,
} from "./regulatory-rates.ts";

/** Amounts scaled by 1e-18: the products of two Fixed, exact. */
type Exact = bigint;

interface Charges {
  readonly section31: Exact;
  readonly tradingActivity: Exact;
  readonly auditTrail: Exact;
}

const NOTHING: Charges = { section31: 0n, tradingActivity: 0n, auditTrail: 0n };
const CENT: Exact = 10n ** 16n;
const MILLION = 1_000_000n;

export function regulatoryFee(): FeeModel {
  const section31 = table(SECTION_31_PER_MILLION, ({ rate }) => parseFixed(rate, "rate"));
  const tradingActivity = table(TRADING_ACTIVITY_PER_SHARE, ({ rate, cap }) => ({
    rate: parseFixed(rate, "rate"),
    cap: parseFixed(cap, "cap"),
  }));
  const auditTrail = table(AUDIT_TRAIL_PER_SHARE, ({ rate }) => parseFixed(rate, "rate"));
  let sumsDay = Number.NEGATIVE_INFINITY;
  let sums = NOTHING;

  const chargesOf = (fill: FeeFill, day: number): Charges => {
    const { side, quantity, price } = fill;
    const wholeShares = roundToIncrement(quantity, FIXED_ONE, "ceil");
    const auditTrailCharge = auditTrail(day) * wholeShares;
    if (side === "buy") return { ...NOTHING, auditTrail: auditTrailCharge };
    const { rate, cap } = tradingActivity(day);
    const uncapped = rate * quantity;
    const most = cap * FIXED_ONE;
    return {
      section31: (section31(day) * quantity * price) / (MILLION * FIXED_ONE),
      tradingActivity: uncapped < most ? uncapped : most,
      auditTrail: auditTrailCharge,
    };
  };
  const sumsOf = (day: number): Charges => (day === sumsDay ? sums : NOTHING);

  return {
    feeOf(fill) {
      if (fill.instrument.assetClass !== "us_equity") return { fee: 0n, feeQuantity: 0n };
      const day = newYorkEpochDay(fill.timeUs);
      const before = sumsOf(day);
      const fee = inCents(added(before, chargesOf(fill, day))) - inCents(before);
      return { fee, feeQuantity: 0n };
    },
    booked(fill) {
      if (fill.instrument.assetClass !== "us_equity") return;
      const day = newYorkEpochDay(fill.timeUs);
      sums = added(sumsOf(day), chargesOf(fill, day));
      sumsDay = day;
    },
  };
}

function added(a: Charges, b: Charges): Charges {
  return {
    section31: a.section31 + b.section31,
    tradingActivity: a.tradingActivity + b.tradingActivity,
    auditTrail: a.auditTrail + b.auditTrail,
  };
}

/** Each fee up to the cent. */
function inCents({ section31, tradingActivity, auditTrail }: Charges): Fixed {
  return [section31, tradingActivity, auditTrail].reduce(
    (sum, exact) => sum + roundToIncrement(exact, CENT, "ceil") / FIXED_ONE,
    0n,
  );
}

/** By day: the newest row that holds, else the first. */
function table<Row extends DatedRate, Value>(
  rows: readonly Row[],
  valueOf: (row: Row) => Value,
): (day: number) => Value {
  const dated = rows.map((row) => ({ from: parseEpochDay(row.from, "from"), value: valueOf(row) }));
  return (day) => (dated.findLast(({ from }) => from <= day) ?? (dated[0] as (typeof dated)[number])).value;
}
