/**
 * The fields of one row, read by hand from its bytes, with errors that name file, line and column. Owned by the reading of
 * one file.
 */
import { CodedError } from "../core/errors.ts";
import { ByteTable } from "./byte-table.ts";
import { parseDecimal, parseInteger, parseNanosecondsAsUs } from "./decimal-field.ts";
import { NewYorkDates } from "./new-york-date.ts";
import type { RowLayout } from "./recorded-header.ts";

const COMMA = 44;
const RETURN = 13;
/** Distinct symbols, exchanges and conditions of one file. */
export const MAX_TEXTS = 65_536;

export class RowFields {
  readonly #layout: RowLayout;
  readonly #file: string;
  readonly #texts = new ByteTable(MAX_TEXTS);
  readonly #dates = new NewYorkDates();
  /** `#ends[i]` is one past the last byte of field i. */
  readonly #ends: Int32Array;
  #bytes: Uint8Array = new Uint8Array(0);
  #rowStart = 0;
  #lineNumber = 0;

  constructor(layout: RowLayout, file: string) {
    this.#layout = layout;
    this.#file = file;
    this.#ends = new Int32Array(layout.columnNames.length + 1);
  }

  /** Takes the row `bytes[start..newline)`. Throws `DATA_FORMAT` when it has not as many fields as the header. */
  take(bytes: Uint8Array, start: number, newline: number, lineNumber: number): void {
    this.#bytes = bytes;
    this.#rowStart = start;
    this.#lineNumber = lineNumber;
    this.#find(bytes, start, newline > start && bytes[newline - 1] === RETURN ? newline - 1 : newline);
  }

  blank(column: number): boolean {
    return this.#start(column) === this.#end(column);
  }

  /** Nanoseconds → microseconds. */
  time(column: number): number {
    const timeUs = parseNanosecondsAsUs(this.#bytes, this.#start(column), this.#end(column));
    if (Number.isNaN(timeUs)) throw this.columnFault(column, "epoch nanoseconds as 4 to 19 digits");
    return timeUs;
  }

  /** Midnight in New York, microseconds. */
  date(column: number): number {
    const startUs = this.#dates.midnightUs(this.slice(column));
    if (Number.isNaN(startUs)) throw this.columnFault(column, "a date such as 2017-12-31");
    return startUs;
  }

  decimal(column: number): number {
    const value = parseDecimal(this.#bytes, this.#start(column), this.#end(column));
    if (!Number.isFinite(value)) throw this.columnFault(column, "a decimal number");
    return value;
  }

  positive(column: number): number {
    const value = this.decimal(column);
    if (value <= 0) throw this.columnFault(column, "a number above 0");
    return value;
  }

  amount(column: number): number {
    const value = this.decimal(column);
    if (value < 0) throw this.columnFault(column, "a number of at least 0");
    return value;
  }

  /** Blank or a number from 0. */
  side(column: number): number {
    return this.blank(column) ? 0 : this.amount(column);
  }

  integer(column: number): number {
    const value = parseInteger(this.#bytes, this.#start(column), this.#end(column));
    if (Number.isNaN(value)) throw this.columnFault(column, "a whole number");
    return value;
  }

  /** A number from 0 for each distinct text, −1 where there are too many of them. */
  textId(column: number): number {
    return this.#texts.intern(this.#bytes, this.#start(column), this.#end(column));
  }

  text(column: number): string {
    const id = this.textId(column);
    return id === -1 ? this.slice(column) : this.#texts.text(id);
  }

  /** A new string; only where it is needed. */
  slice(column: number): string {
    return Buffer.from(this.#bytes.subarray(this.#start(column), this.#end(column))).toString("utf8");
  }

  columnFault(column: number, allowed: string): CodedError {
    const name = this.#layout.columnNames[column] as string;
    const text = JSON.stringify(this.slice(column).slice(0, 60));
    return this.#fault(name, `column ${name} is ${text}; allowed is ${allowed}`);
  }

  #start(column: number): number {
    return column === 0 ? this.#rowStart : (this.#ends[column - 1] as number) + 1;
  }

  #end(column: number): number {
    return this.#ends[column] as number;
  }

  #find(bytes: Uint8Array, start: number, end: number): void {
    const ends = this.#ends;
    const columns = ends.length - 1;
    let field = 0;
    for (let at = start; at < end; at++) {
      if (bytes[at] !== COMMA) continue;
      if (field < columns) ends[field] = at;
      field++;
    }
    if (field < columns) ends[field] = end;
    if (field !== columns - 1) {
      throw this.#fault("row", `${columns} columns are needed, this row has ${field + 1}`);
    }
  }

  #fault(field: string, message: string): CodedError {
    return new CodedError("DATA_FORMAT", `${this.#file}: line ${this.#lineNumber}: ${message}`, { field });
  }
}
