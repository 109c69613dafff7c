// A table of many rows: sorted by the press of a head; only the rows that can be seen are in the document.
import { element, figure } from "./dom.js";

const rowHeight = 34, beyond = 12; // pixels; rows above and below what is seen

// order compares two cells: numbers by size, before texts; what is missing last.
function order(a, b) {
  const missing = (v) => v === null || v === undefined || v === "" || Number.isNaN(v);
  if (missing(a) || missing(b)) return missing(a) - missing(b) || 0;
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number" || typeof b === "number") return typeof a === "number" ? -1 : 1;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

// sorted returns the rows by a column's value; what is missing stays last in both directions.
export function sorted(rows, value, down) {
  const some = rows.map((row, i) => ({ row, i, v: value(row) })), sign = down ? -1 : 1;
  const none = (v) => v === null || v === undefined || v === "" || Number.isNaN(v);
  some.sort((a, b) => none(a.v) || none(b.v) ? none(a.v) - none(b.v) || a.i - b.i : sign * order(a.v, b.v) || a.i - b.i);
  return some.map((s) => s.row);
}

// table makes one. Columns are {key, title, value(row), cell(row)?, number?, mark?(row)}: cell returns what is shown where it is more than
// the value, mark a class. sort(key, down) is called by a head's press. Returns {root, show({columns, rows, key, down})}, in which
// rows are in order.
export function table({ label, sort, row: attributes = () => ({}) }) {
  const head = element("tr"), body = element("tbody");
  const inner = element("table", { "aria-label": label }, element("thead", {}, head), body);
  const root = element("div", { class: "table", tabindex: "0", role: "region", "aria-label": `${label}, scrolled by keys` }, inner);
  let now = { columns: [], rows: [], key: "", down: false }, first = -1, last = -1;

  const cellOf = (c, row) => {
    const value = c.value(row), content = c.cell ? c.cell(row) : figure(value);
    return element("td", { class: [c.number ? "number" : "", c.mark?.(row) || ""].join(" ").trim() || null, title: typeof content === "string" ? content : null },
      ...[content ?? ""].flat());
  };
  const filler = (rows) => element("tr", { "aria-hidden": "true", class: "filler", "data-rows": rows }, element("td", { colspan: now.columns.length || 1 }));

  // draw puts the rows into the document that can be seen; again where they are others.
  function draw(again) {
    const from = Math.max(0, Math.floor(root.scrollTop / rowHeight) - beyond);
    const to = Math.min(now.rows.length, Math.ceil((root.scrollTop + root.clientHeight) / rowHeight) + beyond);
    if (!again && from === first && to === last) return;
    [first, last] = [from, to];
    const rows = now.rows.slice(from, to).map((r, i) => element("tr", { "aria-rowindex": from + i + 2, ...attributes(r) }, ...now.columns.map((c) => cellOf(c, r))));
    const above = filler(from), below = filler(now.rows.length - to);
    above.style.height = from * rowHeight + "px";
    below.style.height = (now.rows.length - to) * rowHeight + "px";
    body.replaceChildren(above, ...rows, below);
  }
  root.addEventListener("scroll", () => requestAnimationFrame(() => draw(false)));
  new ResizeObserver(() => draw(false)).observe(root);

  return {
    root,
    show(next) {
      now = next;
      inner.setAttribute("aria-rowcount", now.rows.length + 1);
      head.replaceChildren(...now.columns.map((c) => {
        const here = c.key === now.key, turn = here ? !now.down : Boolean(c.number && c.down);
        return element("th", { scope: "col", class: c.number ? "number" : null, "aria-sort": here ? (now.down ? "descending" : "ascending") : null },
          c.plain ? element("span", { class: "unseen" }, c.title)
            : element("button", { type: "button", title: c.title, onclick: () => sort(c.key, turn) }, c.title, here ? (now.down ? " ▾" : " ▴") : ""));
      }));
      draw(true);
    },
  };
}
