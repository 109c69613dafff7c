// Colours of the charts, by the theme: shades go from the card's colour over the accent's to the ink's.
import { colour } from "../../kit/dom.js";

const hex = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
const mix = (a, b, t) => a.map((v, i) => Math.round(v + t * (b[i] - v)));

// inks are the theme's colours by name, and ramp: 256 shades as bytes of RGB.
export function inks() {
  const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue("--" + name).trim();
  const [card, accent, ink] = ["card", "accent", "ink"].map((name) => hex(of(name))), middle = 0.6;
  const ramp = Uint8Array.from(Array.from({ length: 256 }, (_, i) => {
    const t = i / 255;
    return t < middle ? mix(card, accent, t / middle) : mix(accent, ink, (t - middle) / (1 - middle));
  }).flat());
  return { card: of("card"), ink: of("ink"), faint: of("faint"), line: of("line"), accent: of("accent"), bad: of("bad"), good: of("good"), series: colour, ramp };
}

// weight is how much of a series' colour is on the card's, by a share from 0 to 1: so little that text stands out on it.
export const weight = (share) => 0.08 + 0.3 * share;

// tinted is that colour.
export function tinted(series, share) {
  const style = getComputedStyle(document.documentElement);
  return `rgb(${mix(hex(style.getPropertyValue("--card").trim()), hex(series), weight(share)).join()})`;
}
