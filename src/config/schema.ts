/**
 * The one schema of the configuration: every key with its type, range, default, environment variable and meaning. The
 * documents and the published JSON Schema are made from it. It states what each key may be; what keys mean together is in
 * `rules.ts`.
 */
import { z } from "zod";
import {
  address,
  amount,
  choice,
  flag,
  integer,
  integerOrAuto,
  list,
  numberOrWord,
  optionalAmount,
  optionalChoice,
  optionalFlag,
  optionalPattern,
  optionalText,
  optionalUrl,
  requiredText,
  optionalSecret,
  defaultSecret,
  defaultText,
} from "./setting.ts";

const PORT_MAX = 65_535;
const DAY_SECONDS = 86_400;

function port(about: string, env: string, defaultPort: number) {
  return integer({ about: `${about} 0 takes a free port.`, env, min: 0, max: PORT_MAX, default: defaultPort });
}

const ports = z
  .strictObject({
    api: port("REST API and the page.", "API_PORT", 8000),
    ws: port("WebSocket stream.", "WS_PORT", 8001),
    metrics: port("Prometheus metrics.", "METRICS_PORT", 9090),
    simulator: port("The simulator, where this process or `simulator` runs one.", "SIMULATOR_LISTEN_PORT", 4010),
  })
  .prefault({});

const database = z
  .strictObject({
    url: optionalUrl({
      about:
        "PostgreSQL to use. Without it, and without `database.host`, an embedded database is kept in the data directory.",
      env: "DATABASE_URL",
      schemes: ["postgres:", "postgresql:"],
      secret: true,
    }),
    host: optionalText({ about: "Host of the PostgreSQL server, instead of `database.url`.", env: "DATABASE_HOST" }),
    port: integer({ about: "Its port.", env: "DATABASE_PORT", min: 1, max: PORT_MAX, default: 5432 }),
    name: defaultText({ about: "Its database.", env: "DATABASE_NAME", default: "algo_trading_db" }),
    user: defaultText({
      about: "The user to sign in as.",
      env: "DATABASE_USER",
      default: "algo_trader",
      mounted: true,
    }),
    password: optionalSecret({ about: "That user's password.", env: "DATABASE_PASSWORD" }),
  })
  .prefault({});

const redis = z
  .strictObject({
    url: optionalUrl({ about: "Redis to use.", env: "REDIS_URL", schemes: ["redis:", "rediss:"], secret: true }),
    sentinels: list({
      about: "Redis Sentinels to ask for the master, instead of `redis.url`.",
      env: "REDIS_SENTINELS",
      item: /^[^\s:,]+:\d{1,5}$/,
      allowed: "host:port",
    }),
    masterName: defaultText({
      about: "Name of the master that the Sentinels watch.",
      env: "REDIS_MASTER_NAME",
      default: "mymaster",
    }),
    password: optionalSecret({
      about: "Password of Redis and of its Sentinels. It comes before one in `redis.url`.",
      env: "REDIS_PASSWORD",
    }),
  })
  .prefault({});

const alpaca = z
  .strictObject({
    keyId: optionalSecret({ about: "Alpaca's API key id.", env: "ALPACA_API_KEY" }),
    secret: optionalSecret({ about: "Alpaca's secret key.", env: "ALPACA_SECRET_KEY" }),
    baseUrl: optionalUrl({
      about:
        "Trading API. By default Alpaca's for paper and live; in simulated mode the bot's own simulator, or the one named here.",
      env: "ALPACA_BASE_URL",
      schemes: ["https:", "http:"],
    }),
    dataUrl: optionalUrl({
      about: "Market data API. By default Alpaca's; in simulated mode the simulator's.",
      env: "ALPACA_DATA_URL",
      schemes: ["https:", "http:"],
    }),
    streamUrl: optionalUrl({
      about: "Market data stream, without version and feed. By default Alpaca's; in simulated mode the simulator's.",
      env: "ALPACA_STREAM_URL",
      schemes: ["wss:", "ws:"],
    }),
    feed: choice({
      about: "Market data feed for equities: `iex` comes with every account, the others need a subscription.",
      env: "ALPACA_FEED",
      words: ["iex", "sip", "delayed_sip", "otc", "test"],
      default: "iex",
    }),
  })
  .prefault({});

