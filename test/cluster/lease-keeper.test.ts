import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { type Handover, LeaseKeeper } from "../../src/cluster/lease-keeper.ts";
import { CodedError } from "../../src/core/errors.ts";
import { MemoryJournal } from "../../src/orders/journal-memory.ts";

/** Time that moves only when told, with the timers that wait for it. */
class ManualClock {
  nowMs = 0;
  readonly #timers = new Map<number, { atMs: number; work: () => void }>();
  #next = 1;

  readonly schedule = (work: () => void, afterMs: number): (() => void) => {
    const id = this.#next++;
    this.#timers.set(id, { atMs: this.nowMs + afterMs, work });
    return () => this.#timers.delete(id);
  };

  /** Fires every timer due until then, at its own time, letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    for (;;) {
      await settle();
      const due = [...this.#timers]
        .filter(([, timer]) => timer.atMs <= untilMs)
        .sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.nowMs = due[1].atMs;
      due[1].work();
    }
    this.nowMs = untilMs;
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

void describe("lease keeper", () => {
  let clock: ManualClock;
  let journal: MemoryJournal;
  let isAway: boolean;
  let events: string[];
  let handovers: Handover[];
  let standing: string[];

  beforeEach(() => {
    clock = new ManualClock();
    journal = new MemoryJournal({ nowMs: () => clock.nowMs });
    isAway = false;
    events = [];
    handovers = [];
    standing = [];
  });

  function keeper(owner: string, acquireLease = journal.acquireLease.bind(journal)): LeaseKeeper {
    return new LeaseKeeper({
      journal: {
        acquireLease: async (who, ttlMs) => {
          if (isAway) throw new CodedError("STORE_UNAVAILABLE", "away");
          return acquireLease(who, ttlMs);
        },
        releaseLease: (fence, untradedMs) => journal.releaseLease(fence, untradedMs),
      },
      owner,
      ttlMs: 6000,
      renewMs: 2000,
      pollMs: 1000,
      lockDelayMs: 5000,
      marginMs: 500,
      nowMs: () => clock.nowMs,
      random: () => 0.5,
      schedule: clock.schedule,
      handler: {
        acquired: (fence, handover) => {
          events.push(`${owner} acquired ${fence.generation}`);
          handovers.push(handover);
        },
        lost: (cause) => events.push(`${owner} lost: ${cause}`),
        standby: () => standing.push(owner),
      },
    });
  }

  void it("acts at once on a free lease and keeps it by renewing", async () => {
    const a = keeper("a");
    assert.equal(a.fence(), null);
    a.start();
    await clock.advance(60_000);
    assert.deepEqual(events, ["a acquired 1"]);
    assert.deepEqual(a.fence(), { owner: "a", generation: 1n });
    assert.equal(await journal.acquireLease("b", 6000), null);
    await a.stop(0);
  });

  void it("stops acting half a second before the lease could end, counted from before the renewal", async () => {
    const a = keeper("a");
    a.start();
    await clock.advance(4000);
    isAway = true;
    // The last good call began at 4,000: the fence holds until 9,500.
    await clock.advance(5499);
    assert.notEqual(a.fence(), null);
    assert.equal(a.remainingMs(), 1);
    await clock.advance(1);
    assert.equal(a.fence(), null);
    assert.deepEqual(events, ["a acquired 1", "a lost: the lease was not renewed in time"]);
    await a.stop(0);
  });

  void it("does not believe an answer that took longer than the lease", async () => {
    let answer = (): void => undefined;
    const a = keeper("a", async (owner, ttlMs) => {
      const lease = await journal.acquireLease(owner, ttlMs);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return lease;
    });
    a.start();
    await clock.advance(5500);
    answer();
    await settle();
    assert.equal(a.fence(), null);
    assert.deepEqual(events, []);
    const stopped = a.stop(0);
    answer();
    await stopped;
  });

  void it("says that it lost its lease before it goes on with a renewal that it heard of too late", async () => {
    let calls = 0;
    let answer = (): void => undefined;
    const a = keeper("a", async (owner, ttlMs) => {
      const lease = await journal.acquireLease(owner, ttlMs);
      calls += 1;
      if (calls === 2) {
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
      }
      return lease;
    });
    a.start();
    await clock.advance(2000);
    // The process stands still past the end of its fence at 5,500; the answer comes before its timers do.
    clock.nowMs = 5600;
    assert.equal(a.fence(), null);
    answer();
    await settle();
    assert.deepEqual(events, ["a acquired 1", "a lost: the lease was not renewed in time", "a acquired 1"]);
    await a.stop(0);
  });

  void it("comes back with a higher generation after it lost the lease", async () => {
    const a = keeper("a");
    a.start();
    await clock.advance(0);
    isAway = true;
    await clock.advance(10_000);
    isAway = false;
    await clock.advance(1000);
    assert.deepEqual(events, ["a acquired 1", "a lost: the lease was not renewed in time", "a acquired 2"]);
    await a.stop(0);
  });

  void it("waits out the lock delay after an owner that never released, and renews meanwhile", async () => {
    await journal.acquireLease("dead", 6000);
    const b = keeper("b");
    b.start();
    // The dead owner's lease ends at 6,000; the poll there takes it; five seconds later b may act.
    await clock.advance(10_999);
    assert.equal(b.fence(), null);
    assert.deepEqual(events, []);
    await clock.advance(1);
    assert.deepEqual(events, ["b acquired 2"]);
    await clock.advance(30_000);
    assert.deepEqual(events, ["b acquired 2"]);
    await b.stop(0);
  });

  void it("takes over within one poll and without a delay from an owner that released", async () => {
    const [a, b] = [keeper("a"), keeper("b")];
    a.start();
    await clock.advance(0);
    b.start();
    await clock.advance(3000);
    assert.deepEqual(standing, ["b"], "told once that it stands by");
    await a.stop(0);
    assert.equal(a.fence(), null);
    await clock.advance(1000);
    assert.deepEqual(events, ["a acquired 1", "a lost: the process gives its lease back", "b acquired 2"]);
    await b.stop(0);
  });

  void it("looks at once when the lease is said to be free, also while an older answer is under way", async () => {
    const [a, b] = [keeper("a"), keeper("b")];
    a.start();
    await clock.advance(0);
    b.start();
    await clock.advance(100);
    await a.stop(0);
    b.hurry();
    await settle();
    assert.equal(events.at(-1), "b acquired 2");
    let answer = (): void => undefined;
    const c = keeper("c", async (owner, ttlMs) => {
      const lease = await journal.acquireLease(owner, ttlMs);
      if (lease === null) await new Promise<void>((resolve) => (answer = resolve));
      return lease;
    });
    c.start();
    await settle();
    await b.stop(0);
    c.hurry();
    answer();
    await clock.advance(0);
    assert.equal(events.at(-1), "c acquired 3");
    await c.stop(0);
  });

  void it("tells how the lease came to it and since when nobody has traded", async () => {
    const [a, b, c] = [keeper("a"), keeper("b"), keeper("c")];
    a.start();
    await clock.advance(3000);
    b.start();
    await clock.advance(0);
    await a.stop(250);
    b.hurry();
    await settle();
    isAway = true;
    const cut = b;
    await clock.advance(6000);
    isAway = false;
    await cut.stop(0);
    assert.deepEqual(handovers, [
      { kind: "clean", untradedSinceMs: null },
      { kind: "clean", untradedSinceMs: 2750 },
    ]);
    await journal.acquireLease("dead", 6000);
    await journal.acquireLease("dead", 6000);
    c.start();
    await clock.advance(20_000);
    assert.deepEqual(handovers.at(-1), { kind: "takeover", untradedSinceMs: 9000 });
    await c.stop(0);
  });

  void it("never lets two act at once, whatever is cut off", async () => {
    const names = ["a", "b", "c"];
    let reachable = names;
    const keepers = names.map((name) =>
      keeper(name, async (owner, ttlMs) => {
        if (!reachable.includes(owner)) throw new CodedError("STORE_UNAVAILABLE", "cut off");
        return journal.acquireLease(owner, ttlMs);
      }),
    );
    for (const each of keepers) each.start();
    const holders = new Set<string>();
    for (let step = 0; step < 2000; step++) {
      // Now all reach the database, now one alone.
      if (step % 170 === 0) reachable = step % 340 === 0 ? names : [names[(step / 170) % 3] as string];
      await clock.advance(100);
      const acting = keepers.map((each) => each.fence()).filter((fence) => fence !== null);
      assert.ok(acting.length <= 1, `two act at step ${step}`);
      for (const fence of acting) holders.add(fence.owner);
    }
    assert.equal(holders.size, 3, "each had its turn");
    for (const each of keepers) await each.stop(0);
  });
});
