/** `/v2/account`: what the account is worth and may do. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import { type Fixed, formatFixed } from "../../core/fixed.ts";
import type { Exchange } from "../exchange.ts";
import { newYorkDate, rfc3339 } from "../wire-time.ts";

type Json = Record<string, unknown>;

export function accountRoutes(app: FastifyInstance, exchange: Exchange): void {
  app.get("/v2/account", () => accountBody(exchange));
}

function accountBody(exchange: Exchange): Json {
  const { venue, head, lastDay } = exchange;
  return {
    id: head.accountId,
    account_number: `PA${head.accountId.replaceAll("-", "").slice(0, 10).toUpperCase()}`,
    status: "ACTIVE",
    crypto_status: "ACTIVE",
    currency: "USD",
    created_at: rfc3339(head.startUs),
    balance_asof: newYorkDate(lastDay.timeUs - 1),
    ...amounts(exchange),
    multiplier: String(venue.settings.maxMarginMultiplier),
    options_approved_level: 0,
    options_trading_level: 0,
    crypto_tier: 0,
    account_blocked: false,
    trading_blocked: false,
    transfers_blocked: false,
    trade_suspended_by_user: venue.settings.suspendTrade,
    shorting_enabled: !venue.settings.noShorting && venue.settings.maxMarginMultiplier > 1,
    user_configurations: null,
    admin_configurations: {},
  };
}

function amounts({ venue, lastDay }: Exchange): Record<string, string> {
  const figures = venue.figures();
  const values: Record<string, Fixed> = {
    cash: figures.cash,
    equity: figures.equity,
    portfolio_value: figures.equity,
    last_equity: lastDay.equity,
    long_market_value: figures.longMarketValue,
    short_market_value: figures.shortMarketValue,
    position_market_value: figures.longMarketValue - figures.shortMarketValue,
    initial_margin: figures.initialMargin,
    maintenance_margin: figures.maintenanceMargin,
    last_maintenance_margin: lastDay.maintenanceMargin,
    buying_power: figures.buyingPower,
    effective_buying_power: figures.buyingPower,
    regt_buying_power: overnightBuyingPower(figures.buyingPower, venue.settings.maxMarginMultiplier),
    non_marginable_buying_power: figures.nonMarginableBuyingPower,
    options_buying_power: 0n,
    sma: figures.equity,
    accrued_fees: 0n,
    intraday_adjustments: 0n,
    pending_reg_taf_fees: 0n,
    pending_transfer_in: 0n,
    pending_transfer_out: 0n,
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, formatFixed(value)]));
}

/** Two times equity where the day's is four times. */
function overnightBuyingPower(buyingPower: Fixed, multiplier: number): Fixed {
  return multiplier === 4 ? buyingPower / 2n : buyingPower;
}