const simulator = z
  .strictObject({
    seed: integer({
      about: "Seed of the synthetic market. The same seed gives the same market.",
      env: "SIMULATOR_SEED",
      min: 0,
      max: 4_294_967_295,
      default: 1,
    }),
    speed: numberOrWord({
      about:
        "How fast venue time passes: a factor of real time, `max` as fast as it is consumed, `lockstep` one step after each acknowledgement.",
      env: "SIMULATOR_SPEED",
      words: ["max", "lockstep"],
      max: 1_000_000,
      default: 1,
    }),
    replay: list({
      about: "Recorded files (gzip CSV) to replay instead of the synthetic market, relative to the working directory.",
      env: "SIMULATOR_REPLAY",
      item: /./,
      allowed: "file names",
    }),
    quoteExchange: optionalText({
      about: "Use only this exchange's quotes of a recorded file that keeps the quotes of several exchanges.",
      env: "SIMULATOR_QUOTE_EXCHANGE",
      allowed: "an exchange code as in the file's `exchange` column",
    }),
    startingCash: amount({
      about: "Cash of the simulated account at its first start, US dollars.",
      env: "SIMULATOR_STARTING_CASH",
      default: "100000",
    }),
    keyId: defaultSecret({
      about: "Key id that the simulator takes.",
      env: "SIMULATOR_API_KEY",
      default: "simulator",
    }),
    secret: defaultSecret({
      about: "Secret key that the simulator takes.",
      env: "SIMULATOR_SECRET_KEY",
      default: "simulated-money-only",
    }),
    detached: flag({
      about: "Let the bot's simulator live on when the bot dies, so that a restarted bot finds its account again.",
      env: "SIMULATOR_DETACHED",
      default: true,
    }),
  })
  .prefault({});

const engine = z
  .strictObject({
    workers: integerOrAuto({
      about:
        "Engine worker threads; `auto` follows the processors that this process may use, less one for the main thread.",
      env: "ENGINE_WORKERS",
      min: 1,
      max: 64,
    }),
    spin: integer({
      about:
        "How often a worker looks again before it parks. 0 parks at once; more is for processors that nothing else uses.",
      env: "ENGINE_SPIN",
      min: 0,
      max: 1_000_000,
      default: 0,
    }),
    barGraceMs: integer({
      about:
        "How long after a bar's end a quiet instrument's bar is closed, so that late ticks still count. Milliseconds of venue time.",
      env: "ENGINE_BAR_GRACE_MS",
      min: 0,
      max: 60_000,
      default: 500,
    }),
  })
  .prefault({});

const resources = z
  .strictObject({
    cpu: optionalPattern({
      about: "Processors that this process may use. By default the container's quota, else the machine's number.",
      env: "CPU_LIMIT",
      pattern: /^(?=.*[1-9])\d+(\.\d+)?m?$/,
      allowed: "a number such as 2 or 0.5, or thousandths such as 500m",
    }),
    memory: optionalPattern({
      about: "Memory that this process may use.",
      env: "MEMORY_LIMIT",
      pattern: /^(?=.*[1-9])\d+(\.\d+)?(Ki|Mi|Gi|k|M|G)?$/,
      allowed: "bytes, or a number with Ki, Mi, Gi, k, M or G, such as 1Gi",
    }),
  })
  .prefault({});

const instrument = z.strictObject({
  symbol: requiredText({
    about: "Alpaca's symbol.",
    pattern: /^[A-Z][A-Z0-9.]{0,14}(\/[A-Z]{3,5})?$/,
    allowed: "capital letters, digits and dots, such as AAPL or BTC/USD",
  }),
  assetClass: optionalChoice({
    about: "Kind of asset. By default crypto for a symbol with a slash, else us_equity.",
    words: ["us_equity", "crypto"],
  }),
  calendar: optionalChoice({
    about:
      "Trading hours: `nyse` is New York's, `always` never closes. By default nyse for us_equity, always for crypto.",
    words: ["nyse", "always"],
  }),
  priceIncrement: optionalAmount({ about: "Fixed price step. By default the kind's own rule." }),
  quantityIncrement: optionalAmount({
    about: "Quantity step. By default 1 for us_equity, the smallest step for crypto.",
  }),
  minQuantity: optionalAmount({ about: "Smallest quantity of an order." }),
  minNotional: optionalAmount({ about: "Smallest value of an order, quote currency.", allowsZero: true }),
  shortable: optionalFlag({ about: "May be sold short. By default true for us_equity, never for crypto." }),
});

