// Films as GIF files. The colours are the same for all films of a theme: those of energies, of what is drawn over them, and of the page.
import { GIFEncoder } from "../lib/lib.js";
import { shade } from "./colours.js";

const clear = 255; // the index of what has not changed since the frame before
const marks = [[255, 255, 255], [255, 213, 74], [255, 79, 139], [143, 208, 255], [255, 157, 61]]; // data, answers, chains, and what is pushed down and up

const mixed = (a, b, t) => a.map((v, i) => Math.round(v + t * (b[i] - v)));
const ramp = (n, of) => Array.from({ length: n }, (_, i) => of(i / (n - 1)));

// channels reads a colour of CSS.
function channels(text) {
  const c = new OffscreenCanvas(1, 1).getContext("2d");
  c.fillStyle = text;
  c.fillRect(0, 0, 1, 1);
  return [...c.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

// palette is 255 colours and what is clear: energies as they are, in the shades of a surface in three dimensions, and below contours; marks; and from the page's ground to its ink.
function palette() {
  const style = getComputedStyle(document.documentElement), own = (name) => channels(style.getPropertyValue(name)), black = [0, 0, 0];
  const grounds = [own("--ground"), own("--ink")], series = Array.from({ length: 8 }, (_, i) => own(`--series-${i}`));
  const all = [
    ...ramp(88, shade), ...[[0.86, 40], [0.74, 28], [0.62, 20]].flatMap(([light, n]) => ramp(n, (t) => mixed(black, shade(t), light))),
    ...ramp(24, (t) => mixed(shade(t), [255, 255, 255], 0.44)), ...marks, ...marks.flatMap((m) => [mixed(m, shade(0.1), 0.5), mixed(m, shade(0.5), 0.5)]),
    ...ramp(14, (t) => mixed(...grounds, t)), ...series, ...series.map((s) => mixed(s, grounds[0], 0.5)), own("--faint"), own("--line"),
  ];
  while (all.length < clear + 1) all.push(black);
  return all;
}

// gif returns an encoder of frames of a size: add(pixels, ms) takes one, as RGBA, and when it is shown, in milliseconds since the first; end(ms) returns the file.
export function gif(width, height) {
  const colours = palette(), encoder = GIFEncoder(), nearest = new Int16Array(1 << 18).fill(-1), shown = new Uint8Array(width * height).fill(clear);
  let held = null, since = 0; // the frame that is written when it is known how long it is shown

  // indexOf is the colour that is nearest to one, of which six bits of each channel count.
  function indexOf(r, g, b) {
    const key = r >> 2 << 12 | g >> 2 << 6 | b >> 2;
    if (nearest[key] >= 0) return nearest[key];
    let best = 0, least = Infinity;
    for (let i = 0; i < clear; i++) {
      const c = colours[i], d = (c[0] - r) ** 2 * 2 + (c[1] - g) ** 2 * 4 + (c[2] - b) ** 2 * 3;
      if (d < least) [least, best] = [d, i];
    }
    return nearest[key] = best;
  }

  function write(until) {
    if (!held) return;
    encoder.writeFrame(held, width, height, { palette: since === 0 ? colours : null, delay: Math.max(20, until - since), transparent: since > 0, transparentIndex: clear, dispose: 1 });
    held = null;
    since = until;
  }

  return {
    add(pixels, ms) {
      const frame = new Uint8Array(width * height);
      let same = true;
      for (let i = 0; i < frame.length; i++) {
        const index = indexOf(pixels[4 * i], pixels[4 * i + 1], pixels[4 * i + 2]);
        if (index === shown[i]) frame[i] = clear; else { frame[i] = shown[i] = index; same = false; }
      }
      if (same) return; // the frame before is shown longer
      write(ms);
      held = frame;
    },
    end(ms) {
      write(ms);
      encoder.finish();
      return new Blob([encoder.bytes()], { type: "image/gif" });
    },
  };
}
