// The hits of a search, the nearest or those with the most of the words first.
import { remember, search } from "./api.js";
import { card, plain } from "./cards.js";
import { $, complain, count, element, far, say } from "./dom.js";
import { pictureOf } from "./pictures.js";
import { bound, byExamples, filterOf, go } from "./state.js";

let key = null, hits = [], abort = new AbortController();
let reach = { of: "", lo: 0, hi: 1 }; // distances of the hits of a query without a bound

export const items = () => hits;
export const forget = () => { key = null; abort.abort(); };

const grid = () => $("results").querySelector("ol");

// show searches where what is searched for is another one.
export async function show(s) {
  const examples = JSON.stringify([s.words, s.like, s.unlike, s.picture, filterOf(s)]), now = JSON.stringify([examples, s.within, s.k]);
  if (now === key) return;
  key = now;
  abort.abort();
  abort = new AbortController();
  if (reach.of !== examples) reach = { of: examples, lo: 0, hi: s.within || 0 };
  hits = [];
  $("more").hidden = true;
  const picture = pictureOf(s.picture);
  const lacks = s.picture && !picture ? "The picture that was searched by is gone with the page that had it: choose it again."
    : byExamples(s) && !picture && s.like.length === 0 ? "Add something that the results should be like." : "";
  if (lacks) {
    grid().replaceChildren();
    say(lacks);
    return;
  }
  await load(s, picture);
}

async function load(s, picture) {
  const signal = abort.signal, start = performance.now(), first = hits.length === 0;
  if (first) say("Searching …");
  $("results").setAttribute("aria-busy", "true");
  try {
    const answer = await search({ ...s, picture, filter: filterOf(s), offset: hits.length }, signal);
    if (signal.aborted) return;
    if (first) { grid().replaceChildren(); plain(grid(), answer.hits); }
    hits.push(...remember(answer.hits));
    grid().append(...answer.hits.map(card));
    const ms = (v) => v.toFixed(1) + " ms";
    say(hits.length === 0 ? "Nothing is found." : `${count(hits.length, "result")} in ${ms(performance.now() - start)} (network ${ms(answer.encode_ms)}, index ${ms(answer.search_ms)})`);
    $("more").hidden = answer.hits.length < s.k;
    $("more").onclick = () => load(s, picture);
    showReach(s);
    document.dispatchEvent(new Event("loaded"));
  } catch (err) {
    if (!signal.aborted && first) grid().replaceChildren();
    complain(err);
  } finally {
    if (!signal.aborted) $("results").removeAttribute("aria-busy");
  }
}

// showReach sets the slider of distances: from the nearest hit to the farthest one that is known. With words, the last may be nearer.
function showReach(s) {
  const ends = hits.map((h) => h.distance).filter((d) => d !== undefined);
  reach.lo = Math.min(reach.lo, ...ends);
  reach.hi = Math.max(reach.hi, s.within === null ? -Infinity : s.within, ...ends);
  const slider = $("within");
  slider.min = reach.lo;
  slider.max = reach.hi;
  slider.value = s.within === null ? reach.hi : s.within;
  showWithin(s.within);
}

function showWithin(within) {
  const text = within === null ? "any" : far(within);
  $("far").textContent = text;
  $("within").setAttribute("aria-valuetext", text);
}

export function start(limits) {
  bound(limits.k);
  const choices = [24, 60, 120, 240].filter((n) => n < limits.k);
  if (choices.length < 4) choices.push(limits.k);
  $("k").append(...choices.map((n) => element("option", { value: n }, String(n))));
  $("k").addEventListener("change", () => go({ k: Number($("k").value) }));
  const within = () => {
    const at = Number($("within").value);
    return at >= reach.hi ? null : at;
  };
  $("within").addEventListener("input", () => showWithin(within()));
  $("within").addEventListener("change", () => go({ within: within() }));
}
