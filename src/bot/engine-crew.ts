/**
 * The engine workers of one trading life: what they are started with, told and asked for, and their replacement when one
 * dies. Main thread only. It decides nothing about orders: intents go to its owner, who also ends what a dead worker had
 * in flight.
 */
import type { Broker, HistoricalBar } from "../broker/broker.ts";
import type { EngineSpec } from "../core/engine.ts";
import type { Fixed } from "../core/fixed.ts";
import {
  CONTROL_ACCOUNT_STATE,
  CONTROL_FEED_STALE,
  CONTROL_INSTANCE_STATE,
  CONTROL_RESUME,
  KIND_GAP,
  NO_INSTRUMENT,
  RecordBuffer,
  TRADING_ACTIVE,
  TRADING_HALTED,
  TRADING_REDUCING,
} from "../core/market/record.ts";
import type { IntentBuffer } from "../core/order/intent.ts";
import type { Books } from "../orders/books.ts";
import type { DecodedIntent } from "../orders/intent-decoder.ts";
import type { JournalSnapshot, PositionRow, Split, TradingState } from "../orders/journal.ts";
import { EnginePool, type EngineWorker } from "../workers/engine-pool.ts";
import type { EngineThreads } from "../workers/engine-threads.ts";
import type { PlacedInstance, Placement } from "../workers/placement.ts";
import type { BarKeeper } from "./bar-keeper.ts";
import { InboundHub } from "./inbound-hub.ts";
import { IntentPump } from "./intent-pump.ts";
import type { RunRecordings } from "./run-recording.ts";
import type { TraderLog } from "./trader-log.ts";
import type { VenueClock } from "./venue-clock.ts";
import { warmUpBars, writeBar } from "./warm-up.ts";

/** Pause before a worker that has died more than once is started again, doubling, ms. */
const REPLACE_PAUSE_MS = 1000;
const REPLACE_PAUSE_MAX_MS = 60_000;

export type InstancePhase = "warming_up" | "running" | "stopped";

/** What the engines are told of when one of them begins; its owner's. */
export interface CrewOrders {
  accountState(): TradingState;
  instanceState(instanceId: string): TradingState;
  isMarketStale(): boolean;
}

export interface EngineCrewOptions {
  readonly placement: Placement;
  readonly threads: EngineThreads;
  readonly spin: number;
  readonly broker: Broker;
  readonly books: Books;
  readonly keeper: BarKeeper;
  readonly clock: VenueClock;
  readonly recordings: RunRecordings | null;
  readonly lockstep: boolean;
  readonly orders: CrewOrders;
  readonly onIntent: (intent: DecodedIntent, instance: PlacedInstance) => void;
  readonly onRecord: (worker: number, intents: IntentBuffer, slot: number) => void;
  readonly onDied: (worker: number, error: unknown) => void;
  /** Ends every order of a worker that died: its positions are then known, and no order is decided twice. */
  readonly settleWorker: (worker: number) => Promise<void>;
  readonly log: TraderLog;
  readonly wallUs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

interface KeptState {
  readonly snapshot: Uint8Array;
  readonly timeUs: number;
  readonly fingerprint: string;
}

/** What an instance is to see before it decides. */
interface InstanceHistory {
  readonly instance: PlacedInstance;
  /** The end of what its snapshot has seen; null without one. */
  readonly sinceUs: number | null;
  /** Per instrument of the instance, oldest first. */
  readonly bars: readonly (readonly HistoricalBar[])[];
}

export class EngineCrew {
  readonly pool: EnginePool;
  readonly hub: InboundHub;
  readonly #options: EngineCrewOptions;
  readonly #pump: IntentPump;
  readonly #snapshots = new Map<string, KeptState>();
  readonly #deaths = new Map<number, number>();
  readonly #phases = new Map<string, InstancePhase>();
  readonly #scratch = RecordBuffer.allocate(1);
  #splits: readonly Split[] = [];
  #stopped = false;

  constructor(options: EngineCrewOptions) {
    this.#options = options;
    this.hub = new InboundHub({
      routes: options.placement.routes,
      wallUs: options.wallUs,
      onUndeliverable: (worker) => this.pool.halt(worker),
    });
    this.pool = new EnginePool({
      specs: options.placement.specs,
      threads: options.threads,
      spin: options.spin,
      onDeath: (worker, error) => this.#onDeath(worker, error),
    });
    this.#pump = new IntentPump({ onIntent: (intent) => this.#onIntent(intent), onRecord: options.onRecord });
  }

