// Losses along one number: values solid, derivatives dashed, margins marked. A drawing of SVG.
import { drawn, element, figure } from "../../kit/dom.js";
import { ticks } from "../../kit/plane.js";
import { saveButtons, saveCSV, savePNG, saveSVG } from "../../kit/save.js";
import { hideTip, showTip } from "../../kit/tooltip.js";

const height = 340, edge = { left: 44, right: 12, top: 22, bottom: 40 }, most = 12; // values beyond are cut off

// sensible are the ends of what is drawn: values beyond most are cut off, unless all are so large.
function sensible(lists) {
  const all = lists.flat().filter((v) => v !== null), some = all.filter((v) => Math.abs(v) <= most), kept = some.length ? some : all;
  const lo = Math.min(0, ...kept), hi = Math.max(0, ...kept), gap = 0.05 * (hi - lo || 1);
  return [lo - gap, hi + gap];
}

// nearest is the place in a list in order whose value is nearest to x.
const nearest = (list, x) => Math.max(0, Math.min(list.length - 1, Math.round((x - list[0]) / (list.at(-1) - list[0]) * (list.length - 1))));

// graph returns {root, show(lines, {slopes})}: a line is {name, colour, dash, x, value, slope, marks, argument}.
export function graph() {
  const svg = drawn("svg", { class: "graph", role: "img" }), legend = element("ul", { class: "legend" });
  let now = [], slopes = true, scale = null;
  const saves = saveButtons("the curves", {
    SVG: () => saveSVG("losses.svg", svg), PNG: () => savePNG("losses.png", svg),
    CSV: () => saveCSV("losses.csv", ["loss", "x", "value", "derivative"], now.flatMap((l) => l.x.map((x, i) => [l.name, x, l.value[i], l.slope[i]]))),
  });
  const root = element("section", { class: "panel", "aria-label": "Curves" }, element("div", { class: "row" }, element("h2", {}, "Loss and derivative"), saves), svg, legend);

  function draw() {
    const width = svg.clientWidth;
    if (!width || !now.length) return svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const lo = Math.min(...now.map((l) => l.x[0])), hi = Math.max(...now.map((l) => l.x.at(-1)));
    const [low, high] = sensible(now.flatMap((l) => slopes ? [l.value, l.slope] : [l.value]));
    const px = (x) => edge.left + (x - lo) / (hi - lo) * (width - edge.left - edge.right), py = (y) => height - edge.bottom - (y - low) / (high - low) * (height - edge.top - edge.bottom);
    scale = { lo, hi, px, width };
    const path = (xs, ys) => {
      let d = "", on = false;
      xs.forEach((x, i) => {
        const y = ys[i], inside = y !== null && y >= low && y <= high;
        if (inside) d += `${on ? "L" : "M"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`;
        on = inside;
      });
      return d;
    };
    const text = (x, y, content, anchor = "middle") => drawn("text", { x, y, "text-anchor": anchor, class: "axis" }, content);
    const parts = [];
    for (const v of ticks(low, high)) parts.push(drawn("line", { x1: edge.left, x2: width - edge.right, y1: py(v), y2: py(v), class: v === 0 ? "zero" : "rule" }), text(edge.left - 6, py(v) + 4, figure(v), "end"));
    for (const v of ticks(lo, hi)) parts.push(text(px(v), height - edge.bottom + 16, figure(v)));
    const seen = new Set();
    for (const m of now.flatMap((l) => l.marks)) {
      const key = `${m.at} ${m.name}`;
      if (seen.has(key) || m.at < lo || m.at > hi) continue;
      seen.add(key);
      parts.push(drawn("line", { x1: px(m.at), x2: px(m.at), y1: edge.top - 4, y2: height - edge.bottom, class: "mark" }), text(px(m.at), edge.top - 9, m.name === "−0" ? "0" : m.name));
    }
    now.forEach((l) => {
      parts.push(drawn("path", { d: path(l.x, l.value), class: "value", stroke: l.colour, "stroke-dasharray": l.dash }));
      if (slopes) parts.push(drawn("path", { d: path(l.x, l.slope), class: "slope", stroke: l.colour, "stroke-dasharray": "5 4" }));
    });
    const cursor = drawn("line", { y1: edge.top, y2: height - edge.bottom, class: "cursor", id: "loss-cursor" });
    cursor.setAttribute("visibility", "hidden");
    const names = [...new Set(now.map((l) => l.argument))];
    const argument = names.length > 1 ? "each loss's own argument" : names[0], letters = Math.floor(width / 6.2), cut = argument.length > letters;
    parts.push(text(width / 2, height - 6, cut ? argument.slice(0, letters - 2) + "…" : argument), cursor);
    svg.replaceChildren(...parts);
    svg.setAttribute("aria-label", `${now.map((l) => `${l.name}, from ${figure(l.value[0])} to ${figure(l.value.at(-1))}`).join("; ")}, along ${names.join("; ")} from ${figure(lo)} to ${figure(hi)}`);
    legend.replaceChildren(...now.map((l) => {
      const swatch = element("i", { class: "swatch" });
      swatch.style.background = l.colour;
      return element("li", {}, swatch, l.name);
    }), element("li", { class: "quiet" }, (slopes ? "solid: the loss; dashed: its derivative" : "the loss") + (cut ? `; along: ${argument}` : "")));
  }

  svg.addEventListener("pointermove", (event) => {
    if (!scale) return;
    const box = svg.getBoundingClientRect(), x = scale.lo + (event.clientX - box.left - edge.left) / (scale.width - edge.left - edge.right) * (scale.hi - scale.lo);
    if (!(x >= scale.lo && x <= scale.hi)) return hideTip();
    const cursor = svg.querySelector("#loss-cursor");
    for (const end of ["x1", "x2"]) cursor.setAttribute(end, scale.px(x));
    cursor.setAttribute("visibility", "visible");
    showTip(event.clientX, event.clientY, element("div", {}, `at ${figure(Number(x.toPrecision(4)))}`), ...now.filter((l) => x >= l.x[0] && x <= l.x.at(-1)).slice(0, 14).map((l) => {
      const i = nearest(l.x, x), swatch = element("i", { class: "swatch" });
      swatch.style.background = l.colour;
      return element("div", { class: "tip-line" }, swatch, `${l.name}: ${figure(l.value[i]) || "–"}, derivative ${figure(l.slope[i]) || "–"}`);
    }));
  });
  svg.addEventListener("pointerleave", () => { hideTip(); svg.querySelector("#loss-cursor")?.setAttribute("visibility", "hidden"); });
  const watch = new ResizeObserver(draw);
  watch.observe(root);
  return {
    root,
    show(lines, options) { now = lines; slopes = options.slopes; draw(); },
    close() { watch.disconnect(); hideTip(); },
  };
}
