/** A simulator in a process of its own for benchmarks: configuration by message, then its port, and its memory when asked. */
import { createSimulator } from "../src/simulator/simulator.ts";

export interface SimulatorChildStarted {
  readonly port: number;
}

export interface SimulatorChildMemory {
  /** Resident, bytes. */
  readonly rssBytes: number;
}

process.once("message", (config) => {
  void (async () => {
    const simulator = await createSimulator(config);
    process.send?.({ port: await simulator.listen() } satisfies SimulatorChildStarted);
    process.on("message", () => {
      process.send?.({ rssBytes: process.memoryUsage.rss() } satisfies SimulatorChildMemory);
    });
    process.once("disconnect", () => void simulator.close().then(() => process.exit(0)));
  })();
});
