/** `/v2/assets`: what may be traded, as Alpaca describes it. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import { FIXED_ONE, formatFixed } from "../../core/fixed.ts";
import type { Instrument } from "../../core/market/instrument.ts";
import { WireError } from "../wire-error.ts";
import { assetId, type InstrumentDirectory } from "./instrument-directory.ts";
import { QueryParameters } from "./query.ts";

type Json = Record<string, unknown>;

const NOT_FOUND = 40410000;
const STATUSES = ["active", "inactive", "any"] as const;

export function exchangeOf(instrument: Instrument): string {
  return instrument.assetClass === "crypto" ? "CRYPTO" : "NASDAQ";
}

export function assetRoutes(app: FastifyInstance, directory: InstrumentDirectory): void {
  app.get("/v2/assets", (request) => listAssets(directory, new QueryParameters(request.query)));
  app.get("/v2/assets/:symbol", (request) => {
    const { symbol } = request.params as { symbol: string };
    const found = directory.named(symbol);
    if (found === undefined) throw new WireError(404, NOT_FOUND, `asset not found for ${symbol}`);
    return wireAsset(found);
  });
}

/** Sorted by exchange and symbol. Nothing here is inactive or has an attribute. */
function listAssets(directory: InstrumentDirectory, query: QueryParameters): Json[] {
  const status = query.choice("status", STATUSES, "any");
  const classes = query.list("asset_class") ?? ["us_equity"];
  const exchanges = query.list("exchange");
  if (status === "inactive" || query.list("attributes") !== null) return [];
  return directory.all
    .filter((instrument) => classes.includes(instrument.assetClass))
    .filter((instrument) => exchanges === null || exchanges.includes(exchangeOf(instrument)))
    .sort((a, b) => compare(exchangeOf(a), exchangeOf(b)) || compare(a.symbol, b.symbol))
    .map(wireAsset);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function wireAsset(instrument: Instrument): Json {
  const crypto = instrument.assetClass === "crypto";
  const margin = crypto ? 100 : 30;
  return {
    id: assetId(instrument.symbol),
    class: instrument.assetClass,
    exchange: exchangeOf(instrument),
    symbol: instrument.symbol,
    name: `${instrument.symbol} (simulated)`,
    status: "active",
    tradable: instrument.tradable,
    marginable: !crypto,
    shortable: instrument.shortable,
    easy_to_borrow: instrument.shortable,
    ...(crypto ? {} : { borrow_status: instrument.shortable ? "easy_to_borrow" : "hard_to_borrow" }),
    fractionable: instrument.fractionable,
    margin_requirement_long: String(margin),
    margin_requirement_short: String(margin),
    maintenance_margin_requirement: margin,
    attributes: [],
    ...(crypto
      ? {
          min_order_size: formatFixed(instrument.minQuantity),
          min_trade_increment: formatFixed(instrument.quantityIncrement),
          price_increment: formatFixed(instrument.priceIncrement ?? FIXED_ONE / 100n),
        }
      : {}),
  };
}
