// The columns of the table: what all runs have, the settings, and the figures.
import { colour, count, element, figure } from "../../kit/dom.js";

// shownFigures are those that are shown where nobody has chosen.
const shownFigures = ["test_error", "error", "loss", "gap_p50"];

// number is what a text says if it is one, so that settings are sorted by size.
export const number = (text) => text !== "" && text !== undefined && Number.isFinite(Number(text)) ? Number(text) : text;

// differing are the settings in which runs differ, in the order in which they come.
export function differing(runs) {
  const first = new Map(), others = new Set();
  runs.forEach((r, i) => {
    for (const [key, value] of Object.entries(r.settings)) {
      if (!first.has(key)) {
        first.set(key, value);
        if (i > 0) others.add(key);
      } else if (first.get(key) !== value) others.add(key);
    }
  });
  for (const r of runs) for (const key of first.keys()) if (!(key in r.settings)) others.add(key);
  return [...first.keys()].filter((key) => others.has(key) && key !== "format");
}

// usual is the value that most runs have of a setting.
function usual(runs, key) {
  const times = new Map();
  for (const r of runs) times.set(r.settings[key], (times.get(r.settings[key]) || 0) + 1);
  return [...times].reduce((most, one) => one[1] > most[1] ? one : most, ["", 0])[0];
}

// written is a figure in its unit.
export function written(value, quantity) {
  if (typeof value === "number" && quantity?.unit === "share") return figure(100 * value) + " %";
  return figure(value) + (quantity?.unit && value !== undefined ? " " + quantity.unit : "");
}

function ago(text) {
  if (!text) return "";
  const s = (Date.now() - new Date(text)) / 1000;
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) if (s >= size) return count(Math.floor(s / size), unit) + " ago";
  return "just now";
}

const badge = (r) => element("span", { class: "state " + r.state, title: r.why || null }, r.state);

// columnsOf are all that there are. page has what the cells need of the view: place(name), the number of its colour if it is drawn, toggle(name), and open(run), an address.
export function columnsOf(runs, quantities, page) {
  const eye = {
    key: "eye", title: "Drawn", plain: true, fixed: true, value: () => "",
    cell: (r) => {
      const at = page.place(r.name);
      const box = element("input", { type: "checkbox", "aria-label": `Draw the curves of ${r.name}`, checked: at !== undefined, onchange: () => page.toggle(r.name) });
      const swatch = element("i", { class: "swatch" });
      if (at !== undefined) swatch.style.background = colour(at);
      return element("span", { class: "eye" }, box, swatch);
    },
  };
  const own = [
    eye,
    { key: "name", title: "Run", fixed: true, value: (r) => r.name, cell: (r) => element("a", { href: page.open(r), title: r.name }, r.name) },
    { key: "state", title: "State", usual: true, value: (r) => r.state, cell: (r) => [badge(r), r.collapsed ? element("span", { class: "state collapsed", title: r.collapsed }, "collapsed") : "", r.notes.length ? element("span", { class: "state crashed", title: r.notes.join("\n") }, "damaged") : ""] },
    { key: "tags", title: "Tags", usual: runs.some((r) => r.tags.length), value: (r) => r.tags.join(", "), cell: (r) => r.tags.map((t) => element("span", { class: "tag" }, t)) },
    { key: "epoch", title: "Epoch", number: true, usual: true, value: (r) => r.epoch, cell: (r) => r.epochs ? `${r.epoch} / ${r.epochs}` : String(r.epoch) },
    { key: "started", title: "Started", usual: true, number: true, down: true, value: (r) => r.started ? Date.parse(r.started) : null, cell: (r) => element("span", { title: r.started || null }, ago(r.started)) },
    { key: "seconds", title: "Seconds", number: true, value: (r) => r.seconds },
    { key: "note", title: "Note", value: (r) => r.note },
  ];
  const differ = new Set(differing(runs)), keys = [...new Set(runs.flatMap((r) => Object.keys(r.settings)))];
  const settings = keys.map((key) => {
    const most = differ.has(key) ? usual(runs, key) : null, values = runs.map((r) => number(r.settings[key]));
    return {
      key: "setting." + key, title: key, setting: true, usual: differ.has(key) || key === "recipe", differs: differ.has(key),
      number: values.every((v) => typeof v === "number" || v === undefined), value: (r) => number(r.settings[key]),
      cell: (r) => r.settings[key] ?? "", mark: (r) => most !== null && r.settings[key] !== most ? "differs" : "",
    };
  });
  const figures = Object.entries(quantities).map(([key, q]) => ({
    key: "figure." + key, title: q.name, figure: true, number: true, usual: shownFigures.includes(key), value: (r) => r.figures[key],
    cell: (r) => element("span", { title: q.note || null }, r.figures[key] === undefined ? "" : written(r.figures[key], q)),
  }));
  figures.sort((a, b) => b.usual - a.usual);
  return [...own.slice(0, 5), ...figures, ...settings, ...own.slice(5)];
}

// chosen are the columns that are shown: those of the address, or the usual ones.
export function chosen(known, keys) {
  return known.filter((c) => c.fixed || (keys.length ? keys.includes(c.key) : c.usual));
}

// columnMenu chooses columns.
export function columnMenu(choose) {
  const body = element("div", { class: "menu" }), root = element("details", { class: "columns" }, element("summary", { class: "button" }, "Columns"), body);
  document.addEventListener("click", (event) => { if (!root.contains(event.target)) root.open = false; });
  root.addEventListener("keydown", (event) => { if (event.key === "Escape") root.open = false, root.firstChild.focus(); });
  let keys = "";
  return {
    root,
    show(known, shown) {
      const now = JSON.stringify([known.map((c) => [c.key, c.differs]), shown.map((c) => c.key)]);
      if (now === keys) return;
      keys = now;
      const focused = document.activeElement?.value;
      const box = (c) => element("label", { class: c.differs ? "differs" : null },
        element("input", { type: "checkbox", value: c.key, checked: shown.includes(c), onchange: () => choose([...body.querySelectorAll("input:checked")].map((i) => i.value)) }), c.title);
      const group = (title, some) => element("fieldset", {}, element("legend", {}, title), ...some.map(box));
      const free = known.filter((c) => !c.fixed);
      body.replaceChildren(group("Run", free.filter((c) => !c.setting && !c.figure)), group("Figures", free.filter((c) => c.figure)), group("Settings", free.filter((c) => c.setting)),
        element("button", { type: "button", onclick: () => choose([]) }, "As at first"));
      if (root.open && focused) [...body.querySelectorAll("input")].find((i) => i.value === focused)?.focus();
    },
  };
}
