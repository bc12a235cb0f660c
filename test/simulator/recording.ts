/** Small recorded files for tests: a session of one symbol with prices that are easy to reckon with. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export const SESSION_START_US = Date.parse("2018-01-02T15:00:00Z") * 1000;

export interface Recording {
  readonly directory: string;
  readonly files: string[];
  readonly ticks: number;
}

/**
 * `count` quotes, one every 100 ms, whose bid walks 100.00, 100.01 … 100.09 and back, ask one cent above; after every
 * third a trade at the ask with the same stamp.
 */
export function record(count: number): Recording {
  const directory = mkdtempSync(join(tmpdir(), "simulator-test-"));
  const quotes = ["ts_ns,symbol,bid,bid_size,ask,ask_size,exchange"];
  const trades = ["ts_ns,symbol,price,size,exchange,cond,corr"];
  for (let i = 0; i < count; i++) {
    const step = i % 20 < 10 ? i % 20 : 19 - (i % 20);
    const bid = (10_000 + step) / 100;
    const ask = (10_001 + step) / 100;
    const time = `${SESSION_START_US + i * 100_000}000`;
    quotes.push(`${time},REC,${bid.toFixed(2)},100,${ask.toFixed(2)},100,N`);
    if (i % 3 === 0) trades.push(`${time},REC,${ask.toFixed(2)},100,N,@,0`);
  }
  const files = [join(directory, "rec_quotes.csv.gz"), join(directory, "rec_trades.csv.gz")];
  writeFileSync(files[0] as string, gzipSync(`${quotes.join("\n")}\n`));
  writeFileSync(files[1] as string, gzipSync(`${trades.join("\n")}\n`));
  return { directory, files, ticks: quotes.length + trades.length - 2 };
}
