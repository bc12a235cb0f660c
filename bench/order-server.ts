/**
 * A thread that answers orders over HTTP as Alpaca does: it accepts each and says when the request had arrived, on the
 * clock that all threads share. It matches nothing; its fills are made by who listens.
 */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort } from "node:worker_threads";

export interface OrderServerStarted {
  readonly port: number;
}

export interface OrderArrived {
  readonly clientOrderId: string;
  readonly orderId: string;
  /** Epoch microseconds at the end of the request's body. */
  readonly arrivedUs: number;
}

interface OrderRequest {
  readonly client_order_id: string;
  readonly symbol: string;
  readonly qty: string;
  readonly side: string;
  readonly type: string;
  readonly time_in_force: string;
}

async function readOrder(request: IncomingMessage): Promise<OrderRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as OrderRequest;
}

function acceptedBody(order: OrderRequest, orderId: string): string {
  const now = new Date().toISOString();
  return JSON.stringify({
    ...order,
    id: orderId,
    created_at: now,
    updated_at: now,
    submitted_at: now,
    filled_at: null,
    asset_class: "us_equity",
    filled_qty: "0",
    filled_avg_price: null,
    order_class: "",
    limit_price: null,
    stop_price: null,
    status: "pending_new",
    legs: null,
  });
}

const server = createServer((request, response) => {
  void readOrder(request).then((order) => {
    const arrivedUs = (performance.timeOrigin + performance.now()) * 1000;
    const orderId = randomUUID();
    response.writeHead(200, { "content-type": "application/json" }).end(acceptedBody(order, orderId));
    parentPort?.postMessage({ clientOrderId: order.client_order_id, orderId, arrivedUs } satisfies OrderArrived);
  });
});
server.listen(0, "127.0.0.1", () => {
  parentPort?.postMessage({ port: (server.address() as AddressInfo).port } satisfies OrderServerStarted);
});
