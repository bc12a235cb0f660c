/**
 * History for an instance that starts or starts again: bars that bring its strategy to where it would be, marked so that
 * they decide nothing. Main thread only.
 */
import type { Broker, HistoricalBar } from "../broker/broker.ts";
import {
  BAR_INTERVAL_SHIFT,
  FLAG_WARM_UP,
  KIND_BAR,
  LANE_A,
  LANE_B,
  LANE_C,
  LANE_D,
  LANE_E,
  RecordBuffer,
} from "../core/market/record.ts";
import type { BarKeeper } from "./bar-keeper.ts";
import { BROKER_INTERVAL_SECONDS } from "./bar-repair.ts";
import type { PlacedInstance } from "../workers/placement.ts";

/** How many bar lengths to look back for each bar wanted: nights and quiet minutes have none. */
const LOOK_BACK = 4;

export interface WarmUpSource {
  readonly broker: Broker;
  readonly keeper: BarKeeper;
  /** Venue time of a symbol's last split, us: own bars of before it have the old prices, the broker's are adjusted. */
  readonly splitAtUs: (symbol: string) => number;
  readonly nowUs: number;
}

/**
 * The bars that an instance needs, per local instrument, oldest first: from `sinceUs` (the end of what its snapshot has
 * seen), or as many as its warm-up asks for. Own bars come before the broker's; what cannot be read is left out.
 */
export async function warmUpBars(
  instance: PlacedInstance,
  sinceUs: number | null,
  source: WarmUpSource,
): Promise<readonly (readonly HistoricalBar[])[]> {
  if (instance.barSeconds === 0) return instance.instruments.map(() => []);
  const wanted = instance.warmUpBars;
  const spanUs = wanted * LOOK_BACK * instance.barSeconds * 1e6;
  const startUs = Math.max(0, sinceUs ?? source.nowUs - spanUs);
  return Promise.all(
    instance.instruments.map(async (instrument, local) => {
      const symbol = instance.symbols[local] as string;
      const ownFromUs = Math.max(startUs, source.splitAtUs(symbol));
      const own = source.keeper.since(instrument, instance.barSeconds, ownFromUs);
      const older = await brokerBars(source, symbol, instance.barSeconds, startUs, own[0]?.startUs ?? source.nowUs);
      // Own bars go on coming while the broker is asked.
      const newer = source.keeper.since(instrument, instance.barSeconds, ownFromUs);
      return [...older, ...newer].slice(sinceUs === null ? -wanted : 0);
    }),
  );
}

async function brokerBars(
  source: WarmUpSource,
  symbol: string,
  intervalSeconds: number,
  startUs: number,
  endUs: number,
): Promise<readonly HistoricalBar[]> {
  if (intervalSeconds % BROKER_INTERVAL_SECONDS !== 0 || endUs <= startUs) return [];
  const answer = await source.broker.bars(symbol, intervalSeconds, startUs, endUs);
  const intervalUs = intervalSeconds * 1e6;
  return answer.kind === "ok" ? answer.value.filter((bar) => bar.startUs + intervalUs <= source.nowUs) : [];
}

/** Writes one bar into slot 0 of `scratch`: one that counts, or history that decides nothing. */
export function writeBar(
  scratch: RecordBuffer,
  instrument: number,
  intervalSeconds: number,
  bar: HistoricalBar,
  decides: boolean,
  receivedTimeUs: number,
): void {
  const flags = ((decides ? 0 : FLAG_WARM_UP) | (intervalSeconds << BAR_INTERVAL_SHIFT)) >>> 0;
  scratch.header(0, KIND_BAR, 0, instrument, flags, bar.startUs, receivedTimeUs);
  scratch.setLane(0, LANE_A, bar.open);
  scratch.setLane(0, LANE_B, bar.high);
  scratch.setLane(0, LANE_C, bar.low);
  scratch.setLane(0, LANE_D, bar.close);
  scratch.setLane(0, LANE_E, bar.volume);
}
