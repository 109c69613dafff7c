// The lanes of what was heard: waveform, features or picture, posteriors, words and tokens.
import { element, figure } from "../../kit/dom.js";
import { tinted } from "./colours.js";

// nameOf is a token as people read it.
export const nameOf = (text) => text === "" ? "blank" : text === " " ? "space" : text.replaceAll(" ", "␣").replaceAll("▁", "␣");

const percent = (p) => p >= 0.9995 ? "100 %" : p < 0.001 && p > 0 ? `${(100 * p).toExponential(1)} %` : `${Number((100 * p).toPrecision(3))} %`;
export { percent };

// waveform is that of samples from −1 to 1.
export function waveform(samples, rate) {
  return {
    name: "sound", height: () => 64,
    paint(c, b, ink) {
      const middle = b.y + b.h / 2, from = (b.x - b.px(0)) / (b.px(1) - b.px(0)), step = 1 / (b.px(1) - b.px(0)); // seconds
      let peak = 0.05;
      for (let i = 0; i < samples.length; i += 7) peak = Math.max(peak, Math.abs(samples[i]));
      c.strokeStyle = ink.accent;
      c.lineWidth = 1;
      c.beginPath();
      for (let x = 0; x < b.w; x++) {
        const lo = Math.max(0, Math.floor((from + x * step) * rate)), hi = Math.min(samples.length, Math.max(lo + 1, Math.ceil((from + (x + 1) * step) * rate)));
        let least = 1, most = -1;
        for (let i = lo; i < hi; i++) { least = Math.min(least, samples[i]); most = Math.max(most, samples[i]); }
        if (most < least) continue;
        c.moveTo(b.x + x + 0.5, middle - most / peak * b.h * 0.48 - 0.5);
        c.lineTo(b.x + x + 0.5, middle - least / peak * b.h * 0.48 + 0.5);
      }
      c.stroke();
    },
    at: (t) => ({ tip: `${t.toFixed(3)} s` }),
  };
}

// picture makes a canvas of shades, whose rows are rows[0], rows[1], … from the top.
function picture(rows, columns, shade, ramp) {
  const canvas = element("canvas", { width: columns, height: rows }), c = canvas.getContext("2d"), image = c.createImageData(columns, rows);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const s = 3 * shade(y, x);
      image.data.set([ramp[s], ramp[s + 1], ramp[s + 2], 255], 4 * (y * columns + x));
    }
  }
  c.putImageData(image, 0, 0);
  return canvas;
}

// spread draws a picture whose columns lie from one place to another.
function spread(c, b, canvas, from, to) {
  c.imageSmoothingEnabled = b.px(to) - b.px(from) < canvas.width;
  c.drawImage(canvas, b.px(from), b.y, b.px(to) - b.px(from), b.h);
}

// kept keeps a picture until the theme is another.
function kept(make) {
  let canvas = null, by = "";
  return (ink) => {
    const now = ink.ramp.join();
    if (now !== by) [canvas, by] = [make(ink.ramp), now];
    return canvas;
  };
}

// features are those that the recogniser looks at, or the pixels of a strip.
export function features(lines, length, unit) {
  const shades = Uint8Array.from(atob(lines.shades), (s) => s.charCodeAt(0)), { rows, columns } = lines, sound = unit === "seconds";
  const row = (y) => sound ? rows - 1 - y : y;
  const made = kept((ramp) => picture(rows, columns, (y, x) => shades[row(y) * columns + x], ramp));
  return {
    name: sound ? "log-mel" : "strip",
    height: (width) => sound ? 110 : Math.round(Math.min(180, Math.max(56, width * rows / columns))),
    paint: (c, b, ink) => spread(c, b, made(ink), 0, length),
    at(t, y, b) {
      const x = Math.floor(t / length * columns), r = Math.floor(y / b.h * rows);
      if (!(x >= 0 && x < columns && r >= 0 && r < rows)) return null;
      const v = lines.low + shades[row(r) * columns + x] / 255 * (lines.high - lines.low);
      const tip = sound ? `${t.toFixed(2)} s, band ${row(r) + 1} of ${rows}: ${figure(Number(v.toPrecision(3)))}` : `pixel ${Math.round(t)}: ${figure(Number(v.toPrecision(3)))}`;
      return { tip: lines.own ? tip : [tip, `The recogniser looks at ${sound ? "samples" : "another size"} instead.`] };
    },
  };
}

