/**
 * The operations page: keeps what the bot told, from the stream where it is open and by asking every few seconds otherwise, and
 * draws what changed at most once a frame.
 */
import { get, key, post, Refused, remove, sendKeyWithReads } from "./api.js";
import { EquityChart } from "./chart.js";
import { askKey, askReason } from "./dialogs.js";
import { byId, element, setText } from "./elements.js";
import { gainTone, showBps, showDateTime, showGain, showMoney, showPercent, showPrice, showWord } from "./format.js";
import { Live } from "./live.js";
import { isOpen, makeTables, signalKey } from "./tables.js";

const POLL_MS = 3_000;
const ROWS_MAX = 100;
const POINTS_MAX = 5_000;
const QUOTES_MAX = 12;
const CHANNELS = ["quotes", "signals", "orders", "fills", "pnl"];

const state = {
  orders: new Map(),
  fills: new Map(),
  signals: new Map(),
  quotes: new Map(),
  points: [],
  pnl: null,
  positions: [],
  strategies: [],
};

const chart = new EquityChart(byId("chart"));
const tables = makeTables({
  cancelOrder: (id) => act(() => remove(`/api/v1/orders/${encodeURIComponent(id)}`)),
  startStrategy: (id) => act(() => post(`/api/v1/strategies/${encodeURIComponent(id)}/start`)),
  stopStrategy: (id) => act(() => post(`/api/v1/strategies/${encodeURIComponent(id)}/stop`)),
});

const dirty = new Set();
function redraw(...sections) {
  if (dirty.size === 0) requestAnimationFrame(draw);
  for (const section of sections) dirty.add(section);
}

const newest = (map, timeOf) => [...map.values()].toSorted((a, b) => timeOf(b) - timeOf(a)).slice(0, ROWS_MAX);

const drawings = {
  orders() {
    const rows = newest(state.orders, (row) => row.created_at);
    tables.orders.show([...rows.filter(isOpen), ...rows.filter((row) => !isOpen(row))]);
  },
  fills: () => tables.fills.show(newest(state.fills, (row) => row.venue_time)),
  signals: () => tables.signals.show(newest(state.signals, (row) => row.venue_time)),
  positions: () => tables.positions.show(state.positions),
  strategies: () => tables.strategies.show(state.strategies),
  equity: () => chart.show(state.points),
  figures: drawFigures,
  quotes: drawQuotes,
};

function draw() {
  const sections = [...dirty];
  dirty.clear();
  for (const section of sections) drawings[section]();
}

function drawFigures() {
  const { pnl } = state;
  if (pnl === null) return;
  const figures = [
    ["Equity", showMoney(state.points.at(-1)?.equity ?? null), ""],
    ["Profit", showGain(pnl.total), gainTone(pnl.total)],
    ["Unrealised", showGain(pnl.unrealised), gainTone(pnl.unrealised)],
    ["Drawdown", showMoney(pnl.drawdown), ""],
    ["Win rate", pnl.win_rate === null ? "–" : `${showPercent(pnl.win_rate)} of ${pnl.round_trips}`, ""],
    ["Slippage", showBps(pnl.average_slippage_bps), ""],
    ["Fees", showMoney(pnl.fees), ""],
  ];
  const list = byId("figures");
  figures.forEach(([title, text, tone], i) => {
    const pair = list.children[i] ?? list.appendChild(element("div", {}, element("dt", {}, title), element("dd")));
    setText(pair.lastElementChild, text, tone);
  });
}

function drawQuotes() {
  const shown = [...state.quotes.values()].toSorted((a, b) => (a.symbol < b.symbol ? -1 : 1)).slice(0, QUOTES_MAX);
  const list = byId("quotes");
  shown.forEach(({ symbol, bid, ask }, i) => {
    const item = list.children[i] ?? list.appendChild(element("li", {}, element("b"), " ", element("span")));
    setText(item.firstElementChild, symbol);
    setText(item.lastElementChild, `${showPrice(bid)} / ${showPrice(ask)}`);
  });
  while (list.children.length > shown.length) list.lastElementChild.remove();
}

/** What is remembered of a channel: how one item of it is taken in. */
const intake = {
  quotes(data) {
    state.quotes.set(data.symbol, data);
    redraw("quotes");
  },
  orders(data) {
    // An answer may be older than what the stream has told meanwhile.
    if ((state.orders.get(data.client_order_id)?.updated_at ?? 0) > data.updated_at) return;
    state.orders.set(data.client_order_id, data);
    forget(state.orders, (row) => row.created_at);
    redraw("orders");
  },
  fills(data) {
    state.fills.set(data.execution_id, data);
    forget(state.fills, (row) => row.venue_time);
    redraw("fills");
  },
  signals(data) {
    state.signals.set(signalKey(data), data);
    forget(state.signals, (row) => row.venue_time);
    redraw("signals");
  },
  pnl(data) {
    state.pnl = data;
    const last = state.points.at(-1)?.time ?? 0;
    if (typeof data.equity === "string" && data.time > last) {
      state.points.push({ time: data.time, equity: Number(data.equity) });
      if (state.points.length > POINTS_MAX) state.points = state.points.filter((_, i) => i % 2 === 1);
    }
    redraw("figures", "equity");
  },
};

/** Rows that are not shown are not kept. */
function forget(map, timeOf) {
  if (map.size <= 2 * ROWS_MAX) return;
  const kept = newest(map, timeOf);
  for (const [id, row] of map) if (!kept.includes(row)) map.delete(id);
}

