/** The choices of the account's owner that matching does not depend on. Plain values. */
export interface AccountPreferences {
  /** Whether orders for parts of a share and for amounts are taken. */
  readonly fractionalTrading: boolean;
  readonly disableOvernightTrading: boolean;
  readonly ptpNoExceptionEntry: boolean;
  readonly maxOptionsTradingLevel: 0 | 1 | 2 | 3;
  readonly tradeConfirmEmail: "all" | "none";
}

export const DEFAULT_PREFERENCES: AccountPreferences = {
  fractionalTrading: true,
  disableOvernightTrading: false,
  ptpNoExceptionEntry: false,
  maxOptionsTradingLevel: 0,
  tradeConfirmEmail: "none",
};
