/**
 * The API's keys as the bot needs them: the first one with the embedded database, none yet on a reachable address, and a
 * copy that is kept up to date for the time without a database. Main thread only.
 */
import type { Logger } from "pino";
import { type Caller, type KeyVerifier, roleAllows } from "../api/access.ts";
import type { Config } from "../config/config.ts";
import { isLoopback } from "../config/rules.ts";
import { CodedError } from "../core/errors.ts";
import type { ApiKeys } from "../store/api-keys.ts";

export interface KeyGateOptions {
  readonly keys: ApiKeys;
  readonly config: Pick<Config, "bindAddress" | "startWithoutKey">;
  /** The embedded database belongs to this process alone: nobody else could make its first key. */
  readonly makesFirst: boolean;
  readonly log: Pick<Logger, "warn">;
}

export class KeyGate implements KeyVerifier {
  readonly #options: KeyGateOptions;

  constructor(options: KeyGateOptions) {
    this.#options = options;
  }

  /**
   * Before anything listens. Returns the text of the first key where it makes one. Throws `KEY_NEEDED` on an address that
   * others can reach while there is no good key, unless the configuration lets it start so.
   */
  async open(): Promise<string | null> {
    const { keys, config, makesFirst, log } = this.#options;
    await keys.load();
    if (makesFirst && (await keys.list()).length === 0) {
      return (await keys.create({ name: "made at the first start", role: "admin", actor: "first start" })).text;
    }
    if (isLoopback(config.bindAddress) || (await keys.exist())) return null;
    const advice = "make an API key with `algo-trading-bot key create`";
    if (!config.startWithoutKey) {
      throw new CodedError(
        "KEY_NEEDED",
        `BIND_ADDRESS ${config.bindAddress} is reachable from outside: ${advice} first, or set START_WITHOUT_KEY=true`,
        { field: "BIND_ADDRESS" },
      );
    }
    log.warn({ address: config.bindAddress }, `started without an API key: only /health and /ready answer; ${advice}`);
    return null;
  }

  exist(): Promise<boolean> {
    return this.#options.keys.exist();
  }

  async verify(token: string): Promise<Caller | null> {
    const verified = await this.#options.keys.verify(token);
    if (verified === null) return null;
    const { id, role } = verified.key;
    // While the database cannot be asked, a key may stop things but not start them: it may have been revoked.
    return { id, role: verified.fresh || !roleAllows(role, "trader") ? role : "trader" };
  }

  /** A key that nobody has shown here yet must be known when the database goes away. */
  refresh(): Promise<void> {
    return this.#options.keys.refresh();
  }
}
