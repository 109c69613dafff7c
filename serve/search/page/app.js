"use strict";

const $ = (id) => document.getElementById(id);
const canvas = $("canvas"), pen = canvas.getContext("2d", { willReadFrequently: true });

// What is looked for: {image: Blob} or {id: string}; null before anything was.
let target = null;
let latest = 0; // number of the last search, so that a slow answer does not replace a later one
let timer = 0;

function clearCanvas() {
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, canvas.width, canvas.height);
}

// Drawing.
const strokes = new Map(); // last place of each pointer

function place(event) {
  const r = canvas.getBoundingClientRect();
  return { x: (event.clientX - r.left) * canvas.width / r.width, y: (event.clientY - r.top) * canvas.height / r.height };
}

function line(from, to) {
  pen.strokeStyle = "#fff";
  pen.lineWidth = Number($("width").value);
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(from.x, from.y);
  pen.lineTo(to.x, to.y);
  pen.stroke();
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  clearTimeout(timer);
  const p = place(event);
  strokes.set(event.pointerId, p);
  line(p, p);
});
canvas.addEventListener("pointermove", (event) => {
  const from = strokes.get(event.pointerId);
  if (!from) return;
  const to = place(event);
  line(from, to);
  strokes.set(event.pointerId, to);
});
for (const kind of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(kind, (event) => {
    if (!strokes.delete(event.pointerId)) return;
    clearTimeout(timer);
    timer = setTimeout(searchDrawing, 250); // a digit may have another stroke
  });
}
canvas.addEventListener("keydown", (event) => {
  if (event.key === "Delete" || event.key === "Backspace") { startOver(); event.preventDefault(); }
});
$("clear").addEventListener("click", startOver);

function startOver() {
  clearTimeout(timer);
  clearCanvas();
  if (target && target.drawn) target = null;
}

// centred returns the drawing as the digits of MNIST are: its ink's box scaled to 20/28 of the
// picture, the centre of its mass in the middle; null where there is no ink.
function centred() {
  const n = canvas.width, ink = pen.getImageData(0, 0, n, n).data;
  let left = n, right = -1, top = n, bottom = -1, mass = 0, mx = 0, my = 0;
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      const v = ink[4 * (y * n + x)];
      if (v < 32) continue;
      left = Math.min(left, x); right = Math.max(right, x); top = Math.min(top, y); bottom = Math.max(bottom, y);
      mass += v; mx += v * (x + .5); my += v * (y + .5);
    }
  }
  if (right < 0) return null;
  const scale = n * 20 / 28 / Math.max(right - left + 1, bottom - top + 1);
  const out = document.createElement("canvas");
  out.width = out.height = n;
  const to = out.getContext("2d");
  to.fillStyle = "#000";
  to.fillRect(0, 0, n, n);
  to.setTransform(scale, 0, 0, scale, n / 2 - scale * mx / mass, n / 2 - scale * my / mass);
  to.drawImage(canvas, left, top, right - left + 1, bottom - top + 1, left, top, right - left + 1, bottom - top + 1);
  return out;
}

function searchDrawing() {
  const out = centred();
  if (!out) { complain("The drawing is empty."); return; }
  $("preview").hidden = true;
  out.toBlob((blob) => { target = { image: blob, drawn: true }; search(); }, "image/png");
}

// Pictures from elsewhere.
function searchFile(file) {
  if (!file) return;
  if (!file.type.startsWith("image/")) { complain(`${file.name} is not a picture.`); return; }
  clearTimeout(timer);
  target = { image: file };
  preview(URL.createObjectURL(file));
  search();
}

function preview(address) {
  const img = $("preview");
  if (img.src.startsWith("blob:")) URL.revokeObjectURL(img.src);
  img.src = address;
  img.hidden = false;
}

