/**
 * Ports for servers that a test starts. Taken from below the range from which the system gives outgoing connections theirs: one
 * of those that was free a moment ago may be somebody's connection by the time the server opens it.
 */
import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

const FIRST = 20_000;
/** Linux gives connections ports from 32,768 on, other systems from further up. */
const END = 32_000;
const TRIES_MAX = 100;

/** That many ports of 127.0.0.1, all different, that nothing listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const held: { readonly port: number; readonly server: Server }[] = [];
  try {
    while (held.length < count) held.push(await hold());
    return held.map(({ port }) => port);
  } finally {
    await Promise.all(held.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  }
}

export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

async function hold(): Promise<{ readonly port: number; readonly server: Server }> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const port = randomInt(FIRST, END);
    const server = await listen(port);
    if (server !== null) return { port, server };
  }
  throw new Error(`no free port between ${FIRST} and ${END} in ${TRIES_MAX} tries`);
}

function listen(port: number): Promise<Server | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}
