/** A decimal number as the ratio of two small whole numbers, as splits are agreed. Pure. */

const MOST = 1000;
/** Recorded ratios have as few as six digits: 0.142857 is one for seven. */
const TOLERANCE = 2e-6;

/** The simplest fraction, as [numerator, denominator] up to 1,000, that is as good as `value`; null without one. */
export function wholeRatio(value: number): readonly [number, number] | null {
  for (let denominator = 1; denominator <= MOST; denominator++) {
    const numerator = Math.round(value * denominator);
    if (numerator < 1 || numerator > MOST) continue;
    if (Math.abs(numerator / denominator / value - 1) <= TOLERANCE) return [numerator, denominator];
  }
  return null;
}
