/**
 * `/v2/account/configurations`: what the account's owner has chosen. Three of the settings are the venue's; the others are
 * kept, and of them only `fractional_trading` has anything here to act on. Main thread of the simulator.
 */
import type { FastifyInstance } from "fastify";
import type { VenueSettings } from "../../venue/admission.ts";
import type { AccountPreferences } from "../account-preferences.ts";
import type { Exchange } from "../exchange.ts";
import { malformed } from "../wire-error.ts";
import { jsonObject } from "./json-body.ts";

type Json = Record<string, unknown>;
type Fields = Readonly<Record<string, unknown>>;

const PATH = "/v2/account/configurations";
const MULTIPLIERS = [1, 2, 4] as const;
const OPTION_LEVELS = [0, 1, 2, 3] as const;
const EMAILS = ["all", "none"] as const;

export function configurationRoutes(app: FastifyInstance, exchange: Exchange): void {
  app.get(PATH, () => wireConfigurations(exchange));
  app.patch(PATH, async (request) => {
    const fields = jsonObject(request.body);
    const settings = readSettings(fields);
    const preferences = readPreferences(fields);
    if (Object.keys(settings).length > 0) exchange.configure(settings);
    if (Object.keys(preferences).length > 0) exchange.prefer(preferences);
    await exchange.ledger.committed();
    return wireConfigurations(exchange);
  });
}

function wireConfigurations({ venue, preferences }: Exchange): Json {
  const { suspendTrade, noShorting, maxMarginMultiplier } = venue.settings;
  return {
    disable_overnight_trading: preferences.disableOvernightTrading,
    fractional_trading: preferences.fractionalTrading,
    max_margin_multiplier: String(maxMarginMultiplier),
    max_options_trading_level: preferences.maxOptionsTradingLevel,
    no_shorting: noShorting,
    ptp_no_exception_entry: preferences.ptpNoExceptionEntry,
    suspend_trade: suspendTrade,
    trade_confirm_email: preferences.tradeConfirmEmail,
  };
}

function readSettings(fields: Fields): Partial<VenueSettings> {
  const multiplier = fields["max_margin_multiplier"];
  const isText = typeof multiplier === "string";
  return defined({
    suspendTrade: flag(fields, "suspend_trade"),
    noShorting: flag(fields, "no_shorting"),
    maxMarginMultiplier: choice(isText ? Number(multiplier) : multiplier, "max_margin_multiplier", MULTIPLIERS),
  });
}

function readPreferences(fields: Fields): Partial<AccountPreferences> {
  return defined({
    fractionalTrading: flag(fields, "fractional_trading"),
    disableOvernightTrading: flag(fields, "disable_overnight_trading"),
    ptpNoExceptionEntry: flag(fields, "ptp_no_exception_entry"),
    maxOptionsTradingLevel: choice(fields["max_options_trading_level"], "max_options_trading_level", OPTION_LEVELS),
    tradeConfirmEmail: choice(fields["trade_confirm_email"], "trade_confirm_email", EMAILS),
  });
}

function flag(fields: Fields, name: string): boolean | undefined {
  return choice(fields[name], name, [true, false]);
}

function choice<T>(value: unknown, name: string, allowed: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((item) => item === value);
  if (found === undefined) throw malformed(`${name} must be one of ${allowed.join(", ")}`);
  return found;
}

/** Without the fields that are undefined. */
function defined<T extends object>(value: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as {
    [Key in keyof T]?: Exclude<T[Key], undefined>;
  };
}
