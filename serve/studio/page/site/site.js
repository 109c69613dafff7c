// A site without a server: what the page asks is answered by files beside it, and the rest by energo, compiled to WebAssembly, in a worker.
// energo studio --export writes the files.

const data = "data/";

let worker = null, last = 0, listed = null;
const due = new Map(); // promises of answers by the number of the request

// energo sends a request to the worker, which is begun by the first.
function energo(message) {
  if (!worker) {
    worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: answer }) => {
      due.get(answer.id)?.take(answer);
      due.delete(answer.id);
    });
    worker.addEventListener("error", (event) => {
      for (const d of due.values()) d.fail(new Error("energo cannot be loaded: " + (event.message || "its worker does not begin")));
      due.clear();
    });
  }
  return new Promise((take, fail) => {
    due.set(++last, { take, fail });
    worker.postMessage({ id: last, ...message });
  });
}

async function file(name) {
  const answer = await fetch(data + name);
  if (!answer.ok) throw new Error(`The file ${data}${name} of this site cannot be read: status ${answer.status}.`);
  return answer.json();
}

// runs is the list of the runs; those of number i have their files in data/i.
const runs = () => listed ||= file("runs.json");
const folder = async (name) => (await runs()).runs.findIndex((r) => r.name === name);

// curves puts together those that are asked for, each from the file of its run.
async function curves(q) {
  const of = q.get("of"), by = q.get("by");
  return { curves: await Promise.all(q.getAll("run").map(async (run) => ({ run, ...(await file(`${await folder(run)}/${of}.json`))[by] }))) };
}

const told = (text, status = 200) => new Response(text, { status, headers: { "Content-Type": "application/json" } });

async function answerTo(path, method, body) {
  const [name, query] = path.replace(/^\//, "").split(/\?(.*)/s);
  if (method === "GET") {
    if (name === "v1/studio/runs") return told(JSON.stringify(await runs()));
    if (name === "v1/studio/surfaces") return told(JSON.stringify(await file("surfaces.json")));
    const films = /^v1\/studio\/surfaces\/([^/]+)$/.exec(name);
    if (films) return told(JSON.stringify(await file(`${await folder(decodeURIComponent(films[1]))}/films.json`)));
    if (name === "v1/studio/curves") return told(JSON.stringify(await curves(new URLSearchParams(query))));
  }
  const run = /^v1\/studio\/surfaces\/([^/]+)/.exec(name)?.[1], message = { method, path: path.replace(/^\/?/, "/"), body: body || "" };
  if (run) {
    message.run = decodeURIComponent(run);
    message.film = new URL(`${data}${await folder(message.run)}/surfaces.safetensors`, document.baseURI).href;
  }
  const answer = await energo(message);
  return told(answer.text, answer.status);
}

// answer is fetch, for the requests of the page.
export function answer(path, { method = "GET", body, signal } = {}) {
  const given = () => signal.reason || new DOMException("The request was given up.", "AbortError");
  if (signal?.aborted) return Promise.reject(given());
  const due = answerTo(path, method, body);
  if (!signal) return due;
  return Promise.race([due, new Promise((_, fail) => signal.addEventListener("abort", () => fail(given()), { once: true }))]);
}

// events are the list of runs, once: nothing changes here.
export function events(path, on, signal, lost) {
  if (path.endsWith("v1/studio/changes")) runs().then((list) => { if (!signal.aborted) on.runs({ list, gone: [] }); }, () => lost(true));
  return { close() {} };
}
