/**
 * The bot's side of lockstep: it tells the simulator when it has dealt with a step completely, so that a simulated day
 * runs as fast as the bot can and gives the same intents as the backtest of that day. Main thread only.
 *
 * Simulator → bot: {"step":n,"trade_updates":u,"market":m} after the step's messages were sent, {"end":true} after the last.
 * Bot → simulator: {"step":n,"trade_updates":u'} with the number of trade updates dealt with so far, sent again whenever
 * that number has grown and the bot is idle again.
 */
import { WebSocket } from "ws";

export interface LockstepOptions {
  readonly url: string;
  /** Trade updates received so far. */
  readonly tradeUpdates: () => number;
  /** Market-data messages received so far. */
  readonly marketMessages: () => number;
  /** Resolves when everything received so far is processed, down to journal and broker. */
  readonly quiesce: () => Promise<void>;
  readonly onEnd: () => void;
  readonly onLost: (cause: string) => void;
}

export interface LockstepClient {
  /** Tell it that a message of either stream has arrived. */
  touched(): void;
  close(): void;
}

interface Step {
  readonly step: number;
  readonly trade_updates: number;
  readonly market: number;
}

export function runLockstep(options: LockstepOptions): LockstepClient {
  // Compressing such short messages costs a thread switch each way, at every step.
  const socket = new WebSocket(options.url, { perMessageDeflate: false });
  let current: Step | null = null;
  let answeredUpdates = -1;
  let busy = false;
  let again = false;
  let closed = false;

  async function pump(): Promise<void> {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    do {
      again = false;
      await answer();
    } while (again);
    busy = false;
  }

  async function answer(): Promise<void> {
    const step = current;
    if (step === null) return;
    if (options.tradeUpdates() < step.trade_updates || options.marketMessages() < step.market) return;
    await options.quiesce();
    const updates = options.tradeUpdates();
    // A newer step may have come meanwhile: its own round answers it.
    if (closed || step !== current || updates === answeredUpdates) return;
    answeredUpdates = updates;
    socket.send(JSON.stringify({ step: step.step, trade_updates: updates }));
  }

  socket.on("message", (data: Buffer) => {
    const message = JSON.parse(data.toString()) as Partial<Step> & { end?: boolean };
    if (message.end === true) {
      closed = true;
      options.onEnd();
      return;
    }
    current = message as Step;
    answeredUpdates = -1;
    void pump();
  });
  socket.on("close", () => {
    if (!closed) options.onLost("the lockstep connection was closed");
  });
  socket.on("error", (error) => {
    if (!closed) options.onLost(error.message);
  });
  return {
    touched: () => void pump(),
    close() {
      closed = true;
      socket.terminate();
    },
  };
}
