import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { parseCpuStat } from "../../../src/api/metrics/cpu-stat.ts";
import { createMetricsServer } from "../../../src/api/metrics/listener.ts";
import { Metrics } from "../../../src/api/metrics/metrics.ts";
import { BOUNDS_US, STAGES, StageHistogram } from "../../../src/api/metrics/stage-histograms.ts";
import { CONFIG } from "../harness.ts";

interface Family {
  readonly type: string;
  readonly help: string;
  /** `name{label="value",…}` as printed → value. */
  readonly samples: Map<string, number>;
}

const LINE = /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? (\S+)$/;

/** A reader of the text format that throws on anything that Prometheus would refuse. */
function parse(text: string): Map<string, Family> {
  assert.ok(text.endsWith("\n"));
  const families = new Map<string, Family>();
  const helps = new Map<string, string>();
  let current = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === "HELP") helps.set(name as string, rest as string);
    else if (keyword === "TYPE") {
      assert.ok(!families.has(name as string), `${name} is declared twice`);
      families.set(name as string, { type: rest as string, help: helps.get(name as string) ?? "", samples: new Map() });
      current = name as string;
    } else addSample(families.get(current), current, line);
  }
  return families;
}

function addSample(family: Family | undefined, current: string, line: string): void {
  const [, name, labels, value] = LINE.exec(line) ?? [];
  assert.ok(family !== undefined && name !== undefined, `not in the text format: ${line}`);
  const suffixes = family.type === "histogram" ? ["_bucket", "_sum", "_count"] : ["", "_sum", "_count"];
  assert.ok(
    suffixes.some((suffix) => name === current + suffix),
    `${name} is not of ${current}`,
  );
  const key = `${name}${labels ?? ""}`;
  assert.ok(!family.samples.has(key), `${key} appears twice`);
  const number = value === "+Inf" ? Infinity : Number(value);
  assert.ok(!Number.isNaN(number), `${key} is ${value}`);
  family.samples.set(key, number);
}

