/** The cache where there is no Redis: one replica, which has nobody to tell and hears of nobody. */
import type { Cache } from "./cache.ts";

const nothing = (): void => undefined;

export class OneReplicaCache implements Cache {
  lead(): void {}

  follow(): void {}

  publish(): void {}

  setState(): void {}

  onEvent(): () => void {
    return nothing;
  }

  onRestart(): () => void {
    return nothing;
  }

  latest(): null {
    return null;
  }

  async hintReleased(): Promise<void> {}

  onReleased(): () => void {
    return nothing;
  }

  health(): null {
    return null;
  }

  reading(): null {
    return null;
  }

  async close(): Promise<void> {}
}
