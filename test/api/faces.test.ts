import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import WebSocket from "ws";
import { createFaces } from "../../src/api/faces.ts";
import { Metrics } from "../../src/api/metrics/metrics.ts";
import { CONFIG, log, MemoryKeys } from "./harness.ts";
import { MemoryBot } from "./memory-bot.ts";

function facesUnderTest(changes: Partial<typeof CONFIG> = {}) {
  const metrics = new Metrics(1);
  const dependencies = { bot: new MemoryBot(), keys: new MemoryKeys(), metrics, log };
  return { metrics, faces: createFaces({ ...dependencies, config: { ...CONFIG, ...changes } }) };
}

describe("the faces", () => {
  it("open three ports, measure their requests, drain and close", async () => {
    const under = facesUnderTest();
    const faces = await under.faces;
    const addresses = await faces.listen();
    assert.equal((await fetch(`${addresses.rest}/health`)).status, 200);
    assert.equal((await fetch(`${addresses.rest}/api/v1/nothing`)).status, 404);
    const config = (await (await fetch(`${addresses.rest}/api/v1/page-config`)).json()) as { ws_port: number };
    assert.equal(config.ws_port, Number(new URL(addresses.stream).port));

    const client = new WebSocket(addresses.stream);
    await once(client, "message");
    const text = await (await fetch(addresses.metrics)).text();
    assert.match(text, /^system_request_latency_ms_count 3$/m);
    assert.match(text, /^system_requests_total\{route="\/health",method="GET",status="200"\} 1$/m);
    assert.match(text, /^system_requests_total\{route="unknown",method="GET",status="404"\} 1$/m);
    assert.match(text, /^stream_clients 1$/m);

    const closed = once(client, "close");
    await faces.drain(0);
    assert.equal((await closed)[0], 1012);
    assert.equal((await fetch(`${addresses.rest}/health`)).status, 200);
    await faces.close();
    await assert.rejects(fetch(`${addresses.rest}/health`));
    under.metrics.close();
  });

  it("open no port when one of them is taken", async () => {
    const taken = createServer();
    taken.listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    for (const name of ["apiPort", "wsPort", "metricsPort"] as const) {
      const under = facesUnderTest({ [name]: port });
      await assert.rejects((await under.faces).listen(), { code: "PORT_IN_USE" });
      under.metrics.close();
    }
    taken.close();
  });
});
