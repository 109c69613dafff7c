// The colours of energies: low is dark, as in valleys, on both themes.
const stops = [[18, 26, 74], [33, 82, 142], [36, 138, 148], [104, 188, 118], [214, 218, 96], [253, 244, 200]];

// shade is the colour of t from 0, low, to 1.
export function shade(t) {
  const x = Math.min(1, Math.max(0, t)) * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(x)), f = x - i;
  return stops[i].map((c, k) => Math.round(c + f * (stops[i + 1][k] - c)));
}

// shades is a table of 256, as bytes of RGB, for pictures.
export const shades = Uint8Array.from(Array.from({ length: 256 }, (_, i) => shade(i / 255)).flat());
