import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { openRecording } from "../../src/feed/recorded-file.ts";
import type { Tick } from "../../src/feed/tick.ts";
import { timeOrdered } from "../../src/feed/time-ordered.ts";

const folder = mkdtempSync(join(tmpdir(), "by-symbol-"));
after(() => rmSync(folder, { recursive: true }));

const MINUTE_NS = 60_000_000_000;

function write(rows: readonly string[]): string {
  const path = join(folder, "bars.csv.gz");
  writeFileSync(path, gzipSync(`ts_ns,symbol,open,high,low,close,volume\n${rows.join("\n")}\n`));
  return path;
}

async function readAll(source: AsyncIterable<readonly Tick[]>): Promise<Tick[]> {
  const ticks: Tick[] = [];
  for await (const batch of source) ticks.push(...batch);
  return ticks;
}

const spools = () => readdirSync(tmpdir()).filter((name) => name.startsWith("time-ordered-")).length;

describe("a file that is sorted by symbol, in time order", () => {
  it("gives every row once, by the end of the bars and then by the order of the symbols", async () => {
    const minutes = fc.uniqueArray(fc.nat(300), { maxLength: 150 });
    await fc.assert(
      fc.asyncProperty(fc.array(minutes, { minLength: 1, maxLength: 5 }), async (symbols) => {
        const rows = symbols.flatMap((list, symbol) =>
          // A last bar one minute after the one before it tells the interval.
          [...list, 400, 401].toSorted((a, b) => a - b).map((minute) => ({ minute, symbol })),
        );
        const path = write(
          rows.map(({ minute, symbol }) => `${minute * MINUTE_NS || "0000"},S${symbol},1,3,1,2,${minute}`),
        );
        const ticks = await readAll(timeOrdered(openRecording(path, { intervalSeconds: 60 })));
        assert.deepEqual(
          ticks.map(({ symbol, timeUs, closeUs, volume }) => [symbol, timeUs, closeUs, volume]),
          rows
            .toSorted((a, b) => a.minute - b.minute || a.symbol - b.symbol)
            .map(({ minute, symbol }) => [`S${symbol}`, minute * 6e7, (minute + 1) * 6e7, minute]),
        );
      }),
      { numRuns: 30 },
    );
  });

  it("shows each bar's open at its start, after the bars that end there", async () => {
    const path = write([`${MINUTE_NS},A,1,3,1,2,10`, `${2 * MINUTE_NS},A,5,7,5,6,10`, `${MINUTE_NS},B,10,30,10,20,10`]);
    const ticks = await readAll(timeOrdered(openRecording(path), { barOpens: true }));
    assert.deepEqual(
      ticks.map((tick) => [tick.kind, tick.symbol, tick.kind === "bar" ? tick.close : tick.open, tick.timeUs / 6e7]),
      [
        ["barOpen", "A", 1, 1],
        ["barOpen", "B", 10, 1],
        ["bar", "A", 2, 1],
        ["bar", "B", 20, 1],
        ["barOpen", "A", 5, 2],
        ["bar", "A", 6, 2],
      ],
    );
  });

  it("leaves nothing behind, whether it is read to the end, left early or fails", async () => {
    const before = spools();
    const path = write([`${MINUTE_NS},A,1,3,1,2,10`, `${2 * MINUTE_NS},A,1,3,1,2,10`]);
    await readAll(timeOrdered(openRecording(path)));
    for await (const _ of timeOrdered(openRecording(path))) break;
    await assert.rejects(readAll(timeOrdered(openRecording(write(["nonsense"])))), { code: "DATA_FORMAT" });
    assert.ok(spools() <= before);
  });

  it("refuses bars that overlap", async () => {
    const path = write([`${MINUTE_NS},A,1,3,1,2,10`, `${2 * MINUTE_NS},A,1,3,1,2,10`]);
    const overlapping = timeOrdered(openRecording(path, { intervalSeconds: 300 }), { barOpens: true });
    await assert.rejects(readAll(overlapping), { code: "DATA_FORMAT", field: "intervalSeconds" });
  });
});
