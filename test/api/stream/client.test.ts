import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import fc from "fast-check";
import type { WebSocket } from "ws";
import { Backlog, UNKEYED_MAX } from "../../../src/api/stream/backlog.ts";
import { StreamClient } from "../../../src/api/stream/client.ts";
import { type Change, Encoded } from "../../../src/api/stream/protocol.ts";
import { quote, signal } from "../memory-bot.ts";

/** A socket whose unsent bytes the test sets; it keeps what was sent. */
class ControlledSocket {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: { changes: Change[] }[] = [];
  closed: [code: number, reason: string] | null = null;
  terminated = false;

  send(data: Uint8Array): void {
    this.sent.push(JSON.parse(String(data)));
  }

  close(code: number, reason: string): void {
    this.readyState = 2;
    this.closed = [code, reason];
  }

  terminate(): void {
    this.terminated = true;
  }
}

const BEHIND = 64 * 1024 + 1;
const change = (number: number, key: string | null): Change => ({
  number,
  key,
  data: key === null ? signal(number) : quote(key, number, number + 1).data,
});

describe("a stream client", () => {
  let socket: ControlledSocket;
  let client: StreamClient;
  beforeEach(() => {
    mock.timers.enable({ apis: ["setTimeout"] });
    socket = new ControlledSocket();
    client = new StreamClient(socket as unknown as WebSocket, "json");
  });
  afterEach(() => mock.timers.reset());

  const deliver = (changes: Change[], nowMs: number): void => {
    const encoded = new Encoded({ type: "changes", channel: "quotes", generation: "g", changes });
    client.deliver("quotes", changes, encoded, nowMs);
  };
  const numbers = (): number[] => socket.sent.flatMap((message) => message.changes.map((one) => one.number));

  it("gets changes at once while it keeps up", () => {
    deliver([change(1, "AAPL")], 0);
    deliver([change(2, "AAPL")], 1);
    assert.deepEqual(numbers(), [1, 2]);
  });

  it("gets the latest of each key once it has caught up", () => {
    socket.bufferedAmount = BEHIND;
    deliver([change(1, "AAPL"), change(2, "MSFT")], 0);
    deliver([change(3, "AAPL")], 1);
    client.catchUp("g");
    assert.deepEqual(numbers(), []);
    socket.bufferedAmount = 0;
    client.catchUp("g");
    assert.deepEqual(numbers(), [2, 3]);
    deliver([change(4, "AAPL")], 2);
    assert.deepEqual(numbers(), [2, 3, 4]);
  });

  it("gets nothing out of order: new changes wait behind the backlog", () => {
    socket.bufferedAmount = BEHIND;
    deliver([change(1, "AAPL")], 0);
    socket.bufferedAmount = 0;
    deliver([change(2, "MSFT")], 1);
    assert.deepEqual(numbers(), []);
    client.catchUp("g");
    assert.deepEqual(numbers(), [1, 2]);
  });

  it("is cut with 1013 when it stays behind for five seconds, and ended when it does not answer", () => {
    socket.bufferedAmount = BEHIND;
    deliver([change(1, "AAPL")], 1_000);
    client.cutIfStuck(5_999);
    assert.equal(socket.closed, null);
    client.cutIfStuck(6_000);
    assert.deepEqual(socket.closed, [1013, "reader too slow"]);
    assert.ok(client.wasCut);
    mock.timers.tick(2_000);
    assert.ok(socket.terminated);
  });

  it("is not cut when it caught up in between", () => {
    socket.bufferedAmount = BEHIND;
    deliver([change(1, "AAPL")], 0);
    socket.bufferedAmount = 0;
    client.catchUp("g");
    socket.bufferedAmount = BEHIND;
    deliver([change(2, "AAPL")], 4_000);
    client.cutIfStuck(6_000);
    assert.equal(socket.closed, null);
  });

  it("is cut at once with a mebibyte unsent", () => {
    socket.bufferedAmount = 1024 * 1024 + 1;
    client.send(new Encoded({ type: "subscribed", channels: [] }));
    assert.deepEqual(socket.closed, [1013, "unread snapshots"]);
  });

  it("is cut when too many changes without a key wait", () => {
    socket.bufferedAmount = BEHIND;
    deliver(
      Array.from({ length: UNKEYED_MAX }, (_, i) => change(i + 1, null)),
      0,
    );
    assert.equal(socket.closed, null);
    deliver([change(UNKEYED_MAX + 1, null)], 1);
    assert.deepEqual(socket.closed, [1013, "too many unread events"]);
  });
});

describe("a backlog", () => {
  it("keeps the latest of each key and all without one, with rising numbers", () => {
    const keys = fc.array(fc.constantFrom("A", "B", "C", "D"), { maxLength: 100 });
    fc.assert(
      fc.property(keys, (sequence) => {
        const backlog = new Backlog();
        sequence.forEach((key, i) => backlog.add(change(i, key)));
        const latest = [...new Set(sequence)].map((key) => sequence.lastIndexOf(key)).toSorted((a, b) => a - b);
        assert.deepEqual(
          backlog.take().map((one) => one.number),
          latest,
        );
        assert.ok(backlog.empty);
      }),
    );
    const unkeyed = new Backlog();
    for (let i = 0; i < 10; i++) unkeyed.add(change(i, null));
    assert.equal(unkeyed.take().length, 10);
  });
});
