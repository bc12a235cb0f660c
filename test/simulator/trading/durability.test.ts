import assert from "node:assert/strict";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { order, Peer } from "../client.ts";
import { start } from "./venue.ts";

/** Turns of the event loop that the simulator shares with this test, each long enough for an answer to be sent and read. */
const ROUND_TRIPS = 30;

it("nothing is shown to anybody before it is on the disk", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "durable-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const venue = await start(t, undefined, { ledgerFile: join(directory, "ledger.jsonl") });
  const peer = await Peer.open(`ws://127.0.0.1:${venue.port}/stream`);

  // A disk that takes its time: it is asked, and answers when this test says so.
  const disk = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const file = await open(join(directory, "any"), "w");
  t.mock.method(Object.getPrototypeOf(file), "datasync", () => {
    asked.resolve();
    return disk.promise;
  });
  const posted = order(venue.port, "buy 1 ACME");
  await asked.promise;

  const paths = ["/v2/positions", "/v2/orders?status=all", "/v2/account", "/v2/account/activities"];
  let answered = 0;
  const looks = paths.map(async (path) => {
    const answer = await venue.get(path);
    answered++;
    return answer.body;
  });
  for (let i = 0; i < ROUND_TRIPS; i++) {
    peer.socket.ping();
    await once(peer.socket, "pong");
  }
  assert.equal(answered, 0);
  disk.resolve();
  const [positions, orders, account, activities] = await Promise.all(looks);
  assert.deepEqual(
    [positions[0].qty, orders[0].status, account.cash, activities.length],
    ["1", "filled", "99899.99", 1],
  );
  assert.equal((await posted).status, 200);
  await file.close();
  await peer.close();
});
