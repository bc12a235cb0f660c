/** How long an order travels to the market: constant, or drawn by its number from a seeded distribution. Pure. */
import { hashUnit } from "../seeded-hash.ts";
import type { LatencyModel } from "./contract.ts";

export const NO_LATENCY: LatencyModel = { latencyUs: () => 0 };

/** Every order takes the same time. */
export function constantLatency(us: number): LatencyModel {
  return { latencyUs: () => us };
}

/** Any time from `minUs` to `maxUs` is as likely. */
export function uniformLatency(options: {
  readonly minUs: number;
  readonly maxUs: number;
  readonly seed: number;
}): LatencyModel {
  const { minUs, maxUs, seed } = options;
  return { latencyUs: ({ number }) => minUs + Math.floor(hashUnit(seed, number, DRAW_UNIFORM) * (maxUs - minUs + 1)) };
}

/**
 * Log-normal, as round trips over a network are: half of the orders take less than `medianUs`, and `sigma` is the standard
 * deviation of the logarithm (0.5: one order in 44 takes more than e times the median). Never more than `maxUs`.
 */
export function logNormalLatency(options: {
  readonly medianUs: number;
  readonly sigma: number;
  readonly maxUs: number;
  readonly seed: number;
}): LatencyModel {
  const { medianUs, sigma, maxUs, seed } = options;
  return {
    latencyUs: ({ number }) => Math.min(maxUs, Math.round(medianUs * Math.exp(sigma * standardNormal(seed, number)))),
  };
}

const DRAW_UNIFORM = 401;
const DRAW_RADIUS = 402;
const DRAW_ANGLE = 403;

/** Box and Muller's transform of two draws; 1 − u keeps the logarithm finite. */
function standardNormal(seed: number, number: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - hashUnit(seed, number, DRAW_RADIUS)));
  return radius * Math.cos(2 * Math.PI * hashUnit(seed, number, DRAW_ANGLE));
}
