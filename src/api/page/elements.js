/**
 * Builds and updates elements. Data becomes text nodes and attributes only, never markup, so that nothing that a strategy, a
 * broker or a caller wrote can run here.
 */

/** An element with properties such as `className`, and children (elements or text). */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function byId(id) {
  return document.getElementById(id);
}

/** Sets text and tone only where they differ, so that screen readers and selections are left alone. */
export function setText(target, text, tone = "") {
  if (target.textContent !== text) target.textContent = text;
  if ((target.dataset.tone ?? "") !== tone) target.dataset.tone = tone;
}

/**
 * A table that keeps its rows: `columns` are `{title, cell(row) → text, tone?(row), number?, text?, hint?(row), action?(row) →
 * {label, name, run} | null}`; `keyOf(row)` names a row for good.
 */
export class Table {
  #columns;
  #keyOf;
  #body = element("tbody");
  #empty;
  #rows = new Map();

  constructor(table, columns, keyOf, emptyText) {
    this.#columns = columns;
    this.#keyOf = keyOf;
    const titles = columns.map((column) =>
      element("th", { scope: "col", className: column.number ? "number" : "" }, column.title),
    );
    this.#empty = element("tr", {}, element("td", { colSpan: columns.length, className: "empty" }, emptyText));
    table.replaceChildren(element("thead", {}, element("tr", {}, ...titles)), this.#body);
    this.show([]);
  }

  /** Shows the rows in this order; those that were there keep their elements and focus. */
  show(rows) {
    const kept = new Map();
    const lines = rows.map((row) => {
      const key = this.#keyOf(row);
      const line = this.#rows.get(key) ?? this.#line();
      kept.set(key, line);
      this.#fill(line, row);
      return line;
    });
    for (const [key, line] of this.#rows) if (!kept.has(key)) line.remove();
    this.#rows = kept;
    const wanted = lines.length === 0 ? [this.#empty] : lines;
    if (lines.length > 0) this.#empty.remove();
    wanted.forEach((line, i) => {
      if (this.#body.children[i] !== line) this.#body.insertBefore(line, this.#body.children[i] ?? null);
    });
  }

  #line() {
    const cells = this.#columns.map((column) =>
      element("td", { className: column.number ? "number" : column.text ? "text" : "" }),
    );
    return element("tr", {}, ...cells);
  }

  #fill(line, row) {
    this.#columns.forEach((column, i) => {
      const cell = line.children[i];
      if (column.action !== undefined) return fillAction(cell, column.action(row));
      setText(cell, column.cell(row), column.tone?.(row) ?? "");
      const hint = column.hint?.(row) ?? "";
      if (cell.title !== hint) cell.title = hint;
    });
  }
}

function fillAction(cell, action) {
  const button = cell.firstElementChild;
  if (action === null) return void button?.remove();
  if (button !== null && button.textContent === action.label) {
    button.onclick = action.run;
    return;
  }
  const made = element("button", { type: "button", className: "plain small", onclick: action.run }, action.label);
  made.setAttribute("aria-label", action.name);
  cell.replaceChildren(made);
}
