// A canvas that a digit is drawn on, white on black, with mouse, pen or touch.
const kept = 30; // strokes that can be taken back

// grey takes the colours from a picture, and makes it its negative where its border is bright.
function grey({ data }, w, h) {
  let border = 0, edge = 0;
  for (let i = 0; i < w * h; i++) {
    const v = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2], x = i % w;
    data.fill(v, 4 * i, 4 * i + 3);
    if (x === 0 || x === w - 1 || i < w || i >= w * (h - 1)) border += v, edge++;
  }
  if (border > 128 * edge) for (let i = 0; i < w * h; i++) data.fill(255 - data[4 * i], 4 * i, 4 * i + 3);
}

// sketch draws on a canvas. pen() is {width, erase}. began and ended are called at a stroke's ends, moved after each change of the drawing, entered at Enter. Delete and
// Backspace clear the drawing, Ctrl+Z takes the last stroke back.
export function sketch(canvas, { pen, began = () => {}, moved = () => {}, ended = () => {}, entered = () => {} }) {
  const c = canvas.getContext("2d", { willReadFrequently: true }), n = canvas.width;
  const strokes = new Map(); // last place of each pointer
  let past = [];

  function blank() {
    c.fillStyle = "#000";
    c.fillRect(0, 0, n, n);
  }

  // keep is called before a change that can be taken back.
  function keep() {
    past.push(c.getImageData(0, 0, n, n));
    past = past.slice(-kept);
  }

  // line draws from a place to another, both [x, y].
  function line(from, to, { width, erase = false }) {
    c.strokeStyle = erase ? "#000" : "#fff";
    c.lineWidth = width;
    c.lineCap = c.lineJoin = "round";
    c.beginPath();
    c.moveTo(...from);
    c.lineTo(...to);
    c.stroke();
  }

  function clear() {
    keep();
    blank();
    moved();
  }

  function undo() {
    const before = past.pop();
    if (!before) return;
    c.putImageData(before, 0, 0);
    moved();
  }

  // centred returns the drawing as the digits of MNIST are: its ink's box scaled to 20/28 of the
  // picture, the centre of its mass in the middle; null where there is no ink.
  function centred() {
    const ink = c.getImageData(0, 0, n, n).data;
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

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * n / box.width, (event.clientY - box.top) * n / box.height];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    began();
    keep();
    const p = place(event);
    strokes.set(event.pointerId, p);
    line(p, p, pen());
    moved();
  });
  canvas.addEventListener("pointermove", (event) => {
    const from = strokes.get(event.pointerId);
    if (!from) return;
    const to = place(event);
    line(from, to, pen());
    strokes.set(event.pointerId, to);
    moved();
  });
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, (event) => { if (strokes.delete(event.pointerId)) ended(); });
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Delete" || event.key === "Backspace") clear();
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo();
    else if (event.key === "Enter") return entered();
    else return;
    event.preventDefault();
  });
  blank();

  return {
    clear, undo, centred,
    // put shows a picture of the user's own in grey, as large as the canvas takes it; one with a bright border, as ink on paper, as its negative.
    put(picture) {
      keep();
      blank();
      const scale = Math.min(n / picture.width, n / picture.height), w = Math.round(scale * picture.width) || 1, h = Math.round(scale * picture.height) || 1;
      const x = Math.floor((n - w) / 2), y = Math.floor((n - h) / 2);
      c.drawImage(picture, x, y, w, h);
      const image = c.getImageData(x, y, w, h);
      grey(image, w, h);
      c.putImageData(image, x, y);
      moved();
    },
    // draw draws lines, each a list of places from 0 to 1, instead of what there is.
    draw(lines, width) {
      keep();
      blank();
      for (const l of lines) l.forEach((p, i) => line((l[i - 1] || p).map((v) => v * n), p.map((v) => v * n), { width }));
      moved();
    },
  };
}