$("preview").addEventListener("error", () => { $("preview").hidden = true; });
$("file").addEventListener("change", () => { searchFile($("file").files[0]); $("file").value = ""; });
// Text that is dragged to the field of the label belongs to the field.
const ours = (event) => event.target !== $("label") || event.dataTransfer.types.includes("Files");
document.addEventListener("dragover", (event) => {
  if (!ours(event)) return;
  event.preventDefault();
  $("drop").classList.add("over");
});
document.addEventListener("dragleave", () => $("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  $("drop").classList.remove("over");
  if (!ours(event)) return;
  event.preventDefault();
  searchFile(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => searchFile(event.clipboardData.files[0]));
$("options").addEventListener("submit", (event) => {
  event.preventDefault();
  if (target && !target.drawn) search(); else searchDrawing();
});

// The search itself.
function request() {
  const k = Number($("k").value), label = $("label").value.trim();
  if (target.id !== undefined) {
    const body = { id: target.id, k, ...(label && { filter: { label } }) };
    return ["/v1/search", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }];
  }
  const query = new URLSearchParams({ k });
  if (label) query.set("filter", JSON.stringify({ label }));
  return ["/v1/search?" + query, { method: "POST", headers: { "Content-Type": target.image.type }, body: target.image }];
}

// ask returns the server's answer, or throws what the server, or what stands in front of it, says is wrong.
async function ask(...what) {
  const response = await fetch(...what).catch((err) => { throw new Error("The server does not answer: " + err.message); });
  const answer = await response.json().catch(() => null);
  if (response.ok && answer) return answer;
  throw new Error(answer && answer.detail ? answer.detail : `The answer has status ${response.status} and is not JSON.`);
}

async function search() {
  const mine = ++latest, start = performance.now();
  $("status").textContent = "Searching …";
  $("results").setAttribute("aria-busy", "true");
  try {
    const answer = await ask(...request());
    if (mine !== latest) return;
    $("error").hidden = true;
    show(answer, performance.now() - start);
  } catch (err) {
    if (mine === latest) complain(err.message);
  } finally {
    if (mine === latest) $("results").removeAttribute("aria-busy");
  }
}

function complain(text) {
  $("status").textContent = "";
  $("error").textContent = text;
  $("error").hidden = false;
  $("results").replaceChildren();
}

function show(answer, took) {
  const ms = (v) => v.toFixed(1) + " ms";
  const n = answer.hits.length;
  $("status").textContent = (n === 0 ? "Nothing found" : n === 1 ? "1 result" : n + " results") + " in " + ms(took) +
    ` (network ${ms(answer.encode_ms)}, index ${ms(answer.search_ms)})`;
  $("results").replaceChildren(...answer.hits.map(card));
}

function element(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (text !== undefined) e.textContent = text;
  return e;
}

// card is a hit; pressing it looks for what is like it.
function card(hit) {
  const b = element("button", "hit");
  b.type = "button";
  b.title = hit.id;
  const label = hit.label === undefined ? "" : hit.label;
  const far = Math.abs(hit.distance);
  const distance = far !== 0 && far < 0.001 ? hit.distance.toExponential(1) : String(Number(hit.distance.toPrecision(3)));
  b.setAttribute("aria-label", `${label ? "label " + label + ", " : ""}distance ${distance}, ${hit.id}: search for what is like it`);
  if (hit.thumb) {
    const img = element("img");
    img.src = hit.thumb;
    img.alt = "";
    img.loading = "lazy";
    img.addEventListener("error", () => img.replaceWith(element("div", "none", "no picture")));
    b.append(img);
  } else {
    b.append(element("div", "none", "no picture"));
  }
  b.append(element("b", "", label || "–"), element("span", "", "distance " + distance), element("span", "", hit.id));
  b.addEventListener("click", () => {
    target = { id: hit.id };
    if (hit.thumb) preview(hit.thumb); else $("preview").hidden = true;
    search();
  });
  const item = element("li");
  item.append(b);
  return item;
}

async function about() {
  const answer = await ask("/v1/info");
  $("about").textContent = `${answer.index.len.toLocaleString()} items, ${answer.index.dim} coordinates, ${answer.index.metric} distance`;
  $("k").max = answer.limits.k;
  $("k").value = Math.min($("k").value, answer.limits.k);
  if (!answer.pictures) {
    $("pictures").hidden = true;
    $("options").hidden = true;
    $("status").textContent = "This server has no network for pictures: it takes vectors, by POST /v1/search.";
  }
}

clearCanvas();
about().catch((err) => complain(err.message));
