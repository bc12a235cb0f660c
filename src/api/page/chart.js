/**
 * The equity curve: a line over time with the falls from the highest value so far shaded, axis labels, and a readout under the
 * pointer. Drawn as SVG; redrawn when points or size change.
 */
import { element } from "./elements.js";
import { showDateTime, showMoney } from "./format.js";

const NS = "http://www.w3.org/2000/svg";
const MARGIN = { top: 12, right: 14, bottom: 22, left: 74 };
/** More points than pixels draw the same picture. */
const DRAWN_MAX = 800;

export class EquityChart {
  #host;
  #points = [];
  #readout = element("p", { className: "readout", hidden: true });
  #cursor = null;
  #scale = null;

  constructor(host) {
    this.#host = host;
    host.append(this.#readout);
    new ResizeObserver(() => this.#draw()).observe(host);
    host.addEventListener("pointermove", (event) => this.#point(event.clientX - host.getBoundingClientRect().left));
    host.addEventListener("pointerleave", () => this.#leave());
  }

  /** `points`: `{time, equity}` with numbers, by rising time. */
  show(points) {
    this.#points = withDrawdown(points);
    this.#draw();
  }

  #draw() {
    this.#host.querySelector("svg, .empty")?.remove();
    this.#cursor = null;
    this.#scale = null;
    if (this.#points.length < 2) {
      this.#host.prepend(element("p", { className: "empty" }, "No equity yet: the curve starts with the first marks."));
      return;
    }
    const { clientWidth: width, clientHeight: height } = this.#host;
    const drawn = thin(this.#points, DRAWN_MAX);
    const scale = scaleOf(drawn, width, height);
    const picture = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      "aria-label": describe(this.#points),
    });
    picture.append(...gridLines(scale), ...timeLabels(scale), ...curves(drawn, scale));
    this.#cursor = svg("g", { visibility: "hidden" });
    this.#cursor.append(
      svg("line", { class: "cursor", y1: MARGIN.top, y2: height - MARGIN.bottom }),
      svg("circle", { class: "dot", r: 4 }),
    );
    picture.append(this.#cursor);
    this.#scale = scale;
    this.#host.prepend(picture);
  }

  #point(at) {
    if (this.#scale === null) return;
    const { x, y, timeAt } = this.#scale;
    const point = nearest(this.#points, timeAt(at));
    const [line, dot] = this.#cursor.children;
    line.setAttribute("x1", x(point.time));
    line.setAttribute("x2", x(point.time));
    dot.setAttribute("cx", x(point.time));
    dot.setAttribute("cy", y(point.equity));
    this.#cursor.setAttribute("visibility", "visible");
    const fall = point.peak - point.equity;
    const below = fall > 0 ? ` · ${showMoney(fall)} below the high` : "";
    this.#readout.textContent = `${showDateTime(point.time)} · ${showMoney(point.equity)}${below}`;
    this.#readout.hidden = false;
  }

  #leave() {
    this.#readout.hidden = true;
    this.#cursor?.setAttribute("visibility", "hidden");
  }
}

function svg(tag, attributes, text = "") {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

function withDrawdown(points) {
  let peak = -Infinity;
  return points.map(({ time, equity }) => {
    peak = Math.max(peak, equity);
    return { time, equity, peak };
  });
}

/** Keeps the lowest and the highest point of each slice, so that no spike is lost. */
function thin(points, max) {
  if (points.length <= max) return points;
  const size = Math.ceil(points.length / (max / 2));
  const kept = [];
  for (let from = 0; from < points.length; from += size) {
    const slice = points.slice(from, from + size);
    const low = slice.reduce((a, b) => (b.equity < a.equity ? b : a));
    const high = slice.reduce((a, b) => (b.equity > a.equity ? b : a));
    kept.push(...(low === high ? [low] : low.time < high.time ? [low, high] : [high, low]));
  }
  const last = points.at(-1);
  if (kept.at(-1) !== last) kept.push(last);
  return kept;
}

function scaleOf(points, width, height) {
  const first = points[0].time;
  const span = Math.max(1, points.at(-1).time - first);
  const lowest = Math.min(...points.map((point) => point.equity));
  const highest = Math.max(...points.map((point) => point.peak));
  // A flat curve runs through the middle.
  const pad = highest > lowest ? 0 : Math.abs(highest) * 0.0005 || 1;
  const low = lowest - pad;
  const high = highest + pad;
  const step = niceStep((high - low) / 5);
  const bottom = Math.floor(low / step) * step;
  const top = Math.max(bottom + step, Math.ceil(high / step) * step);
  const inner = width - MARGIN.left - MARGIN.right;
  const tall = height - MARGIN.top - MARGIN.bottom;
  return {
    width,
    height,
    first,
    span,
    bottom,
    top,
    step,
    x: (time) => MARGIN.left + (inner * (time - first)) / span,
    y: (equity) => MARGIN.top + (tall * (top - equity)) / (top - bottom),
    timeAt: (at) => first + (span * (at - MARGIN.left)) / inner,
  };
}

/** 1, 2 or 5 times a power of ten, not below `raw`. */
function niceStep(raw) {
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * ([1, 2, 5].find((factor) => factor * power >= raw) ?? 10);
}

function gridLines({ width, bottom, top, step, y }) {
  const digits = step < 1 ? 2 : 0;
  const made = [];
  for (let value = bottom; value <= top + step / 2; value += step) {
    const at = y(value);
    made.push(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }));
    const text = value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    made.push(svg("text", { class: "axis", x: MARGIN.left - 8, y: at + 4, "text-anchor": "end" }, text));
  }
  return made;
}

const DAY_MS = 86_400_000;

function timeLabels({ width, height, first, span, x }) {
  const seconds = span < 10 * 60_000 ? { second: "2-digit" } : {};
  const clock = { hour: "2-digit", minute: "2-digit", ...seconds };
  const format = new Intl.DateTimeFormat("en-GB", span < 2 * DAY_MS ? clock : { day: "numeric", month: "short" });
  const count = Math.max(2, Math.min(8, Math.floor((width - MARGIN.left) / 110)));
  return Array.from({ length: count }, (_, i) => {
    const time = first + (span * i) / (count - 1);
    const anchor = i === 0 ? "start" : i === count - 1 ? "end" : "middle";
    return svg("text", { class: "axis", x: x(time), y: height - 6, "text-anchor": anchor }, format.format(time));
  });
}

function curves(points, { x, y, height }) {
  const along = (valueOf) => points.map((point) => `${x(point.time).toFixed(1)},${y(valueOf(point)).toFixed(1)}`);
  const equity = along((point) => point.equity);
  const peaks = along((point) => point.peak);
  const floor = height - MARGIN.bottom;
  const area = `M${equity.join("L")}L${x(points.at(-1).time)},${floor}L${x(points[0].time)},${floor}Z`;
  return [
    svg("path", { class: "area", d: area }),
    svg("path", { class: "drawdown", d: `M${peaks.join("L")}L${equity.toReversed().join("L")}Z` }),
    svg("path", { class: "line", d: `M${equity.join("L")}` }),
  ];
}

function nearest(points, time) {
  return points.reduce((best, point) => (Math.abs(point.time - time) < Math.abs(best.time - time) ? point : best));
}

function describe(points) {
  const last = points.at(-1);
  const fall = Math.max(...points.map((point) => point.peak - point.equity));
  const from = showDateTime(points[0].time);
  return `Equity from ${from} to ${showDateTime(last.time)}: now ${showMoney(last.equity)}, deepest fall ${showMoney(fall)}`;
}
