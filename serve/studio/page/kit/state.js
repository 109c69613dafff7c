// The state of the page is its address: #/PATH?name=value&…. A view's path is the first part; what follows is the view's own.

// parse returns {path, get(name, otherwise), all(name)} of an address.
function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const q = new URLSearchParams(query);
  return { path: decode(path), query: q, get: (name, otherwise = "") => q.get(name) ?? otherwise, all: (name) => q.getAll(name) };
}

function decode(text) {
  try { return decodeURIComponent(text); } catch { return text; }
}

let state = parse("");
let listener = () => {};

// link is the address with some parameters changed: a list is a parameter several times, null and "" take one away. path goes
// elsewhere, and begins without parameters.
export function link(change, path = null) {
  const q = new URLSearchParams(path === null ? state.query : "");
  for (const [name, value] of Object.entries(change)) {
    q.delete(name);
    if (Array.isArray(value)) for (const v of value) q.append(name, v);
    else if (value !== null && value !== undefined && value !== "") q.set(name, value);
  }
  const text = q.toString(), to = (path ?? state.path).split("/").map(encodeURIComponent).join("/");
  return "#/" + to + (text ? "?" + text : "");
}

// go changes the address. replace makes no new entry of the history, as while a slider is moved; quiet does not update the view,
// which shows the change already.
export function go(change, { path = null, replace = false, quiet = false } = {}) {
  const to = link(change, path);
  history[replace ? "replaceState" : "pushState"](null, "", to);
  state = parse(to);
  if (!quiet) listener(state);
}

export function listen(f) {
  listener = f;
  const arrive = () => listener(state = parse(location.hash));
  addEventListener("popstate", arrive);
  arrive();
}
