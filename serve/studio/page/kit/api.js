// The requests of the page. All are of the server that the page came from, or, on a site that was exported, of files and WebAssembly.

const mark = document.querySelector('meta[name="studio-site"]'), elsewhere = mark && await import("../site/site.js");

// site says that there is no server, and when the runs were exported; null where there is one.
export const site = mark && { day: mark.content };

const send = site ? elsewhere.answer : (path, options) => fetch(path, options);

// end tells that something is not used any more, also while the page is left.
export const end = (path) => send(path, { method: "DELETE", keepalive: true }).catch(() => {});

async function ask(path, options) {
  const response = await send(path, options).catch((err) => {
    if (err.name === "AbortError") throw err;
    throw site ? err : new Error("The server does not answer: " + err.message);
  });
  if (response.status === 204) return null;
  const kind = response.headers.get("Content-Type") || "";
  const answer = kind.includes("json") ? await response.json().catch((err) => { if (err.name === "AbortError") throw err; return null; }) : response;
  if (response.ok && answer) return answer;
  throw new Error(answer?.detail || `The answer has status ${response.status} and is not JSON.`);
}

// address adds parameters to a path; those that are null or "" are left out.
export function address(path, parameters = {}) {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const v of Array.isArray(value) ? value : [value]) if (v !== null && v !== undefined && v !== "") q.append(name, v);
  }
  const text = q.toString();
  return text ? path + "?" + text : path;
}

// part writes a part of a path, as a run's name.
export const part = encodeURIComponent;

// events listens to server-sent events until the signal ends. on has a listener for each name of event, which gets the data, parsed, and
// the event's id. The browser connects again by itself where the connection is lost; lost is told of that.
function events(path, on, signal, lost = () => {}) {
  if (site) return elsewhere.events(path, on, signal, lost);
  const source = new EventSource(path);
  for (const [name, take] of Object.entries(on)) {
    source.addEventListener(name, (event) => take(JSON.parse(event.data), event.lastEventId));
  }
  source.addEventListener("error", () => lost(source.readyState === EventSource.CLOSED));
  signal.addEventListener("abort", () => source.close());
  return { close: () => source.close() };
}

// within returns the requests of a view, which are given up when the signal ends.
export function within(signal) {
  const sends = (method) => (path, body, parameters) => ask(address(path, parameters), {
    method, signal, ...body === undefined || body === null ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) },
  });
  return {
    get: (path, parameters, own) => ask(address(path, parameters), { signal: own ? AbortSignal.any([own, signal]) : signal }),
    // file sends a file as it is.
    file: (path, blob) => ask(path, { method: "POST", signal, headers: { "Content-Type": "application/octet-stream" }, body: blob }),
    post: sends("POST"), put: sends("PUT"), remove: sends("DELETE"), site,
    events: (path, on, lost) => events(path, on, signal, lost),
  };
}
