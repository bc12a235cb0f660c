/**
 * A finished bar as strategies and indicators read it; reused from bar to bar. Plain fields, because a getter that is not
 * inlined puts every double that it returns on the heap.
 */
export class Bar {
  /** Epoch microseconds of the bar's start. */
  startUs = Number.NaN;
  open = Number.NaN;
  high = Number.NaN;
  low = Number.NaN;
  close = Number.NaN;
  volume = Number.NaN;

  set(startUs: number, open: number, high: number, low: number, close: number, volume: number): void {
    this.startUs = startUs;
    this.open = open;
    this.high = high;
    this.low = low;
    this.close = close;
    this.volume = volume;
  }
}
