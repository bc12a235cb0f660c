/** How amounts and times are shown. Amounts arrive as decimal strings; they become floats here for display only. */

const money = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const price = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 6 });
const time = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dateTime = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const NONE = "–";

export const showMoney = (value) => (value === null ? NONE : money.format(Number(value)));
export const showPrice = (value) => (value === null ? NONE : price.format(Number(value)));
/** With its sign, also when positive. */
export const showGain = (value) =>
  value === null ? NONE : `${Number(value) > 0 ? "+" : ""}${money.format(Number(value))}`;
export const showTime = (ms) => (ms === null ? NONE : time.format(ms));
export const showDateTime = (ms) => (ms === null ? NONE : dateTime.format(ms));
export const showPercent = (value) => (value === null ? NONE : `${value.toFixed(1)} %`);
export const showBps = (value) => (value === null ? NONE : `${value.toFixed(2)} bps`);
export const showCount = (value) => (value === null ? NONE : String(value));
export const showWord = (word) => word.replaceAll("_", " ");

/** The tone of a gain or loss. */
export function gainTone(value) {
  const number = Number(value ?? 0);
  return number > 0 ? "good" : number < 0 ? "bad" : "";
}
