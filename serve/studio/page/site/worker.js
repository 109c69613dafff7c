// energo in a worker: answers the requests of a page without a server, one after the other.
import "../wasm/wasm_exec.js";

const ready = begin();
let before = ready;

// whole reads a file, and unpacks it if it is gzip's: some servers have unpacked it on the way already.
async function whole(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`status ${answer.status} of ${url}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function begin() {
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiate(await whole(new URL("../wasm/energo.wasm.gz", import.meta.url)), go.importObject);
  go.run(instance);
}

const failed = (detail) => ({ status: 500, text: JSON.stringify({ detail }) });

async function answer({ method, path, body, run, film }) {
  await ready;
  if (film && !globalThis.energo.has(run)) {
    const wrong = globalThis.energo.keep(run, new Uint8Array(await whole(film)));
    if (wrong) return failed(wrong);
  }
  return globalThis.energo.ask(method, path, body);
}

addEventListener("message", ({ data }) => {
  before = before.then(() => answer(data)).catch((err) => failed("energo: " + err.message)).then((a) => postMessage({ id: data.id, ...a }));
});
