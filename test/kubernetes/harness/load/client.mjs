/**
 * Sends orders by hand to the bot's Service from inside the cluster, until the file /tmp/stop appears; then waits for those
 * that have no answer yet. Every order has an Idempotency-Key and is sent again with it until it gets an answer that is final.
 * One line of JSON per order on standard output; the last line says how many there were.
 */
import { existsSync } from "node:fs";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { TARGET, API_KEY, RUN, PERIOD_MS, SYMBOL, QUANTITY } = process.env;
const ATTEMPT_MS = 3_000;
/** A client that asks a struggling server ever more often is an attack: the pause doubles, with jitter, up to the longest. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;
const MOST_UNANSWERED = 30;

/** A connection of its own for each attempt: the Service chooses a replica anew. The name is one that the bot answers to. */
function post(key, body) {
  return new Promise((resolve, reject) => {
    const headers = {
      host: "algo-trading-bot-api",
      authorization: `Bearer ${API_KEY}`,
      "content-type": "application/json",
      "idempotency-key": key,
    };
    const url = `http://${TARGET}:8000/api/v1/orders`;
    const asked = request(url, { method: "POST", headers, agent: false, timeout: ATTEMPT_MS }, (answer) => {
      let text = "";
      answer.on("data", (chunk) => {
        text += chunk;
      });
      answer.once("end", () => resolve({ status: answer.statusCode, text }));
      answer.once("error", reject);
    });
    asked.once("timeout", () => asked.destroy(new Error("no answer in time")));
    asked.once("error", reject);
    asked.end(JSON.stringify(body));
  });
}

/** A replica that has heard no price yet asks to be asked later. */
function isFinal(status, text) {
  return status < 500 && status !== 401 && status !== 429 && !text.includes('"QUOTE_MISSING"');
}

/** Always the same side: an order that would trade with an open one of the other side is refused. */
async function order(number) {
  const key = `${RUN}-${number}`;
  const body = { symbol: SYMBOL, side: "buy", type: "market", time_in_force: "gtc", quantity: QUANTITY };
  const failures = {};
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    let cause;
    try {
      const { status, text } = await post(key, body);
      if (isFinal(status, text)) {
        const id = status < 300 ? JSON.parse(text).client_order_id : null;
        return console.log(JSON.stringify({ key, status, id, failures, ...(id === null ? { text } : {}) }));
      }
      cause = String(status);
    } catch (error) {
      cause = error.code ?? error.message;
    }
    failures[cause] = (failures[cause] ?? 0) + 1;
    await sleep(pauseMs * (0.5 + Math.random() / 2));
  }
}

const unanswered = new Set();
let number = 0;
while (!existsSync("/tmp/stop")) {
  const sent = order(number).then(() => unanswered.delete(sent));
  unanswered.add(sent);
  number += 1;
  await sleep(Number(PERIOD_MS));
  while (unanswered.size >= MOST_UNANSWERED) await Promise.race(unanswered);
}
await Promise.all(unanswered);
console.log(JSON.stringify({ done: number }));
await new Promise(() => setInterval(() => undefined, 60_000));
