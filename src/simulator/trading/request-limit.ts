/** Trading requests a minute, as the broker counts them: by the real clock, in fixed windows. Main thread. */

const WINDOW_MS = 60_000;

export class RequestLimit {
  readonly #limit: number | null;
  readonly #wallMs: () => number;
  #window = 0;
  #used = 0;

  /** `limit` null counts nothing. */
  constructor(limit: number | null, wallMs: () => number) {
    this.#limit = limit;
    this.#wallMs = wallMs;
  }

  /** Counts a request; the headers to answer with, and whether it is still within the limit. */
  take(): { readonly allowed: boolean; readonly headers: Record<string, string> } {
    if (this.#limit === null) return { allowed: true, headers: {} };
    const window = Math.floor(this.#wallMs() / WINDOW_MS);
    if (window !== this.#window) {
      this.#window = window;
      this.#used = 0;
    }
    const allowed = this.#used < this.#limit;
    if (allowed) this.#used++;
    return {
      allowed,
      headers: {
        "x-ratelimit-limit": String(this.#limit),
        "x-ratelimit-remaining": String(this.#limit - this.#used),
        "x-ratelimit-reset": String(((window + 1) * WINDOW_MS) / 1000),
      },
    };
  }
}
