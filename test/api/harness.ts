/** What the faces' tests share: keys for every role, a configuration on free ports, and a silent log. */
import pino from "pino";
import type { Caller, KeyVerifier, Role } from "../../src/api/access.ts";
import type { FacesConfig } from "../../src/api/faces-config.ts";
import { createRest } from "../../src/api/rest.ts";
import type { Rest } from "../../src/api/routes/route.ts";
import { MemoryBot } from "./memory-bot.ts";

export const log = pino({ level: "silent" });

export const CONFIG: FacesConfig = {
  bindAddress: "127.0.0.1",
  apiPort: 0,
  wsPort: 0,
  metricsPort: 0,
  allowedHosts: ["desk.example"],
  allowedOrigins: ["https://desk.example"],
  requireKeyForReads: false,
  changesPerMinute: 1_000,
  version: "0.1.0",
};

/** `atb_viewer`, `atb_trader`, `atb_risk` and `atb_admin` are good keys until revoked. */
export class MemoryKeys implements KeyVerifier {
  readonly #revoked = new Set<string>();
  areMade = true;

  async verify(token: string): Promise<Caller | null> {
    const role = token.slice("atb_".length) as Role;
    if (this.#revoked.has(token) || !["viewer", "trader", "risk", "admin"].includes(role)) return null;
    return { id: `key-${role}`, role };
  }

  async exist(): Promise<boolean> {
    return this.areMade;
  }

  revoke(token: string): void {
    this.#revoked.add(token);
  }
}

export const bearer = (role: string): { authorization: string } => ({ authorization: `Bearer atb_${role}` });

export interface RestUnderTest {
  readonly app: Rest;
  readonly bot: MemoryBot;
}

/** A REST face that does not listen; requests go in by `inject`. */
export async function restUnderTest(changes: Partial<FacesConfig> = {}): Promise<RestUnderTest> {
  const bot = new MemoryBot();
  const config = { ...CONFIG, ...changes };
  const app = await createRest({
    bot,
    keys: new MemoryKeys(),
    config,
    log,
    wsPort: () => 8001,
    isRetired: () => false,
    onAnswered: () => {},
  });
  await app.ready();
  return { app, bot };
}
