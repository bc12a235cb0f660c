/**
 * From the first byte of `POST /v2/orders` to the fill seen on the trade-update stream, order after order over one kept
 * connection, with the ledger on disk as the command keeps it and in memory. The machine's own sockets, two processes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WebSocket } from "ws";
import { type Benchmark, type BenchOptions, type BenchResult, checkAnswer } from "./harness.ts";
import { KEYS, SimulatorProcess } from "./simulator-process.ts";

const ORDERS = 5000;
const WARM_UP = 500;
const QUICK = { orders: 20, warmUp: 4 };

export const simulatorOrders: Benchmark = {
  name: "simulator-orders",
  description: "order round trip at the simulator: POST to the fill on the stream, two processes over loopback",
  async run(options) {
    const folder = mkdtempSync(join(tmpdir(), "bench-simulator-"));
    try {
      return [
        ...(await roundTrips("ledger on disk", join(folder, "ledger.jsonl"), options)),
        ...(await roundTrips("ledger in memory", null, options)),
      ];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function roundTrips(kind: string, ledgerFile: string | null, options: BenchOptions): Promise<BenchResult[]> {
  const { orders, warmUp } = options.quick ? QUICK : { orders: ORDERS, warmUp: WARM_UP };
  options.progress(`${orders} orders, ${kind}`);
  const simulator = await SimulatorProcess.start({ ledgerFile, haltRate: 0, startTime: "2026-03-02T15:00:00Z" });
  await firstQuote(simulator);
  const desk = await Desk.open(simulator);
  try {
    const microseconds: number[] = [];
    for (let i = 0; i < warmUp + orders; i++) {
      const startMs = performance.now();
      await desk.trade(`order-${i}`, i % 2 === 0 ? "buy" : "sell");
      if (i >= warmUp) microseconds.push((performance.now() - startMs) * 1000);
    }
    await check(simulator, warmUp + orders);
    return quantiles(kind, microseconds);
  } finally {
    desk.close();
    await simulator.stop();
  }
}

/** Market orders trade against a quote: resolves when there is one. */
async function firstQuote(simulator: SimulatorProcess): Promise<void> {
  const data = await simulator.socket("/v2/iex");
  const arrived = new Promise<void>((resolve) => {
    data.on("message", (frame: Buffer) => {
      if (JSON.parse(frame.toString())[0].T === "q") resolve();
    });
  });
  data.send(JSON.stringify({ action: "auth", key: KEYS.keyId, secret: KEYS.secret }));
  data.send(JSON.stringify({ action: "subscribe", quotes: ["DEMO"] }));
  await arrived;
  data.terminate();
}

/** Every order was filled once, and nothing is left of them. */
async function check(simulator: SimulatorProcess, orders: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${simulator.port}/simulator/ledger`);
  const ledger = (await answer.json()) as { fills: number; orders: number; positions: Record<string, string> };
  checkAnswer("orders in the ledger", ledger.orders, orders);
  checkAnswer("fills in the ledger", ledger.fills, orders);
  checkAnswer("positions left", Object.keys(ledger.positions).length, 0);
}

function quantiles(kind: string, microseconds: number[]): BenchResult[] {
  const sorted = microseconds.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  const result = (name: string, value: number): BenchResult => ({
    name: `round trip ${name}, ${kind}`,
    value,
    unit: "us",
    checked: true,
    note: `${sorted.length} orders, one at a time`,
  });
  return [result("p50", at(0.5)), result("p99", at(0.99))];
}

class Desk {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #port: number;
  readonly #stream: WebSocket;
  #awaited: { readonly id: string; readonly filled: () => void } | null = null;

  private constructor(port: number, stream: WebSocket) {
    this.#port = port;
    this.#stream = stream;
    stream.on("message", (data: Buffer) => {
      const { stream: name, data: update } = JSON.parse(data.toString());
      if (name !== "trade_updates" || update.event !== "fill") return;
      if (update.order.client_order_id === this.#awaited?.id) this.#awaited?.filled();
    });
  }

  static async open(simulator: SimulatorProcess): Promise<Desk> {
    const stream = await simulator.socket("/stream");
    const listening = new Promise<void>((resolve) => {
      stream.on("message", (data: Buffer) => {
        if (JSON.parse(data.toString()).stream === "listening") resolve();
      });
    });
    stream.send(JSON.stringify({ action: "auth", key: KEYS.keyId, secret: KEYS.secret }));
    stream.send(JSON.stringify({ action: "listen", data: { streams: ["trade_updates"] } }));
    await listening;
    return new Desk(simulator.port, stream);
  }

  /** Resolves when the order was answered and its fill has arrived, in whatever order these come. */
  async trade(id: string, side: "buy" | "sell"): Promise<void> {
    const filled = new Promise<void>((resolve) => {
      this.#awaited = { id, filled: resolve };
    });
    const order = { symbol: "DEMO", qty: "1", side, type: "market", time_in_force: "day", client_order_id: id };
    await Promise.all([this.#post(JSON.stringify(order)), filled]);
  }

  #post(body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "apca-api-key-id": KEYS.keyId,
        "apca-api-secret-key": KEYS.secret,
      };
      const target = { host: "127.0.0.1", port: this.#port, path: "/v2/orders", method: "POST", headers };
      request({ ...target, agent: this.#agent }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`POST /v2/orders answered ${response.statusCode}`));
        response.resume().on("end", resolve);
      })
        .on("error", reject)
        .end(body);
    });
  }

  close(): void {
    this.#stream.terminate();
    this.#agent.destroy();
  }
}
