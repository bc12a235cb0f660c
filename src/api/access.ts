/**
 * Who may do what, for REST and stream alike: roles, bearer keys, and the checks of `Host` and `Origin` that keep other web
 * pages out (DNS rebinding, cross-site requests). Pure decisions; sending the refusal is the caller's. Main thread.
 */
import { isIP } from "node:net";

/** Least to most; a role may do all that the ones before it may. */
export const ROLES = ["viewer", "trader", "risk", "admin"] as const;
export type Role = (typeof ROLES)[number];

export interface Caller {
  readonly id: string;
  readonly role: Role;
}

export interface KeyVerifier {
  /** Null for a key that is unknown, expired or revoked. */
  verify(token: string): Promise<Caller | null>;
  /** False while there is no key at all that is good. */
  exist(): Promise<boolean>;
}

export function roleAllows(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Said at a reachable address before the first key is made. */
export const NO_KEY_YET = "there is no API key yet: make one with `algo-trading-bot key create` where the bot runs";

const BEARER = /^Bearer +(atb_[\x21-\x7e]{1,200})$/i;

/** The token of an `Authorization: Bearer atb_…` header; null when the header has another form. */
export function bearerToken(header: string): string | null {
  return BEARER.exec(header)?.[1] ?? null;
}

/** The host name of a `Host` header in lower case, without port and brackets; null when it is no host. */
export function hostName(header: string): string | null {
  if (!/^[\w.:[\]-]{1,255}$/.test(header)) return null;
  const url = URL.parse(`http://${header}`);
  return url === null ? null : url.hostname.replace(/^\[|\]$/g, "");
}

function isLoopbackName(name: string): boolean {
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "::1" ||
    (isIP(name) === 4 && name.startsWith("127."))
  );
}

export class HostPolicy {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  constructor(allowedHosts: readonly string[], allowedOrigins: readonly string[]) {
    this.#hosts = new Set(allowedHosts.map((host) => host.toLowerCase()));
    this.#origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, "")));
  }

  /**
   * True for loopback names, configured hosts, and the very address that the connection arrived at (`localAddress`): a
   * rebound name is a name, so a literal address cannot be one.
   */
  hostAllowed(header: string | undefined, localAddress: string | undefined): boolean {
    const name = header === undefined ? null : hostName(header);
    if (name === null) return false;
    return isLoopbackName(name) || this.#hosts.has(name) || name === localAddress?.replace(/^::ffff:/, "");
  }

  /** True without an `Origin` (no browser), for the same host and port, and for configured origins. */
  originAllowed(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined) return true;
    if (this.#origins.has(origin.toLowerCase())) return true;
    return host !== undefined && URL.parse(origin)?.host === host.toLowerCase();
  }

  /** As `originAllowed`, but any port of the same host: the page and the stream have different ones. */
  streamOriginAllowed(origin: string | undefined, host: string | undefined): boolean {
    if (this.originAllowed(origin, host)) return true;
    const name = host === undefined ? null : hostName(host);
    return name !== null && URL.parse(origin ?? "")?.hostname.replace(/^\[|\]$/g, "") === name;
  }
}
