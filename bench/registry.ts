/** The benchmarks that `npm run bench` knows, in the order in which it runs them. */
import { backtest } from "./backtest.ts";
import { decode } from "./decode.ts";
import { engine } from "./engine.ts";
import type { Benchmark } from "./harness.ts";
import { inbound } from "./inbound.ts";
import { intentToOrder } from "./intent-to-order.ts";
import { replicas } from "./replicas.ts";
import { ring } from "./ring.ts";
import { simulatorData } from "./simulator-data.ts";
import { simulatorOrders } from "./simulator-orders.ts";
import { start } from "./start.ts";
import { tickToIntent } from "./tick-to-intent.ts";

export const BENCHMARKS: readonly Benchmark[] = [
  ring,
  inbound,
  decode,
  engine,
  tickToIntent,
  intentToOrder,
  backtest,
  simulatorOrders,
  simulatorData,
  replicas,
  start,
];
