/** Talks to the REST face. The key lives in this tab's session storage and goes nowhere but into the Authorization header. */

const STORED = "atb-key";

export const key = {
  get: () => sessionStorage.getItem(STORED),
  set: (value) => sessionStorage.setItem(STORED, value),
  clear: () => sessionStorage.removeItem(STORED),
};

/** A refusal by the bot; `code` and `status` as in its problem document. */
export class Refused extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

async function request(method, path, body, { withKey }) {
  const headers = {};
  if (withKey && key.get() !== null) headers.authorization = `Bearer ${key.get()}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  const answer = isJson ? await response.json() : null;
  // Readiness answers 503 with a report, not with a problem.
  if (response.ok || answer?.parts !== undefined) return answer;
  throw new Refused(response.status, answer?.code ?? "HTTP", answer?.detail ?? `the bot answered ${response.status}`);
}

let keyForReads = false;

/** Reads go without the key unless they need it: a key that has run out must not blind an open page. */
export function sendKeyWithReads(needed) {
  keyForReads = needed;
}

export const get = (path) => request("GET", path, undefined, { withKey: keyForReads });
export const post = (path, body) => request("POST", path, body, { withKey: true });
export const remove = (path) => request("DELETE", path, undefined, { withKey: true });
