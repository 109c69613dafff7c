// What the pictures of a run work out of energies: the ranges of axes, bins, and which samples belong to a bar or a cell.
import { floats } from "../../kit/grid.js";

// frameOf is an answer with energies as the pictures take it.
export function frameOf(answer) {
  const f = { ...answer, correct: floats(answer.correct), offending: floats(answer.offending), free: floats(answer.free), n: answer.samples.length, k: answer.names.length };
  f.gap = f.correct.map((c, i) => f.offending[i] - c);
  f.right = f.labels.map((y, i) => f.answers[i] === y);
  return f;
}

// between is a frame on the way from one to the next, t from 0 to 1: energies move, answers are those of the nearer.
export function between(a, b, t) {
  if (!b || t <= 0) return a;
  if (t >= 1) return b;
  const mix = (x, y) => x.map((v, i) => v + t * (y[i] - v)), near = t < 0.5 ? a : b;
  const f = { ...near, correct: mix(a.correct, b.correct), offending: mix(a.offending, b.offending), free: mix(a.free, b.free) };
  f.gap = f.correct.map((c, i) => f.offending[i] - c);
  return f;
}

export const finite = (list) => Float64Array.from(list).filter(Number.isFinite).sort();

export function quantile(sorted, q) {
  if (!sorted.length) return NaN;
  const at = q * (sorted.length - 1), i = Math.floor(at);
  return sorted[i] + (at - i) * ((sorted[i + 1] ?? sorted[i]) - sorted[i]);
}

// robust is the range that shows all values of some lists, in order, unless a few lie so far out that the rest would be a line.
export function robust(...lists) {
  let lo = Infinity, hi = -Infinity, from = Infinity, to = -Infinity;
  for (const s of lists) {
    if (!s.length) continue;
    [lo, hi] = [Math.min(lo, s[0]), Math.max(hi, s.at(-1))];
    [from, to] = [Math.min(from, quantile(s, 0.005)), Math.max(to, quantile(s, 0.995))];
  }
  if (lo > hi) return [0, 1];
  const core = to - from;
  if (core > 0 && hi - lo > 2.5 * core) [lo, hi] = [Math.max(lo, from - 0.25 * core), Math.min(hi, to + 0.25 * core)];
  if (!(hi - lo > 1e-9 * Math.max(1, Math.abs(lo), Math.abs(hi)))) {
    const half = Math.max(0.5, 1e-3 * Math.abs(lo)); // all is one number
    return [lo - half, hi + half];
  }
  return [lo, hi];
}

export const padded = ([lo, hi], part) => [lo - part * (hi - lo), hi + part * (hi - lo)];
export const union = (...ranges) => [Math.min(...ranges.map((r) => r[0])), Math.max(...ranges.map((r) => r[1]))];

// binsOf are some forty bins of round width over a range, with an edge at 0 and, if that is not too fine, at the margin.
export function binsOf([lo, hi], margin = 0) {
  const raw = (hi - lo) / 40, power = 10 ** Math.floor(Math.log10(raw));
  let step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  if (margin > 0 && Math.round(margin / step) >= 1) step = margin / Math.round(margin / step);
  const first = Math.floor(lo / step + 1e-9), n = Math.min(200, Math.max(1, Math.ceil(hi / step - 1e-9) - first));
  const edge = (i) => Number(((first + i) * step).toPrecision(12));
  return { n, edge, of: (v) => Math.floor(v / step + 1e-9) - first };
}

// A list of samples has a name, which the address keeps: least, wrong, cell:LABEL:ANSWER, and gap, correct or offending:FROM:TO.
export const cellList = (label, answer) => `cell:${label}:${answer}`;
export const binList = (of, bins, i) => `${of}:${bins.edge(i)}:${bins.edge(i + 1)}`;

const energyNames = { gap: "a gap", correct: "E⁺", offending: "E⁻" };

// listed are the places in a frame of the samples of a list, those of the least gaps first, and what they are.
export function listed(frame, name, figure) {
  const [kind, a, b] = name.split(":"), from = Number(a), to = Number(b);
  const all = Array.from(frame.labels, (_, i) => i);
  const class_ = (y) => frame.names[y] ?? "none";
  let some = all, title = "The samples with the least gaps";
  if (kind === "wrong") {
    some = all.filter((i) => !frame.right[i]);
    title = "Wrong";
  } else if (kind === "cell" && Number.isInteger(from) && Number.isInteger(to)) {
    some = all.filter((i) => frame.labels[i] === from && frame.answers[i] === to);
    title = from === to ? `${class_(from)}, answered right` : `${class_(from)}, answered ${class_(to)}`;
  } else if (kind in energyNames && from < to) {
    some = all.filter((i) => frame[kind][i] >= from - 1e-9 && frame[kind][i] < to - 1e-9);
    title = `${energyNames[kind]} from ${figure(from)} to ${figure(to)}`;
  }
  const key = (i) => Number.isNaN(frame.gap[i]) ? -Infinity : frame.gap[i];
  return { title, some: some.sort((i, j) => key(i) - key(j) || i - j) };
}
