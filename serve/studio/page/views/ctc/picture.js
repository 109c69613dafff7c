// The frames as bars that are drawn by hand, and below them the trellis of the text, frame under frame. A drawing of SVG.
import { drawn, element, figure } from "../../kit/dom.js";
import { saveButtons, saveCSV, savePNG, saveSVG } from "../../kit/save.js";
import { hideTip, showTip } from "../../kit/tooltip.js";
import { blank } from "./scores.js";

const bar = 38, line = 28, left = 34, gap = 34, least = 34, widest = 58; // of a class; of a state; of names; above the trellis; of a frame
const percent = (p) => figure(Number((100 * p).toPrecision(3))) + " %";

// picture returns {root, show({classes, answer, text}), close()}. change(t, c, p) gives a class of a frame another probability, step(t, c, by) another score.
export function picture({ change, step }) {
  const svg = drawn("svg", { class: "trellis", role: "group", "aria-label": "Frames and trellis" });
  let now = null, held = null, wide = least, at = []; // at: in each row, the frame that Tab reaches
  const holder = element("div", { class: "scrolled", tabindex: "0", role: "region", "aria-label": "Picture, scrolled by keys" }, svg);
  const cells = () => now.answer.probabilities.flatMap((row, t) => row.map((p, c) => [t + 1, now.classes[c], p, now.answer.gradient[t][c]]));
  const saves = saveButtons("the picture", {
    SVG: () => saveSVG("ctc.svg", svg), PNG: () => savePNG("ctc.png", svg), CSV: () => saveCSV("ctc.csv", ["frame", "class", "probability", "gradient"], cells()),
  });
  const root = element("section", { class: "panel", "aria-label": "Paths" }, element("div", { class: "row" }, element("h2", {}, "Frames, and the paths that spell the text"), saves), holder,
    element("p", { class: "quiet" }, "Draw the bars: a probability of each class in each frame; by keys, Tab to a row, left and right to a frame, up and down its score. Arrows: where the loss pushes. Below, a circle is the share of all paths in a state, the line is the likeliest path."));

  const place = (event) => {
    const box = svg.getBoundingClientRect(), scale = box.width / Number(svg.getAttribute("width"));
    return [(event.clientX - box.left) / scale, (event.clientY - box.top) / scale];
  };
  function drag(event) {
    const [x, y] = place(event), t = Math.floor((x - left) / wide);
    if (t >= 0 && t < now.answer.probabilities.length) change(t, held, 1 - (y - held * bar - 3) / (bar - 6));
  }
  svg.addEventListener("pointerdown", (event) => {
    const [x, y] = place(event), c = Math.floor(y / bar);
    if (c >= now.classes.length || x < left) return;
    held = c;
    svg.setPointerCapture(event.pointerId);
    drag(event);
    event.preventDefault();
  });
  svg.addEventListener("pointermove", (event) => {
    if (held !== null) { hideTip(); drag(event); return; }
    const tip = event.target.closest?.("[data-tip]")?.dataset.tip;
    if (tip) showTip(event.clientX, event.clientY, tip); else hideTip();
  });
  svg.addEventListener("pointerleave", hideTip);
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { held = null; });

  function key(event, t, c) {
    const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key], up = { ArrowUp: 0.5, ArrowDown: -0.5 }[event.key];
    if (!across && !up) return;
    event.preventDefault();
    if (up) return step(t, c, up);
    at[c] = Math.min(now.answer.probabilities.length - 1, Math.max(0, t + across));
    draw(c);
  }

  // cell is the bar of a class in a frame, with an arrow of where its score is pushed.
  function cell(p, t, c) {
    const push = -now.answer.gradient[t][c], name = now.classes[c] === blank ? "blank" : now.classes[c], x = left + t * wide, y = c * bar, high = Math.max(1, p * (bar - 6)), long = push * (bar - 8) / 2, middle = y + bar / 2;
    const tip = `frame ${t + 1}, ${name}: ${percent(p)}, pushed ${push > 0 ? "up" : "down"} by ${figure(Math.abs(Number(push.toPrecision(3))))}`;
    const parts = [drawn("rect", { x: x + 1, y: y + 1, width: wide - 2, height: bar - 2, class: "cell" }), drawn("rect", { x: x + 4, y: y + bar - 3 - high, width: wide - 8, height: high, class: c ? "bar letter" : "bar" })];
    if (Math.abs(long) > 1.5) {
      const tip = middle - long, head = Math.sign(long) * Math.min(4, Math.abs(long));
      parts.push(drawn("path", { d: `M${x + wide / 2} ${middle + long}L${x + wide / 2} ${tip}M${x + wide / 2 - 4} ${tip + head}L${x + wide / 2} ${tip}L${x + wide / 2 + 4} ${tip + head}`, class: push > 0 ? "push up" : "push down" }));
    }
    return drawn("g", {
      role: "slider", tabindex: at[c] === t ? "0" : "-1", class: "frame", "data-tip": tip, "aria-label": `${name} in frame ${t + 1}`, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * p), "aria-valuetext": percent(p), "data-cell": `${t},${c}`,
      onkeydown: (event) => key(event, t, c),
    }, ...parts);
  }

  // states are the circles of the trellis, the arcs between them, and the likeliest path.
  function states(top) {
    const { answer } = now, { occupancy, states, path } = answer, x = (t) => left + (t + 0.5) * wide, y = (s) => top + (s + 0.5) * line, arcs = [], circles = [];
    occupancy.forEach((row, t) => row.forEach((v, s) => {
      for (const from of [s, s - 1, s % 2 && states[s] !== states[s - 2] ? s - 2 : -1]) {
        const share = t && from >= 0 ? Math.min(v, occupancy[t - 1][from]) : 0;
        if (share > 1e-3) arcs.push(drawn("line", { x1: x(t - 1), y1: y(from), x2: x(t), y2: y(s), class: "arc", opacity: 0.15 + 0.85 * share }));
      }
      const tip = `state ${s + 1} of ${states.length}, ${s % 2 ? states[s] : "blank"}; frame ${t + 1}: ${percent(v)} of the paths`;
      circles.push(drawn("circle", { cx: x(t), cy: y(s), r: 1.5 + 8 * Math.sqrt(v), class: v > 1e-6 ? s % 2 ? "state letter" : "state" : "state none", "data-tip": tip }));
    }));
    const way = path.length ? [drawn("polyline", { points: path.map((s, t) => `${x(t)},${y(s)}`).join(" "), class: "way" })] : [];
    const names = states.map((name, s) => drawn("text", { x: left - 10, y: y(s) + 4, "text-anchor": "end", class: s % 2 ? "name" : "name faint" }, name));
    return [...names, ...arcs, ...way, ...circles];
  }

  function draw(focus = null) {
    const { classes, answer } = now, frames = answer.probabilities.length;
    wide = Math.floor(Math.min(widest, Math.max(least, (holder.clientWidth - left - 4) / frames)));
    const top = classes.length * bar + gap, height = top + answer.states.length * line + 4, width = left + frames * wide + 4;
    const had = focus ?? (svg.contains(document.activeElement) ? Number(document.activeElement.dataset.cell?.split(",")[1]) : null);
    classes.forEach((_, c) => { at[c] = Math.min(frames - 1, at[c] || 0); });
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const rows = classes.map((name, c) => drawn("g", { role: "group", "aria-label": c ? "Letter " + name : "Blank" }, drawn("text", { x: left - 10, y: c * bar + bar / 2 + 5, "text-anchor": "end", class: "name", "aria-hidden": "true" }, name), ...answer.probabilities.map((row, t) => cell(row[c], t, c))));
    const numbers = answer.probabilities.map((_, t) => drawn("text", { x: left + (t + 0.5) * wide, y: classes.length * bar + 16, "text-anchor": "middle", class: "name faint" }, String(t + 1)));
    const told = answer.path.length ? `Trellis of ${now.text || "no letters"}: the likeliest path is ${answer.path.map((s) => answer.states[s] === blank ? "blank" : answer.states[s]).join(", ")}` : "No path spells the text";
    svg.replaceChildren(...rows, drawn("g", { "aria-hidden": "true" }, ...numbers), drawn("g", { role: "img", "aria-label": told }, ...states(top)));
    if (had !== null && !Number.isNaN(had)) svg.querySelector(`[data-cell="${at[had]},${had}"]`)?.focus();
  }

  const watch = new ResizeObserver(() => { if (now) draw(); });
  watch.observe(holder);
  return {
    root,
    show(next) { now = next; draw(); },
    close() { watch.disconnect(); hideTip(); },
  };
}
