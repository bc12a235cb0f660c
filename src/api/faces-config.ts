/**
 * What the faces need to know before they listen. A plain object that the composition fills from its own configuration;
 * nothing here reads the environment.
 */
export interface FacesConfig {
  /** Address that all three listeners bind to, such as `127.0.0.1`. */
  readonly bindAddress: string;
  /** REST and page; 0 takes a free port. */
  readonly apiPort: number;
  /** WebSocket stream; 0 takes a free port. */
  readonly wsPort: number;
  /** Prometheus; 0 takes a free port. */
  readonly metricsPort: number;
  /** Host names (without port) that a `Host` header may carry besides the loopback names and the address connected to. */
  readonly allowedHosts: readonly string[];
  /** Origins (`https://desk.example`) of pages on other hosts that may use the API and the stream. */
  readonly allowedOrigins: readonly string[];
  /** True whenever `bindAddress` is not a loopback address: reads then need the role viewer. */
  readonly requireKeyForReads: boolean;
  /** Changes of state a minute that each key, and each address, may ask for. The kill switch is exempt. */
  readonly changesPerMinute: number;
  /** Shown in the OpenAPI document. */
  readonly version: string;
}

/** For `changesPerMinute` where the operator sets nothing. */
export const DEFAULT_CHANGES_PER_MINUTE = 300;
