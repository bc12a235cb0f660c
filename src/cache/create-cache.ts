/** The cache that the configuration asks for: Redis, or this process alone. */
import type { RedisConfig } from "../config/config.ts";
import type { Cache } from "./cache.ts";
import { InProcessCache } from "./in-process-cache.ts";
import { RedisCache, type RedisCacheOptions } from "./redis-cache.ts";

export function createCache(
  options: Omit<RedisCacheOptions, "config"> & { readonly config: RedisConfig | null },
): Cache {
  const { config, nowMs, onListenerFault } = options;
  return config === null ? new InProcessCache(nowMs, onListenerFault) : new RedisCache({ ...options, config });
}
