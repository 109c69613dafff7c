// A canvas to draw a digit on, for encoders of small grey pictures.
import { $, complain } from "./dom.js";
import { searchBy } from "./pictures.js";

const canvas = $("canvas"), pen = canvas.getContext("2d", { willReadFrequently: true });
const strokes = new Map(); // last place of each pointer
let timer = 0;

function clear() {
  clearTimeout(timer);
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, canvas.width, canvas.height);
}

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
  if (out) out.toBlob(searchBy, "image/png");
  else complain(new Error("The drawing is empty."));
}

function toggle(open) {
  $("draw").hidden = !open;
  $("to-draw").setAttribute("aria-expanded", open);
}

// start shows the canvas; where the screen is small, behind a button.
export function start() {
  clear();
  $("to-draw").hidden = false;
  $("to-draw").addEventListener("click", () => toggle($("draw").hidden));
  toggle(innerWidth > 640);
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
    if (event.key === "Delete" || event.key === "Backspace") { clear(); event.preventDefault(); }
    if (event.key === "Enter") searchDrawing();
  });
  $("clear").addEventListener("click", clear);
}
