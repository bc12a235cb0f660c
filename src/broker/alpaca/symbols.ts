/**
 * One spelling per instrument: orders and market data say `BTC/USD`, positions (and old activities) `BTCUSD`. Pure.
 */

/** Currencies that Alpaca quotes pairs in, longest first. */
const QUOTE_CURRENCIES = ["USDT", "USDC", "USDG", "USD", "BTC", "ETH"];

export class SymbolNames {
  readonly #pairs: ReadonlyMap<string, string>;

  /** `pairs` are the crypto pairs in use, with their slash. */
  constructor(pairs: readonly string[]) {
    this.#pairs = new Map(pairs.map((pair) => [pair.replace("/", ""), pair]));
  }

  /** The symbol with its slash when it is a known pair, or of the crypto class and ends in a quote currency. */
  normalise(symbol: string, assetClass: string | null): string {
    if (symbol.includes("/")) return symbol;
    if (assetClass !== "crypto" && assetClass !== null) return symbol;
    const pair = this.#pairs.get(symbol);
    if (pair !== undefined || assetClass === null) return pair ?? symbol;
    const quote = QUOTE_CURRENCIES.find((currency) => symbol.endsWith(currency) && symbol.length > currency.length);
    return quote === undefined ? symbol : `${symbol.slice(0, -quote.length)}/${quote}`;
  }
}
