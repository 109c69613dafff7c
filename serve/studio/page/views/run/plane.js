// The plane of two energies: a dot for each sample, that of the correct answer to the right, that of the others upwards.
import { element, figure } from "../../kit/dom.js";
import { ticks } from "../../kit/plane.js";
import { saveButtons, saveCSV, savePNG } from "../../kit/save.js";
import { changed } from "../../kit/theme.js";
import { hideTip, showTip } from "../../kit/tooltip.js";

const margin = { left: 46, right: 12, top: 10, bottom: 42 }, reach = 12, radius = 2.8; // CSS pixels

// plane returns {root, show(picture), close()}. A picture is {frame, y: "offending" or "free", ranges: [x, y], margin, chosen}, chosen being a place in the frame.
// choose(place) is called for a dot that is clicked or reached by the arrows, which go by the gap; tip(place) is what is told of one.
export function plane({ choose, tip, name }) {
  const canvas = element("canvas", { tabindex: "0", role: "img" }), c = canvas.getContext("2d");
  const box = element("div", { class: "square" }, canvas), how = element("p", { class: "quiet" });
  const saves = saveButtons("the plane", {
    PNG: () => savePNG(name() + "-plane.png", canvas),
    CSV: () => saveCSV(name() + "-plane.csv", ["sample", "label", "answer", "correct", "offending", "free"],
      Array.from(now.frame.samples, (s, i) => [s, now.frame.names[now.frame.labels[i]], now.frame.names[now.frame.answers[i]], now.frame.correct[i], now.frame.offending[i], now.frame.free[i]])),
  });
  const root = element("section", { class: "panel", "aria-label": "Plane of energies" }, element("div", { class: "row head" }, element("h2", {}, "The two energies"), saves), box, how);
  let now = null, size = [0, 0], over = -1;

  const inside = () => ({ x: margin.left, y: margin.top, w: size[0] - margin.left - margin.right, h: size[1] - margin.top - margin.bottom });
  const pixel = (x, y) => {
    const b = inside(), [[x0, x1], [y0, y1]] = now.ranges;
    return [b.x + (x - x0) / (x1 - x0) * b.w, b.y + b.h - (y - y0) / (y1 - y0) * b.h];
  };

  // line draws E⁻ = E⁺ + m, or the part of the plane that is on one side of it.
  function line(m, side = 0) {
    const [x0, x1] = now.ranges[0], far = now.ranges[1][1] - now.ranges[1][0], lo = x0 - far, hi = x1 + far;
    c.beginPath();
    c.moveTo(...pixel(lo, lo + m));
    c.lineTo(...pixel(hi, hi + m));
    if (side) c.lineTo(...(side > 0 ? pixel(lo, hi + m) : pixel(hi, lo + m)));
  }

  function axes(style) {
    const b = inside(), [xs, ys] = now.ranges;
    c.font = "11px system-ui, sans-serif";
    c.fillStyle = style.getPropertyValue("--faint");
    c.textAlign = "center";
    c.textBaseline = "top";
    for (const v of ticks(...xs)) c.fillText(figure(v), pixel(v, ys[0])[0], b.y + b.h + 5);
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const v of ticks(...ys)) c.fillText(figure(v), b.x - 5, pixel(xs[0], v)[1]);
    c.fillStyle = style.color;
    c.textAlign = "center";
    c.textBaseline = "bottom";
    c.fillText("E⁺, energy of the correct answer", b.x + b.w / 2, size[1] - 4);
    c.save();
    c.translate(11, b.y + b.h / 2);
    c.rotate(-Math.PI / 2);
    c.textBaseline = "middle";
    c.fillText(now.y === "free" ? "F, free energy of all answers" : "E⁻, energy of the most offending answer", 0, 0);
    c.restore();
  }

  function ring(i, style, wide) {
    if (i < 0 || i >= now.frame.n) return;
    c.strokeStyle = style.color;
    c.lineWidth = wide;
    c.beginPath();
    c.arc(...pixel(now.frame.correct[i], now.frame[now.y][i]), radius + 4, 0, 7);
    c.stroke();
  }

  function draw() {
    if (!now || !size[0]) return;
    const ratio = devicePixelRatio || 1, b = inside(), style = getComputedStyle(document.body), blue = style.getPropertyValue("--series-0"), orange = style.getPropertyValue("--series-1");
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, ...size);
    c.save();
    c.beginPath();
    c.rect(b.x, b.y, b.w, b.h);
    c.clip();
    c.globalAlpha = 0.09;
    if (now.y === "offending") {
      line(0, -1);
      c.fillStyle = orange;
      c.fill();
      line(now.margin, 1);
      c.fillStyle = blue;
      c.fill();
    }
    c.globalAlpha = 1;
    c.strokeStyle = style.color;
    c.lineWidth = 1.2;
    line(0);
    c.stroke();
    if (now.margin > 0 && now.y === "offending") {
      c.setLineDash([5, 4]);
      line(now.margin);
      c.stroke();
      c.setLineDash([]);
    }
    const { frame } = now;
    c.globalAlpha = frame.n > 3000 ? 0.4 : 0.65;
    for (const right of [true, false]) { // the wrong ones over the others
      c.fillStyle = right ? blue : orange;
      for (let i = 0; i < frame.n; i++) {
        if (frame.right[i] !== right) continue;
        const [x, y] = pixel(frame.correct[i], frame[now.y][i]);
        if (!(x > b.x - radius && x < b.x + b.w + radius && y > b.y - radius && y < b.y + b.h + radius)) continue;
        c.beginPath();
        c.arc(x, y, radius, 0, 7);
        c.fill();
      }
    }
    c.globalAlpha = 1;
    ring(over, style, 1);
    ring(now.chosen, style, 2.2);
    c.restore();
    c.strokeStyle = style.getPropertyValue("--line");
    c.lineWidth = 1;
    c.strokeRect(b.x, b.y, b.w, b.h);
    axes(style);
  }

  // nearest is the place of the sample at a place of the canvas, −1 for none.
  function nearest(px, py) {
    let best = -1, far = reach * reach;
    for (let i = 0; i < now.frame.n; i++) {
      const [x, y] = pixel(now.frame.correct[i], now.frame[now.y][i]), d = (x - px) ** 2 + (y - py) ** 2;
      if (d < far) [best, far] = [i, d];
    }
    return best;
  }
  const at = (event) => { const r = canvas.getBoundingClientRect(); return nearest(event.clientX - r.left, event.clientY - r.top); };

  canvas.addEventListener("pointermove", (event) => {
    if (!now) return;
    const i = at(event);
    canvas.style.cursor = i < 0 ? "" : "pointer";
    if (i < 0) hideTip(); else showTip(event.clientX, event.clientY, ...tip(i));
    if (i !== over) { over = i; draw(); }
  });
  canvas.addEventListener("pointerleave", () => { over = -1; hideTip(); draw(); });
  canvas.addEventListener("click", (event) => { const i = at(event); if (i >= 0) choose(i); });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!step || !now) return;
    event.preventDefault();
    const order = Array.from(now.frame.gap, (_, i) => i).filter((i) => Number.isFinite(now.frame.gap[i])).sort((i, j) => now.frame.gap[i] - now.frame.gap[j]);
    const here = order.indexOf(now.chosen);
    if (order.length) choose(order[here < 0 ? 0 : Math.min(order.length - 1, Math.max(0, here + step))]);
  });
  const watch = new ResizeObserver(() => {
    const r = box.getBoundingClientRect(), ratio = devicePixelRatio || 1;
    size = [r.width, r.height];
    [canvas.width, canvas.height] = size.map((v) => Math.round(v * ratio));
    draw();
  });
  watch.observe(box);
  document.addEventListener(changed, draw);

  return {
    root,
    show(picture) {
      now = picture;
      const wrong = now.frame.right.filter((r) => !r).length;
      canvas.setAttribute("aria-label", `Plane of E⁺ and ${now.y === "free" ? "F" : "E⁻"} of ${now.frame.n} samples, ${wrong} wrong. Arrows go from sample to sample, by the gap.`);
      how.textContent = now.y === "free"
        ? "The nearer to the line, the more of the probability exp(−βE)/Z the correct answer has."
        : `A dot is a sample: blue is right, orange wrong. Below the line the wrong answer has the lower energy${now.margin > 0 ? `; above the dashed one the margin m = ${figure(now.margin)} is kept` : ""}.`;
      draw();
    },
    close() { watch.disconnect(); document.removeEventListener(changed, draw); hideTip(); },
  };
}
