/** What one connection has subscribed to, and how a request changes it. Main thread of the simulator. */
import type { Instrument } from "../../../core/market/instrument.ts";
import { CRYPTO_CHANNELS, type DataChannel, type DataEndpoint, NEWS_CHANNELS, STOCK_CHANNELS } from "./endpoint.ts";
import type { StreamErrorCode } from "./stream-error.ts";

const ALL_CHANNELS: readonly DataChannel[] = [...new Set([...STOCK_CHANNELS, ...CRYPTO_CHANNELS, ...NEWS_CHANNELS])];
const EVERYTHING = "*";
const STOCK_SYMBOL = /^[A-Za-z0-9][A-Za-z0-9._/-]*$/;
const PAIR = /^[A-Z0-9]+\/[A-Z0-9]+$/;

/** The channel's place in a connection's bits. */
export const CHANNEL_BIT = Object.fromEntries(ALL_CHANNELS.map((channel, place) => [channel, 1 << place])) as Readonly<
  Record<DataChannel, number>
>;

export interface SubscriptionChange {
  readonly adds: boolean;
  readonly channels: ReadonlyMap<DataChannel, readonly string[]>;
}

/** Reads a `subscribe` or `unsubscribe` request; a number is the error to answer with. */
export function readChange(
  request: Readonly<Record<string, unknown>>,
  endpoint: DataEndpoint,
): SubscriptionChange | StreamErrorCode {
  const channels = new Map<DataChannel, readonly string[]>();
  const adds = request["action"] === "subscribe";
  for (const [name, symbols] of Object.entries(request)) {
    if (name === "action") continue;
    const channel = ALL_CHANNELS.find((each) => each === name);
    if (channel === undefined || !isSymbolList(symbols, endpoint)) return 400;
    // Clients that name every channel they know leave those of other feeds empty.
    if (symbols.length === 0) continue;
    if (!endpoint.channels.includes(channel)) return 410;
    if (adds && endpoint.source === "options" && channel === "quotes" && symbols.includes(EVERYTHING)) return 413;
    channels.set(channel, symbols);
  }
  return { adds, channels };
}

function isSymbolList(value: unknown, endpoint: DataEndpoint): value is readonly string[] {
  const format = endpoint.source === "crypto" ? PAIR : STOCK_SYMBOL;
  return (
    Array.isArray(value) &&
    value.every((symbol) => typeof symbol === "string" && (symbol === EVERYTHING || format.test(symbol)))
  );
}

export class Subscription {
  readonly #instruments: readonly Instrument[];
  readonly #symbols: ReadonlyMap<DataChannel, Set<string>>;
  /** Bits of the wanted channels by index of the instrument. */
  readonly #wanted: Uint16Array;

  /** `instruments`: those that the endpoint shows. */
  constructor(channels: readonly DataChannel[], instruments: readonly Instrument[]) {
    this.#instruments = instruments;
    this.#symbols = new Map(channels.map((channel) => [channel, new Set<string>()]));
    this.#wanted = new Uint16Array(instruments.reduce((most, { index }) => Math.max(most, index + 1), 0));
  }

  get isEmpty(): boolean {
    return [...this.#symbols.values()].every((symbols) => symbols.size === 0);
  }

  isOn(channel: DataChannel): boolean {
    return (this.#symbols.get(channel)?.size ?? 0) > 0;
  }

  wants(channelBit: number, index: number): boolean {
    return ((this.#wanted[index] ?? 0) & channelBit) !== 0;
  }

  /** Of a channel whose messages belong to any number of symbols. */
  wantsAny(channel: DataChannel, symbols: readonly string[]): boolean {
    const wanted = this.#symbols.get(channel);
    if (wanted === undefined) return false;
    return wanted.has(EVERYTHING) || symbols.some((symbol) => wanted.has(symbol));
  }

  /** Symbols with trades or quotes if the change were made; infinite with a star. */
  countAfter(change: SubscriptionChange): number {
    const counted = new Set<string>();
    for (const channel of COUNTED_CHANNELS) {
      for (const symbol of this.#symbols.get(channel) ?? []) counted.add(symbol);
      for (const symbol of change.channels.get(channel) ?? []) counted.add(symbol);
    }
    return counted.has(EVERYTHING) ? Number.POSITIVE_INFINITY : counted.size;
  }

  apply(change: SubscriptionChange): void {
    for (const [channel, symbols] of change.channels) {
      for (const each of withImplied(channel)) this.#change(each, symbols, change.adds);
    }
    this.#wanted.fill(0);
    for (const [channel, symbols] of this.#symbols) {
      for (const { symbol, index } of this.#instruments) {
        if (!symbols.has(symbol) && !symbols.has(EVERYTHING)) continue;
        this.#wanted[index] = (this.#wanted[index] as number) | CHANNEL_BIT[channel];
      }
    }
  }

  /** All of it, as the answer to every change has it. Imbalances are told only to those who asked for them. */
  state(): Record<string, string[]> {
    return Object.fromEntries(
      [...this.#symbols]
        .filter(([channel, symbols]) => channel !== "imbalances" || symbols.size > 0)
        .map(([channel, symbols]) => [channel, [...symbols]]),
    );
  }

  #change(channel: DataChannel, symbols: readonly string[], adds: boolean): void {
    const set = this.#symbols.get(channel);
    for (const symbol of symbols) {
      if (adds) set?.add(symbol);
      else set?.delete(symbol);
    }
  }
}

/** Those that a plan's limit is about. */
const COUNTED_CHANNELS: readonly DataChannel[] = ["trades", "quotes"];

/** Trades bring their corrections along. */
function withImplied(channel: DataChannel): readonly DataChannel[] {
  return channel === "trades" ? ["trades", "corrections", "cancelErrors"] : [channel];
}
