// The requests of the page.

let base = "/v1";

// use has requests be about an index by its name, where there are several.
export function use(name) { base = "/v1/indexes/" + encodeURIComponent(name); }

// pathOf is the path of a request about the index.
export const pathOf = (path) => base + path;

// ask returns the server's answer, or throws what the server, or what stands in front of it, says is wrong.
export async function ask(path, options = {}) {
  const response = await fetch(path, options).catch((err) => {
    if (err.name === "AbortError") throw err;
    throw new Error("The server does not answer: " + err.message);
  });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  if (response.status === 401 && path !== "/v1/session") document.dispatchEvent(new Event("signed-out"));
  throw new Error(answer && answer.detail ? answer.detail : `The answer has status ${response.status} and is not JSON.`);
}

export function get(path, parameters = {}, signal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) query.set(name, value);
  const text = query.toString();
  return ask(text ? path + "?" + text : path, { signal });
}

const known = new Map(); // items by identifier, as the server last showed them

export function remember(items) {
  for (const one of items) {
    const { distance, score, ...item } = one;
    known.set(item.id, { ...known.get(item.id), ...item });
  }
  return items;
}

// item returns what is known of an identifier; whole asks for its fields, too.
export async function item(id, whole) {
  const one = known.get(id);
  if (one && (!whole || one.whole)) return one;
  const { vector, ...answer } = await ask(pathOf("/items/") + encodeURIComponent(id));
  known.set(id, { ...answer, whole: true });
  return known.get(id);
}

// base64 of a file, for a search that has more than it.
function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Error("The picture cannot be read."));
    reader.readAsDataURL(blob);
  });
}

// search asks for hits: of a picture alone as a body, of examples as JSON.
export async function search({ picture, words, like, unlike, k, offset, within, filter }, signal) {
  if (picture && like.length + unlike.length === 0) {
    const query = new URLSearchParams({ k, offset });
    if (words) query.set("text", words);
    if (filter) query.set("filter", filter);
    if (within !== null) query.set("within", within);
    return ask(pathOf("/search?") + query, { method: "POST", headers: { "Content-Type": picture.type || "application/octet-stream" }, body: picture, signal });
  }
  const liked = like.map((id) => ({ id }));
  if (picture) liked.unshift({ image: await base64(picture) });
  const body = { k, offset };
  if (words) body.text = words;
  if (liked.length) body.like = liked;
  if (unlike.length) body.unlike = unlike.map((id) => ({ id }));
  if (filter) body.filter = filter;
  if (within !== null) body.within = within;
  return ask(pathOf("/search"), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
}
