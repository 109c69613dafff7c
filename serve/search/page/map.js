// The map of the vectors: what is alike is near.
import { get, pathOf, remember } from "./api.js";
import { $, complain, count, element, say } from "./dom.js";
import { Plane } from "./plane.js";
import { filterOf, go, state } from "./state.js";

// Colours that people with any sight tell apart, on light and dark (Okabe and Ito's, and two more); the last is for all other labels.
const colours = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#8f7ee0", "#a6761d"], others = "#8a919c";
let plane = null, key = null, abort = new AbortController(), items = [], timer = 0, at = "";

export const forget = () => { key = null; };

// near are the items in order of their distance from one, so that one goes through them outwards.
export function near(id) {
  const from = items.find((i) => i.id === id) || items[0];
  return from ? [...items].sort((a, b) => Math.hypot(a.x - from.x, a.y - from.y) - Math.hypot(b.x - from.x, b.y - from.y)) : [];
}

export async function show(s) {
  if (!plane) begin();
  plane.marks = s.mark !== "";
  plane.dims = (item) => s.mark !== "" && (item.label || "") !== s.mark;
  if (s.at !== at) {
    at = s.at;
    const [x, y, zoom] = s.at.split(",").map(Number);
    plane.move([x, y, zoom].every(Number.isFinite) ? { x, y, zoom } : { x: 0, y: 0, zoom: 1 });
  }
  legend(s);
  plane.later();
  const now = filterOf(s);
  if (now === key) return;
  key = now;
  abort.abort();
  abort = new AbortController();
  const signal = abort.signal;
  say("Making the map …");
  try {
    const answer = await get(pathOf("/map"), { filter: now, limit: 3000 }, signal);
    items = remember(answer.items);
    const n = items.length;
    say(n === answer.of && !answer.more ? count(n, "item") : `${count(n, "item")} of ${answer.more ? "more than " : ""}${answer.of.toLocaleString("en")}`);
    const of = ranks();
    for (const item of items) item.colour = colours[of.indexOf(item.label || "")] || others;
    plane.show(items);
    legend(state);
    document.dispatchEvent(new Event("loaded"));
  } catch (err) {
    key = null;
    complain(err);
  }
}

// ranks are the labels, those of the most items first.
function ranks() {
  const counts = new Map();
  for (const { label = "" } of items) counts.set(label, (counts.get(label) || 0) + 1);
  return [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1));
}

function legend(s) {
  const labels = ranks();
  if (labels.length < 2) { $("legend").replaceChildren(); return; }
  const kept = $("legend").contains(document.activeElement) ? document.activeElement.value : null;
  $("legend").replaceChildren(...labels.slice(0, 60).map((label, i) => {
    const b = element("button", { type: "button", value: label, "aria-pressed": String(s.mark === label && label !== ""), onclick: () => go({ mark: s.mark === label ? "" : label }) });
    const colour = element("i", { "aria-hidden": "true" });
    colour.style.background = colours[i] || others;
    b.append(colour, label || "no label");
    b.disabled = label === "";
    return b;
  }));
  if (kept !== null) [...$("legend").children].find((b) => b.value === kept)?.focus();
}

function begin() {
  plane = new Plane($("chart"), { moved, hovered, opened: (item) => go({ open: item.id }, { opened: true }) });
  $("in").addEventListener("click", () => plane.zoom(1.5));
  $("out").addEventListener("click", () => plane.zoom(1 / 1.5));
  $("whole").addEventListener("click", () => plane.whole());
}

// moved puts the place into the address once the map rests.
function moved() {
  hovered(null);
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (state.view !== "map") return;
    const { x, y, zoom } = plane.place;
    at = x === 0 && y === 0 && zoom === 1 ? "" : [x.toFixed(4), y.toFixed(4), zoom.toFixed(2)].join(",");
    go({ at }, { replace: true, quiet: true });
  }, 250);
}

// hovered shows an item beside where it is; by keys, it is also said.
function hovered(item, x, y, byKeys) {
  const peek = $("peek");
  peek.hidden = !item;
  if (!item) { peek.dataset.id = ""; return; }
  if (peek.dataset.id !== item.id) {
    peek.dataset.id = item.id;
    peek.replaceChildren(...(item.thumb ? [element("img", { src: item.thumb, alt: "" })] : []), element("b", {}, item.label || ""), element("span", {}, item.id));
    if (byKeys) say(`In the middle: ${item.label ? item.label + ", " : ""}${item.id}`);
  }
  const w = $("plane").clientWidth, h = $("plane").clientHeight, side = 190;
  peek.style.left = `${Math.max(4, x + 24 + side > w ? x - 24 - side : x + 24)}px`;
  peek.style.top = `${Math.max(4, Math.min(y - side / 2, h - side - 50))}px`;
}
