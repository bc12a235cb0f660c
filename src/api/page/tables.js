/** The page's tables: which columns they have, and which actions their rows offer. */
import { byId, Table } from "./elements.js";
import {
  gainTone,
  showBps,
  showCount,
  showDateTime,
  showGain,
  showMoney,
  showPrice,
  showTime,
  showWord,
} from "./format.js";

const OPEN_STATES = new Set(["journalled", "sending", "unknown", "accepted", "partially_filled"]);

export const isOpen = (order) => OPEN_STATES.has(order.state);

/** What a signal is known by: its number in an event differs from the one in the list. */
export const signalKey = (signal) => `${signal.instance} ${signal.symbol} ${signal.venue_time} ${signal.target}`;

const sideTone = (row) => (row.side === "buy" ? "good" : "bad");

function orderTone({ state }) {
  if (state === "filled") return "good";
  if (state === "rejected" || state === "unknown") return "bad";
  return isOpen({ state }) ? "warn" : "";
}

const orderNote = (order) =>
  order.reject_code === null ? order.reason : `${order.reject_code}: ${order.reject_message ?? order.reason}`;

export function makeTables({ cancelOrder, startStrategy, stopStrategy }) {
  const when = (timeOf) => ({
    title: "Time",
    cell: (row) => showTime(timeOf(row)),
    hint: (row) => showDateTime(timeOf(row)),
  });
  const symbol = { title: "Symbol", cell: (row) => row.symbol };
  const instance = { title: "Instance", cell: (row) => row.instance };
  const side = { title: "Side", cell: (row) => row.side, tone: sideTone };

  const positions = new Table(
    byId("positions"),
    [
      symbol,
      { title: "Quantity", number: true, cell: (row) => row.quantity },
      { title: "Entry", number: true, cell: (row) => showPrice(row.average_entry_price) },
      { title: "Mark", number: true, cell: (row) => showPrice(row.mark_price) },
      { title: "Value", number: true, cell: (row) => showMoney(row.market_value) },
      {
        title: "Unrealised",
        number: true,
        cell: (row) => showGain(row.unrealised),
        tone: (row) => gainTone(row.unrealised),
      },
      { title: "Realised", number: true, cell: (row) => showGain(row.realised), tone: (row) => gainTone(row.realised) },
      instance,
    ],
    (row) => `${row.instance} ${row.symbol}`,
    "No open positions.",
  );

  const strategies = new Table(
    byId("strategies"),
    [
      { title: "Instance", cell: (row) => row.id, hint: (row) => `${row.strategy} version ${row.version}` },
      {
        title: "State",
        cell: (row) => showWord(row.state),
        tone: (row) => (row.state === "running" ? "good" : "warn"),
      },
      {
        title: "Action",
        action: (row) =>
          row.state === "stopped"
            ? { label: "Start", name: `Start ${row.id}`, run: () => startStrategy(row.id) }
            : { label: "Stop", name: `Stop ${row.id}`, run: () => stopStrategy(row.id) },
      },
      { title: "Instruments", cell: (row) => row.instruments.join(", ") },
      { title: "Capital", number: true, cell: (row) => showMoney(row.capital) },
      { title: "Realised", number: true, cell: (row) => showGain(row.realised), tone: (row) => gainTone(row.realised) },
      {
        title: "Unrealised",
        number: true,
        cell: (row) => showGain(row.unrealised),
        tone: (row) => gainTone(row.unrealised),
      },
      { title: "Intents", number: true, cell: (row) => showCount(row.intents) },
      { title: "Refused", number: true, cell: (row) => showCount(row.refusals) },
    ],
    (row) => row.id,
    "No strategy instances.",
  );

  const orders = new Table(
    byId("orders"),
    [
      symbol,
      side,
      {
        title: "State",
        cell: (row) => (row.cancel_requested && isOpen(row) ? "cancelling" : showWord(row.state)),
        tone: orderTone,
      },
      {
        title: "Action",
        action: (row) =>
          isOpen(row) && !row.cancel_requested
            ? {
                label: "Cancel",
                name: `Cancel ${row.side} ${row.quantity} ${row.symbol}`,
                run: () => cancelOrder(row.client_order_id),
              }
            : null,
      },
      { title: "Filled", number: true, cell: (row) => `${row.filled_quantity} / ${row.quantity}` },
      { title: "Average", number: true, cell: (row) => showPrice(row.filled_average_price) },
      {
        title: "Limit",
        number: true,
        cell: (row) => (row.limit_price === null ? row.type : showPrice(row.limit_price)),
      },
      when((row) => row.created_at),
      { title: "Reason", text: true, cell: orderNote, hint: (row) => row.client_order_id },
      instance,
    ],
    (row) => row.client_order_id,
    "No orders yet.",
  );

  const fills = new Table(
    byId("fills"),
    [
      when((row) => row.venue_time),
      symbol,
      side,
      { title: "Quantity", number: true, cell: (row) => row.quantity },
      { title: "Price", number: true, cell: (row) => showPrice(row.price) },
      { title: "Realised", number: true, cell: (row) => showGain(row.realised), tone: (row) => gainTone(row.realised) },
      { title: "Slippage", number: true, cell: (row) => showBps(row.slippage_bps) },
      instance,
    ],
    (row) => row.execution_id,
    "No fills yet.",
  );

  const signals = new Table(
    byId("signals"),
    [
      when((row) => row.venue_time),
      instance,
      symbol,
      { title: "Target", number: true, cell: (row) => row.target },
      { title: "Reason", text: true, cell: (row) => row.reason },
      { title: "Value", number: true, cell: (row) => String(Number(row.value.toPrecision(6))) },
      {
        title: "Outcome",
        cell: (row) => showWord(row.outcome),
        tone: (row) => (row.outcome === "committed" ? "good" : "warn"),
      },
    ],
    signalKey,
    "No signals yet: strategies may still be warming up.",
  );

  return { positions, strategies, orders, fills, signals };
}
