// A loss of an anchor, a positive and a negative, which are dragged in the plane: arrows go down its gradient, circles are its margins.
import { drawn, element, figure } from "../../kit/dom.js";
import { saveButtons, saveCSV, savePNG, saveSVG } from "../../kit/save.js";

const reach = 3, side = 600, longest = 1.1; // of the plane, from its centre; of the drawing; of an arrow
const colours = { anchor: 7, positive: 0, negative: 1, "other anchor": 5 };
const across = (v) => side / 2 + v / reach * side / 2;
const up = (v) => side / 2 - v / reach * side / 2;

// geometry returns {root, show(row, answer)}; moved(i, to) is told that a point is moved: to(place) is where it goes.
export function geometry({ moved }) {
  const svg = drawn("svg", { class: "geometry", viewBox: `0 0 ${side} ${side}`, role: "group", "aria-label": "Points of the plane" });
  const under = drawn("g", { "aria-hidden": "true" }), over = drawn("g"), verdict = element("p", { class: "verdict", role: "status" }), title = element("h2", {});
  svg.append(under, over);
  let now = null, name = "", held = null, dots = [];
  const saves = saveButtons("the geometry", {
    SVG: () => saveSVG(`${name}-geometry.svg`, svg), PNG: () => savePNG(`${name}-geometry.png`, svg),
    CSV: () => saveCSV(`${name}-geometry.csv`, ["point", "x", "y", "by_x", "by_y"], now.points.map((p) => [p.name, ...p.at, ...p.gradient])),
  });
  const root = element("section", { class: "panel", "aria-label": "Geometry" }, element("div", { class: "row" }, title, saves), svg, verdict,
    element("p", { class: "quiet" }, "Drag the points, or choose one with Tab and move it with the arrow keys (with Shift further). Arrows go down the gradient."));

  const clamp = (v) => Math.max(-reach, Math.min(reach, Number(v.toFixed(2))));
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    return [clamp((event.clientX - box.left) / box.width * 2 * reach - reach), clamp(reach - (event.clientY - box.top) / box.height * 2 * reach)];
  };
  svg.addEventListener("pointermove", (event) => { if (held !== null) moved(held, () => place(event)); });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { held = null; });
  function key(event, i) {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key], step = event.shiftKey ? 0.25 : 0.05;
    if (!by) return;
    event.preventDefault();
    moved(i, (from) => from.map((v, axis) => clamp(v + step * by[axis])));
  }

  function arrow(from, by, colour) {
    const [x0, y0, x1, y1] = [across(from[0]), up(from[1]), across(from[0] + by[0]), up(from[1] + by[1])], turn = Math.atan2(y1 - y0, x1 - x0), length = Math.hypot(x1 - x0, y1 - y0), head = Math.min(14, length / 2);
    if (length < 2) return [];
    const corner = (s) => `${x1 + head * Math.cos(turn + s)},${y1 + head * Math.sin(turn + s)}`;
    return [drawn("line", { x1: x0, y1: y0, x2: x1, y2: y1, stroke: colour, "stroke-width": 4 }), drawn("polygon", { points: `${x1},${y1} ${corner(2.6)} ${corner(-2.6)}`, fill: colour })];
  }

  return {
    root,
    show(row, answer) {
      if (name !== row.name || dots.length !== answer.points.length) {
        name = row.name;
        dots = answer.points.map((p, i) => drawn("g", { tabindex: "0", role: "button", class: "point", "data-point": p.name, onkeydown: (event) => key(event, i), onpointerdown: (event) => { held = i; svg.setPointerCapture(event.pointerId); event.currentTarget.focus(); event.preventDefault(); } }));
        over.replaceChildren(...dots);
      }
      now = answer;
      title.textContent = `${row.called}: what it does to points`;
      const greatest = Math.max(1e-12, ...answer.points.map((p) => Math.hypot(...p.gradient))), size = longest / Math.max(1, greatest), [anchor] = answer.points;
      const colour = (p) => `var(--series-${colours[p.name]})`;
      under.replaceChildren(
        drawn("line", { x1: 0, x2: side, y1: side / 2, y2: side / 2, class: "rule" }), drawn("line", { y1: 0, y2: side, x1: side / 2, x2: side / 2, class: "rule" }),
        ...answer.circles.flatMap((c, i) => [drawn("circle", { cx: across(anchor.at[0]), cy: up(anchor.at[1]), r: c.radius / reach * side / 2, class: i ? "margin" : "near" }),
          drawn("text", { x: across(anchor.at[0]), y: up(anchor.at[1]) + c.radius / reach * side / 2 - 6, "text-anchor": "middle", class: "name" }, c.name)]),
        ...answer.points.flatMap((p) => arrow(p.at, p.gradient.map((g) => -g * size), colour(p))));
      answer.points.forEach((p, i) => {
        dots[i].setAttribute("aria-label", `${p.name} at ${figure(p.at[0])}, ${figure(p.at[1])}`);
        dots[i].replaceChildren(drawn("circle", { cx: across(p.at[0]), cy: up(p.at[1]), r: 22, fill: "transparent" }), drawn("circle", { cx: across(p.at[0]), cy: up(p.at[1]), r: 10, fill: colour(p) }),
          drawn("text", { x: across(p.at[0]), y: up(p.at[1]) - 16, "text-anchor": "middle", class: "name" }, p.name));
      });
      verdict.textContent = `loss ${answer.loss === null ? "not finite" : figure(answer.loss)}: ${answer.active ? "active, the points are moved" : "not active, nothing is moved"}`;
      verdict.classList.toggle("active", answer.active);
    },
    close() {},
  };
}
