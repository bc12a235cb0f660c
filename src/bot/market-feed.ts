/**
 * The bot's market data: one Alpaca stream for the equities and one for the crypto pairs in use, seen as one feed. Main
 * thread only. It is connected when all of them are, and stale when any of them is.
 */
import type { Log } from "../broker/alpaca/timers.ts";
import type { Instrument } from "../core/market/instrument.ts";
import {
  AlpacaStream,
  type AlpacaStreamHandler,
  CRYPTO_CHANNELS,
  STOCK_CHANNELS,
  type StreamCounters,
} from "../feed/alpaca-stream.ts";
import type { MarketFeed, MarketFeedHandler } from "./market-side.ts";

export interface MarketFeedOptions {
  /** Without version and feed, such as `wss://stream.data.alpaca.markets`. */
  readonly streamUrl: string;
  readonly stockFeed: string;
  readonly keyId: string;
  readonly secretKey: string;
  readonly instruments: readonly Instrument[];
  /** True in lockstep: the market waits for this process, silence means nothing, and no bar is ever amended. */
  readonly lockstep: boolean;
  readonly wallUs: () => number;
  readonly log: Log;
}

export class AlpacaMarketFeed implements MarketFeed {
  readonly #options: MarketFeedOptions;
  #streams: AlpacaStream[] = [];
  #up = 0;
  #stale = 0;

  constructor(options: MarketFeedOptions) {
    this.#options = options;
  }

  start(handler: MarketFeedHandler): void {
    const { instruments, stockFeed } = this.#options;
    const stocks = instruments.filter((i) => i.assetClass === "us_equity");
    const pairs = instruments.filter((i) => i.assetClass === "crypto");
    const wanted = [
      { list: stocks, path: `v2/${stockFeed}`, channels: STOCK_CHANNELS },
      { list: pairs, path: "v1beta3/crypto/us", channels: CRYPTO_CHANNELS },
    ].filter(({ list }) => list.length > 0);
    this.#streams = wanted.map(({ list, path, channels }) => {
      const { streamUrl, keyId, secretKey, lockstep, wallUs, log } = this.#options;
      const common = { url: `${streamUrl}/${path}`, keyId, secretKey, instruments: list, wallUs, log };
      const options = lockstep
        ? { ...common, channels, muteMs: Number.POSITIVE_INFINITY }
        : { ...common, channels: [...channels, "updatedBars" as const] };
      return new AlpacaStream(options, this.#member(handler, wanted.length));
    });
    for (const stream of this.#streams) stream.start();
  }

  counters(): StreamCounters {
    const zero: StreamCounters = { frames: 0, malformedFrames: 0, unknownSymbols: 0, connections: 0 };
    return this.#streams.reduce((sum, { counters }) => {
      return {
        frames: sum.frames + counters.frames,
        malformedFrames: sum.malformedFrames + counters.malformedFrames,
        unknownSymbols: sum.unknownSymbols + counters.unknownSymbols,
        connections: sum.connections + counters.connections,
      };
    }, zero);
  }

  async close(): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.close()));
  }

  #member(handler: MarketFeedHandler, count: number): AlpacaStreamHandler {
    let up = false;
    let stale = false;
    return {
      frame: (records, frameCount) => handler.frame(records, frameCount),
      connected: () => {
        if (!up) this.#up += 1;
        up = true;
        if (this.#up === count) {
          handler.connected();
          if (this.#stale === 0) handler.stale(false);
        }
      },
      disconnected: (cause) => {
        if (up) this.#up -= 1;
        up = false;
        handler.stale(true);
        handler.disconnected(cause);
      },
      stale: (isStale) => {
        if (isStale !== stale) this.#stale += isStale ? 1 : -1;
        stale = isStale;
        handler.stale(this.#stale > 0 || this.#up < count);
      },
      gap: () => handler.gap(),
    };
  }
}
