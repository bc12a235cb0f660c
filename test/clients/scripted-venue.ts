/**
 * A simulator for the clients' tests, with a market whose every tick is written down: it moves only when the test says so,
 * by the lockstep socket, so that each price that a client sees is known beforehand.
 */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { gzipSync } from "node:zlib";
import { WebSocket } from "ws";
import { createSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { selfSigned } from "../simulator/self-signed.ts";
import { Arrivals } from "./arrivals.ts";

export const KEYS = { keyId: "client-key", secret: "client-secret" };

/** Tuesday, 10:00 in New York: within the session of 2018-01-02. */
export const START_MS = Date.parse("2018-01-02T15:00:00Z");

/** Ticks one after the other, a millisecond apart unless `wait` says otherwise. Prices are in US dollars. */
export class MarketScript {
  readonly #quotes = ["ts_ns,symbol,bid,bid_size,ask,ask_size,exchange"];
  readonly #trades = ["ts_ns,symbol,price,size,exchange,cond,corr"];
  #timeMs = START_MS;

  /** Sizes are shares or coins. */
  quote(symbol: string, bid: number, ask: number, size = 10_000): this {
    this.#quotes.push(`${this.#stamp()},${symbol},${bid},${size},${ask},${size},Q`);
    return this;
  }

  /** `condition` is the sale's, such as O for an opening print and 6 for a closing one. */
  trade(symbol: string, price: number, size = 100, condition = "@"): this {
    this.#trades.push(`${this.#stamp()},${symbol},${price},${size},Q,${condition},0`);
    return this;
  }

  wait(seconds: number): this {
    this.#timeMs += seconds * 1000;
    return this;
  }

  /** Writes the ticks as recorded files. */
  write(directory: string): string[] {
    const kinds = [
      { name: "quotes.csv.gz", rows: this.#quotes },
      { name: "trades.csv.gz", rows: this.#trades },
    ].filter(({ rows }) => rows.length > 1);
    return kinds.map(({ name, rows }) => {
      const file = join(directory, name);
      writeFileSync(file, gzipSync(`${rows.join("\n")}\n`));
      return file;
    });
  }

  #stamp(): string {
    return `${this.#timeMs++}000000`;
  }
}

interface Closable {
  close(): void | Promise<void>;
}

export class ScriptedVenue {
  /** `http://127.0.0.1:4010` */
  readonly url: string;
  readonly #lockstep: WebSocket;
  readonly #steps = new Arrivals<{ readonly step?: number; readonly end?: boolean }>();
  readonly #clients: Closable[] = [];
  #step = 0;

  private constructor(url: string, lockstep: WebSocket) {
    this.url = url;
    this.#lockstep = lockstep;
    lockstep.on("message", (data: Buffer) => this.#steps.add(JSON.parse(data.toString("utf8"))));
  }

  /** Starts a simulator whose first tick has been played; it ends with the test. */
  static async start(t: TestContext, script: MarketScript, settings: object = {}): Promise<ScriptedVenue> {
    const directory = mkdtempSync(join(tmpdir(), "clients-test-"));
    const files = script.write(directory);
    const fixed = { port: 0, speed: "lockstep", replay: files, waitForSubscriber: false, ...KEYS };
    const simulator: Simulator = await createSimulator({ ...fixed, ...settings });
    const port = await simulator.listen();
    const url = `${simulator.config.tlsKeyFile === null ? "http" : "https"}://127.0.0.1:${port}`;
    const lockstep = new WebSocket(`${url.replace("http", "ws")}/simulator/lockstep`);
    const venue = new ScriptedVenue(url, lockstep);
    t.after(async () => {
      for (const client of venue.#clients) await client.close();
      lockstep.terminate();
      await simulator.close();
      rmSync(directory, { recursive: true });
    });
    await once(lockstep, "open");
    await venue.#barrier();
    return venue;
  }

  /** The client is closed before the simulator, so that it does not try to come back. */
  attach<T extends Closable>(client: T): T {
    this.#clients.push(client);
    return client;
  }

  /** Plays the next ticks of the script; what they cause has been sent when this resolves. */
  async play(ticks: number): Promise<void> {
    const until = (await this.#position()) + ticks;
    do {
      this.#lockstep.send(JSON.stringify({ step: this.#step, trade_updates: Number.MAX_SAFE_INTEGER }));
      await this.#barrier();
    } while ((await this.#position()) < until);
  }

  async #barrier(): Promise<void> {
    const message = await this.#steps.find(({ step, end }) => end === true || (step ?? 0) > this.#step);
    if (message.end === true) throw new Error("the script is over");
    this.#step = message.step as number;
  }

  async #position(): Promise<number> {
    const answer = (await (await fetch(`${this.url}/simulator/ledger`)).json()) as { tick: number };
    return answer.tick;
  }
}

/** Makes a certificate that this process trusts from now on; the settings of a simulator that shows it. Once a file. */
export function trustedCertificate(): { readonly tlsCertificateFile: string; readonly tlsKeyFile: string } {
  const directory = mkdtempSync(join(tmpdir(), "clients-test-tls-"));
  after(() => rmSync(directory, { recursive: true }));
  const { certificate, key } = selfSigned();
  const files = { tlsCertificateFile: join(directory, "certificate.pem"), tlsKeyFile: join(directory, "key.pem") };
  writeFileSync(files.tlsCertificateFile, certificate);
  writeFileSync(files.tlsKeyFile, key);
  setDefaultCACertificates([...getCACertificates("default"), certificate]);
  return files;
}
