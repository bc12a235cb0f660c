import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { WebSocket } from "ws";
import { createSimulator } from "../../src/simulator/simulator.ts";
import { HEADERS, KEYS } from "./client.ts";
import { selfSigned } from "./self-signed.ts";

describe("a simulator with a certificate", () => {
  const { certificate, key } = selfSigned();
  let folder: string;
  let tlsCertificateFile: string;
  let tlsKeyFile: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "simulator-tls-"));
    tlsCertificateFile = join(folder, "certificate.pem");
    tlsKeyFile = join(folder, "key.pem");
    writeFileSync(tlsCertificateFile, certificate);
    writeFileSync(tlsKeyFile, key);
  });
  after(() => rmSync(folder, { recursive: true }));

  it("answers https and wss, and not http", async () => {
    const simulator = await createSimulator({ ...KEYS, port: 0, tlsCertificateFile, tlsKeyFile });
    const port = await simulator.listen();
    const status = await new Promise((resolve, reject) => {
      const request = get({ host: "127.0.0.1", port, path: "/v2/account", headers: HEADERS, ca: certificate });
      request.on("response", (response) => resolve(response.resume().statusCode)).on("error", reject);
    });
    assert.equal(status, 200);
    const socket = new WebSocket(`wss://127.0.0.1:${port}/v2/iex`, { ca: certificate });
    const first = await new Promise((resolve, reject) => {
      socket.once("message", (data: Buffer) => resolve(JSON.parse(data.toString("utf8")))).once("error", reject);
    });
    assert.deepEqual(first, [{ T: "success", msg: "connected" }]);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/v2/account`, { headers: HEADERS }));
    socket.terminate();
    await simulator.close();
  });

  it("names the file that is missing or does not fit", async () => {
    const refused = (config: object, field: string) =>
      assert.rejects(createSimulator(config), { code: "SIMULATOR_CONFIG", field });
    await refused({ tlsKeyFile }, "tlsCertificateFile");
    await refused({ tlsCertificateFile }, "tlsKeyFile");
    await refused({ tlsCertificateFile, tlsKeyFile: join(folder, "nothing.pem") }, "tlsKeyFile");
    const other = join(folder, "other.pem");
    writeFileSync(other, selfSigned().certificate);
    await refused({ tlsCertificateFile: other, tlsKeyFile }, "tlsCertificateFile");
  });
});
