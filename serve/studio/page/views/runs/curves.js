// Curves of many runs, one over the other.
import { colour, element, figure } from "../../kit/dom.js";
import { saveButtons, saveCSV, savePNG } from "../../kit/save.js";
import { slider } from "../../kit/slider.js";
import { changed } from "../../kit/theme.js";
import { hideTip, showTip } from "../../kit/tooltip.js";
import { uPlot } from "../../lib/lib.js";
import { written } from "./columns.js";

const stepNames = { step_loss: "Loss of steps", lr: "Learning rate", grad_norm: "Norm of the gradient" };
const byNames = { step: "step", epoch: "epoch", time: "seconds of training" };

// dashes tell apart the runs that have the same colour.
const dashes = [undefined, [6, 4], [2, 3]];

// smoothed is the exponential mean with a weight, without the pull of its first value; what is missing stays so.
function smoothed(y, weight) {
  if (!weight) return y;
  let mean = 0, sum = 0;
  return y.map((v) => {
    if (v === null) return null;
    mean = weight * mean + (1 - weight) * v;
    sum = weight * sum + (1 - weight);
    return mean / sum;
  });
}

// nearest is the place of the value in a list in order that is nearest to x.
function nearest(list, x) {
  let lo = 0, hi = list.length - 1;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (list[mid] < x) lo = mid + 1; else hi = mid;
  }
  return lo > 0 && x - list[lo - 1] < list[lo] - x ? lo - 1 : lo;
}

