/**
 * Minute bars of what has been played: for the stream as minutes end, and kept (bounded) as the history of a recording.
 * Main thread of the simulator.
 */
import { BarAggregate } from "./bar-aggregate.ts";
import type { BarHistory, BarPage, BarRange, HistoryBar, TradeTick } from "./market-source.ts";

const MINUTE_US = 60_000_000;

export interface ClosedBar {
  readonly index: number;
  readonly bar: HistoryBar;
}

export class MinuteBars implements BarHistory {
  readonly #current: (BarAggregate | undefined)[] = [];
  readonly #history: HistoryBar[][] = [];
  readonly #retained: number;
  #endUs = Number.NEGATIVE_INFINITY;

  /** `retained`: bars kept per instrument. */
  constructor(retained: number) {
    this.#retained = retained;
  }

  /** Time has come this far: the bars of minutes that have ended, by index of the instrument. */
  advance(timeUs: number): readonly ClosedBar[] {
    if (timeUs < this.#endUs) return NONE;
    this.#endUs = (Math.floor(timeUs / MINUTE_US) + 1) * MINUTE_US;
    const closed: ClosedBar[] = [];
    this.#current.forEach((aggregate, index) => {
      const bar = aggregate?.take() ?? null;
      if (bar === null) return;
      closed.push({ index, bar });
      this.#keep(index, bar);
    });
    this.#current.length = 0;
    return closed;
  }

  /** A trade of the running minute; `advance` comes first. */
  add(trade: TradeTick): void {
    let aggregate = this.#current[trade.index];
    if (aggregate === undefined) {
      aggregate = new BarAggregate(Math.floor(trade.timeUs / MINUTE_US) * MINUTE_US);
      this.#current[trade.index] = aggregate;
    }
    aggregate.add(trade);
  }

  bars(index: number, intervalSeconds: number, range: BarRange): BarPage {
    const intervalUs = intervalSeconds * 1e6;
    const bars: HistoryBar[] = [];
    let parts: HistoryBar[] = [];
    const close = () => {
      const startUs = startOf(parts[0]?.startUs ?? 0, intervalUs);
      if (parts.length > 0 && startUs + intervalUs <= range.nowUs) bars.push(joined(parts, startUs));
      parts = [];
    };
    for (const bar of this.#history[index] ?? []) {
      const startUs = startOf(bar.startUs, intervalUs);
      if (startUs < range.startUs || startUs >= range.endUs) continue;
      if (parts.length > 0 && startOf((parts[0] as HistoryBar).startUs, intervalUs) !== startUs) close();
      if (bars.length === range.limit) return { bars, nextUs: startUs };
      parts.push(bar);
    }
    close();
    return { bars, nextUs: null };
  }

  #keep(index: number, bar: HistoryBar): void {
    const history = (this.#history[index] ??= []);
    history.push(bar);
    if (history.length > this.#retained * 2) history.splice(0, history.length - this.#retained);
  }
}

const NONE: readonly ClosedBar[] = [];

function startOf(timeUs: number, intervalUs: number): number {
  return Math.floor(timeUs / intervalUs) * intervalUs;
}

function joined(parts: readonly HistoryBar[], startUs: number): HistoryBar {
  const first = parts[0] as HistoryBar;
  const volume = parts.reduce((sum, bar) => sum + bar.volume, 0);
  const value = parts.reduce((sum, bar) => sum + bar.volume * bar.vwap, 0);
  return {
    startUs,
    open: first.open,
    high: Math.max(...parts.map((bar) => bar.high)),
    low: Math.min(...parts.map((bar) => bar.low)),
    close: (parts.at(-1) as HistoryBar).close,
    volume: Number(volume.toFixed(9)),
    tradeCount: parts.reduce((sum, bar) => sum + bar.tradeCount, 0),
    vwap: volume === 0 ? first.close : Number((value / volume).toFixed(6)),
  };
}
