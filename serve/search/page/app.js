// The page: what the server is, and which of its parts are shown.
import { ask, pathOf, use } from "./api.js";
import { $, complain, count, element, say } from "./dom.js";
import * as draw from "./draw.js";
import * as filters from "./filters.js";
import * as gallery from "./gallery.js";
import * as map from "./map.js";
import * as pictures from "./pictures.js";
import * as results from "./results.js";
import * as sign from "./sign.js";
import { go, inIndex, link, listen, searching, state } from "./state.js";
import * as tray from "./tray.js";
import * as viewer from "./viewer.js";
import * as words from "./words.js";

let info = null, face = "", scrolled = 0; // how far the gallery was scrolled when it was left

const faceOf = (s) => s.view === "map" ? "map" : searching(s) ? "results" : "gallery";

// items are those that are shown now, about one of them, for the dialog to go through.
const items = (id) => ({ map: map.near, results: results.items, gallery: gallery.items })[face](id);

async function render(s) {
  const before = face;
  face = faceOf(s);
  if (before === "gallery" && face !== "gallery") scrolled = scrollY;
  for (const name of ["gallery", "results", "map"]) $(name).hidden = name !== face;
  if (face !== before) say(""), results.forget();
  for (const [id, here] of [["to-list", face !== "map"], ["to-map", face === "map"]]) {
    if (here) $(id).setAttribute("aria-current", "page"); else $(id).removeAttribute("aria-current");
  }
  $("to-list").href = link({ view: "list", at: "", mark: "", open: "" });
  $("to-map").href = link({ view: "map", open: "" });
  document.documentElement.style.setProperty("--cell", s.size + "px");
  $("size").value = s.size;
  $("size").parentElement.hidden = face === "map";
  tray.show(s);
  words.show(s);
  try {
    const values = filters.show(s);
    if (face === "results") await results.show(s);
    if (face === "map") await map.show(s);
    const counted = await values;
    if (s !== state) return;
    if (face === "gallery") {
      gallery.show(s, counted);
      if (before && before !== "gallery") scrollTo(0, scrolled);
      say(counted && (s.picks.length || s.text) ? `${counted.items.toLocaleString("en")} of ${count(info.index.len, "item")}` : "");
    }
    viewer.show(s);
  } catch (err) {
    if (s !== state) return;
    gallery.forget();
    filters.forget();
    complain(err);
  }
}

// follow has a link change the state without loading the page again.
function follow(id, change) {
  $(id).addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(change());
  });
}

function about() {
  const { len, dim, metric } = info.index;
  $("about").textContent = `${count(len, "item")}, ${dim} coordinates, ${metric} distance${info.read_only ? ", read only" : ""}`;
  if (info.texts) words.start();
  if (!info.pictures) return;
  $("ways").hidden = false;
  pictures.start(info.limits);
  const e = info.encoder;
  if (e.channels === 1 && e.width === e.height && e.width <= 64) draw.start();
}

// choose has a user choose among several indexes.
async function choose() {
  const { indexes } = await ask("/v1/indexes");
  if (indexes.length < 2) return;
  const asked = new URLSearchParams(location.search).get("index");
  const now = indexes.some((i) => i.name === asked) ? asked : indexes[0].name;
  use(now);
  inIndex(now);
  $("which").hidden = false;
  $("indexes").append(...indexes.map(({ name }) => element("option", { value: name, selected: name === now ? "" : null }, name)));
  $("indexes").addEventListener("change", () => { location.search = "?index=" + encodeURIComponent($("indexes").value); });
}

async function begin() {
  sign.start();
  await choose();
  info = await ask(pathOf("/info"));
  about();
  await filters.start(info);
  gallery.start(info.limits);
  results.start(info.limits);
  tray.start();
  viewer.start(items);
  $("size").addEventListener("input", () => document.documentElement.style.setProperty("--cell", $("size").value + "px"));
  $("size").addEventListener("change", () => go({ size: Number($("size").value) }, { replace: true, quiet: true }));
  $("to-tools").addEventListener("click", () => {
    const open = $("tools").classList.toggle("open");
    $("to-tools").setAttribute("aria-expanded", open);
  });
  follow("home", () => ({ view: "list", words: "", like: [], unlike: [], picture: 0, picks: [], text: "", within: null, at: "", mark: "", open: "" }));
  follow("to-list", () => ({ view: "list", at: "", mark: "", open: "" }));
  follow("to-map", () => ({ view: "map", open: "" }));
  listen(render);
}

begin().catch(complain);