// posteriors are the probabilities of classes in each frame: [frames][classes].
export function posteriors({ classes, values, frames, frame, offset, unit }) {
  const n = classes.length, end = offset + frames * frame;
  const made = kept((ramp) => picture(n, frames, (y, x) => Math.round(255 * Math.min(1, values[x * n + y])), ramp));
  const line = Math.min(15, Math.max(9, 300 / n));
  return {
    name: "", height: () => Math.round(line * n),
    names(c, b, ink) {
      c.fillStyle = ink.faint;
      c.font = `${Math.min(11, line)}px system-ui, sans-serif`;
      c.textAlign = "right";
      c.textBaseline = "middle";
      classes.forEach((k, i) => c.fillText(nameOf(k.name), b.x - 6, b.y + (i + 0.5) * line, b.x - 8));
    },
    paint: (c, b, ink) => spread(c, b, made(ink), offset, end),
    best(t, most = 5) {
      const f = Math.floor((t - offset) / frame);
      if (f < 0 || f >= frames) return null;
      return { f, top: classes.map((k, i) => [k.name, values[f * n + i]]).sort((p, q) => q[1] - p[1]).slice(0, most) };
    },
    at(t, y, b) {
      const here = this.best(t), k = classes[Math.min(n - 1, Math.floor(y / b.h * n))];
      if (!here) return null;
      const p = values[here.f * n + classes.indexOf(k)];
      return { tip: [`frame ${here.f}, ${unit === "seconds" ? t.toFixed(2) + " s" : "pixel " + Math.round(t)}: ${nameOf(k.name)} ${percent(p)}`, "best: " + here.top.filter(([, p]) => p > 1e-3).map(([name, p]) => `${nameOf(name)} ${percent(p)}`).join(", ")] };
    },
  };
}

// intervals are words or tokens, in boxes that are fuller where they are surer.
export function intervals({ name, all, series, tall, chosen = () => null, label = (t) => t.text }) {
  const some = all.filter((t) => t.end > t.start);
  return {
    name, height: () => tall ? 26 : 18,
    paint(c, b, ink) {
      c.font = `${tall ? 13 : 11}px system-ui, sans-serif`;
      c.textAlign = "center";
      c.textBaseline = "middle";
      for (const t of some) {
        const x0 = b.px(t.start), x1 = b.px(t.end);
        if (x1 < b.x || x0 > b.x + b.w) continue;
        c.fillStyle = tinted(ink.series(series), t.confidence);
        c.fillRect(x0, b.y, Math.max(1, x1 - x0 - 1), b.h);
        if (chosen() === t) {
          c.strokeStyle = ink.ink;
          c.lineWidth = 2;
          c.strokeRect(x0 + 1, b.y + 1, Math.max(1, x1 - x0 - 3), b.h - 2);
        }
        const text = label(t), lo = Math.max(x0, b.x), hi = Math.min(x1, b.x + b.w);
        c.fillStyle = ink.ink;
        if (c.measureText(text).width <= hi - lo + 1) c.fillText(text, (lo + hi) / 2, b.y + b.h / 2);
      }
    },
    at(t) {
      const here = some.find((w) => t >= w.start && t < w.end);
      return here && { tip: `${label(here)}: ${percent(here.confidence)} sure, ${percent(here.likelihood)} likely in a frame${here.doubtful ? ", hardly what is there" : ""}; ${here.start.toFixed(2)} to ${here.end.toFixed(2)}`, range: here };
    },
  };
}
