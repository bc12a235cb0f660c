/**
 * Recorded files as the simulator's market. The files are read once to the end before anything is played, so that bad
 * data stops the start and not the middle of a day, and so that the symbols and the length are known.
 */
import { CodedError } from "../core/errors.ts";
import type { Instrument } from "../core/market/instrument.ts";
import { mergeRecordings, openRecording, type Recording, type Tick } from "../feed/recorded-file.ts";
import { type SimulatorInstrument, venueInstrument } from "./config.ts";
import type { MarketSource, MarketTick } from "./market-source.ts";

export interface RecordedOptions {
  readonly files: readonly string[];
  readonly quoteExchange: string | null;
  /** All symbols of the files when empty. */
  readonly instruments: readonly SimulatorInstrument[];
}

interface Contents {
  readonly symbols: readonly string[];
  readonly tickCount: number;
  readonly startUs: number;
}

export class RecordedMarket implements MarketSource {
  readonly instruments: readonly Instrument[];
  readonly barsOnly = false;
  readonly startUs: number;
  readonly tickCount: number;
  readonly #options: RecordedOptions;
  readonly #indexes: ReadonlyMap<string, number>;

  private constructor(options: RecordedOptions, instruments: readonly Instrument[], contents: Contents) {
    this.#options = options;
    this.instruments = instruments;
    this.startUs = contents.startUs;
    this.tickCount = contents.tickCount;
    this.#indexes = new Map(instruments.map((instrument) => [instrument.symbol, instrument.index]));
  }

  /** Throws what the reader throws for bad files, and `REPLAY_EMPTY` when they hold no quote or trade to play. */
  static async open(options: RecordedOptions): Promise<RecordedMarket> {
    const contents = await contentsOf(options);
    const given = options.instruments.length > 0 ? options.instruments : contents.symbols.map((symbol) => ({ symbol }));
    return new RecordedMarket(options, given.map(venueInstrument), contents);
  }

  async *ticks(): AsyncGenerator<readonly MarketTick[], void, void> {
    let position = 0;
    for await (const ticks of mergeRecordings(recordings(this.#options))) {
      const batch: MarketTick[] = [];
      for (const tick of ticks) if (tick.kind !== "bar") batch.push(this.#tick(tick, ++position));
      yield batch;
    }
  }

  #tick(tick: Tick, position: number): MarketTick {
    const index = this.#indexes.get(tick.symbol) as number;
    if (tick.kind === "quote") {
      const { timeUs, bid, bidSize, ask, askSize, exchange } = tick;
      const [bidExchange, askExchange] = [exchange, exchange];
      return {
        kind: "quote",
        position,
        index,
        timeUs,
        bid,
        bidSize,
        bidExchange,
        ask,
        askSize,
        askExchange,
        tape: UNKNOWN_TAPE,
      };
    }
    return {
      kind: "trade",
      position,
      index,
      timeUs: tick.timeUs,
      price: tick.price,
      size: tick.size,
      tradeId: tick.tradeId === 0 ? position : tick.tradeId,
      aggressor: tick.aggressor,
      conditions: lettersOf(tick.conditionText),
      exchange: tick.exchange,
      tape: UNKNOWN_TAPE,
    };
  }
}

/** The recorded formats do not name it. */
const UNKNOWN_TAPE = "";

/** `F I` → `["F", "I"]`; nothing said is a regular sale. */
function lettersOf(text: string): readonly string[] {
  let letters = LETTERS.get(text);
  if (letters === undefined) {
    letters = text.replaceAll(" ", "") === "" ? ["@"] : text.replaceAll(" ", "").split("");
    LETTERS.set(text, letters);
  }
  return letters;
}

const LETTERS = new Map<string, readonly string[]>();

function recordings(options: RecordedOptions): Recording[] {
  const symbols = options.instruments.map((instrument) => instrument.symbol);
  return options.files.map((file) =>
    openRecording(file, {
      ...(options.quoteExchange === null ? {} : { quoteExchange: options.quoteExchange }),
      ...(symbols.length === 0 ? {} : { symbols }),
    }),
  );
}

async function contentsOf(options: RecordedOptions): Promise<Contents> {
  const symbols = new Set<string>();
  let tickCount = 0;
  let startUs = Number.POSITIVE_INFINITY;
  for await (const ticks of mergeRecordings(recordings(options))) {
    for (const tick of ticks) {
      if (tick.kind === "bar") continue;
      symbols.add(tick.symbol);
      tickCount++;
      if (tick.timeUs < startUs) startUs = tick.timeUs;
    }
  }
  if (tickCount === 0) {
    throw new CodedError(
      "REPLAY_EMPTY",
      "the files hold no quote and no trade of the instruments; bars cannot be replayed",
      {
        field: "replay",
      },
    );
  }
  return { symbols: [...symbols], tickCount, startUs };
}
