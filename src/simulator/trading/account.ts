/** `/v2/account`: what the account is worth and may do. Main thread of the simulator. */
import type { FastifyInstance } from "fastify";
import { type Fixed, formatFixed } from "../../core/fixed.ts";
import { type AccountFigures, mayShort } from "../../venue/buying-power.ts";
import type { DayClose } from "../day-close.ts";
import type { Exchange } from "../exchange.ts";
import { newYorkDate, rfc3339 } from "../wire-time.ts";

type Json = Record<string, unknown>;

export function accountRoutes(app: FastifyInstance, exchange: Exchange): void {
  app.get("/v2/account", () => accountBody(exchange));
}

function accountBody({ venue, head, lastDay }: Exchange): Json {
  const figures = venue.figures();
  return {
    id: head.accountId,
    account_number: `PA${head.accountId.replaceAll("-", "").slice(0, 10).toUpperCase()}`,
    status: "ACTIVE",
    crypto_status: "ACTIVE",
    currency: "USD",
    created_at: rfc3339(head.startUs),
    balance_asof: newYorkDate(lastDay.timeUs - 1),
    ...amounts(figures, lastDay),
    multiplier: String(figures.multiplier),
    options_approved_level: 0,
    options_trading_level: 0,
    crypto_tier: 0,
    account_blocked: false,
    trading_blocked: false,
    transfers_blocked: false,
    trade_suspended_by_user: venue.settings.suspendTrade,
    shorting_enabled: !venue.settings.noShorting && mayShort(figures),
    user_configurations: null,
    admin_configurations: {},
  };
}

function amounts(figures: AccountFigures, lastDay: DayClose): Record<string, string> {
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
    regt_buying_power: overnightBuyingPower(figures),
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

/** Regulation T lends twice what initial margin leaves of equity. */
function overnightBuyingPower({ equity, initialMargin, buyingPower, multiplier }: AccountFigures): Fixed {
  if (multiplier === 1) return buyingPower;
  const lent = (equity - initialMargin) * 2n;
  if (lent < 0n) return 0n;
  return lent < buyingPower ? lent : buyingPower;
}
