// Energies on a grid, as the server sends them: e[i·y.length + j] is over x[i], y[j].

// floats reads base64 of little-endian float32.
export function floats(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

// at is the energy at a place, between four of the grid, or null outside.
export function at({ x, y, e }, px, py) {
  const place = (axis, v) => (v - axis[0]) / (axis.at(-1) - axis[0]) * (axis.length - 1);
  const s = place(x, px), t = place(y, py);
  if (!(s >= 0 && t >= 0 && s <= x.length - 1 && t <= y.length - 1)) return null;
  const i = Math.min(x.length - 2, Math.floor(s)), j = Math.min(y.length - 2, Math.floor(t)), a = s - i, b = t - j, n = y.length;
  const row = (i) => e[i * n + j] * (1 - b) + e[i * n + j + 1] * b;
  return row(i) * (1 - a) + row(i + 1) * a;
}

const chains = 24, spread = 0.05; // that a click starts; how far around it, in sides of the plane

// around are places of a grid's plane around one, where chains start; those of answers (overY) have all the same input.
export function around([px, py], { x, y }, overY) {
  const inside = (axis, v) => Math.min(axis.at(-1), Math.max(axis[0], v)), width = x.at(-1) - x[0], height = y.at(-1) - y[0];
  return Array.from({ length: chains }, (_, i) => {
    const turn = i * 2.39996, r = spread * Math.sqrt(i / chains); // by the golden angle
    return overY ? [px, inside(y, py + spread * height * (i / chains - 0.5))] : [inside(x, px + r * width * Math.cos(turn)), inside(y, py + r * height * Math.sin(turn))];
  });
}

// thinned is a grid's numbers h, of nx × ny places, at no more than most of them on a side.
export function thinned(h, nx, ny, most) {
  const [mx, my] = [Math.min(nx, most), Math.min(ny, most)];
  if (mx === nx && my === ny) return { h, nx, ny };
  const out = new Float32Array(mx * my), rows = Array.from({ length: my }, (_, j) => Math.round(j * (ny - 1) / (my - 1)));
  for (let i = 0; i < mx; i++) {
    const from = Math.round(i * (nx - 1) / (mx - 1)) * ny;
    for (let j = 0; j < my; j++) out[i * my + j] = h[from + rows[j]];
  }
  return { h: out, nx: mx, ny: my };
}

// quantile is the number that a part q of those that are finite do not exceed, of few exactly, of many to a thousandth of the numbers near it; NaN of none.
function quantile(values, q) {
  let lo = Infinity, hi = -Infinity, n = 0;
  for (const v of values) if (Number.isFinite(v)) { n++; if (v < lo) lo = v; if (v > hi) hi = v; }
  if (!n) return NaN;
  let below = 0; // of those before the bin that is looked at
  for (let round = 0; round < 8 && lo < hi; round++) {
    const bins = new Uint32Array(1024), scale = bins.length / (hi - lo), due = Math.floor(q * (n - 1)) - below;
    for (const v of values) if (v >= lo && v <= hi) bins[Math.min(bins.length - 1, Math.floor((v - lo) * scale))]++;
    let k = 0, sum = 0;
    while (sum + bins[k] <= due) sum += bins[k++];
    below += sum;
    [lo, hi] = [lo + k / scale, lo + (k + 1) / scale];
    if (bins[k] <= n / 1000) break;
  }
  return lo;
}

function least(values) {
  let least = Infinity;
  for (const v of values) if (v < least && Number.isFinite(v)) least = v;
  return least;
}

// heights are what is drawn of a grid, from 0 to 1: energies above their least, up to what 98 % of them reach, or most; with beta the
// density exp(−βE)/Z, over each x where the plane is of inputs and answers (overY). range is what 0 and 1 stand for.
export function heights(grid, { beta = null, overY = false, most = null } = {}) {
  const { x, y, e } = grid, h = new Float32Array(e.length);
  if (beta === null) {
    const low = least(e), from = Number.isFinite(low) ? low : 0, top = most ?? (quantile(e, 0.98) - from || 1);
    for (let k = 0; k < e.length; k++) h[k] = (e[k] - from) / top;
    return { h, range: [from, from + top], of: "energy" };
  }
  const rows = overY ? x.length : 1, n = e.length / rows, cell = overY ? y[1] - y[0] : (x[1] - x[0]) * (y[1] - y[0]);
  for (let r = 0; r < rows; r++) {
    let least = Infinity, z = 0;
    for (let k = r * n; k < (r + 1) * n; k++) least = Math.min(least, e[k]);
    for (let k = r * n; k < (r + 1) * n; k++) z += h[k] = Math.exp(-beta * (e[k] - least));
    for (let k = r * n; k < (r + 1) * n; k++) h[k] /= z * cell;
  }
  const top = quantile(h, 0.995) || 1;
  for (let k = 0; k < h.length; k++) h[k] /= top;
  return { h, range: [0, top], of: "density" };
}
