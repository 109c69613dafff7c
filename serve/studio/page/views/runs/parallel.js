// Parallel coordinates: a line a run, through its settings that differ to a figure.
import { drawn, element, figure } from "../../kit/dom.js";
import { saveButtons, savePNG, saveSVG } from "../../kit/save.js";
import { hideTip, showTip } from "../../kit/tooltip.js";
import { differing, number, written } from "./columns.js";

const axesMost = 10, height = 260, top = 34, bottom = 22;

// axisOf places values along an axis: numbers by size, by their logarithm where they span decades, and words one below the other.
function axisOf(title, values, text) {
  const there = values.filter((v) => v !== undefined && v !== "");
  if (there.every((v) => typeof v === "number")) {
    const finite = there.filter(Number.isFinite), lo = Math.min(...finite), hi = Math.max(...finite), log = lo > 0 && hi / lo >= 50;
    const to = log ? Math.log : (x) => x, span = to(hi) - to(lo) || 1;
    const some = [...new Set(finite)];
    const ticks = some.length <= 6 ? some : hi > lo ? [0, 0.25, 0.5, 0.75, 1].map((t) => log ? Math.exp(to(lo) + t * span) : lo + t * span) : [lo];
    return { title, place: (v) => typeof v === "number" && Number.isFinite(v) ? hi > lo ? (to(v) - to(lo)) / span : 0.5 : null, ticks: ticks.map((v) => [v, text(v)]) };
  }
  const words = [...new Set(there.map(String))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const at = (v) => v === undefined || v === "" ? null : words.length > 1 ? words.indexOf(String(v)) / (words.length - 1) : 0.5;
  return { title, place: at, ticks: words.length <= 12 ? words.map((w) => [w, w]) : [] };
}

export function panel(api, toggle) {
  const figures = element("select", { "aria-label": "Figure at the end", onchange: () => api.go({ to: figures.value }) });
  const svg = drawn("svg", { class: "parallel", role: "img" }), holder = element("div", { class: "scrolled", tabindex: "0", role: "region", "aria-label": "Parallel coordinates, scrolled by keys" }, svg);
  const note = element("p", { class: "quiet" });
  const root = element("section", { class: "panel sweep", "aria-label": "Settings and figures" },
    element("div", { class: "row" }, element("h2", {}, "Settings and figures"), figures, saveButtons("the picture", { SVG: () => saveSVG("runs.svg", svg), PNG: () => savePNG("runs.png", svg) })), holder, note);
  let shown = "", last = null;

  function draw(rows, names, key, quantities) {
    const keys = differing(rows).filter((k) => k !== "seed"), axes = keys.slice(0, axesMost).map((k) => {
      const of = (r) => number(r.settings[k]);
      return { ...axisOf(k, rows.map(of), figure), of };
    });
    if (quantities[key]) axes.push({ ...axisOf(quantities[key].name, rows.map((r) => r.figures[key]), (v) => written(v, quantities[key])), of: (r) => r.figures[key], last: true });
    const enough = rows.length > 1 && axes.length > 1;
    holder.hidden = !enough;
    note.textContent = !enough ? "Two runs with different settings are drawn here." : keys.length > axesMost ? `The first ${axesMost} of ${keys.length} settings that differ.` : "";
    if (!enough) return;
    const width = Math.max(holder.clientWidth, axes.length * 110), gap = (width - 130) / (axes.length - 1), x = (i) => 40 + i * gap, y = (p) => height - bottom - p * (height - top - bottom);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.setAttribute("aria-label", `${rows.length} runs by ${axes.map((a) => a.title).join(", ")}`);
    const places = rows.map((r) => axes.at(-1).last ? axes.at(-1).place(axes.at(-1).of(r)) : null);
    const line = (r, i) => {
      let d = "", pen = false;
      axes.forEach((a, k) => {
        const p = a.place(a.of(r));
        if (p !== null) d += `${pen ? "L" : "M"}${x(k).toFixed(1)} ${y(p).toFixed(1)}`;
        pen = p !== null;
      });
      const path = drawn("path", { d, class: "run" + (names.includes(r.name) ? " drawn" : ""), "data-run": r.name });
      path.style.stroke = places[i] === null ? "" : `color-mix(in oklab, var(--series-1) ${Math.round(100 * places[i])}%, var(--series-0))`;
      return path;
    };
    const axis = (a, k) => drawn("g", { class: "axis" },
      drawn("line", { x1: x(k), x2: x(k), y1: y(1), y2: y(0) }),
      drawn("text", { x: x(k), y: 14, "text-anchor": k === 0 ? "start" : a.last ? "end" : "middle", class: "title" }, a.title),
      ...a.ticks.map(([v, text]) => drawn("text", { x: x(k) + 5, y: y(a.place(v)) + 4 }, text.length > 14 ? text.slice(0, 13) + "…" : text)));
    svg.replaceChildren(...rows.map(line), ...axes.map(axis));
  }

  svg.addEventListener("pointermove", (event) => {
    const name = event.target.dataset?.run;
    for (const p of svg.querySelectorAll(".under")) p.classList.remove("under");
    if (!name) return hideTip();
    event.target.classList.add("under");
    showTip(event.clientX, event.clientY, name);
  });
  svg.addEventListener("pointerleave", hideTip);
  svg.addEventListener("click", (event) => { if (event.target.dataset?.run) toggle(event.target.dataset.run); });

  let wide = 0;
  const watch = new ResizeObserver(() => {
    if (!last || holder.clientWidth === wide) return;
    wide = holder.clientWidth;
    draw(...last);
  });
  watch.observe(root);

  return {
    root,
    close: () => watch.disconnect(),
    show(state, rows, names, quantities) {
      const keys = Object.keys(quantities);
      if (figures.childElementCount !== keys.length) figures.replaceChildren(...keys.map((k) => element("option", { value: k }, "to " + quantities[k].name)));
      const key = keys.includes(state.get("to")) ? state.get("to") : ["test_error", "error", "loss"].find((k) => keys.includes(k)) || "";
      figures.value = key;
      const now = JSON.stringify([key, rows.map((r) => [r.name, r.settings, r.figures[key], names.includes(r.name)])]);
      if (now === shown) return;
      shown = now;
      draw(...last = [rows, names, key, quantities]);
    },
  };
}
