// The dialog that shows an item large, and goes from one to the next.
import { item } from "./api.js";
import { $, baseName, complain, element, far } from "./dom.js";
import { go, state } from "./state.js";

const viewer = $("viewer");
let list = () => [], walk = []; // the items that are shown, and those to go through
let shown = "", last = "";

// show opens, changes or closes the dialog.
export async function show(s) {
  if (!s.open) {
    if (viewer.open) viewer.close();
    shown = "";
    walk = [];
    return;
  }
  if (s.open === shown) { showExamples(s); return; }
  shown = last = s.open;
  if (!viewer.open) viewer.showModal();
  const near = walk[neighbours()];
  fill({ id: s.open, ...near });
  showExamples(s);
  try {
    const one = await item(s.open, true);
    if (shown === one.id) fill({ ...one, distance: near && near.distance });
  } catch (err) {
    if (shown !== s.open) return;
    go({ open: "" }, { replace: true, quiet: true }); // which would take the words of the error away
    show(state);
    complain(err);
  }
}

function fill(one) {
  const img = $("original"), words = one.label ? `${one.label}: ${one.id}` : one.id;
  $("caption").textContent = baseName(one.id);
  $("nothing").hidden = Boolean(one.thumb);
  img.hidden = !one.thumb;
  const address = one.picture || one.thumb || "";
  if (address && img.getAttribute("src") !== address) img.src = address;
  img.alt = one.thumb ? words : "";
  $("whole-picture").hidden = !one.picture;
  if (one.picture) $("whole-picture").href = one.picture;
  const rows = [["identifier", one.id], ["label", one.label], ["distance", one.distance === undefined ? "" : far(one.distance)], ...Object.entries(one.fields || {}).sort()];
  $("fields").replaceChildren(...rows.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

function showExamples(s) {
  for (const sign of ["like", "unlike"]) $(sign).setAttribute("aria-pressed", s[sign].includes(s.open));
}

// neighbours says where the item is among those to go through, which stay the same while the dialog is open.
function neighbours() {
  if (!walk.some((i) => i.id === shown)) walk = [...list(shown)];
  const at = walk.findIndex((i) => i.id === shown);
  $("before").disabled = at <= 0;
  $("after").disabled = at < 0 || at === walk.length - 1;
  return at;
}

const opened = () => Boolean(history.state && history.state.opened);

function step(by) {
  const at = neighbours(), next = at < 0 ? null : walk[at + by];
  if (next) go({ open: next.id }, { replace: true, opened: opened() });
}

// leave closes the dialog: back to where it was opened from, so that the history has no pair of entries for each look.
function leave() {
  if (opened()) history.back();
  else go({ open: "" }, { replace: true });
}

// example takes the item as an example, or no longer.
function example(sign) {
  const id = state.open, other = sign === "like" ? "unlike" : "like", without = (l) => l.filter((i) => i !== id);
  const on = !state[sign].includes(id);
  go({ [sign]: on ? [...state[sign], id] : without(state[sign]), [other]: without(state[other]), within: null }, { replace: true });
}

// start takes what tells which items are shown.
export function start(items) {
  list = items;
  document.addEventListener("loaded", () => { if (shown) neighbours(); });
  viewer.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
  viewer.addEventListener("click", (event) => { if (event.target === viewer) leave(); });
  viewer.addEventListener("close", () => {
    // The look returns to the item that was seen last, not to the one that was opened first.
    const cell = [...document.querySelectorAll("[data-id]")].find((c) => c.dataset.id === last);
    if (cell && cell.offsetParent) cell.focus();
  });
  viewer.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  });
  $("before").addEventListener("click", () => step(-1));
  $("after").addEventListener("click", () => step(1));
  $("close").addEventListener("click", leave);
  $("alike").addEventListener("click", () => {
    go({ view: "list", words: "", like: [state.open], unlike: [], picture: 0, within: null, open: "" });
    scrollTo(0, 0);
  });
  for (const sign of ["like", "unlike"]) $(sign).addEventListener("click", () => example(sign));
  $("original").addEventListener("error", () => {
    $("original").hidden = true;
    $("nothing").hidden = false;
  });
}
