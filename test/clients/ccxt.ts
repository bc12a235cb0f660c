/** ccxt's `alpaca`, which trades crypto pairs only, pointed at a simulator. */
import ccxt, { type Order } from "ccxt";
import { Arrivals } from "./arrivals.ts";
import { KEYS } from "./scripted-venue.ts";

/** ccxt has no word for "the subscription is acknowledged"; its handler of that message is the place to hear of it. */
class ListeningAlpaca extends ccxt.pro.alpaca {
  readonly subscriptions = new Arrivals<unknown>();

  override handleSubscription(...[client, message]: Parameters<Alpaca["handleSubscription"]>) {
    this.subscriptions.add(message);
    return super.handleSubscription(client, message);
  }
}

type Alpaca = InstanceType<typeof ccxt.pro.alpaca>;

export class CcxtAlpaca {
  readonly exchange: ListeningAlpaca;
  #subscriptions = 0;
  #closing = false;

  private constructor(exchange: ListeningAlpaca) {
    this.exchange = exchange;
  }

  static async connect(url: string): Promise<CcxtAlpaca> {
    const exchange = new ListeningAlpaca({ apiKey: KEYS.keyId, secret: KEYS.secret, enableRateLimit: false });
    const socket = url.replace("http", "ws");
    const ws = { trading: `${socket}/stream`, crypto: `${socket}/v1beta2/crypto` };
    exchange.urls = { ...exchange.urls, api: { trader: url, market: url, ws } };
    // Without it ccxt opens sockets through TLS only.
    await exchange.loadHttpProxyAgent();
    await exchange.loadMarkets();
    return new CcxtAlpaca(exchange);
  }

  /** All that `watchOrders` gives; resolves when the stream listens. */
  async watchOrders(): Promise<Arrivals<Order>> {
    const orders = this.#collect(() => this.exchange.watchOrders());
    await this.subscribed(1);
    return orders;
  }

  /** Resolves when so many more subscriptions have been acknowledged. */
  async subscribed(more: number): Promise<void> {
    this.#subscriptions += more;
    await this.exchange.subscriptions.first(this.#subscriptions);
  }

  /** What `watch` gives, call after call, until the exchange is closed. */
  #collect<T>(watch: () => Promise<readonly T[]>): Arrivals<T> {
    const arrivals = new Arrivals<T>();
    const collect = async () => {
      while (!this.#closing) for (const item of await watch()) arrivals.add(item);
    };
    collect().catch((error: unknown) => {
      if (!this.#closing) throw error;
    });
    return arrivals;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.exchange.close();
  }
}