export function panel(api) {
  const of = element("select", { "aria-label": "Curve", onchange: () => api.go({ of: of.value }) });
  const by = element("select", { "aria-label": "Along", onchange: () => api.go({ by: by.value }) }, ...Object.entries(byNames).map(([key, name]) => element("option", { value: key }, "by " + name)));
  const press = (name, title) => element("button", { type: "button", class: "small", onclick: () => api.go({ [name]: state.get(name) ? null : 1 }) }, title);
  const logX = press("logx", "log x"), logY = press("logy", "log y");
  const smooth = slider({ label: "Smooth", min: 0, max: 0.99, step: 0.01, value: 0, text: (v) => v ? v.toFixed(2) : "no", moved: (v) => api.go({ smooth: v || null }, { replace: true }) });
  const box = element("div", { class: "chart", role: "img" }), legend = element("ul", { class: "legend" }), none = element("p", { class: "quiet" });
  const name = () => `${of.value}-by-${by.value}`;
  const saves = saveButtons("the curves", {
    PNG: () => plot && savePNG(name() + ".png", plot.ctx.canvas),
    CSV: () => saveCSV(name() + ".csv", ["run", by.value, of.value], lines.flatMap((l) => l.x.map((x, i) => [l.run, x, l.y[i]]))),
  });
  const root = element("section", { class: "panel curves", "aria-label": "Curves" },
    element("div", { class: "row" }, element("h2", {}, "Curves"), of, by, smooth.root, logX, logY, saves), box, none, legend);

  let state = null, at = new Map(), plot = null, asked = "", seen = new Map(), lines = [], shown = "", timer = 0, quantities = {}, request = null;

  const quantity = () => quantities[of.value];

  function tip(u) {
    const { left, top } = u.cursor;
    if (left === undefined || left < 0 || !lines.length) return hideTip();
    const x = u.posToVal(left, "x"), box = u.over.getBoundingClientRect();
    const near = lines.map((l) => {
      const i = nearest(l.x, x), y = l.shown[i];
      return { l, x: l.x[i], y, far: y === null || y === undefined ? Infinity : Math.abs(u.valToPos(y, "y") - top) };
    }).filter((n) => Number.isFinite(n.far)).sort((a, b) => a.far - b.far).slice(0, 6);
    if (!near.length) return hideTip();
    showTip(box.left + left, box.top + top, ...near.map((n) => {
      const swatch = element("i", { class: "swatch" });
      swatch.style.background = colour(at.get(n.l.run));
      return element("div", { class: "tip-line" }, swatch, `${n.l.run} `, element("b", {}, written(n.y, quantity())), ` at ${figure(n.x)}`);
    }));
  }

  function draw() {
    plot?.destroy();
    plot = null;
    const weight = Number(state.get("smooth", "0")) || 0, logs = [state.get("logx") === "1", state.get("logy") === "1"];
    for (const l of lines) l.shown = smoothed(l.y, weight);
    const positive = (v, log) => log && !(v > 0) ? null : v;
    const some = lines.filter((l) => l.x.length);
    none.textContent = !lines.length ? "Choose runs in the table to draw their curves." : some.length ? "" : "These runs have no such numbers yet.";
    box.hidden = !some.length;
    const style = getComputedStyle(document.documentElement), ink = style.getPropertyValue("--faint"), grid = { stroke: style.getPropertyValue("--line"), width: 1 };
    const title = of.selectedOptions[0]?.textContent || "";
    legend.replaceChildren(...lines.map((l) => {
      const swatch = element("i", { class: "swatch" });
      swatch.style.background = colour(at.get(l.run));
      return element("li", {}, swatch, l.run);
    }));
    if (!some.length) return;
    const tables = lines.map((l) => {
      const keep = l.x.map((x, i) => i).filter((i) => positive(l.x[i], logs[0]) !== null);
      return [keep.map((i) => l.x[i]), keep.map((i) => positive(l.shown[i], logs[1]))];
    });
    const axis = { stroke: ink, grid, ticks: grid, font: "12px system-ui, sans-serif", labelFont: "12px system-ui, sans-serif" };
    const width = box.clientWidth, height = Math.max(220, Math.min(380, width * 0.5));
    const percent = quantity()?.unit === "share";
    plot = new uPlot({
      width, height, legend: { show: false }, cursor: { focus: { prox: 30 }, y: false, drag: { x: true, y: false } }, focus: { alpha: 0.25 },
      scales: { x: { time: false, distr: logs[0] ? 3 : 1 }, y: { distr: logs[1] ? 3 : 1 } },
      axes: [{ ...axis, label: byNames[by.value], labelSize: 18 }, { ...axis, size: 64, values: (u, all) => all.map((v) => v === null ? "" : percent ? figure(100 * v) + " %" : figure(v)) }],
      series: [{}, ...lines.map((l) => ({ label: l.run, stroke: colour(at.get(l.run)), width: 1.5, dash: dashes[Math.floor(at.get(l.run) / 8) % 3], spanGaps: true, points: { show: l.x.length < 3 } }))],
      hooks: { setCursor: [tip] },
    }, uPlot.join(tables), box);
    plot.over.addEventListener("pointerleave", hideTip);
    box.setAttribute("aria-label", `${title} by ${byNames[by.value]} of ${lines.map((l) => `${l.run}: last ${written(l.shown.findLast((v) => v !== null), quantity())}`).join("; ")}`);
  }

  // load asks for the curves of those runs that are new or have changed.
  async function load(runs) {
    const key = JSON.stringify([of.value, by.value]), points = Math.round(Math.max(100, Math.min(600, 12000 / Math.max(1, runs.length))));
    if (asked !== key) seen = new Map();
    asked = key;
    const need = runs.filter((r) => seen.get(r.name)?.last !== (r.last || "") || seen.get(r.name)?.points !== points);
    request?.abort();
    request = new AbortController();
    if (need.length) {
      const { curves } = await api.get("/v1/studio/curves", { of: of.value, by: by.value, points, run: need.map((r) => r.name) }, request.signal);
      if (asked !== key) return;
      curves.forEach((c, i) => seen.set(c.run, { ...c, last: need[i].last || "", points }));
    }
    lines = runs.map((r) => seen.get(r.name)).filter(Boolean);
    draw();
  }

  const again = () => { if (state) draw(); };
  document.addEventListener(changed, again);
  let wide = 0;
  const watch = new ResizeObserver(() => {
    if (box.clientWidth && box.clientWidth !== wide) { wide = box.clientWidth; plot?.setSize({ width: wide, height: plot.height }); }
  });
  watch.observe(root);

  return {
    root,
    show(next, runs, places, kinds, known) {
      [state, at] = [next, places];
      quantities = known;
      const keys = [...kinds.epoch, ...kinds.step];
      if (of.childElementCount !== keys.length) of.replaceChildren(...keys.map((k) => element("option", { value: k }, stepNames[k] || known[k]?.name || k)));
      for (const o of of.options) o.textContent = stepNames[o.value] || known[o.value]?.name || o.value;
      of.value = keys.includes(state.get("of")) ? state.get("of") : "loss";
      by.value = state.get("by") in byNames ? state.get("by") : "epoch";
      smooth.set(Number(state.get("smooth", "0")) || 0);
      for (const [b, name] of [[logX, "logx"], [logY, "logy"]]) b.setAttribute("aria-pressed", state.get(name) === "1");
      const now = JSON.stringify([of.value, by.value, runs.map((r) => [r.name, r.last]), state.get("smooth"), state.get("logx"), state.get("logy"), quantity()?.unit]);
      if (now === shown) return;
      shown = now;
      clearTimeout(timer);
      timer = setTimeout(() => load(runs).catch(api.complain), 30);
    },
    close() {
      clearTimeout(timer);
      document.removeEventListener(changed, again);
      watch.disconnect();
      plot?.destroy();
      hideTip();
    },
  };
}
