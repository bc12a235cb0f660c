/**
 * The venue's models as a simulator is configured with them: by name, with parameters. Amounts are decimal texts, as
 * everywhere in the configuration. The models themselves, and what each assumes, are in `src/venue/models`.
 */
import { z } from "zod";
import { type Fixed, FIXED_ONE, parseFixed } from "../core/fixed.ts";
import { barFill } from "../venue/models/bar-fill.ts";
import type { FeeModel, FillModel, LatencyModel, SlippageModel } from "../venue/models/contract.ts";
import { cryptoTierFee } from "../venue/models/crypto-fee.ts";
import { allFees, feeBps, feePerShare, NO_FEE } from "../venue/models/fee.ts";
import { constantLatency, logNormalLatency, NO_LATENCY, uniformLatency } from "../venue/models/latency.ts";
import { queueFill } from "../venue/models/queue-fill.ts";
import { quoteFill } from "../venue/models/quote-fill.ts";
import { regulatoryFee } from "../venue/models/regulatory-fee.ts";
import { NO_SLIPPAGE, seededSlippage, slippageBps } from "../venue/models/slippage.ts";
import { volumeShareFill } from "../venue/models/volume-share-fill.ts";

const MINUTE_US = 60_000_000;

/** A decimal text from 0 up to `most`. */
function amount(most: string) {
  const limit = parseFixed(most, "limit");
  const allowed = (text: string) => {
    const value = fixedOf(text);
    return value !== null && value >= 0n && value <= limit;
  };
  return z.string().refine(allowed, `a decimal number in a string from "0" to "${most}"`);
}

function share() {
  const allowed = (text: string) => {
    const value = fixedOf(text);
    return value !== null && value > 0n && value <= FIXED_ONE;
  };
  return z.string().refine(allowed, 'a decimal number in a string above "0" and at most "1"');
}

function fixedOf(text: string): Fixed | null {
  try {
    return parseFixed(text, "amount");
  } catch {
    return null;
  }
}

const latencyUs = z.int().min(0).max(MINUTE_US);

export const fillSchema = z.discriminatedUnion("model", [
  /** Alpaca's paper rule; the configuration's `partialFillRate` belongs to it. */
  z.strictObject({ model: z.literal("quote") }),
  z.strictObject({ model: z.literal("next_open") }),
  z.strictObject({ model: z.literal("next_close") }),
  z.strictObject({ model: z.literal("same_close") }),
  z.strictObject({ model: z.literal("path") }),
  z.strictObject({
    model: z.literal("volume_share"),
    share: share().default("0.025"),
    impact: amount("100").default("0.1"),
  }),
  z.strictObject({ model: z.literal("queue"), cancels: z.enum(["behind", "proportional"]).default("behind") }),
]);

export const feeSchema = z.discriminatedUnion("model", [
  z.strictObject({ model: z.literal("none") }),
  /** US dollars for a share or coin, and least for an order. */
  z.strictObject({
    model: z.literal("per_share"),
    amount: amount("1000"),
    minimum: amount("1000").default("0"),
  }),
  /** Basis points of the value. */
  z.strictObject({ model: z.literal("bps"), bps: amount("10000"), inKind: z.boolean().default(false) }),
  /** What US regulators charge for shares. */
  z.strictObject({ model: z.literal("regulatory") }),
  /** Alpaca's maker and taker fees of crypto. */
  z.strictObject({ model: z.literal("crypto_tiers") }),
  /** Both of these. */
  z.strictObject({ model: z.literal("alpaca") }),
]);

export const latencySchema = z.discriminatedUnion("model", [
  z.strictObject({ model: z.literal("none") }),
  z.strictObject({ model: z.literal("constant"), us: latencyUs }),
  z
    .strictObject({ model: z.literal("uniform"), minUs: latencyUs, maxUs: latencyUs })
    .refine(({ minUs, maxUs }) => minUs <= maxUs, "maxUs must be at least minUs"),
  z.strictObject({
    model: z.literal("log_normal"),
    medianUs: latencyUs,
    /** Standard deviation of the logarithm. */
    sigma: z.number().min(0).max(5),
    maxUs: latencyUs.default(MINUTE_US),
  }),
]);

export const slippageSchema = z.discriminatedUnion("model", [
  z.strictObject({ model: z.literal("none") }),
  z.strictObject({ model: z.literal("bps"), bps: amount("10000") }),
  z.strictObject({ model: z.literal("seeded"), maxBps: amount("10000") }),
]);

export type FillConfig = z.output<typeof fillSchema>;
export type FeeConfig = z.output<typeof feeSchema>;
export type LatencyConfig = z.output<typeof latencySchema>;
export type SlippageConfig = z.output<typeof slippageSchema>;

export function fillModel(config: FillConfig, partialRate: number, seed: number): FillModel {
  switch (config.model) {
    case "quote":
      return quoteFill({ partialRate, seed });
    case "volume_share":
      return volumeShareFill({ share: fixed(config.share), impact: fixed(config.impact) });
    case "queue":
      return queueFill({ cancels: config.cancels });
    default:
      return barFill(config.model);
  }
}

export function feeModel(config: FeeConfig): FeeModel {
  switch (config.model) {
    case "none":
      return NO_FEE;
    case "per_share":
      return feePerShare(fixed(config.amount), fixed(config.minimum));
    case "bps":
      return feeBps(fixed(config.bps), config.inKind);
    case "regulatory":
      return regulatoryFee();
    case "crypto_tiers":
      return cryptoTierFee();
    case "alpaca":
      return allFees([regulatoryFee(), cryptoTierFee()]);
  }
}

export function latencyModel(config: LatencyConfig, seed: number): LatencyModel {
  switch (config.model) {
    case "none":
      return NO_LATENCY;
    case "constant":
      return constantLatency(config.us);
    case "uniform":
      return uniformLatency({ ...config, seed });
    case "log_normal":
      return logNormalLatency({ ...config, seed });
  }
}

export function slippageModel(config: SlippageConfig, seed: number): SlippageModel {
  switch (config.model) {
    case "none":
      return NO_SLIPPAGE;
    case "bps":
      return slippageBps(fixed(config.bps));
    case "seeded":
      return seededSlippage(fixed(config.maxBps), seed);
  }
}

function fixed(text: string): Fixed {
  return parseFixed(text, "amount");
}
