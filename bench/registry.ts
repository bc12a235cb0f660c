/** The benchmarks that `npm run bench` knows, in the order in which it runs them. */
import type { Benchmark } from "./harness.ts";
import { inbound } from "./inbound.ts";
import { ring } from "./ring.ts";

export const BENCHMARKS: readonly Benchmark[] = [ring, inbound];
