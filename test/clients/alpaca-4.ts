/** Alpaca's client for JavaScript, version 4, pointed at a simulator. */
import { Alpaca } from "@alpacahq/alpaca-trade-api";
import { KEYS } from "./scripted-venue.ts";

/** It takes no address of its own: whatever it asks Alpaca's hosts is asked of the simulator. */
export function alpaca4(url: string): Alpaca {
  return new Alpaca({
    ...KEYS,
    secret: KEYS.secret,
    rateLimit: false,
    retry: false,
    fetchApi: (input, init) => fetch(String(input).replace(/^https:\/\/[^/]+/, url), init),
  });
}
