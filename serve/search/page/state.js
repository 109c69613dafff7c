// The state of the page is its address, but for a picture of the user's own, which stays in memory.

export const blank = {
  view: "list", words: "", like: [], unlike: [], picks: [], text: "", within: null, k: 60, size: 160, at: "", mark: "", open: "", picture: 0,
};

// A pick is a value of a menu: {field, value}; field "" is the label, value null is items without.
// An item without a label has the label "".
const pickText = (p) => p.value === null ? encodeURIComponent(p.field) : encodeURIComponent(p.field) + "=" + p.value;

function pickOf(text) {
  const cut = text.indexOf("=");
  const name = (s) => { try { return decodeURIComponent(s); } catch { return s; } };
  return cut < 0 ? { field: name(text), value: null } : { field: name(text.slice(0, cut)), value: text.slice(cut + 1) };
}

export const samePick = (a, b) => a.field === b.field && a.value === b.value;

// bound sets the most results at a time.
export function bound(k) {
  most = k;
  blank.k = Math.min(blank.k, k);
}

// inIndex has addresses name an index, where there are several.
export function inIndex(name) { index = name; }

let most = 1, index = "";

const number = (text, lo, hi, otherwise) => {
  const x = Number(text);
  return text !== null && text !== "" && x >= lo && x <= hi ? x : otherwise;
};

export function parse(address) {
  const q = new URLSearchParams(address), within = Number(q.get("within"));
  return {
    ...blank,
    view: q.get("view") === "map" ? "map" : "list",
    words: q.get("words") || "", like: [...new Set(q.getAll("like"))], unlike: [...new Set(q.getAll("unlike"))],
    picks: q.getAll("is").map(pickOf), text: q.get("filter") || "",
    within: q.has("within") && Number.isFinite(within) ? within : null,
    k: Math.round(number(q.get("k"), 1, most, blank.k)), size: number(q.get("size"), 80, 272, blank.size),
    at: q.get("at") || "", mark: q.get("mark") || "", open: q.get("open") || "",
  };
}

export function format(s) {
  const q = new URLSearchParams();
  if (index) q.set("index", index);
  if (s.words) q.set("words", s.words);
  for (const id of s.like) q.append("like", id);
  for (const id of s.unlike) q.append("unlike", id);
  for (const p of s.picks) q.append("is", pickText(p));
  if (s.text) q.set("filter", s.text);
  for (const name of ["within", "k", "size", "view", "at", "mark", "open"]) {
    if (s[name] !== blank[name]) q.set(name, s[name]);
  }
  return "?" + q;
}

// The text of a filter: one of the values of each menu, and what was typed.
export function filterOf(s, without) {
  const parts = [], quote = (text) => JSON.stringify(text);
  for (const field of new Set(s.picks.map((p) => p.field))) {
    if (field === without) continue;
    const name = field === "" ? "label" : quote(field), values = s.picks.filter((p) => p.field === field);
    const texts = field === "" ? values.map((p) => p.value || "") : values.filter((p) => p.value !== null).map((p) => p.value);
    const tests = texts.length ? [`${name} in (${texts.map(quote).join(", ")})`] : [];
    if (texts.length < values.length) tests.push(`not ${name} exists`);
    parts.push(tests.length > 1 ? `(${tests.join(" or ")})` : tests[0]);
  }
  if (s.text.trim()) parts.push(`(${s.text})`);
  return parts.join(" and ");
}

// What a search is by: words, and examples, to which there are distances.
export const byExamples = (s) => s.picture > 0 || s.like.length + s.unlike.length > 0;
export const searching = (s) => s.words !== "" || byExamples(s);

// The present state, and who is told when it changes.
export let state = blank;
let listener = () => {};

export function listen(f) {
  listener = f;
  addEventListener("popstate", (event) => arrive(event.state));
  arrive(history.state);
}

function arrive(kept) {
  state = { ...parse(location.search), picture: (kept && kept.picture) || 0 };
  listener(state);
}

// go changes the state: a new entry of the history, or the present one.
// opened says that going back closes the dialog; quiet tells nobody.
export function go(change, { replace = false, quiet = false, opened = false } = {}) {
  state = { ...state, ...change };
  const kept = { picture: state.picture, opened };
  history[replace ? "replaceState" : "pushState"](kept, "", format(state));
  if (!quiet) listener(state);
}

// link is the address of a change, for anchors.
export const link = (change) => format({ ...state, ...change });