  phase(instanceId: string): InstancePhase {
    return this.#phases.get(instanceId) ?? "stopped";
  }

  /** Throws for a place where nobody is: a bug. */
  instanceOf(worker: number, index: number): PlacedInstance {
    const found = this.#options.placement.instances.find((i) => i.worker === worker && i.index === index);
    if (found === undefined) throw new RangeError(`worker ${worker} has no instance ${index}`);
    return found;
  }

  /** Before `start`: the states that instances go on from. */
  load(snapshot: JournalSnapshot): void {
    this.#splits = snapshot.splits;
    for (const row of snapshot.instances) {
      const { instanceId, fingerprint, snapshotTimeUs: timeUs } = row;
      this.#snapshots.set(instanceId, { snapshot: row.snapshot, timeUs, fingerprint });
    }
  }

  /** States and own bars of before these are of no use to a worker that starts from now on. */
  setSplits(splits: readonly Split[]): void {
    this.#splits = splits;
  }

  async start(): Promise<void> {
    await Promise.all(this.#options.placement.specs.map((_, worker) => this.#startWorker(worker)));
  }

  /** Resolves when the engines have read all that was written, with what they answered handed on. */
  async drained(): Promise<void> {
    await this.pool.drained();
    this.#pump.drain();
  }

  tellAccountState(state: TradingState): void {
    this.hub.controlAll(CONTROL_ACCOUNT_STATE, tradingNumber(state), this.#options.clock.nowUs());
  }

  tellInstanceState(instance: PlacedInstance, state: TradingState): void {
    const nowUs = this.#options.clock.nowUs();
    this.hub.control(instance.worker, CONTROL_INSTANCE_STATE, instance.index, tradingNumber(state), nowUs);
  }

  /** What the books have of every instrument of an instance. */
  tellPositions(instance: PlacedInstance): void {
    for (const [local, instrument] of instance.instruments.entries()) {
      const symbol = instance.symbols[local] as string;
      const quantity: Fixed = this.#options.books.position(instance.id, symbol)?.quantity ?? 0n;
      this.hub.position(instance.worker, instance.index, instrument, quantity, this.#options.clock.nowUs());
    }
  }

  tellPosition(position: PositionRow): void {
    const instance = this.#options.placement.instances.find((i) => i.id === position.instanceId);
    const instrument = instance?.instruments[instance.symbols.indexOf(position.symbol)];
    if (instance === undefined || instrument === undefined) return;
    const { worker, index } = instance;
    this.hub.position(worker, index, instrument, position.quantity, this.#options.clock.nowUs());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.hub.stop();
    await this.pool.stop();
  }

  async #startWorker(index: number): Promise<void> {
    const { placement, recordings, orders, clock } = this.#options;
    const instances = placement.instances.filter((i) => i.worker === index);
    for (const instance of instances) this.#phases.set(instance.id, "warming_up");
    const histories = await Promise.all(instances.map((instance) => this.#history(instance)));
    const restored = instances.flatMap((instance) => {
      const kept = this.#usableSnapshot(instance);
      return kept === null ? [] : [{ instanceIndex: instance.index, snapshot: doublesOf(kept.snapshot) }];
    });
    const spec = placement.specs[index] as EngineSpec;
    const tap = (await recordings?.begin(index, spec, restored)) ?? null;
    if (this.#stopped) return;
    const worker = this.pool.start(index, restored, tap);
    this.hub.attach(worker);
    this.#pump.attach(worker);
    for (const history of histories) {
      this.#warmUp(history);
      // The ring holds some thousand bars. It is empty again soon; market data that comes meanwhile counts as well.
      await this.pool.drained();
      // It died meanwhile: its successor begins again.
      if (this.pool.worker(index) !== worker || this.#stopped) return;
    }
    this.hub.control(index, CONTROL_FEED_STALE, 0, orders.isMarketStale() ? 1 : 0, clock.nowUs());
    this.#gap(worker);
    for (const instance of instances) this.#resume(instance);
  }

  /** Of another strategy, or with prices of before a split, a snapshot is of no use: the warm-up begins from nothing. */
  #usableSnapshot(instance: PlacedInstance): KeptState | null {
    const kept = this.#snapshots.get(instance.id);
    if (kept === undefined || kept.fingerprint !== instance.fingerprint) return null;
    return kept.timeUs < lastSplitUs(this.#splits, instance.symbols) ? null : kept;
  }

  async #history(instance: PlacedInstance): Promise<InstanceHistory> {
    const { broker, keeper, clock } = this.#options;
    const sinceUs = this.#usableSnapshot(instance)?.timeUs ?? null;
    const splitAtUs = (symbol: string) => lastSplitUs(this.#splits, [symbol]);
    const bars = await warmUpBars(instance, sinceUs, { broker, keeper, splitAtUs, nowUs: clock.nowUs() });
    return { instance, sinceUs, bars };
  }

  #warmUp({ instance, sinceUs, bars }: InstanceHistory): void {
    const { wallUs, log } = this.#options;
    for (const [local, list] of bars.entries()) {
      for (const bar of list) {
        writeBar(this.#scratch, instance.instruments[local] as number, instance.barSeconds, bar, false, wallUs());
        this.hub.marketTo(instance.worker, this.#scratch, 0);
        this.hub.flush();
      }
    }
    log.info("instance warmed up", { instance: instance.id, bars: bars.map((list) => list.length), since: sinceUs });
  }

  /** The first bar after a start misses its beginning. Not in lockstep: there the run begins with the data. */
  #gap(worker: EngineWorker): void {
    const nowUs = this.#options.clock.nowUs();
    if (this.#options.lockstep || nowUs === 0) return;
    this.#scratch.header(0, KIND_GAP, 0, NO_INSTRUMENT, 0, nowUs, this.#options.wallUs());
    this.hub.marketTo(worker.index, this.#scratch, 0);
  }

  #resume(instance: PlacedInstance): void {
    const { clock, orders } = this.#options;
    const nowUs = clock.nowUs();
    this.tellPositions(instance);
    this.tellInstanceState(instance, orders.instanceState(instance.id));
    this.hub.control(instance.worker, CONTROL_ACCOUNT_STATE, 0, tradingNumber(orders.accountState()), nowUs);
    const suppressUs = this.#snapshots.get(instance.id)?.timeUs ?? 0;
    this.hub.control(instance.worker, CONTROL_RESUME, instance.index, suppressUs, nowUs);
    this.#phases.set(instance.id, "running");
  }

  #onIntent(intent: DecodedIntent): void {
    const instance = this.instanceOf(intent.owner.worker, intent.owner.instanceIndex);
    if (intent.kind === "order") {
      const { snapshot, engineTimeUs: timeUs } = intent;
      this.#snapshots.set(instance.id, { snapshot, timeUs, fingerprint: instance.fingerprint });
    }
    this.#options.onIntent(intent, instance);
  }

  #onDeath(index: number, error: unknown): void {
    const { placement, log, onDied } = this.#options;
    if (this.#stopped) return;
    for (const instance of placement.instances)
      if (instance.worker === index) this.#phases.set(instance.id, "warming_up");
    log.error("engine worker died: its instances do not trade until it is rebuilt", {
      worker: index,
      error: String(error),
    });
    this.#pump.drain();
    this.hub.detach(index);
    onDied(index, error);
    void this.#replace(index).catch((failure: unknown) => log.error("worker not rebuilt", { error: String(failure) }));
  }

  async #replace(index: number): Promise<void> {
    const { sleep, settleWorker } = this.#options;
    const deaths = (this.#deaths.get(index) ?? 0) + 1;
    this.#deaths.set(index, deaths);
    // One that dies again and again must not take the processor from the others.
    if (deaths > 1) await sleep(Math.min(REPLACE_PAUSE_MS * 2 ** (deaths - 2), REPLACE_PAUSE_MAX_MS));
    await settleWorker(index);
    if (!this.#stopped) await this.#startWorker(index);
  }
}

/** Venue time of the last split of any of the symbols, us; minus infinity without one. */
function lastSplitUs(splits: readonly Split[], symbols: readonly string[]): number {
  return Math.max(...splits.filter(({ symbol }) => symbols.includes(symbol)).map(({ atUs }) => atUs));
}

function tradingNumber(state: TradingState): number {
  return state === "active" ? TRADING_ACTIVE : state === "reducing" ? TRADING_REDUCING : TRADING_HALTED;
}

function doublesOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer);
}
