/** Reads the text of a control group's `cpu.stat`, of either version. */

export interface CpuStat {
  readonly periods: number;
  readonly throttledPeriods: number;
  readonly throttledSeconds: number;
}

/** Version 2 counts `throttled_usec`, version 1 `throttled_time` in nanoseconds; a group without a quota has neither. */
export function parseCpuStat(text: string): CpuStat {
  const values = new Map(
    text.split("\n").map((line) => {
      const [name, value] = line.split(" ");
      return [name, Number(value)] as const;
    }),
  );
  const read = (name: string): number => values.get(name) ?? 0;
  return {
    periods: read("nr_periods"),
    throttledPeriods: read("nr_throttled"),
    throttledSeconds: read("throttled_usec") / 1e6 + read("throttled_time") / 1e9,
  };
}
