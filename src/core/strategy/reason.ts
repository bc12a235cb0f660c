/**
 * Why a strategy wants its target: numbers that travel in intents (lane 1) and the words that people read. Numbers are
 * never reused.
 */

export const REASON_NONE = 0;
export const REASON_EMA_CROSS_UP = 1;
export const REASON_EMA_CROSS_DOWN = 2;
export const REASON_Z_SCORE_LOW = 10;
export const REASON_Z_SCORE_HIGH = 11;
export const REASON_Z_SCORE_REVERTED = 12;
export const REASON_Z_SCORE_STOP = 13;
export const REASON_CHANNEL_BREAK_UP = 20;
export const REASON_CHANNEL_BREAK_DOWN = 21;
export const REASON_CHANNEL_EXIT = 22;
export const REASON_ATR_STOP = 23;
/** For strategies outside the built-in ones. */
export const REASON_CUSTOM = 1000;

const NAMES: ReadonlyMap<number, string> = new Map([
  [REASON_NONE, "none"],
  [REASON_EMA_CROSS_UP, "ema_cross_up"],
  [REASON_EMA_CROSS_DOWN, "ema_cross_down"],
  [REASON_Z_SCORE_LOW, "z_score_low"],
  [REASON_Z_SCORE_HIGH, "z_score_high"],
  [REASON_Z_SCORE_REVERTED, "z_score_reverted"],
  [REASON_Z_SCORE_STOP, "z_score_stop"],
  [REASON_CHANNEL_BREAK_UP, "channel_break_up"],
  [REASON_CHANNEL_BREAK_DOWN, "channel_break_down"],
  [REASON_CHANNEL_EXIT, "channel_exit"],
  [REASON_ATR_STOP, "atr_stop"],
  [REASON_CUSTOM, "custom"],
]);

/** The word for a reason number; `reason_N` for one outside the table. */
export function reasonName(reason: number): string {
  return NAMES.get(reason) ?? `reason_${reason}`;
}
