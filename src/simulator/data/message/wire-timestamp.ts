/** Times as the market-data side writes them: RFC 3339 in UTC, the fraction as long as it needs to be. Pure. */

const SECOND_US = 1_000_000;

let knownSecond = Number.NaN;
let knownText = "";

/** Epoch microseconds → `2026-03-02T15:00:00Z`, `2026-03-02T15:00:00.0001Z`. */
export function rfc3339Nano(timeUs: number): string {
  const second = Math.floor(timeUs / SECOND_US);
  if (second !== knownSecond) {
    knownSecond = second;
    knownText = new Date(second * 1000).toISOString().slice(0, 19);
  }
  const fraction = timeUs - second * SECOND_US;
  if (fraction === 0) return `${knownText}Z`;
  return `${knownText}.${trimmed(String(SECOND_US + fraction))}Z`;
}

/** `1000100` → `0001`. */
function trimmed(digits: string): string {
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === ZERO) end--;
  return digits.slice(1, end);
}

const ZERO = 48;