describe("the metrics", () => {
  let metrics: Metrics;
  beforeEach(() => {
    metrics = new Metrics(2);
  });
  const read = async (): Promise<Map<string, Family>> => {
    const families = parse(await metrics.text());
    metrics.close();
    return families;
  };
  const sample = (families: Map<string, Family>, name: string, key = name): number | undefined =>
    families.get(name)?.samples.get(key);

  it("have the eight contract names with samples from the start", async () => {
    const families = await read();
    const types = {
      trading_trades_executed_total: "counter",
      trading_pnl: "gauge",
      trading_win_rate: "gauge",
      trading_avg_slippage_bps: "gauge",
      trading_drawdown: "gauge",
      system_cpu_usage: "gauge",
      system_memory_usage: "gauge",
    };
    for (const [name, type] of Object.entries(types)) {
      assert.equal(families.get(name)?.type, type, name);
      assert.ok(Number.isFinite(sample(families, name)), name);
    }
    const latency = families.get("system_request_latency_ms");
    assert.equal(latency?.type, "summary");
    for (const quantile of ["0.5", "0.9", "0.99"]) {
      assert.equal(latency.samples.get(`system_request_latency_ms{quantile="${quantile}"}`), 0);
    }
    assert.equal(latency.samples.get("system_request_latency_ms_count"), 0);
    assert.ok((sample(families, "system_memory_usage") ?? 0) > 10_000_000);
  });

  it("all explain themselves and carry their unit in the name", async () => {
    for (const [name, { help, type }] of await read()) {
      assert.ok(help.length > 5, `${name} has no help`);
      if (type === "counter") assert.match(name, /_total$/);
      if (type === "histogram") assert.match(name, /_seconds$/);
    }
  });

  it("count fills and report the account", async () => {
    metrics.fillApplied();
    metrics.fillApplied();
    metrics.accountGauges({ pnl: 597.35, winRate: 58.3, averageSlippageBps: 0.7, drawdown: 341.2 });
    const families = await read();
    assert.equal(sample(families, "trading_trades_executed_total"), 2);
    assert.equal(sample(families, "trading_pnl"), 597.35);
    assert.equal(sample(families, "trading_win_rate"), 58.3);
    assert.equal(sample(families, "trading_avg_slippage_bps"), 0.7);
    assert.equal(sample(families, "trading_drawdown"), 341.2);
    assert.equal(sample(families, "trading_account_keeper"), 1);
  });

  it("go back to zero where the account is kept by somebody else", async () => {
    metrics.accountGauges({ pnl: 1, winRate: null, averageSlippageBps: null, drawdown: 3 });
    metrics.notKeeper();
    const families = await read();
    for (const name of ["trading_pnl", "trading_win_rate", "trading_drawdown", "trading_account_keeper"]) {
      assert.equal(sample(families, name), 0, name);
    }
  });

  it("count refusals and failures by code, requests by route", async () => {
    metrics.refused("PRICE_COLLAR");
    metrics.refused("PRICE_COLLAR");
    metrics.journalFailed("STORE_UNREACHABLE");
    metrics.brokerFailed("TIMEOUT");
    metrics.workerRestarted();
    metrics.requestAnswered("/api/v1/orders", "GET", 200, 12);
    metrics.requestAnswered("/api/v1/orders", "GET", 200, 14);
    const families = await read();
    assert.equal(sample(families, "trading_refusals_total", 'trading_refusals_total{code="PRICE_COLLAR"}'), 2);
    const journal = 'trading_journal_errors_total{code="STORE_UNREACHABLE"}';
    assert.equal(sample(families, "trading_journal_errors_total", journal), 1);
    assert.equal(sample(families, "trading_broker_errors_total", 'trading_broker_errors_total{code="TIMEOUT"}'), 1);
    assert.equal(sample(families, "system_worker_restarts_total"), 1);
    assert.equal(sample(families, "system_request_latency_ms", "system_request_latency_ms_count"), 2);
    assert.equal(sample(families, "system_request_latency_ms", "system_request_latency_ms_sum"), 26);
    const requests = 'system_requests_total{route="/api/v1/orders",method="GET",status="200"}';
    assert.equal(sample(families, "system_requests_total", requests), 2);
  });

  it("read rings, feed and stream at the scrape", async () => {
    metrics.addRing("inbound-0", () => ({ used: 1_024, capacity: 4_096 }));
    const remove = metrics.addRing("inbound-1", () => ({ used: 1, capacity: 4 }));
    remove();
    metrics.setFeed(() => ({ conflatedQuotes: 7, gaps: 2, malformedFrames: 1 }));
    metrics.setStream(() => ({ clients: 3, cut: 4 }));
    const families = await read();
    const rings = families.get("trading_ring_occupancy_ratio")?.samples;
    assert.deepEqual([...(rings ?? [])], [['trading_ring_occupancy_ratio{ring="inbound-0"}', 0.25]]);
    assert.equal(sample(families, "trading_quotes_conflated_total"), 7);
    assert.equal(sample(families, "trading_feed_gaps_total"), 2);
    assert.equal(sample(families, "trading_feed_malformed_frames_total"), 1);
    assert.equal(sample(families, "stream_clients"), 3);
    assert.equal(sample(families, "stream_clients_cut_total"), 4);
  });

  it("give every stage as a histogram in seconds, own and shared observations together", async () => {
    metrics.stage("journal").observe(1_500);
    metrics.stage("engine").observe(3);
    const counts = BOUNDS_US.map((bound) => (bound >= 10 ? 4 : 0));
    metrics.addStageSource("engine", { buckets: () => ({ counts, sum: 40, count: 4 }) });
    const samples = (await read()).get("trading_stage_duration_seconds")?.samples;
    const at = (suffix: string, labels: string) => samples?.get(`trading_stage_duration_seconds_${suffix}{${labels}}`);
    for (const stage of STAGES) assert.ok(at("count", `stage="${stage}"`) !== undefined, stage);
    assert.equal(at("bucket", 'le="0.001",stage="journal"'), 0);
    assert.equal(at("bucket", 'le="0.002",stage="journal"'), 1);
    assert.equal(at("bucket", 'le="+Inf",stage="journal"'), 1);
    assert.equal(at("sum", 'stage="journal"'), 0.0015);
    assert.equal(at("bucket", 'le="0.000005",stage="engine"'), 1);
    assert.equal(at("bucket", 'le="0.00001",stage="engine"'), 5);
    assert.equal(at("count", 'stage="engine"'), 5);
    assert.equal(at("sum", 'stage="engine"'), 0.000043);
  });

  it("know collections by kind, event-loop delay by quantile and throttling", async () => {
    const families = await read();
    const kinds = families.get("system_gc_duration_seconds")?.samples;
    assert.equal(kinds?.has('system_gc_duration_seconds_count{kind="major"}'), true);
    for (const quantile of ["0.5", "0.9", "0.99", "1"]) {
      const key = `system_event_loop_delay_seconds{quantile="${quantile}"}`;
      assert.ok((sample(families, "system_event_loop_delay_seconds", key) ?? -1) >= 0);
    }
    assert.ok((sample(families, "system_cpu_throttled_seconds_total") ?? -1) >= 0);
    assert.ok((sample(families, "system_cpu_throttled_periods_total") ?? -1) >= 0);
  });
});

