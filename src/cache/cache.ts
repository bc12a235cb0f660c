/**
 * What replicas of one bot tell each other: the one that trades hands out its events and its latest state, those that stand
 * by mirror them. Main thread only. Nothing that safety depends on may use it: what it says can be missing or late, and no
 * method throws or waits for a server.
 */
import type { PartHealth, StrategyView, StreamEvent } from "../api/bot-port.ts";
import type { CacheReading } from "../api/metrics/metrics.ts";

export interface InstanceState {
  readonly id: string;
  readonly state: StrategyView["state"];
  /** Number of the engine worker in the process that trades. */
  readonly worker: number | null;
  readonly intents: number;
  readonly refusals: number;
}

/** What the process that trades knows beside the journal. */
export interface OwnerState {
  /** Its name for people: the pod's or the host's. */
  readonly owner: string;
  readonly instances: readonly InstanceState[];
  /** Number of refusals by code since it started. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Current values of the channels that have keys, as the events that would build them. */
  readonly events: readonly StreamEvent[];
}

/** The owner's state as it was heard of at most `MIRROR_MS_MAX` ago. */
export interface MirrorState extends OwnerState {
  /** Of the owner's lease. */
  readonly generation: bigint;
}

/** What is heard of an owner is void after this time without a message, ms. */
export const MIRROR_MS_MAX = 5_000;

export interface Cache {
  /** This process trades from now on, under the lease of this generation: it publishes and mirrors nobody. */
  lead(generation: bigint): void;
  /** This process stands by from now on: it publishes nothing and mirrors the owner. */
  follow(): void;
  /** Hands an event to the replicas that stand by; does nothing while this process stands by. */
  publish(event: StreamEvent): void;
  /** Replaces the latest state, to be called about once a second; does nothing while this process stands by. */
  setState(state: OwnerState): void;
  /** Calls back for every event of the owner that is mirrored; returns the function that ends it. */
  onEvent(listener: (event: StreamEvent) => void): () => void;
  /** Calls back when what was built up from events is void: another owner, a gap, or nothing heard of it. */
  onRestart(listener: () => void): () => void;
  /** The owner's state, or null: it was not heard of for `MIRROR_MS_MAX`, or this process leads. */
  latest(): MirrorState | null;
  /** Tells the others that the lease was given back, so that they try it at once; resolves within a second. */
  hintReleased(): Promise<void>;
  /** Calls back when another process says that it gave its lease back; returns the function that ends it. */
  onReleased(listener: () => void): () => void;
  /** The part `redis` of `/ready`; null without Redis. */
  health(): PartHealth | null;
  /** Null without Redis. */
  reading(): CacheReading | null;
  close(): Promise<void>;
}
