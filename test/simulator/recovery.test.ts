import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createSimulator } from "../../src/simulator/simulator.ts";
import { type Body, call, dataStream, KEYS, order, tradeStream } from "./client.ts";
import { record } from "./recording.ts";

const PROCESS = join(import.meta.dirname, "../../src/simulator/process.ts");
const recording = record(3000);
after(() => rmSync(recording.directory, { recursive: true }));

const CONFIG = { ...KEYS, port: 0, replay: recording.files };

function ledgerFile(name: string): string {
  return join(recording.directory, `${name}.jsonl`);
}

async function start(config: object): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(PROCESS, {
    env: { ...process.env, SIMULATOR_CONFIG: JSON.stringify(config) },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [message] = (await once(child, "message")) as [{ listening: number }];
  return { child, port: message.listening };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

async function ledgerOf(port: number): Promise<Body> {
  return (await call(port, "GET", "/simulator/ledger")).body;
}

describe("after SIGKILL in the middle of a replay", () => {
  it("everything that was answered or told is still there, the market goes on from where it was, and books agree", async () => {
    const config = { ...CONFIG, speed: 20, ledgerFile: ledgerFile("killed") };
    const first = await start(config);
    const stream = await tradeStream(first.port);
    const market = await dataStream(first.port, "/v2/iex", { quotes: ["REC"] });
    await market.find((message) => message.T === "q");
    const answered: Body[] = [];
    for (let i = 0; i < 12; i++) {
      const answer = await order(first.port, ["buy 3 REC", "buy 1 REC 50", "sell 1 REC 100.04"][i % 3] as string);
      answered.push(answer.body);
    }
    await call(first.port, "DELETE", `/v2/orders/${answered[1].id}`);
    await call(first.port, "PATCH", "/v2/account/configurations", { no_shorting: true });
    await stream.find((message) => message.data?.event === "canceled");
    await kill(first.child);
    const told = stream.messages.filter((message) => message.stream === "trade_updates");
    const lastTold = market.messages.findLast((message) => message.T === "q");

    const second = await start(config);
    const account = await ledgerOf(second.port);
    assert.equal(account.account_id, (await headOf(config.ledgerFile)).accountId);
    for (const { id, client_order_id } of answered) {
      const found = await call(second.port, "GET", `/v2/orders:by_client_order_id?client_order_id=${client_order_id}`);
      assert.equal(found.body.id, id);
    }
    const fills = (await call(second.port, "GET", "/v2/account/activities/FILL?direction=asc")).body;
    const known = new Set(fills.map((fill: Body) => fill.id.split("::")[1]));
    for (const { data } of told) if (data.event === "fill") assert.ok(known.has(data.execution_id));
    assert.ok(fills.length >= told.filter(({ data }) => data.event === "fill").length);
    const position = fills.reduce(
      (sum: number, fill: Body) => sum + (fill.side === "buy" ? 1 : -1) * Number(fill.qty),
      0,
    );
    assert.equal(Number(account.positions.REC ?? 0), position);
    const flow = fills.reduce(
      (sum: number, fill: Body) => sum - (fill.side === "buy" ? 1 : -1) * Number(fill.qty) * Number(fill.price) * 100,
      0,
    );
    assert.equal(Math.round(Number(account.cash) * 100), Math.round(10_000_000 + flow));
    assert.equal((await call(second.port, "GET", `/v2/orders/${answered[1].id}`)).body.status, "canceled");
    assert.equal((await call(second.port, "GET", "/v2/account/configurations")).body.no_shorting, true);
    const again = await order(second.port, "buy 1 REC 50", { client_order_id: answered[0].client_order_id });
    assert.deepEqual([again.status, again.body.code], [422, 40010001]);

    const resumed = await dataStream(second.port, "/v2/iex", { quotes: ["REC"] });
    const next = await resumed.find((message) => message.T === "q");
    assert.ok(next.t > "2018-01-02T15:00:00", "not from the beginning");
    // At most what was played since the last line of the ledger comes again.
    assert.ok(Date.parse(lastTold.t) - Date.parse(next.t) < 60_000);
    await resumed.close();
    second.child.kill("SIGTERM");
    assert.deepEqual(await once(second.child, "exit"), [0, null]);
    market.socket.terminate();
    stream.socket.terminate();
  });

  it("ends with its parent unless it is detached", async () => {
    const { child } = await start({ ...CONFIG, ledgerFile: null });
    child.disconnect();
    assert.deepEqual(await once(child, "exit"), [0, null]);
    const lasting = await start({ ...CONFIG, detached: true });
    await new Promise((sent) => lasting.child.send({ keep: true }, sent));
    lasting.child.disconnect();
    assert.equal((await call(lasting.port, "GET", "/simulator/state")).status, 200);
    await kill(lasting.child);
  });

  it("ends when nobody has used it for long, and not while somebody is connected", async () => {
    const { child, port } = await start({ ...CONFIG, detached: true, orphanSeconds: 1, deadConnectionSeconds: 2 });
    const ended = once(child, "exit");
    await new Promise((sent) => child.send({ keep: true }, sent));
    child.disconnect();
    const stream = await tradeStream(port);
    // Three pings, one a second, take longer than it may be unused.
    let pings = 0;
    await new Promise<void>((resolve) => stream.socket.on("ping", () => void (++pings === 3 && resolve())));
    assert.equal((await call(port, "GET", "/simulator/state")).status, 200);
    await stream.close();
    assert.deepEqual(await ended, [0, null]);
  });

  it("ends with 2 and the field on a wrong configuration", async () => {
    const child = fork(PROCESS, {
      env: { ...process.env, SIMULATOR_CONFIG: '{"speed":"warp"}' },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let text = "";
    child.stderr?.on("data", (data: Buffer) => {
      text += data.toString();
    });
    assert.deepEqual(await once(child, "close"), [2, null]);
    assert.match(text, /^SIMULATOR_CONFIG: speed/);
  });
});

describe("the ledger file", () => {
  const place = async (name: string): Promise<{ file: string; hash: string }> => {
    const file = ledgerFile(name);
    const simulator = await createSimulator({ ...CONFIG, speed: 50, ledgerFile: file });
    const port = await simulator.listen();
    const market = await dataStream(port, "/v2/iex", { quotes: ["REC"] });
    await market.find((message) => message.T === "q");
    await order(port, "buy 3 REC");
    const { hash } = await ledgerOf(port);
    await market.close();
    await simulator.close();
    return { file, hash };
  };

  it("loses a torn last line and nothing else", async () => {
    const { file, hash } = await place("torn");
    const whole = readFileSync(file, "utf8");
    appendFileSync(file, '{"kind":"event","event":"fill","posi');
    const simulator = await createSimulator({ ...CONFIG, ledgerFile: file });
    const port = await simulator.listen();
    assert.equal((await ledgerOf(port)).hash, hash);
    await simulator.close();
    assert.ok(readFileSync(file, "utf8").startsWith(whole));
  });

  it("with a damaged line in the middle is refused by its number", async () => {
    const { file } = await place("damaged");
    const lines = readFileSync(file, "utf8").split("\n");
    lines[1] = lines[1]?.slice(5) ?? "";
    writeFileSync(file, lines.join("\n"));
    await assert.rejects(createSimulator({ ...CONFIG, ledgerFile: file }), {
      code: "LEDGER_FORMAT",
      message: /line 2/,
    });
  });

  it("of another market is refused", async () => {
    const { file } = await place("other");
    await assert.rejects(createSimulator({ ...KEYS, port: 0, ledgerFile: file }), { code: "LEDGER_MISMATCH" });
  });

  it("whose cash does not follow from its fills is refused", async () => {
    const { file } = await place("forged");
    writeFileSync(file, readFileSync(file, "utf8").replace(/"cash":"\d+/, '"cash":"1'));
    await assert.rejects(createSimulator({ ...CONFIG, ledgerFile: file }), { code: "VENUE_REPLAY" });
  });
});

async function headOf(file: string): Promise<Body> {
  return JSON.parse(readFileSync(file, "utf8").split("\n")[0] as string);
}
