/**
 * How much processor this process may use: what the deployment says (`CPU_LIMIT`), else the cgroup's quota (version 2 or
 * 1), else the host's cores. Reads files once at start.
 */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { CodedError } from "../core/errors.ts";

const CGROUP_V2 = "/sys/fs/cgroup/cpu.max";
const CGROUP_V1_QUOTA = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us";
const CGROUP_V1_PERIOD = "/sys/fs/cgroup/cpu/cpu.cfs_period_us";

export type ReadText = (path: string) => string | null;

/**
 * Cores that may be used, a positive number such as 0.5 or 2. `limit` is Kubernetes' notation: `500m`, `2`, or what the
 * downward API gives. Throws `CPU_LIMIT` for anything else.
 */
export function cpuLimit(limit: string | null, read: ReadText = readText, hostCores = availableParallelism()): number {
  if (limit !== null) return parseCpuQuantity(limit);
  return quotaV2(read(CGROUP_V2)) ?? quotaV1(read(CGROUP_V1_QUOTA), read(CGROUP_V1_PERIOD)) ?? hostCores;
}

/** Engine workers for that many cores: one core is left to the main thread, and there is always one worker. */
export function engineWorkers(cores: number, instances: number): number {
  const byCores = Math.max(1, Math.floor(cores) - 1);
  return Math.max(1, Math.min(byCores, instances));
}

function parseCpuQuantity(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(text.trim());
  const value = match === null ? 0 : Number(match[1]) / (match[2] === "m" ? 1000 : 1);
  if (value > 0) return value;
  throw new CodedError("CPU_LIMIT", `CPU_LIMIT must be cores such as 2, 0.5 or 500m, got ${JSON.stringify(text)}`, {
    field: "CPU_LIMIT",
  });
}

function quotaV2(text: string | null): number | null {
  const [quota, period] = text?.trim().split(/\s+/) ?? [];
  return ratio(quota, period);
}

function quotaV1(quota: string | null, period: string | null): number | null {
  return ratio(quota?.trim(), period?.trim());
}

function ratio(quota: string | undefined, period: string | undefined): number | null {
  const value = Number(quota) / Number(period);
  return Number.isFinite(value) && value > 0 ? value : null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
