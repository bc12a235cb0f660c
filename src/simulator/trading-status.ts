/**
 * The codes that the tapes give a halt, a volatility pause and a resumption. Pure.
 *
 * Tapes A and B are the Consolidated Tape's (status 2 trading halt, 3 resume; reasons M for a limit-up limit-down pause, P
 * for news), tape C is Nasdaq's UTP (statuses H, P, T; reasons T1 for news, LUDP for a volatility pause), as Alpaca passes
 * them on: https://docs.alpaca.markets/docs/real-time-stock-pricing-data.
 */

export type StatusTape = "A" | "B" | "C";

export interface StatusCodes {
  readonly statusCode: string;
  readonly statusMessage: string;
  readonly reasonCode: string;
  readonly reasonMessage: string;
}

export interface TapeStatuses {
  readonly newsHalt: StatusCodes;
  readonly volatilityPause: StatusCodes;
  readonly resume: StatusCodes;
}

function codes(statusCode: string, statusMessage: string, reasonCode = "", reasonMessage = ""): StatusCodes {
  return { statusCode, statusMessage, reasonCode, reasonMessage };
}

const CONSOLIDATED_TAPE: TapeStatuses = {
  newsHalt: codes("2", "Trading Halt", "P", "News Pending"),
  volatilityPause: codes("2", "Trading Halt", "M", "Limit Up-Limit Down (LULD) Trading Pause"),
  resume: codes("3", "Resume"),
};

const NASDAQ: TapeStatuses = {
  newsHalt: codes("H", "Trading Halt", "T1", "Halt News Pending"),
  volatilityPause: codes("P", "Volatility Trading Pause", "LUDP", "Volatility Trading Pause"),
  resume: codes("T", "Trading Resumption"),
};

export const TRADING_STATUS: Readonly<Record<StatusTape, TapeStatuses>> = {
  A: CONSOLIDATED_TAPE,
  B: CONSOLIDATED_TAPE,
  C: NASDAQ,
};
