/**
 * The simulated broker as tests see it: its account as it says itself, over its own API, and one that several bots share.
 */
import { Program } from "./program.ts";
import type { Body, Scope } from "./wait.ts";

/** The keys that a simulator takes by default. */
const HEADERS = { "apca-api-key-id": "simulator", "apca-api-secret-key": "simulated-money-only" };
const CALL_MS = 10_000;
const START_MS = 60_000;

export class SimulatorClient {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** The body of a 200 answer; throws for any other. */
  async get(path: string): Promise<Body> {
    const answer = await fetch(this.url + path, { headers: HEADERS, signal: AbortSignal.timeout(CALL_MS) });
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
    return answer.json();
  }

  /** The body of a 200 answer to a post of JSON; throws for any other. */
  async post(path: string, body: object): Promise<Body> {
    const headers = { ...HEADERS, "content-type": "application/json" };
    const options = { method: "POST", headers, body: JSON.stringify(body), signal: AbortSignal.timeout(CALL_MS) };
    const answer = await fetch(this.url + path, options);
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  }

  /** What `/simulator/ledger` tells: orders, fills, cash and positions as they are on its disk. */
  ledger(): Promise<Body> {
    return this.get("/simulator/ledger");
  }

  async openOrders(): Promise<readonly Body[]> {
    return this.get("/v2/orders?status=open&limit=500");
  }
}

export interface SharedSimulator {
  readonly client: SimulatorClient;
  readonly program: Program;
  /** The environment of a bot that uses it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a simulator of its own, for one bot or several, with its ledger in `dataDir`. */
export async function startSimulator(
  scope: Scope,
  dataDir: string,
  options: { readonly args?: readonly string[]; readonly port?: number } = {},
): Promise<SharedSimulator> {
  const { args = [], port = 0 } = options;
  const argv = ["simulator", "--json", "--port", String(port), "--data-dir", dataDir, ...args];
  const program = new Program(scope, argv);
  const [, url] = await program.says(/"url":"(http:[^"]+)"/, START_MS);
  const http = url as string;
  return {
    client: new SimulatorClient(http),
    program,
    env: { ALPACA_BASE_URL: http, ALPACA_DATA_URL: http, ALPACA_STREAM_URL: http.replace("http", "ws") },
  };
}
