// The trellis of CTC for one text: states of the extended text from top to bottom, frames from left to right.
import { figure } from "../../kit/dom.js";
import { floats } from "../../kit/grid.js";
import { nameOf, percent } from "./lanes.js";

const arcsFrom = 12; // CSS pixels between frames, and between states, from which states and arcs are drawn one by one

// trellis is a lane of the trellis that the server sends; by is what shades tell, "occupancy" or "emission".
export function trellis(data, { frames, frame, offset, by }) {
  const n = data.states.length, m = data.classes.length, occupancy = floats(data.occupancy), emissions = floats(data.emissions);
  const emission = (f, s) => emissions[f * m + data.states[s]], share = (f, s) => occupancy[f * n + s];
  const shade = by === "emission" ? emission : share;
  const tall = Math.round(Math.min(26, Math.max(4, 300 / n)) * n);
  const label = (s) => data.classes[data.states[s]].name;
  const jumps = (s) => s % 2 === 1 && s > 1 && data.states[s] !== data.states[s - 2];
  const tell = (f, s) => [
    `state ${s + 1} of ${n}: ${s % 2 ? `label ${(s + 1) / 2}, ${nameOf(label(s))}` : "blank"}; frame ${f} of ${frames}`,
    `occupancy ${percent(share(f, s))}, emission ${percent(emission(f, s))}${data.path[f] === s ? ", on the best path" : ""}`,
  ];

  function seen(b) {
    const first = Math.floor(((b.x - b.px(0)) / (b.px(1) - b.px(0)) - offset) / frame), last = Math.ceil(((b.x + b.w - b.px(0)) / (b.px(1) - b.px(0)) - offset) / frame);
    return [Math.max(0, first), Math.min(frames - 1, last)];
  }

  // layout says which states are shown, all or, of a part of the frames, those that the sum over paths is in there; how high each is, and where it lies.
  let known = null;
  function layout(b) {
    const [lo, hi] = seen(b), key = `${lo} ${hi}`;
    if (known?.key !== key) {
      let first = n - 1, last = 0;
      for (let f = lo; f <= hi; f++) {
        for (let s = 0; s < n; s++) if (share(f, s) > 0.005 || data.path[f] === s) [first, last] = [Math.min(first, s), Math.max(last, s)];
      }
      if (lo === 0 && hi === frames - 1) [first, last] = [0, n - 1];
      [first, last] = [Math.max(0, first - 1), Math.min(n - 1, last + 1)];
      known = { key, lo, hi, first, last, line: Math.min(26, tall / (last - first + 1)) };
    }
    const { first, line } = known;
    return { ...known, x: (f) => b.px(offset + (f + 0.5) * frame), y: (s) => b.y + 2 + (s - first + 0.5) * line, w: b.px(frame) - b.px(0) };
  }

  // nodes draws states one by one, with the arcs between them.
  function nodes(c, ink, { lo, hi, first, last, line, x, y, w }) {
    const r = Math.min(line, w) * 0.34;
    c.lineWidth = 1;
    c.strokeStyle = ink.faint;
    for (let f = Math.max(1, lo); f <= hi; f++) {
      for (let s = first; s <= last; s++) {
        for (const from of jumps(s) ? [s, s - 1, s - 2] : s ? [s, s - 1] : [s]) {
          c.globalAlpha = 0.3 + 0.7 * Math.min(share(f, s), share(f - 1, from));
          c.beginPath();
          c.moveTo(x(f - 1), y(from));
          c.lineTo(x(f), y(s));
          c.stroke();
        }
      }
    }
    c.globalAlpha = 1;
    way(c, ink, { lo, hi, line, x, y });
    for (let f = lo; f <= hi; f++) {
      for (let s = first; s <= last; s++) {
        c.beginPath();
        c.arc(x(f), y(s), r, 0, 2 * Math.PI);
        c.fillStyle = fill(ink, shade(f, s));
        c.fill();
        c.strokeStyle = data.path[f] === s ? ink.series(1) : ink.faint;
        c.lineWidth = data.path[f] === s ? 2 : 0.7;
        c.stroke();
      }
    }
  }

  function cells(c, ink, { lo, hi, first, last, line, x, y, w }) {
    for (let f = lo; f <= hi; f++) {
      for (let s = first; s <= last; s++) {
        if (shade(f, s) < 0.003) continue;
        c.fillStyle = fill(ink, shade(f, s));
        c.fillRect(x(f) - w / 2, y(s) - line / 2, w + 0.4, line + 0.4);
      }
    }
    way(c, ink, { lo, hi, line, x, y });
  }

  function fill(ink, v) {
    const k = 3 * Math.round(255 * Math.min(1, v));
    return `rgb(${ink.ramp[k]},${ink.ramp[k + 1]},${ink.ramp[k + 2]})`;
  }

  // way draws the best path.
  function way(c, ink, { lo, hi, line, x, y }) {
    c.strokeStyle = ink.series(1);
    c.lineWidth = Math.min(2.5, Math.max(1.2, line * 0.3));
    c.lineJoin = "round";
    c.beginPath();
    for (let f = Math.max(0, lo - 1); f <= Math.min(frames - 1, hi + 1); f++) c.lineTo(x(f), y(data.path[f]));
    c.stroke();
  }

  return {
    name: "", height: () => tall + 4,
    names(c, b, ink) {
      const { first, last, line, y } = layout(b), step = Math.ceil(9 / (2 * line));
      c.textAlign = "right";
      c.textBaseline = "middle";
      for (let s = first; s <= last; s++) {
        if (s % 2 === 0 && line < 12 || s % 2 && (s - 1) / 2 % step) continue;
        c.fillStyle = s % 2 ? ink.ink : ink.faint;
        c.font = `${s % 2 ? Math.min(13, Math.max(9, 2 * line)) : 10}px system-ui, sans-serif`;
        c.fillText(s % 2 ? nameOf(label(s)) : "–", b.x - 6, y(s), b.x - 8);
      }
    },
    paint(c, b, ink) {
      const now = layout(b), draw = now.w >= arcsFrom && now.line >= arcsFrom ? nodes : cells;
      draw(c, ink, now);
    },
    tell,
    at(t, y, b) {
      const { first, last, line } = layout(b), f = Math.floor((t - offset) / frame), s = first + Math.floor((y - 2) / line);
      return f >= 0 && f < frames && s >= first && s <= last ? { tip: tell(f, s), cell: [f, s] } : null;
    },
    size: [frames, n],
    time: (f) => offset + (f + 0.5) * frame,
    rows: () => Array.from({ length: frames * n }, (_, i) => {
      const f = Math.floor(i / n), s = i % n;
      return [f, offset + f * frame, s, label(s) || "(blank)", emission(f, s), share(f, s), data.path[f] === s ? 1 : 0];
    }),
  };
}

// energies are those of a trellis, as pairs of a name and a text.
export function energies(data) {
  const at = data.beta === 1 ? "" : ` at β = ${figure(data.beta)}`, loss = data.free - data.all, p = Math.exp(-loss);
  const text = (x) => (Math.abs(x) < 5e-4 ? "0" : figure(Number(x.toFixed(3)))).replace("-", "−");
  return [
    ["Free energy of the text" + at, text(data.free)], ["Minimum over its paths", text(data.least)], ["Free energy of all texts" + at, text(data.all)],
    ...data.beta === 1 ? [["Loss of CTC", text(loss)], ["Probability of the text", p >= 1e-4 ? percent(p) : p.toExponential(1).replace("-", "−")]] : [],
  ];
}
