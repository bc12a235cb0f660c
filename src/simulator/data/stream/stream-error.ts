/** The error messages of the market-data stream. Pure. */

export const STREAM_ERRORS = {
  400: "invalid syntax",
  401: "not authenticated",
  402: "auth failed",
  403: "already authenticated",
  404: "auth timeout",
  405: "symbol limit exceeded",
  406: "connection limit exceeded",
  407: "slow client",
  409: "insufficient subscription",
  410: "invalid subscribe action for this feed",
  412: "option messages are only available in MsgPack format",
  413: "star subscription is not allowed for option quotes",
  500: "internal error",
} as const;

export type StreamErrorCode = keyof typeof STREAM_ERRORS;

export function streamError(code: StreamErrorCode): object {
  return { T: "error", code, msg: STREAM_ERRORS[code] };
}
