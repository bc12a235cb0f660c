/** A door between a bot and its database: shut, it ends every connection and takes no new one, as a lost server does. */
import { createServer, connect as connectTo, type Socket } from "node:net";
import { atEnd, type Scope } from "./wait.ts";

export class Gate {
  readonly url: string;
  readonly #sockets = new Set<Socket>();
  #isOpen = true;

  private constructor(url: string) {
    this.url = url;
  }

  /** A gate in front of the server of `url`, open. */
  static async to(scope: Scope, url: string): Promise<Gate> {
    const target = new URL(url);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const through = new URL(url);
    through.port = String((server.address() as { port: number }).port);
    const gate = new Gate(through.href);
    server.on("connection", (socket) => gate.#pass(socket, Number(target.port), target.hostname));
    atEnd(scope, () => {
      gate.shut();
      server.close();
    });
    return gate;
  }

  shut(): void {
    this.#isOpen = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  open(): void {
    this.#isOpen = true;
  }

  #pass(socket: Socket, port: number, host: string): void {
    if (!this.#isOpen) return void socket.destroy();
    const onward = connectTo(port, host);
    for (const end of [socket, onward]) {
      this.#sockets.add(end);
      end.on("error", () => end.destroy());
      end.on("close", () => {
        this.#sockets.delete(end);
        socket.destroy();
        onward.destroy();
      });
    }
    socket.pipe(onward);
    onward.pipe(socket);
  }
}
