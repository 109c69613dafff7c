// A strip of paper that is written on with mouse, pen or touch.
import { element } from "../../kit/dom.js";
import { changed } from "../../kit/theme.js";

// Of the picture that is made of it: ink takes as much of the height as in the strips that recognisers are trained on.
const height = 128, inkShare = 0.72, pen = 0.09, margin = 0.14; // pixels, and shares of the height
const leastInk = 0.3; // of the paper's height: what is written is not made larger than if it had this

// pad returns {root, canvas, clear, undo, empty, picture(), close}. written() is called when a stroke ends and the drawing is another.
export function pad({ written }) {
  const canvas = element("canvas", { class: "pad", tabindex: "0", role: "img", "aria-label": "Paper to write on with mouse, pen or touch. Ctrl+Z takes a stroke back, Delete clears it." });
  const c = canvas.getContext("2d"), pointers = new Map();
  let strokes = [], size = [0, 0]; // places in heights of the paper

  // trace draws strokes as curves through the middles between places.
  function trace(to, all, width) {
    to.lineWidth = width;
    to.lineCap = to.lineJoin = "round";
    for (const s of all) {
      to.beginPath();
      to.moveTo(...s[0]);
      for (let i = 1; i < s.length - 1; i++) to.quadraticCurveTo(...s[i], (s[i][0] + s[i + 1][0]) / 2, (s[i][1] + s[i + 1][1]) / 2);
      to.lineTo(...s.at(-1));
      to.stroke();
    }
  }

  function draw() {
    const ratio = devicePixelRatio || 1, style = getComputedStyle(document.documentElement);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, ...size);
    c.strokeStyle = style.getPropertyValue("--line");
    c.lineWidth = 1;
    c.setLineDash([4, 5]);
    for (const y of [0.15, 0.85]) {
      c.beginPath();
      c.moveTo(8, size[1] * y);
      c.lineTo(size[0] - 8, size[1] * y);
      c.stroke();
    }
    c.setLineDash([]);
    c.fillStyle = style.getPropertyValue("--faint");
    c.font = "13px system-ui, sans-serif";
    if (!strokes.length) c.fillText("Write here", 14, size[1] / 2 + 4);
    c.strokeStyle = style.getPropertyValue("--ink");
    trace(c, strokes.map((s) => s.map(([x, y]) => [x * size[1], y * size[1]])), pen * size[1]);
  }

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.height, (event.clientY - box.top) / box.height];
  };
  const change = (next) => { strokes = next; draw(); written(); };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    const stroke = [place(event)];
    pointers.set(event.pointerId, stroke);
    strokes.push(stroke);
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    const stroke = pointers.get(event.pointerId);
    if (!stroke) return;
    for (const e of event.getCoalescedEvents?.() ?? [event]) stroke.push(place(e));
    draw();
  });
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, (event) => { if (pointers.delete(event.pointerId)) written(); });
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") change([]);
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) change(strokes.slice(0, -1));
    else return;
    event.preventDefault();
  });
  const watch = new ResizeObserver(() => {
    const ratio = devicePixelRatio || 1;
    size = [canvas.clientWidth, canvas.clientHeight];
    [canvas.width, canvas.height] = size.map((v) => Math.round(v * ratio));
    draw();
  });
  watch.observe(canvas);
  document.addEventListener(changed, draw);
  return {
    root: canvas,
    clear: () => change([]),
    undo: () => change(strokes.slice(0, -1)),
    empty: () => !strokes.length,
    writing: () => pointers.size > 0,
    // picture is the ink in the middle of a strip, black on white, as a PNG file; null where there is none.
    picture() {
      if (!strokes.length) return null;
      const xs = strokes.flat().map((p) => p[0]), ys = strokes.flat().map((p) => p[1]);
      const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
      const width = pen * height, scale = (inkShare * height - width) / Math.max(leastInk, bottom - top), edge = margin * height + width / 2;
      const out = element("canvas", { width: Math.round((right - left) * scale + 2 * edge), height }), to = out.getContext("2d");
      to.fillStyle = "#fff";
      to.fillRect(0, 0, out.width, height);
      to.strokeStyle = "#000";
      trace(to, strokes.map((s) => s.map(([x, y]) => [edge + (x - left) * scale, height / 2 + (y - (top + bottom) / 2) * scale])), width);
      return new Promise((done) => out.toBlob(done, "image/png"));
    },
    close() { watch.disconnect(); document.removeEventListener(changed, draw); },
  };
}
