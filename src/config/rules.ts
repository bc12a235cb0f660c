/**
 * What keys mean together: what live and paper trading need, what may not be mixed, and which times must fit each other.
 * Each rule is one sentence that an operator can act on. What a single key may be is in `schema.ts`.
 */
import { isIP } from "node:net";
import type { ParsedConfig } from "./schema.ts";

const PORT_MAX = 65_535;

export interface RuleBreach {
  readonly key: string;
  readonly message: string;
}

const LIVE_HOST = "api.alpaca.markets";
const PAPER_HOST = "paper-api.alpaca.markets";

/** All breaches at once. */
export function breachedRules(config: ParsedConfig): RuleBreach[] {
  return [
    ...modeRules(config),
    ...urlRules(config),
    ...connectionRules(config),
    ...timeRules(config),
    ...limitRules(config),
  ];
}

/** True for the addresses that only this machine can reach. */
export function isLoopback(address: string): boolean {
  return (
    address === "localhost" ||
    address === "::1" ||
    address === "[::1]" ||
    (isIP(address) === 4 && address.startsWith("127."))
  );
}

function modeRules({
  tradingMode,
  liveTrading,
  alpaca,
  database,
  instruments,
  strategies,
}: ParsedConfig): RuleBreach[] {
  if (tradingMode === "simulated") return [];
  const breaches: RuleBreach[] = [];
  for (const [key, variable] of [
    ["keyId", "ALPACA_API_KEY"],
    ["secret", "ALPACA_SECRET_KEY"],
  ] as const) {
    if (alpaca[key] === null)
      breaches.push({ key: `alpaca.${key}`, message: `${tradingMode} trading needs ${variable}` });
  }
  if (instruments.length === 0 && strategies.length === 0) {
    breaches.push({
      key: "strategies",
      message: `${tradingMode} trading needs strategies or instruments in the configuration file`,
    });
  }
  if (tradingMode === "paper") return [...breaches, ...keyRules(alpaca.keyId, "AK", "paper", "live")];
  if (liveTrading === null)
    breaches.push({ key: "liveTrading", message: "live trading needs LIVE_TRADING=I_UNDERSTAND" });
  if (database.url === null && database.host === null) {
    breaches.push({
      key: "database.url",
      message: "live trading needs DATABASE_URL: it refuses the embedded database",
    });
  }
  return [...breaches, ...keyRules(alpaca.keyId, "PK", "live", "paper")];
}

/** Alpaca's paper key ids begin with PK and its live ones with AK. */
function keyRules(keyId: string | null, foreignPrefix: string, mode: string, foreignMode: string): RuleBreach[] {
  if (keyId === null || !keyId.startsWith(foreignPrefix)) return [];
  return [{ key: "alpaca.keyId", message: `this is a key for ${foreignMode} trading, the mode is ${mode}` }];
}

function urlRules({ tradingMode, alpaca }: ParsedConfig): RuleBreach[] {
  const breaches: RuleBreach[] = [];
  const refuse = (key: string, message: string) => breaches.push({ key: `alpaca.${key}`, message });
  for (const key of ["baseUrl", "dataUrl", "streamUrl"] as const) {
    const value = alpaca[key];
    if (value === null) continue;
    const { hostname, protocol } = new URL(value);
    if (tradingMode === "simulated" && (hostname === "alpaca.markets" || hostname.endsWith(".alpaca.markets"))) {
      refuse(key, "simulated trading never talks to Alpaca; set TRADING_MODE to paper or live");
    } else if (tradingMode === "paper" && hostname === LIVE_HOST) {
      refuse(key, "this is Alpaca's live trading API, the mode is paper");
    } else if (tradingMode === "live" && hostname === PAPER_HOST) {
      refuse(key, "this is Alpaca's paper trading API, the mode is live");
    } else if (tradingMode !== "simulated" && !isLoopback(hostname) && protocol !== "https:" && protocol !== "wss:") {
      refuse(key, "keys may only be sent over https or wss");
    }
  }
  if (
    tradingMode === "simulated" &&
    alpaca.baseUrl === null &&
    (alpaca.dataUrl !== null || alpaca.streamUrl !== null)
  ) {
    refuse("baseUrl", "is needed with ALPACA_DATA_URL or ALPACA_STREAM_URL: they belong to one simulator");
  }
  return breaches;
}

function connectionRules({ database, redis, simulator, alpaca }: ParsedConfig): RuleBreach[] {
  const breaches: RuleBreach[] = [];
  if (database.url !== null && database.host !== null) {
    breaches.push({ key: "database.host", message: "set DATABASE_URL or DATABASE_HOST, not both" });
  }
  if (redis.url !== null && redis.sentinels.length > 0) {
    breaches.push({ key: "redis.sentinels", message: "set REDIS_URL or REDIS_SENTINELS, not both" });
  }
  const misnamed = redis.sentinels.find((sentinel) => !isPort(sentinel.slice(sentinel.lastIndexOf(":") + 1)));
  if (misnamed !== undefined) {
    breaches.push({ key: "redis.sentinels", message: `${misnamed}: a port is from 1 to ${PORT_MAX}` });
  }
  if (redis.url !== null && !/^\/?\d*$/.test(new URL(redis.url).pathname)) {
    breaches.push({
      key: "redis.url",
      message: "its path may only be the number of a database, such as redis://host/0",
    });
  }
  if (simulator.replay.length > 0 && alpaca.baseUrl !== null) {
    breaches.push({
      key: "simulator.replay",
      message: "a simulator of somebody else (ALPACA_BASE_URL) decides itself what it replays",
    });
  }
  if (simulator.speed === "lockstep" && alpaca.baseUrl !== null) {
    breaches.push({
      key: "simulator.speed",
      message: "a simulator of somebody else (ALPACA_BASE_URL) decides itself how fast it runs",
    });
  }
  return breaches;
}

function isPort(text: string): boolean {
  return Number(text) >= 1 && Number(text) <= PORT_MAX;
}

function timeRules({ lease, orders }: ParsedConfig): RuleBreach[] {
  const breaches: RuleBreach[] = [];
  if (lease.renewMs * 3 > lease.ttlMs) {
    breaches.push({ key: "lease.renewMs", message: `at most a third of lease.ttlMs (${lease.ttlMs})` });
  }
  if (orders.postDeadlineMs >= lease.ttlMs) {
    breaches.push({ key: "orders.postDeadlineMs", message: `must be less than lease.ttlMs (${lease.ttlMs})` });
  }
  if (orders.postDeadlineMs >= lease.lockDelayMs) {
    breaches.push({
      key: "lease.lockDelayMs",
      message: `must be more than orders.postDeadlineMs (${orders.postDeadlineMs})`,
    });
  }
  return breaches;
}

function limitRules({ risk }: ParsedConfig): RuleBreach[] {
  const breaches: RuleBreach[] = [];
  const rising = ["maxOrderNotional", "maxSymbolNotional", "maxGrossNotional"] as const;
  for (const [index, key] of rising.slice(1).entries()) {
    const smaller = rising[index] as (typeof rising)[number];
    if (risk[key] < risk[smaller])
      breaches.push({ key: `risk.${key}`, message: `must not be less than risk.${smaller}` });
  }
  return breaches;
}
