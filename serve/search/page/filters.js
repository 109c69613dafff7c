// Menus of labels, and of fields with few values, counted.
import { get, pathOf } from "./api.js";
import { $, element } from "./dom.js";
import { filterOf, go, samePick, state } from "./state.js";

const most = 1000, few = 50, menusAtMost = 8;
let base = null; // what there is without filters
let key = null, abort = new AbortController(), counted = null;

function take() {
  const text = $("text").value.trim();
  if (text !== state.text) go({ text, within: null });
}

// start asks what there is to choose from.
export async function start(info) {
  $("other").addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
  $("text").addEventListener("change", take);
  if (info.values) base = await get(pathOf("/values"), { limit: most });
}

export const forget = () => { key = null; };

// show makes chips and menus, and promises the values of what passes the filters, or null where nothing is counted.
export async function show(s) {
  $("text").value = s.text;
  chips(s);
  if (!base) return null;
  const now = filterOf(s);
  if (now !== key) {
    key = now;
    abort.abort();
    abort = new AbortController();
    counted = counts(s, now, abort.signal);
  }
  return counted;
}

async function counts(s, now, signal) {
  const used = [...new Set(s.picks.map((p) => p.field))];
  // A menu counts what its other values would give: all filters but its own.
  const [values, ...own] = await Promise.all([now, ...used.map((f) => filterOf(s, f))].map((filter) => filter ? get(pathOf("/values"), { filter, limit: most }, signal) : base));
  if (signal.aborted) throw new DOMException("", "AbortError");
  const of = (field) => used.includes(field) ? own[used.indexOf(field)] : values;
  $("menus").replaceChildren(...fields().map((field) => menu(s, field, of(field))));
  return values;
}

// fields are those with a menu: "" is the label.
function fields() {
  const names = Object.keys(base.fields || {}).filter((name) => {
    const v = base.fields[name];
    return v.distinct <= few && (v.distinct > 1 || v.items < base.items);
  });
  return [...(base.labels.distinct ? [""] : []), ...names.slice(0, menusAtMost)];
}

function menu(s, field, values) {
  const name = field || "label", v = (field === "" ? values.labels : (values.fields || {})[field]) || { items: 0, most: [] };
  const options = v.most.map((one) => ({ value: one.value, items: one.items }));
  if (values.items > v.items) options.push({ value: null, items: values.items - v.items });
  const left = options.filter((o) => !s.picks.some((p) => samePick(p, { field, value: o.value })));
  const select = element("select", { "aria-label": "Filter by " + name, "data-field": field },
    element("option", { value: "" }, field === "" ? "Label" : name), ...left.map((o, i) => element("option", { value: i + 1 }, `${o.value === null ? "none" : o.value} (${o.items.toLocaleString("en")})`)));
  select.addEventListener("change", () => {
    const chosen = left[Number(select.value) - 1];
    if (chosen) go({ picks: [...state.picks, { field, value: chosen.value }], within: null });
    const again = [...$("menus").children].find((m) => m.dataset.field === field);
    if (again) again.focus();
  });
  return select;
}

function chips(s) {
  const list = s.picks.map((p) => ({ text: `${p.field || "label"}: ${p.value === null ? "none" : p.value}`, out: { picks: s.picks.filter((q) => q !== p) } }));
  if (s.text) list.push({ text: s.text, out: { text: "" } });
  $("chips").hidden = list.length === 0;
  $("chips").replaceChildren(...list.map((c) => element("li", {}, c.text, element("button", {
    type: "button", "aria-label": "Take out the filter " + c.text, onclick: () => { go({ ...c.out, within: null }); ($("chips").querySelector("button") || $("main")).focus(); },
  }, "×"))));
  $("to-tools").textContent = list.length ? `Filters (${list.length})` : "Filters";
}