const execution = z
  .strictObject({
    type: choice({
      about: "How orders are sent: `limit` at the far touch moved by `offsetTicks`, or `market`.",
      words: ["limit", "market"],
      default: "limit",
    }),
    offsetTicks: integer({
      about: "For limit orders: price steps further through the far touch; negative stays short of it.",
      min: -1000,
      max: 1000,
      default: 1,
    }),
    cancelAfterSeconds: integer({
      about: "For limit orders: cancel what is unfilled after this many seconds of venue time.",
      min: 1,
      max: DAY_SECONDS,
      default: 10,
    }),
  })
  .prefault({});

const strategy = z.strictObject({
  id: requiredText({
    about: "Name of this instance; part of its order ids, so never reuse one for something else.",
    pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$/,
    allowed: '1 to 40 letters, digits, ".", "_" or "-"',
  }),
  strategy: requiredText({ about: "What it runs.", pattern: /./, allowed: "the name of a built-in strategy" }),
  instruments: list({ about: "Symbols that it trades, all of them in `instruments`.", item: /./, allowed: "symbols" }),
  capital: amount({ about: "What a full position stands for, US dollars.", default: "10000" }),
  parameters: z
    .record(z.string(), z.union([z.number(), z.boolean(), z.string()]))
    .default({})
    .describe("Parameters of the strategy; those not given have its defaults."),
  execution,
});

function limit(about: string, env: string, defaultAmount: string) {
  return amount({ about, env, default: defaultAmount });
}

const risk = z
  .strictObject({
    maxOrderQuantity: limit("Largest quantity of one order.", "RISK_MAX_ORDER_QUANTITY", "10000"),
    maxOrderNotional: limit("Largest worst-case value of one order, US dollars.", "RISK_MAX_ORDER_NOTIONAL", "25000"),
    maxPositionNotional: limit(
      "Largest value of one instance's position in one instrument, US dollars.",
      "RISK_MAX_POSITION_NOTIONAL",
      "25000",
    ),
    maxSymbolNotional: limit(
      "Largest worst-case value of one symbol over all instances, open orders included, US dollars.",
      "RISK_MAX_SYMBOL_NOTIONAL",
      "50000",
    ),
    maxGrossNotional: limit(
      "Largest worst-case gross value of the account, open orders included, US dollars.",
      "RISK_MAX_GROSS_NOTIONAL",
      "100000",
    ),
    maxOpenOrders: integer({
      about: "Most orders that may be unfinished at once.",
      env: "RISK_MAX_OPEN_ORDERS",
      min: 1,
      max: 10_000,
      default: 100,
    }),
    collarBps: integer({
      about: "Farthest that an order's price may be from the reference price, basis points.",
      env: "RISK_COLLAR_BPS",
      min: 1,
      max: 5_000,
      default: 300,
    }),
    quoteStaleSeconds: integer({
      about: "An instrument whose last quote is older than this is not traded, seconds of venue time.",
      env: "RISK_QUOTE_STALE_SECONDS",
      min: 1,
      max: DAY_SECONDS,
      default: 60,
    }),
    marketQuoteStaleSeconds: integer({
      about: "A market order needs a quote no older than this, seconds of venue time.",
      env: "RISK_MARKET_QUOTE_STALE_SECONDS",
      min: 1,
      max: DAY_SECONDS,
      default: 5,
    }),
    repeatedExecutionsPerMinute: integer({
      about:
        "Orders of one instance, instrument and side in a minute; one more stops the instance until a person starts it.",
      env: "RISK_REPEATED_EXECUTIONS_PER_MINUTE",
      min: 1,
      max: 1_000,
      default: 10,
    }),
  })
  .prefault({});

function milliseconds(about: string, env: string, min: number, max: number, defaultMs: number) {
  return integer({ about: `${about} Milliseconds.`, env, min, max, default: defaultMs });
}

