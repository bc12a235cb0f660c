/**
 * Time as the sockets and the message budget see it: the monotonic clock and one-shot timers, injected so that tests
 * decide when they fire. Nothing here is venue time.
 */
import { performance } from "node:perf_hooks";

export interface Timers {
  /** Monotonic milliseconds from an arbitrary start. */
  nowMs(): number;
  /** Runs `work` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, work: () => void): () => void;
}

export const systemTimers: Timers = {
  nowMs: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs);
    return () => clearTimeout(timer);
  },
};

/** What streams and the adapter write their log with; pino's loggers fit. */
export interface Log {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

export const silentLog: Log = { info: () => {}, warn: () => {} };
