/** The cache that the configuration asks for: Redis, or none where one replica is alone. */
import type { RedisConfig } from "../config/config.ts";
import type { Cache } from "./cache.ts";
import { OneReplicaCache } from "./one-replica-cache.ts";
import { RedisCache, type RedisCacheOptions } from "./redis-cache.ts";

export function createCache(
  options: Omit<RedisCacheOptions, "config"> & { readonly config: RedisConfig | null },
): Cache {
  const { config } = options;
  return config === null ? new OneReplicaCache() : new RedisCache({ ...options, config });
}
