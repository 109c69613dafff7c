// A plane with energies as colours, contours, and on it data, answers, arrows of what is pushed, and chains.
import { contours } from "../lib/lib.js";
import { shades } from "./colours.js";
import { element, figure } from "./dom.js";
import { at } from "./grid.js";
import { changed } from "./theme.js";
import { hideTip, showTip } from "./tooltip.js";

const margin = { left: 42, right: 8, top: 8, bottom: 34 }; // CSS pixels
const levels = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const arrowsMost = 160, arrowLongest = 46;

// ticks are about five round numbers of an axis.
export function ticks(lo, hi) {
  const raw = (hi - lo) / 5, power = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw);
  const all = [];
  for (let v = Math.ceil(lo / step) * step; v <= hi + step / 1e6; v += step) all.push(Number(v.toFixed(10)));
  return all;
}

// plane returns {root, canvas, show(picture)}. picture is {grid, heights, labels: [x, y], data, lowest, push, chains, flat}: lists of places are
// drawn where they are there; over(context, pixel) draws more, and of is what the heights are, E without. press(place) is called for a place that is clicked, or chosen by Enter at the centre.
export function plane({ label, press = null }) {
  const canvas = element("canvas", { tabindex: press ? "0" : null, role: "img", "aria-label": label });
  const root = element("div", { class: "plane" }, canvas), c = canvas.getContext("2d");
  const picture = element("canvas"), heat = picture.getContext("2d");
  let now = null, lines = null, size = [0, 0];

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
    [picture.width, picture.height] = [nx, ny];
    const image = heat.createImageData(nx, ny), turned = new Float64Array(nx * ny);
    for (let i = 0; i < nx; i++) {
      for (let j = 0; j < ny; j++) {
        const v = h[i * ny + j], k = ((ny - 1 - j) * nx + i) * 4, s = 3 * Math.round(255 * Math.min(1, Math.max(0, v)));
        image.data.set([shades[s], shades[s + 1], shades[s + 2], Number.isFinite(v) ? 255 : 0], k);
        turned[j * nx + i] = Number.isFinite(v) ? v : 1e9;
      }
    }
    heat.putImageData(image, 0, 0);
    lines = contours().size([nx, ny]).thresholds(levels)(turned);
  }

  function drawContours() {
    const { x, y } = now.grid, b = inside(), nx = x.length, ny = y.length;
    // the k-th sample is in the middle of the k-th cell for d3-contour, and at the k-th place of the axis here
    const to = ([s, t]) => [b.x + (s - 0.5) / (nx - 1) * b.w, b.y + b.h - (t - 0.5) / (ny - 1) * b.h];
    c.strokeStyle = "#ffffff70";
    c.lineWidth = 1;
    c.beginPath();
    for (const level of lines) {
      for (const ring of level.coordinates.flat()) {
        ring.forEach((p, i) => { const q = to(p); if (i) c.lineTo(...q); else c.moveTo(...q); });
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
    c.fillStyle = colour;
    c.strokeStyle = edge;
    for (const p of places) {
      c.beginPath();
      c.arc(...pixel(p), radius, 0, 2 * Math.PI);
      c.fill();
      if (edge) c.stroke();
    }
  }

  // arrows are ∂L/∂E: down, in blue, where it is above 0; up, in orange, where below. The longest is of the greatest.
  function arrows(push) {
    const some = push.filter((_, i) => i % Math.ceil(push.length / arrowsMost) === 0);
    const greatest = Math.max(...push.map((p) => Math.abs(p.slope)), 1e-30);
    c.lineWidth = 2;
    for (const p of some) {
      const length = arrowLongest * Math.abs(p.slope) / greatest, sign = p.slope > 0 ? 1 : -1, [x, y] = pixel(p.at), head = Math.min(6, length / 2);
      if (length < 1.5) continue;
      c.strokeStyle = c.fillStyle = sign > 0 ? "#8fd0ff" : "#ff9d3d";
      c.beginPath();
      c.moveTo(x, y);
      c.lineTo(x, y + sign * (length - head));
      c.stroke();
      c.beginPath();
      c.moveTo(x, y + sign * length);
      c.lineTo(x - head * 0.7, y + sign * (length - head));
      c.lineTo(x + head * 0.7, y + sign * (length - head));
      c.fill();
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
  canvas.addEventListener("pointermove", (event) => {
    if (!now) return;
    const box = canvas.getBoundingClientRect(), p = place(event.clientX - box.left, event.clientY - box.top), e = at(now.grid, ...p);
    if (e === null) return hideTip();
    showTip(event.clientX, event.clientY, `${now.labels[0]} ${figure(p[0])}, ${now.labels[1]} ${figure(p[1])}: ${now.of || "E"} ${figure(e)}`);
  });
  canvas.addEventListener("pointerleave", hideTip);
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
