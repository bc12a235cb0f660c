import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, describe, it } from "node:test";
import { createSimulator } from "../../src/simulator/simulator.ts";
import { type Body, call, dataStream, isMarket, KEYS, order, Peer, tradeStream } from "./client.ts";
import { record } from "./recording.ts";

const recording = record(40);
after(() => rmSync(recording.directory, { recursive: true }));

const CONFIG = { ...KEYS, port: 0, speed: "lockstep", replay: recording.files };

/** A bot that acknowledges every barrier once it has seen all of it; `act` runs first, at every barrier. */
class LockstepBot {
  readonly steps: { step: number; trade_updates: number; market: number }[] = [];
  /** What arrived on all three connections, in order of arrival. */
  readonly story: string[] = [];
  readonly port: number;
  readonly #lockstep: Peer;
  readonly #trades: Peer;
  readonly #market: Peer;

  private constructor(port: number, trades: Peer, market: Peer, lockstep: Peer) {
    this.port = port;
    this.#trades = trades;
    this.#market = market;
    this.#lockstep = lockstep;
  }

  static async connect(port: number): Promise<LockstepBot> {
    const trades = await tradeStream(port);
    const market = await dataStream(port, "/v2/iex", { quotes: ["REC"], trades: ["REC"] });
    return new LockstepBot(port, trades, market, await Peer.open(`ws://127.0.0.1:${port}/simulator/lockstep`));
  }

  get updates(): Body[] {
    return this.#trades.messages.filter((message) => message.stream === "trade_updates");
  }

  get market(): Body[] {
    return this.#market.messages.filter(isMarket);
  }

  async run(act: (step: number) => Promise<void>): Promise<void> {
    for (let handled = 0; ; handled++) {
      const seen = handled;
      let count = 0;
      const message = await this.#lockstep.find(() => count++ >= seen);
      if (message.end === true) return;
      this.steps.push(message);
      await this.#receive(message);
      await act(message.step);
      await this.#settle();
      this.acknowledge(message.step);
    }
  }

  acknowledge(step: number, updates = this.updates.length): void {
    this.#lockstep.send({ step, trade_updates: updates });
  }

  async close(): Promise<void> {
    for (const peer of [this.#trades, this.#market, this.#lockstep]) await peer.close();
  }

  /** Waits for the updates of everything that has happened to the account. */
  async #settle(): Promise<void> {
    const { events } = (await call(this.port, "GET", "/simulator/ledger")).body;
    await this.#trades.find(() => this.updates.length >= events);
  }

  async #receive(message: Body): Promise<void> {
    await this.#trades.find(() => this.updates.length >= message.trade_updates);
    if (message.market > 0) await this.#market.find(() => this.market.length >= message.market);
  }
}

describe("lockstep", () => {
  it("plays every tick of the files in order, quotes before trades of the same stamp, one barrier each", async () => {
    const simulator = await createSimulator(CONFIG);
    const bot = await LockstepBot.connect(await simulator.listen());
    await bot.run(async () => {});
    assert.equal(bot.market.length, recording.ticks);
    assert.equal(bot.steps.length, recording.ticks);
    assert.deepEqual(
      bot.steps.map(({ market }) => market),
      bot.market.map((_, index) => index + 1),
    );
    assert.deepEqual(
      bot.market.slice(0, 4).map((tick) => tick.T),
      ["q", "t", "q", "q"],
    );
    for (const [index, tick] of bot.market.entries())
      assert.ok(index === 0 || Date.parse(tick.t) >= Date.parse(bot.market[index - 1].t));
    const state = (await call(bot.port, "GET", "/simulator/state")).body;
    assert.deepEqual([state.progress, state.done, state.speed], [1, true, "lockstep"]);
    await bot.close();
    await simulator.close();
  });

  it("does not move without an acknowledgement, nor by one of another step or with too few updates", async () => {
    const simulator = await createSimulator(CONFIG);
    const bot = await LockstepBot.connect(await simulator.listen());
    let posted = false;
    await bot.run(async (step) => {
      if (posted) return;
      posted = true;
      bot.acknowledge(step + 1);
      // The order trades at once: three updates that the bot says it has not seen.
      await order(bot.port, "buy 1 REC");
      bot.acknowledge(step, 0);
      const state = (await call(bot.port, "GET", "/simulator/ledger")).body;
      assert.equal(state.tick, 1);
    });
    assert.deepEqual(
      bot.updates.map((update) => update.data.event),
      ["pending_new", "new", "fill"],
    );
    await bot.close();
    await simulator.close();
  });

  it("sends the updates of a resting order before the tick that filled it, behind a barrier of their own", async () => {
    const simulator = await createSimulator(CONFIG);
    const bot = await LockstepBot.connect(await simulator.listen());
    let seenAtFill = -1;
    await bot.run(async (step) => {
      // The first ask is 100.01; what is bought there is for sale at 100.05.
      if (step === 1) await order(bot.port, "buy 5 REC");
      if (step === 2) await order(bot.port, "sell 5 REC 100.05");
      if (
        seenAtFill < 0 &&
        bot.updates.at(-1)?.data.event === "fill" &&
        bot.updates.at(-1)?.data.order.side === "sell"
      ) {
        seenAtFill = bot.market.length;
        assert.ok(bot.market.at(-1)?.bp !== 100.05, "the tick that fills must not have been sent yet");
      }
    });
    assert.ok(seenAtFill > 0);
    assert.equal(bot.market[seenAtFill].bp, 100.05);
    const markets = bot.steps.map(({ market }) => market);
    assert.equal(markets.filter((market) => market === seenAtFill).length, 2);
    await bot.close();
    await simulator.close();
  });

  it("shows the open barrier to the next connection", async () => {
    const simulator = await createSimulator(CONFIG);
    const first = await LockstepBot.connect(await simulator.listen());
    const seen = await new Promise<number>((resolve) => {
      void first.run(async (step) => {
        if (step < 5) return;
        resolve(step);
        await new Promise(() => {});
      });
    });
    await first.close();
    const second = await LockstepBot.connect(first.port);
    await second.run(async () => {});
    assert.equal(second.steps[0]?.step, seen);
    assert.equal(second.market.length, recording.ticks - seen);
    await second.close();
    await simulator.close();
  });

  it("gives the same history twice", async () => {
    const run = async () => {
      const simulator = await createSimulator(CONFIG);
      const bot = await LockstepBot.connect(await simulator.listen());
      await bot.run(async (step) => {
        if (step % 7 === 0) {
          const text = step % 2 === 0 ? "buy 2 REC" : "buy 1 REC 100.02";
          await order(bot.port, text, { client_order_id: `step-${step}` });
        }
      });
      const { body } = await call(bot.port, "GET", "/simulator/ledger");
      await bot.close();
      await simulator.close();
      return body;
    };
    const [one, two] = [await run(), await run()];
    assert.ok(one.fills >= 5);
    assert.notEqual(one.account_id, two.account_id);
    assert.deepEqual({ ...one, account_id: "" }, { ...two, account_id: "" });
  });
});
