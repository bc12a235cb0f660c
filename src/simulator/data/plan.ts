/** What a market-data subscription allows. Pure. */

export type DataPlan = "basic" | "algo_trader_plus";

export interface PlanLimits {
  /** REST requests a minute. */
  readonly requestsPerMinute: number;
  /** Symbols with trades or quotes on one stream; null for no limit. */
  readonly streamSymbols: number | null;
  /** Whether the consolidated tape may be read up to the present. */
  readonly realTimeSip: boolean;
}

export const PLAN_LIMITS: Readonly<Record<DataPlan, PlanLimits>> = {
  basic: { requestsPerMinute: 200, streamSymbols: 30, realTimeSip: false },
  algo_trader_plus: { requestsPerMinute: 10_000, streamSymbols: null, realTimeSip: true },
};

/** How far the consolidated tape is behind for those who have not paid for it, and on `delayed_sip`. */
export const SIP_DELAY_US = 15 * 60_000_000;
