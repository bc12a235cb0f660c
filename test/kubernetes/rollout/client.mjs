/**
 * Clients of the bot while its replicas are replaced: reads over new and over kept connections, orders by hand one after the
 * other, and readers of the stream. Runs inside the cluster on the bot's image, so it is plain JavaScript. SIGUSR2 ends the load;
 * what happened is then in /tmp/report.json, which stays there to be read.
 */
import { renameSync, writeFileSync } from "node:fs";
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { API_URL, STREAM_URL, API_KEY, SYMBOL, STREAM_CLIENTS, BUSY_READERS } = process.env;
const READ_PAUSE_MS = 100;
const ORDER_PAUSE_MS = 400;
const RETRY_MS = 250;
const READS_PER_CONNECTION = 200;
const REQUEST_TIMEOUT_MS = 10_000;

const report = { reads: 0, failures: [], accepted: [], refused: {}, closed: [], snapshots: [], unconnected: [] };
const kept = new http.Agent({ keepAlive: true, maxSockets: 1 });
let stopping = false;

/** One request; never rejects: `error` says why there is no status. */
function request(agent, method, path, headers = {}, body) {
  return new Promise((resolve) => {
    const options = {
      agent,
      method,
      timeout: REQUEST_TIMEOUT_MS,
      headers: { authorization: `Bearer ${API_KEY}`, ...headers },
    };
    const sent = http.request(new URL(path, API_URL), options, (answer) => {
      let text = "";
      answer.setEncoding("utf8");
      answer.on("data", (part) => {
        text += part;
      });
      answer.on("end", () => resolve({ status: answer.statusCode, text }));
      answer.on("error", (error) => resolve({ error: error.message }));
    });
    sent.on("timeout", () => sent.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`)));
    // A kept connection that its server closes just then was never a request to it: clients send it again, as node's own fetch does.
    sent.on("error", (error) => resolve({ error: `${error.code ?? error.message}`, reused: sent.reusedSocket }));
    sent.end(body);
  });
}

async function requestAgain(agent, ...rest) {
  const answer = await request(agent, ...rest);
  return answer.error !== undefined && answer.reused ? request(agent, ...rest) : answer;
}

function note(what, { status, error, text }) {
  report.failures.push({ at: Date.now(), what, status, error, text: text?.slice(0, 300) });
}

async function read(name, agent) {
  while (!stopping) {
    const answer = await requestAgain(agent, "GET", "/api/v1/orders?limit=1");
    report.reads++;
    if (answer.status !== 200) note(name, answer);
    await sleep(READ_PAUSE_MS);
  }
}

/** The status, once the whole answer has come and was thrown away; zero when it did not come. */
function statusOf(agent, path) {
  return new Promise((resolve) => {
    const sent = http.request(new URL(path, API_URL), { agent }, (answer) => {
      answer.resume();
      answer.on("close", () => resolve(answer.complete ? answer.statusCode : 0));
    });
    sent.on("error", () => resolve(0));
    sent.end();
  });
}

/**
 * Keeps the bots busy, and itself and the database as little as it can: the answer is long, and nobody reads it. One kept connection
 * after the other, so that new replicas get their part.
 */
async function keepBusy() {
  while (!stopping) {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; count < READS_PER_CONNECTION && !stopping; count++) {
      if ((await statusOf(agent, "/openapi.json")) !== 200) break;
      report.reads++;
    }
    agent.destroy();
    await sleep(RETRY_MS * Math.random());
  }
}

/** Until the bot has taken or refused it, with the same key each time. */
async function order(number) {
  const headers = { "content-type": "application/json", "idempotency-key": `rollout-${process.pid}-${number}` };
  const side = number % 2 === 0 ? "buy" : "sell";
  const body = JSON.stringify({ symbol: SYMBOL, side, type: "market", quantity: "1" });
  for (;;) {
    const answer = await requestAgain(false, "POST", "/api/v1/orders", headers, body);
    if (answer.status === 202) {
      report.accepted.push(JSON.parse(answer.text).client_order_id);
      return;
    }
    if (answer.status >= 400 && answer.status < 500) {
      const { code } = JSON.parse(answer.text);
      report.refused[code] = (report.refused[code] ?? 0) + 1;
      return;
    }
    note("order", answer);
    await sleep(RETRY_MS);
  }
}

async function orders() {
  for (let number = 0; !stopping; number++) {
    await order(number);
    await sleep(ORDER_PAUSE_MS);
  }
}

/** One connection's life. `closedAt` is when the one before ended. */
function listen(closedAt) {
  return new Promise((resolve) => {
    const socket = new WebSocket(STREAM_URL);
    let opened = false;
    socket.addEventListener("open", () => {
      opened = true;
      socket.send(JSON.stringify({ action: "auth", key: API_KEY }));
      socket.send(JSON.stringify({ action: "subscribe", channels: ["orders"] }));
    });
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.type !== "snapshot" || closedAt === null) return;
      report.snapshots.push({ at: Date.now(), afterMs: Date.now() - closedAt, generation: message.generation });
      closedAt = null;
    });
    socket.addEventListener("close", ({ code }) => {
      if (opened) report.closed.push({ at: Date.now(), code });
      else report.unconnected.push({ at: Date.now() });
      resolve(opened);
    });
  });
}

async function follow() {
  let closedAt = null;
  while (!stopping) {
    const opened = await listen(closedAt);
    if (opened || closedAt === null) closedAt = Date.now();
    await sleep(Math.random() * RETRY_MS);
  }
}

process.on("SIGUSR2", () => {
  stopping = true;
});
for (let client = 0; client < Number(STREAM_CLIENTS); client++) void follow();
for (let reader = 0; reader < Number(BUSY_READERS); reader++) void keepBusy();
await Promise.all([read("new connection", false), read("kept connection", kept), orders()]);
writeFileSync("/tmp/report.new", JSON.stringify(report));
renameSync("/tmp/report.new", "/tmp/report.json");
await new Promise(() => setInterval(() => undefined, 60_000));