async function loadHistory() {
  const [orders, trades, signals] = await Promise.all([
    get(`/api/v1/orders?limit=${ROWS_MAX}`),
    get(`/api/v1/trades?limit=${ROWS_MAX}`),
    get(`/api/v1/signals?limit=${ROWS_MAX}`),
  ]);
  for (const row of orders.items) intake.orders(row);
  for (const row of trades.items) intake.fills(row);
  for (const row of signals.items) intake.signals(row);
  redraw("orders", "fills", "signals");
}

async function loadPnl() {
  const { equity, ...figures } = await get("/api/v1/pnl");
  state.pnl = figures;
  state.points = equity.map((point) => ({ time: point.time, equity: Number(point.equity) }));
  redraw("figures", "equity");
}

const loadPast = () => Promise.all([loadHistory(), loadPnl()]);

async function loadStanding() {
  const [positions, strategies, account, risk, ready] = await Promise.all([
    get("/api/v1/positions"),
    get("/api/v1/strategies"),
    get("/api/v1/account"),
    get("/api/v1/risk"),
    get("/ready"),
  ]);
  state.positions = positions.items;
  state.strategies = strategies.items;
  redraw("positions", "strategies");
  showAccount(account);
  showRisk(risk);
  showParts(ready);
}

function showAccount({ mode, venue_time }) {
  setText(byId("mode"), mode, mode === "live" ? "bad" : "");
  byId("banner").hidden = mode !== "simulated";
  setText(byId("venue-time"), showDateTime(venue_time));
}

function showRisk({ states, owner, lease_owner }) {
  const account = states.find((one) => one.scope === "account")?.state ?? "active";
  const standby = owner ? "" : `, standing by for ${lease_owner ?? "nobody"}`;
  setText(
    byId("trading-state"),
    `trading ${account}${standby}`,
    { active: "good", reducing: "warn", halted: "bad" }[account],
  );
  byId("resume-button").hidden = account !== "halted";
  byId("kill-button").disabled = account === "halted";
}

const PART_TONES = { ok: "good", degraded: "warn", failed: "bad" };

function showParts({ parts }) {
  const list = byId("parts");
  parts.forEach((part, i) => {
    const item = list.children[i] ?? list.appendChild(element("li", {}, element("span")));
    const text = part.state === "ok" ? showWord(part.name) : `${showWord(part.name)}: ${part.state}`;
    setText(item.firstElementChild, text);
    if (item.dataset.tone !== PART_TONES[part.state]) item.dataset.tone = PART_TONES[part.state];
    item.title = part.detail ?? "";
  });
  while (list.children.length > parts.length) list.lastElementChild.remove();
}

function complain(error) {
  const code = error instanceof Refused ? `${error.code}: ` : "";
  byId("alert").textContent = `${code}${error.message}`;
  byId("alert").hidden = false;
}

/** Runs a change of state: asks for a key where there is none, shows a refusal, and asks how things stand afterwards. */
async function act(change) {
  if (key.get() === null && !(await enterKey())) return;
  try {
    await change();
    byId("alert").hidden = true;
    await loadStanding();
  } catch (error) {
    if (error.status === 401) forgetKey();
    complain(error);
  }
}

async function enterKey() {
  const entered = await askKey();
  if (entered === null) return false;
  key.set(entered);
  setText(byId("key-button"), "Forget key");
  return true;
}

function forgetKey() {
  key.clear();
  setText(byId("key-button"), "Enter key");
}

async function kill() {
  const reason = await askReason({
    title: "Stop all trading?",
    text: "No new orders, and every open order is cancelled. Positions stay as they are.",
    submit: "Stop trading",
    danger: true,
  });
  if (reason !== null) await act(() => post("/api/v1/risk/kill", { reason }));
}

async function resume() {
  const reason = await askReason({
    title: "Resume trading?",
    text: "Strategies may send orders again. This needs a key with the role risk.",
    submit: "Resume trading",
    danger: false,
  });
  if (reason !== null) await act(() => post("/api/v1/risk/resume", { reason }));
}

async function poll(live) {
  try {
    await loadStanding();
    if (!live.open) await loadPast();
  } catch (error) {
    setText(byId("connection"), error instanceof Refused ? showWord(error.code.toLowerCase()) : "no connection", "bad");
  }
  setTimeout(() => poll(live), POLL_MS);
}

async function start() {
  const config = await get("/api/v1/page-config");
  sendKeyWithReads(config.key_for_reads);
  if (key.get() !== null) setText(byId("key-button"), "Forget key");
  else if (config.key_for_reads) await enterKey();

  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const live = new Live(`${scheme}://${location.hostname}:${config.ws_port}/stream`, CHANNELS, key.get, {
    state: (text, tone) => setText(byId("connection"), text, tone),
    // Signals and fills of the time without the stream, and the curve, come from the lists.
    joined: () => loadPast().catch(complain),
    snapshot(channel, items) {
      // What is not in it is not known any more.
      if (channel === "quotes") {
        state.quotes.clear();
        redraw("quotes");
      }
      for (const { data } of items) intake[channel](data);
    },
    change(channel, data) {
      intake[channel](data);
      if (channel === "fills") standingSoon();
    },
  });
  byId("key-button").onclick = async () => {
    if (key.get() === null) {
      if (await enterKey()) live.restart();
    } else forgetKey();
  };
  byId("kill-button").onclick = kill;
  byId("resume-button").onclick = resume;
  redraw(...Object.keys(drawings));
  live.connect();
  await poll(live);
}

/** Fills change positions: ask soon, but once for a burst of them. */
let standingTimer = null;
function standingSoon() {
  standingTimer ??= setTimeout(() => {
    standingTimer = null;
    loadStanding().catch(() => {});
  }, 300);
}

start().catch(complain);
