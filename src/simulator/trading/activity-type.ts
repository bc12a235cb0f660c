/** Alpaca's activity types, and the names that stand for several of them. Pure. */
import type { Fixed } from "../../core/fixed.ts";
import type { VenueActivity } from "../../venue/order.ts";
import { malformed } from "../wire-error.ts";

const DIVIDENDS: readonly string[] = [
  "DIV",
  "DIVCGL",
  "DIVCGS",
  "DIVFEE",
  "DIVFT",
  "DIVNRA",
  "DIVROC",
  "DIVTW",
  "DIVTXEX",
];
const TRANSFERS: readonly string[] = ["CSD", "CSW"];
/** What `MISC` stands for: everything but fills, transfers and dividends. */
const OTHERS: readonly string[] = [
  "ACATC",
  "ACATS",
  "CFEE",
  "CGD",
  "FEE",
  "FOPT",
  "INT",
  "INTNRA",
  "INTTW",
  "JNL",
  "JNLC",
  "JNLS",
  "MA",
  "NC",
  "OPASN",
  "OPCA",
  "OPCSH",
  "OPEXC",
  "OPEXP",
  "OPTRD",
  "PTC",
  "PTR",
  "REORG",
  "SPIN",
  "SPLIT",
];

export const ACTIVITY_TYPES: readonly string[] = ["FILL", ...TRANSFERS, ...DIVIDENDS, ...OTHERS];

/** Throws 422 for a name that is no activity type. */
export function typesNamed(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.flatMap(expand));
}

function expand(name: string): readonly string[] {
  if (name === "TRANS") return TRANSFERS;
  if (name === "MISC") return OTHERS;
  if (!ACTIVITY_TYPES.includes(name)) throw malformed(`invalid activity type ${JSON.stringify(name)}`);
  return [name];
}

/** Alpaca's finer word for an activity; null where it has none. */
export function activitySubType({ type, quantity, positionQuantity }: VenueActivity): string | null {
  if (type === "DIV") return "CDIV";
  if (type !== "SPLIT") return null;
  return size(positionQuantity) < size(positionQuantity - quantity) ? "RSPLIT" : "FSPLIT";
}

function size(value: Fixed): Fixed {
  return value < 0n ? -value : value;
}