describe("a stage's histogram", () => {
  it("counts every value at or below each bound", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -10, max: 2e7, noNaN: true }), { maxLength: 200 }), (values) => {
        const histogram = new StageHistogram();
        for (const value of values) histogram.observe(value);
        const { counts, count, sum } = histogram.buckets();
        const clamped = values.map((value) => Math.max(0, value));
        assert.equal(count, values.length);
        assert.equal(
          sum,
          clamped.reduce((total, value) => total + value, 0),
        );
        assert.deepEqual(
          counts,
          BOUNDS_US.map((bound) => clamped.filter((value) => value <= bound).length),
        );
      }),
    );
  });
});

describe("cpu.stat", () => {
  it("is read in version 2", () => {
    const text = "usage_usec 1\nuser_usec 1\nsystem_usec 0\nnr_periods 120\nnr_throttled 7\nthrottled_usec 350000\n";
    assert.deepEqual(parseCpuStat(text), { periods: 120, throttledPeriods: 7, throttledSeconds: 0.35 });
  });

  it("is read in version 1", () => {
    const text = "nr_periods 10\nnr_throttled 2\nthrottled_time 1500000000\n";
    assert.deepEqual(parseCpuStat(text), { periods: 10, throttledPeriods: 2, throttledSeconds: 1.5 });
  });

  it("is zero for a group without a quota", () => {
    assert.deepEqual(parseCpuStat("usage_usec 5\n"), { periods: 0, throttledPeriods: 0, throttledSeconds: 0 });
  });
});

describe("the metrics listener", () => {
  const metrics = new Metrics(1);
  const server = createMetricsServer(metrics, CONFIG);
  let origin = "";
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    metrics.close();
    server.close();
    server.closeAllConnections();
  });

  it("serves the text format", async () => {
    const reply = await fetch(`${origin}/metrics`);
    assert.equal(reply.status, 200);
    assert.match(reply.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    assert.ok(parse(await reply.text()).has("trading_pnl"));
  });

  it("says where they are, and nothing else", async () => {
    assert.match(await (await fetch(origin)).text(), /\/metrics/);
    assert.equal((await fetch(`${origin}/other`)).status, 404);
    assert.equal((await fetch(`${origin}/metrics`, { method: "POST" })).status, 405);
  });
});
