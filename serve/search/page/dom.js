// What every part of the page uses to make elements, to say what happened, and to name items.
export { $, complain, count, element, say } from "./shared/dom.js";

// baseName is the last part of an identifier.
export const baseName = (id) => id.slice(id.lastIndexOf("/") + 1);

// far is a distance in three figures.
export function far(distance) {
  const size = Math.abs(distance);
  return size !== 0 && size < 0.001 ? distance.toExponential(1) : String(Number(distance.toPrecision(3)));
}
