// What every part of the page uses to make elements, to say what happened, and to write numbers.
export { $, complain, count, drawn, element, say } from "../shared/dom.js";

// figure writes a number in at most four significant figures.
export function figure(x) {
  if (typeof x !== "number") return x ?? "";
  if (!Number.isFinite(x) || Number.isInteger(x) && Math.abs(x) < 1e6) return String(x);
  const size = Math.abs(x);
  return size < 1e-3 || size >= 1e6 ? x.toExponential(2) : String(Number(x.toPrecision(4)));
}

// colour is that of series number i: eight hues that are told apart with colour blindness too, by CSS variables of the theme.
export const colour = (i) => getComputedStyle(document.documentElement).getPropertyValue(`--series-${i % 8}`).trim();
