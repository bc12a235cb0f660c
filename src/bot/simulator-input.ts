/** What a simulator is started with by this configuration, as the bot's child or by the `simulator` command. Pure. */
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { formatFixed } from "../core/fixed.ts";
import { type SimulatorConfigInput, simulatorInstrument } from "../simulator/config.ts";

export function simulatorInput(config: Config): SimulatorConfigInput {
  const { seed, speed, replay, quoteExchange, startingCash, keyId, secret, detached } = config.simulator;
  return {
    port: config.ports.simulator,
    keyId,
    secret,
    seed,
    speed,
    replay: [...replay],
    quoteExchange,
    instruments: config.instruments.map((instrument) => ({
      ...simulatorInstrument(instrument),
      // The demonstration market never closes; recorded days keep their instruments' hours.
      ...(replay.length === 0 ? { calendar: "always" as const } : {}),
    })),
    startingCash: formatFixed(startingCash),
    ledgerFile: join(config.dataDir, "simulator-ledger.jsonl"),
    detached,
  };
}
