/** The scripted venue of the trading tests: quotes of a share and a pair at known prices, and plain calls to it. */
import type { TestContext } from "node:test";
import { MarketScript, ScriptedVenue } from "../../clients/scripted-venue.ts";
import { type Answer, call, KEYS } from "../client.ts";

/** Tuesday 2018-01-02, 10:00 in New York: the venue's time after the first tick. */
export const DATE = "2018-01-02";

/** ACME 99.99 / 100.01 and BTC/USD 9,999 / 10,001, a last trade of ACME at 100, then `more`. */
export function market(more: (script: MarketScript) => MarketScript = (script) => script): MarketScript {
  const script = new MarketScript().quote("ACME", 99.99, 100.01).quote("BTC/USD", 9_999, 10_001).trade("ACME", 100);
  return more(script);
}

export const OPENING_TICKS = 3;

export interface Venue {
  readonly port: number;
  readonly play: (ticks: number) => Promise<void>;
  readonly get: (path: string) => Promise<Answer>;
  readonly post: (path: string, body: object) => Promise<Answer>;
  readonly put: (path: string, body: object) => Promise<Answer>;
  readonly patch: (path: string, body: object) => Promise<Answer>;
  readonly delete: (path: string) => Promise<Answer>;
}

/** A venue whose opening ticks have been played. */
export async function start(t: TestContext, script = market(), settings: object = {}): Promise<Venue> {
  const instruments = [{ symbol: "ACME", fractionable: true }, { symbol: "BTC/USD" }];
  const venue = await ScriptedVenue.start(t, script, { ...KEYS, instruments, ...settings });
  await venue.play(OPENING_TICKS - 1);
  const port = Number(new URL(venue.url).port);
  return {
    port,
    play: (ticks) => venue.play(ticks),
    get: (path) => call(port, "GET", path),
    post: (path, body) => call(port, "POST", path, body),
    put: (path, body) => call(port, "PUT", path, body),
    patch: (path, body) => call(port, "PATCH", path, body),
    delete: (path) => call(port, "DELETE", path),
  };
}

/** Status and code of an answer, and its message. */
export function refusal(answer: Answer): [number, number, string] {
  return [answer.status, answer.body.code, answer.body.message];
}
