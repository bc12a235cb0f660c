/**
 * What US regulators have charged for trades of shares, by the first day that it held. Alpaca passes these on unchanged
 * (https://alpaca.markets/support/regulatory-fees, https://docs.alpaca.markets/docs/regulatory-fees). Before the first row
 * of a table its first rate stands in. Amounts are decimal texts, US dollars.
 */

export interface DatedRate {
  /** New York date. */
  readonly from: string;
  readonly rate: string;
}

/**
 * Section 31 of the Securities Exchange Act: per million dollars of sales. Sources: the SEC's fee rate advisories (22.10 to
 * 5.10: advisory #2 for fiscal year 2021; 22.90 to 8.00: advisory of 23 January 2023; 27.80: press release 2024-47; nothing
 * from 14 May 2025: announcement of 8 April 2025; 20.60: Federal Register 2026-04233).
 */
export const SECTION_31_PER_MILLION: readonly DatedRate[] = [
  { from: "2020-02-18", rate: "22.10" },
  { from: "2021-02-25", rate: "5.10" },
  { from: "2022-05-14", rate: "22.90" },
  { from: "2023-02-27", rate: "8.00" },
  { from: "2024-05-22", rate: "27.80" },
  { from: "2025-05-14", rate: "0" },
  { from: "2026-04-04", rate: "20.60" },
];

export interface CappedRate extends DatedRate {
  /** Most for one trade. */
  readonly cap: string;
}

/**
 * FINRA's trading activity fee: per share sold. Source: section 1 of Schedule A to FINRA's By-Laws and the notices of its
 * changes (0.000119: Federal Register 2012-15806; 0.000166: Alpaca's pages; 0.000195 from 2026: FINRA's fee schedule).
 */
export const TRADING_ACTIVITY_PER_SHARE: readonly CappedRate[] = [
  { from: "2012-07-01", rate: "0.000119", cap: "5.95" },
  { from: "2022-01-01", rate: "0.00013", cap: "6.49" },
  { from: "2023-01-01", rate: "0.000145", cap: "7.27" },
  { from: "2024-01-01", rate: "0.000166", cap: "8.30" },
  { from: "2026-01-01", rate: "0.000195", cap: "9.79" },
];

/**
 * Consolidated audit trail: per executed share, bought or sold. Alpaca's pages gave 0.000046 while the first fees ran
 * (CAT Fee 2024-1 was invoiced from September 2024 on) and 0.0000265 for CAT Fee 2025-2, which covers the second half of
 * 2025 (Federal Register 2025-12711); no later rate is documented there, so that one goes on.
 */
export const AUDIT_TRAIL_PER_SHARE: readonly DatedRate[] = [
  { from: "2012-07-01", rate: "0" },
  { from: "2024-09-01", rate: "0.000046" },
  { from: "2025-07-01", rate: "0.0000265" },
];
