/** Writes into Redis by way of its Sentinels, with the client and the settings that the bot has. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { writeUntilTold } from "./writer.mjs";

const { Redis } = createRequire("/app/package.json")("ioredis");
const password = readFileSync("/etc/algo-trading/secrets/REDIS_PASSWORD", "utf8");
const client = new Redis({
  sentinels: [0, 1, 2].map((node) => ({ host: `redis-node-${node}`, port: 26379 })),
  name: "mymaster",
  password,
  sentinelPassword: password,
  connectTimeout: 1000,
  commandTimeout: 1000,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  sentinelRetryStrategy: () => 100,
  retryStrategy: () => 100,
});
client.on("error", (error) => console.error(error.message));

await writeUntilTold({
  prepare: () => client.del("writes"),
  write: async (n) => {
    try {
      await client.sadd("writes", n);
    } catch (error) {
      // A master that has become a replica keeps its clients.
      if (error.message.startsWith("READONLY") && client.status === "ready") client.disconnect(true);
      throw error;
    }
  },
  missing: async (numbers) => {
    const found = numbers.length === 0 ? [] : await client.smismember("writes", ...numbers);
    return numbers.filter((_, index) => found[index] !== 1);
  },
});
