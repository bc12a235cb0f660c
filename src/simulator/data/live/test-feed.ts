/**
 * The market of the test stream: `FAKEPACA`, always on, by the machine's clock and at its pace, whatever the simulated
 * market does. Runs while somebody is there. Main thread of the simulator.
 */
import { equity } from "../../../core/market/instrument.ts";
import { syntheticInstrument } from "../../demonstration-market.ts";
import type { MarketTick } from "../../market-source.ts";
import { SLOT_US } from "../../synthetic/synthetic-line.ts";
import { SyntheticMarket } from "../../synthetic/synthetic-market.ts";
import { BarStore } from "../history/bar-store.ts";
import { RecentTicks } from "../history/recent-ticks.ts";
import type { AnyMessage } from "../stream/stream-message.ts";
import { FeedPublisher } from "./feed-publisher.ts";

const SYMBOL = "FAKEPACA";
const BASE_PRICE = 133.7;
const RETAINED_TICKS = 2000;
const RETAINED_BARS = 1440;

export const TEST_INSTRUMENTS = [equity(0, SYMBOL, { calendar: "always" })] as const;

/** Where its messages go. */
export interface TestFeedSink {
  hasListener(): boolean;
  publish(message: AnyMessage): void;
  /** Sends what has been published. */
  flush(): void;
}

export class TestFeed {
  readonly #market: SyntheticMarket;
  readonly #wallMs: () => number;
  readonly #publisher: FeedPublisher;
  readonly #recent = new RecentTicks(RETAINED_TICKS, Number.POSITIVE_INFINITY);
  readonly #sink: TestFeedSink;
  #slot = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(seed: number, wallMs: () => number, sink: TestFeedSink) {
    const [instrument] = TEST_INSTRUMENTS;
    const line = syntheticInstrument({ symbol: SYMBOL, basePrice: BASE_PRICE }, instrument);
    this.#market = new SyntheticMarket({ seed, instruments: [line], haltRate: 0, correctionRate: 0, tickLimit: null });
    this.#wallMs = wallMs;
    this.#sink = sink;
    this.#publisher = new FeedPublisher({
      instruments: TEST_INSTRUMENTS,
      store: new BarStore(TEST_INSTRUMENTS.length, RETAINED_BARS),
      recent: this.#recent,
      publish: (message) => sink.publish(message),
      isDayKnown: () => true,
      wantsDays: () => true,
    });
  }

  /** Somebody is there; may be called again. */
  start(): void {
    if (this.#timer !== null) return;
    this.#slot = this.#currentSlot();
    this.#timer = setInterval(() => this.#play(), SLOT_US / 1000);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #play(): void {
    if (!this.#sink.hasListener()) return this.stop();
    const ticks: MarketTick[] = [];
    for (const end = this.#currentSlot(); this.#slot < end; this.#slot++) this.#market.slot(this.#slot, ticks);
    for (const tick of ticks) {
      this.#recent.add(tick);
      this.#publisher.play(tick);
    }
    this.#publisher.advance(this.#slot * SLOT_US);
    this.#sink.flush();
  }

  #currentSlot(): number {
    return Math.floor((this.#wallMs() * 1000) / SLOT_US);
  }
}