const lease = z
  .strictObject({
    ttlMs: milliseconds("Life of the lease that lets a process trade.", "LEASE_TTL_MS", 1_000, 60_000, 6_000),
    renewMs: milliseconds(
      "Time between renewals; at most a third of the lease's life.",
      "LEASE_RENEW_MS",
      100,
      20_000,
      2_000,
    ),
    lockDelayMs: milliseconds(
      "How long a process that took the lease over waits before it acts; longer than an order's deadline.",
      "LEASE_LOCK_DELAY_MS",
      0,
      60_000,
      5_000,
    ),
  })
  .prefault({});

const orders = z
  .strictObject({
    postDeadlineMs: milliseconds(
      "How long the broker may take to answer an order before its outcome counts as unknown.",
      "ORDER_POST_DEADLINE_MS",
      100,
      30_000,
      4_000,
    ),
  })
  .prefault({});

export const CONFIG_SCHEMA = z.strictObject({
  tradingMode: choice({
    about: "`simulated` trades against the simulator; `paper` and `live` are Alpaca's accounts.",
    env: "TRADING_MODE",
    words: ["simulated", "paper", "live"],
    default: "simulated",
  }),
  liveTrading: optionalChoice({
    about: "Live trading needs this set, so that no single mistake can spend real money.",
    env: "LIVE_TRADING",
    words: ["I_UNDERSTAND"],
  }),
  environment: choice({
    about: "Where this process runs; shown in logs.",
    env: "ENVIRONMENT",
    words: ["development", "staging", "production"],
    default: "development",
  }),
  logLevel: choice({
    about: "Least important messages to log. In the environment capitals are taken too.",
    env: "LOG_LEVEL",
    words: ["debug", "info", "warn", "error"],
    default: "info",
  }),
  bindAddress: address({
    about: "Address to listen on. Any but a loopback address needs an API key, also for reading.",
    env: "BIND_ADDRESS",
    default: "127.0.0.1",
  }),
  replicaName: optionalText({
    about: "Name of this process where several share an account, for people. The host's name without it.",
    env: "POD_NAME",
  }),
  startWithoutKey: flag({
    about:
      "Start on a reachable address also before there is an API key. All but `/health` and `/ready` is refused until `key create` has made one.",
    env: "START_WITHOUT_KEY",
    default: false,
  }),
  allowedHosts: list({
    about: "Host names that requests may name besides the loopback names and the address itself.",
    env: "ALLOWED_HOSTS",
    item: /^[A-Za-z0-9.-]+$/,
    allowed: "host names without port",
  }),
  allowedOrigins: list({
    about: "Origins of pages on other hosts that may use the API and the stream.",
    env: "ALLOWED_ORIGINS",
    item: /^https?:\/\/[^/\s,]+$/,
    allowed: "origins such as https://desk.example",
  }),
  changesPerMinute: integer({
    about: "Changes of state that each key and each address may ask for in a minute. The kill switch is exempt.",
    env: "CHANGES_PER_MINUTE",
    min: 1,
    max: 100_000,
    default: 300,
  }),
  dataDir: defaultText({
    about:
      "Directory for the embedded database, the simulator's ledger and recordings, relative to the working directory.",
    env: "DATA_DIR",
    default: "data",
  }),
  recordRun: flag({
    about: "Record the inbound sequence of the run in the data directory, for `replay`.",
    env: "RECORD_RUN",
    default: false,
  }),
  ports,
  database,
  redis,
  alpaca,
  simulator,
  engine,
  resources,
  instruments: z
    .array(instrument)
    .default([])
    .describe(
      "Instruments that may be traded. Empty in simulated mode: those of the demonstration market or of the replayed files.",
    ),
  strategies: z
    .array(strategy)
    .default([])
    .describe("Strategy instances. Empty in simulated mode: three demonstrations, which are no advice."),
  risk,
  lease,
  orders,
});

/** The configuration as the schema gives it, before `rules.ts` and `resolve.ts`. */
export type ParsedConfig = z.output<typeof CONFIG_SCHEMA>;
export type ParsedInstrument = ParsedConfig["instruments"][number];
export type ParsedStrategy = ParsedConfig["strategies"][number];
