// A plane with energies as colours, contours, and on it data, answers, arrows of what is pushed, and chains.
import { contours } from "../lib/lib.js";
import { arrowColours, arrowsOf } from "./arrows.js";
import { shades } from "./colours.js";
import { element, figure } from "./dom.js";
import { at, thinned } from "./grid.js";
import { changed } from "./theme.js";
import { hideTip, showTip } from "./tooltip.js";

const margin = { left: 42, right: 8, top: 8, bottom: 34 }; // CSS pixels
const levels = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const arrowLongest = 46, contoursMost = 128; // places on a side of the grid that contours are drawn of
const near = 10; // pixels to a sample that is pointed at

// palette has the shades as pixels of four bytes, the first of which is the least.
const palette = Uint32Array.from({ length: 256 }, (_, i) => shades[3 * i] | shades[3 * i + 1] << 8 | shades[3 * i + 2] << 16 | 255 << 24);

// ticks are about five round numbers of an axis.
export function ticks(lo, hi) {
  const raw = (hi - lo) / 5, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const all = [];
  for (let v = Math.ceil(lo / step) * step; v <= hi + step / 1e6; v += step) all.push(Number(v.toFixed(10)));
  return all;
}

// plane returns {root, canvas, show(picture)}. picture is {grid, heights, labels: [x, y], data, lowest, push, chains, flat}: lists of places are
// drawn where they are there; over(context, pixel) draws more, and of is what the heights are, E without. pushMost is ∂L/∂E of the longest arrow, the greatest without.
// samples is {places, tell(i), over(context, pixel, i)}: one that is pointed at, or chosen by the keys ← and →, is told of, and drawn over.
// press(place) is called for a place that is clicked, or chosen by Enter at the centre.
export function plane({ label, press = null }) {
  const canvas = element("canvas", { tabindex: press ? "0" : null, role: "img", "aria-label": label });
  const root = element("div", { class: "plane" }, canvas), c = canvas.getContext("2d");
  const picture = element("canvas"), heat = picture.getContext("2d");
  let now = null, lines = null, size = [0, 0], hit = -1, image = null;

  const inside = () => ({ x: margin.left, y: margin.top, w: size[0] - margin.left - margin.right, h: size[1] - margin.top - margin.bottom });
  const ends = (axis) => [axis[0], axis.at(-1)];
  const pixel = ([x, y]) => {
    const b = inside(), [x0, x1] = ends(now.grid.x), [y0, y1] = ends(now.grid.y);
    return [b.x + (x - x0) / (x1 - x0) * b.w, b.y + b.h - (y - y0) / (y1 - y0) * b.h];
  };
  const place = (px, py) => {
    const b = inside(), [x0, x1] = ends(now.grid.x), [y0, y1] = ends(now.grid.y);
    return [x0 + (px - b.x) / b.w * (x1 - x0), y0 + (b.y + b.h - py) / b.h * (y1 - y0)];
  };

  // paint makes the picture of the heights, x to the right and y up, and their contours.
  function paint() {
    const { grid: { x, y }, heights: { h } } = now, nx = x.length, ny = y.length;
    if (image?.width !== nx || image.height !== ny) {
      [picture.width, picture.height] = [nx, ny];
      image = heat.createImageData(nx, ny);
    }
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < nx; i++) {
      for (let j = 0, k = (ny - 1) * nx + i; j < ny; j++, k -= nx) {
        const v = h[i * ny + j];
        pixels[k] = Number.isFinite(v) ? palette[v <= 0 ? 0 : v >= 1 ? 255 : Math.round(255 * v)] : 0;
      }
    }
    heat.putImageData(image, 0, 0);
    const coarse = thinned(h, nx, ny, contoursMost), [mx, my] = [coarse.nx, coarse.ny], turned = new Float64Array(mx * my);
    for (let i = 0; i < mx; i++) {
      for (let j = 0; j < my; j++) {
        const v = coarse.h[i * my + j];
        turned[j * mx + i] = Number.isFinite(v) ? v : 1e9;
      }
    }
    lines = contours().size([mx, my]).thresholds(levels)(turned);
  }

  function drawContours() {
    const b = inside(), mx = Math.min(now.grid.x.length, contoursMost), my = Math.min(now.grid.y.length, contoursMost);
    // the k-th sample is in the middle of the k-th cell for d3-contour, and at the k-th place of the axis here
    const toX = (s) => b.x + (s - 0.5) / (mx - 1) * b.w, toY = (t) => b.y + b.h - (t - 0.5) / (my - 1) * b.h;
    c.strokeStyle = "#ffffff70";
    c.lineWidth = 1;
    c.beginPath();
    for (const level of lines) {
      for (const polygon of level.coordinates) {
        for (const ring of polygon) {
          c.moveTo(toX(ring[0][0]), toY(ring[0][1]));
          for (let i = 1; i < ring.length; i++) c.lineTo(toX(ring[i][0]), toY(ring[i][1]));
        }
      }
    }
    c.stroke();
  }

  function drawAxes() {
    const b = inside(), style = getComputedStyle(document.body), ink = style.color, faint = style.getPropertyValue("--faint");
    c.font = "11px system-ui, sans-serif";
    c.fillStyle = faint;
    c.textAlign = "center";
    c.textBaseline = "top";
    for (const v of ticks(...ends(now.grid.x))) c.fillText(figure(v), pixel([v, now.grid.y[0]])[0], b.y + b.h + 4);
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const v of ticks(...ends(now.grid.y))) c.fillText(figure(v), b.x - 5, pixel([now.grid.x[0], v])[1]);
    c.fillStyle = ink;
    c.textAlign = "center";
    c.textBaseline = "bottom";
    c.fillText(now.labels[0], b.x + b.w / 2, size[1] - 2);
    c.save();
    c.translate(9, b.y + b.h / 2);
    c.rotate(-Math.PI / 2);
    c.fillText(now.labels[1], 0, 5);
    c.restore();
  }

  function dots(places, colour, radius, edge) {
    c.beginPath();
    for (const p of places) {
      const [x, y] = pixel(p);
      c.moveTo(x + radius, y);
      c.arc(x, y, radius, 0, 2 * Math.PI);
    }
    c.fillStyle = colour;
    c.fill();
    if (!edge) return;
    c.strokeStyle = edge;
    c.stroke();
  }

  // arrows are ∂L/∂E: down where it is above 0, up where below.
  function arrows(push) {
    const all = arrowsOf(push, now.pushMost);
    c.lineWidth = 2;
    for (const down of [true, false]) {
      const shafts = new Path2D(), heads = new Path2D(), sign = down ? 1 : -1;
      for (const a of all) {
        if (a.down !== down) continue;
        const length = arrowLongest * a.part, [x, y] = pixel(a.at), head = Math.min(6, length / 2);
        shafts.moveTo(x, y);
        shafts.lineTo(x, y + sign * (length - head));
        heads.moveTo(x, y + sign * length);
        heads.lineTo(x - head * 0.7, y + sign * (length - head));
        heads.lineTo(x + head * 0.7, y + sign * (length - head));
        heads.closePath();
      }
      c.strokeStyle = c.fillStyle = arrowColours[down ? "down" : "up"];
      c.stroke(shafts);
      c.fill(heads);
    }
  }

  function draw() {
    if (!now || !size[0]) return;
    const ratio = devicePixelRatio || 1, b = inside();
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, ...size);
    c.imageSmoothingEnabled = true;
    // the first and last samples lie on the edges
    const nx = now.grid.x.length, ny = now.grid.y.length;
    c.drawImage(picture, 0.5, 0.5, nx - 1, ny - 1, b.x, b.y, b.w, b.h);
    c.save();
    c.beginPath();
    c.rect(b.x, b.y, b.w, b.h);
    c.clip();
    drawContours();
    if (now.data) dots(now.data, "#ffffffd0", 2.2, null);
    if (now.lowest) dots(now.lowest, "#ffd54a", 2.4, "#00000090");
    if (now.push) arrows(now.push);
    if (now.chains) dots(now.chains, "#ff4f8b", 3, "#ffffff");
    now.over?.(c, pixel);
    if (now.samples && hit >= 0 && hit < now.samples.places.length) now.samples.over(c, pixel, hit);
    c.restore();
    drawAxes();
  }

  new ResizeObserver(() => {
    const box = root.getBoundingClientRect(), ratio = devicePixelRatio || 1;
    size = [box.width, box.height];
    [canvas.width, canvas.height] = size.map((v) => Math.round(v * ratio));
    draw();
  }).observe(root);
  document.addEventListener(changed, draw);
  // point has another sample drawn over, or none.
  function point(i) {
    if (i === hit) return;
    hit = i;
    draw();
  }

  // nearest is the number of the sample at most near pixels away, or −1.
  function nearest(px, py) {
    let best = -1, far = near * near;
    now.samples?.places.forEach((p, i) => {
      const [x, y] = pixel(p), d = (x - px) ** 2 + (y - py) ** 2;
      if (d < far) [best, far] = [i, d];
    });
    return best;
  }

  canvas.addEventListener("pointermove", (event) => {
    if (!now) return;
    const box = canvas.getBoundingClientRect(), px = event.clientX - box.left, py = event.clientY - box.top, p = place(px, py), e = at(now.grid, ...p);
    const i = e === null ? -1 : nearest(px, py);
    point(i);
    if (e === null) return hideTip();
    showTip(event.clientX, event.clientY, ...i >= 0 ? now.samples.tell(i).map((line) => element("div", {}, line)) : [`${now.labels[0]} ${figure(p[0])}, ${now.labels[1]} ${figure(p[1])}: ${now.of || "E"} ${figure(e)}`]);
  });
  canvas.addEventListener("pointerleave", () => { hideTip(); point(-1); });
  canvas.addEventListener("blur", () => { hideTip(); point(-1); canvas.setAttribute("aria-label", label); });
  canvas.addEventListener("keydown", (event) => {
    const n = now?.samples?.places.length, step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!n || !step) return;
    event.preventDefault();
    point((hit < 0 && step < 0 ? n - 1 : hit + step + n) % n);
    const box = canvas.getBoundingClientRect(), [x, y] = pixel(now.samples.places[hit]), told = now.samples.tell(hit);
    showTip(box.left + x, box.top + y, ...told.map((line) => element("div", {}, line)));
    canvas.setAttribute("aria-label", label + ": " + told.join("; "));
  });
  if (press) {
    canvas.addEventListener("click", (event) => {
      const box = canvas.getBoundingClientRect(), p = now && place(event.clientX - box.left, event.clientY - box.top);
      if (p && at(now.grid, ...p) !== null) press(p);
    });
    canvas.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && now) press([(now.grid.x[0] + now.grid.x.at(-1)) / 2, (now.grid.y[0] + now.grid.y.at(-1)) / 2]);
    });
  }
  return {
    root, canvas,
    show(next) {
      const same = now && now.heights === next.heights;
      now = next;
      if (!same) paint();
      draw();
    },
    close() { document.removeEventListener(changed, draw); },
  };
}
