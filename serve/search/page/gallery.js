// All items that pass the filters: by label, or one after the other, loaded as one scrolls.
import { get, pathOf, remember } from "./api.js";
import { card, plain } from "./cards.js";
import { $, complain, count, element } from "./dom.js";
import { filterOf, go, link } from "./state.js";

let page = 60; // items at a time
let key = null, shown = [], abort = new AbortController();

export const items = () => shown;

export const start = (limits) => { page = Math.min(page, limits.k); };

// watch calls f once when an element is nearly seen.
function watch(target, f, signal) {
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((e) => e.isIntersecting)) { observer.disconnect(); f(); }
  }, { rootMargin: "400px" });
  observer.observe(target);
  signal.addEventListener("abort", () => observer.disconnect());
}

// show fills the gallery where its filter is another one; values are the labels that there are.
export function show(s, values) {
  const now = filterOf(s);
  if (now === key) return;
  key = now;
  abort.abort();
  abort = new AbortController();
  shown = [];
  const labels = values ? values.labels.most : [];
  const without = values ? values.items - values.labels.items : 0;
  if (labels.length + (without > 0) < 2 || s.picks.some((p) => p.field === "")) {
    $("gallery").replaceChildren(...flat(now, abort.signal));
    return;
  }
  const all = labels.map((v) => ({ name: v.value, items: v.items, pick: { field: "", value: v.value } }));
  if (without > 0) all.push({ name: "Without a label", items: without, pick: { field: "", value: null } });
  $("gallery").replaceChildren(...all.map((one) => group(s, one, abort.signal)));
}

export const forget = () => { key = null; };

// group is the first rows of a label.
function group(s, one, signal) {
  const change = { picks: [...s.picks, one.pick] };
  const title = element("h2", {}, one.name + " ", element("span", { class: "quiet" }, one.items.toLocaleString("en")));
  const all = element("a", { href: link(change), "aria-label": `All ${one.items} of ${one.name}` }, "all");
  all.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(change);
    scrollTo(0, 0);
  });
  const grid = element("ol", { class: "grid" }), section = element("section", { class: "group" }, element("div", { class: "title" }, title, all), grid);
  grid.style.minHeight = s.size + "px";
  watch(section, async () => {
    const columns = Math.max(2, Math.floor(grid.clientWidth / s.size)), limit = Math.min(one.items, page, columns * (columns < 4 ? 3 : 2));
    try {
      const answer = await get(pathOf("/items"), { filter: filterOf({ ...s, ...change }), limit }, signal);
      add(grid, answer.items);
      grid.style.minHeight = "";
      if (answer.items.length >= one.items) all.remove();
    } catch (err) { complain(err); }
  }, signal);
  return section;
}

function add(grid, list) {
  if (!grid.childElementCount) plain(grid, list);
  shown.push(...remember(list));
  grid.append(...list.map(card));
  document.dispatchEvent(new Event("loaded"));
}

// flat is one grid, and what loads its next part.
function flat(filter, signal) {
  const grid = element("ol", { class: "grid" }), foot = element("p", { class: "foot" });
  let after = "";
  const load = async () => {
    foot.replaceChildren("Loading …");
    try {
      const answer = await get(pathOf("/items"), { filter, after, limit: page }, signal);
      add(grid, answer.items);
      after = answer.next || "";
      if (!after) { foot.replaceChildren(count(shown.length, "item")); return; }
      foot.replaceChildren(element("button", { type: "button", onclick: load }, "More"));
      watch(foot, load, signal);
    } catch (err) {
      foot.replaceChildren();
      complain(err);
    }
  };
  load();
  return [grid, foot];
}
