// The confusion matrix, whose cells are pressed for their samples.
import { count, drawn, element, figure } from "../../kit/dom.js";
import { saveButtons, saveCSV, savePNG, saveSVG } from "../../kit/save.js";
import { showTip, hideTip, tipFor } from "../../kit/tooltip.js";
import { first, roving } from "./keys.js";
import { cellList } from "./numbers.js";

const cellsMost = 32, pairsShown = 12; // labels whose counts are written; pairs that are named where there are more
const cell = 34, edge = 58, letter = 6.4, longest = 12; // pixels of the drawing; letters of a name

const cut = (name, most) => name.length > most ? name.slice(0, most - 1) + "…" : name;

// confusion returns {root, show({frame, list})}; press(list) is called for a cell.
export function confusion({ press, name }) {
  const svg = drawn("svg", { class: "confusion", role: "group", "aria-label": "Confusion matrix" });
  const canvas = element("canvas", { class: "confusion", role: "img" }), pairs = element("ol", { class: "pairs-list" });
  const words = element("p", { class: "quiet" }), body = element("div", { class: "confusion-box" });
  const saves = saveButtons("the confusion matrix", {
    SVG: () => saveSVG(name() + "-confusion.svg", svg), PNG: () => savePNG(name() + "-confusion.png", k > cellsMost ? canvas : svg),
    CSV: () => saveCSV(name() + "-confusion.csv", ["label", ...names], names.map((n, y) => [n, ...names.map((_, a) => counts[y * k + a])])),
  });
  const root = element("section", { class: "panel", "aria-label": "Confusion matrix" }, element("div", { class: "row head" }, element("h2", {}, "Confusion matrix"), saves), body, words);
  let left = 0, top = 0, k = 0, names = [], counts = [], totals = [], cells = [], made = "";
  roving(svg, "[data-cell]", () => k);

  const told = (y, a) => [element("b", {}, count(counts[y * k + a], "sample")), ` of ${names[y]} `, y === a ? "answered right" : `answered ${names[a]}`, totals[y] ? ` (${figure(100 * counts[y * k + a] / totals[y])} %)` : ""];

  function make() {
    const long = Math.min(longest, Math.max(...names.map((n) => n.length))), turned = long > 4;
    [left, top] = [26 + letter * long, turned ? 24 + letter * long : 40];
    svg.setAttribute("viewBox", `0 0 ${left + k * cell + edge} ${top + k * cell + 6}`);
    svg.style.maxWidth = `${left + k * cell + edge}px`;
    const label = (x, y, text, more = {}) => drawn("text", { x, y, "text-anchor": "middle", "dominant-baseline": "middle", class: "faint", ...more }, text);
    const parts = [label(left + k * cell / 2, 10, "answer"), label(8, top + k * cell / 2, "label", { transform: `rotate(-90 8 ${top + k * cell / 2})` }), label(left + k * cell + edge / 2, top - 12, "wrong")];
    for (let i = 0; i < k; i++) {
      const x = left + (i + 0.5) * cell, how = turned ? { "text-anchor": "start", transform: `rotate(-90 ${x} ${top - 6})` } : {};
      parts.push(label(x, top - (turned ? 6 : 12), cut(names[i], long), how), label(left - 6, top + (i + 0.5) * cell, cut(names[i], long), { "text-anchor": "end" }));
    }
    cells = [];
    for (let y = 0; y < k; y++) {
      const wrong = label(left + k * cell + edge / 2, top + (y + 0.5) * cell, "", { class: "" });
      for (let a = 0; a < k; a++) {
        const box = drawn("rect", { x: left + a * cell + 1, y: top + y * cell + 1, width: cell - 2, height: cell - 2, rx: 3, "data-cell": `${y}-${a}`, tabindex: "-1", role: "button" });
        const text = label(left + (a + 0.5) * cell, top + (y + 0.5) * cell, "", { class: y === a ? "right" : "" });
        box.addEventListener("click", () => { if (counts[y * k + a]) press(cellList(y, a)); });
        tipFor(box, () => told(y, a));
        cells.push({ box, text, wrong });
        parts.push(box, text);
      }
      parts.push(wrong);
    }
    svg.replaceChildren(...parts);
    first(svg, "[data-cell]");
  }

  const strongest = () => {
    let most = 0;
    for (let y = 0; y < k; y++) for (let a = 0; a < k; a++) if (y !== a && totals[y]) most = Math.max(most, counts[y * k + a] / totals[y]);
    return most || 1;
  };
  const opacity = (y, a, most) => y === a ? 0.1 + 0.4 * counts[y * k + a] / Math.max(1, totals[y]) : 0.12 + 0.55 * Math.sqrt(counts[y * k + a] / Math.max(1, totals[y]) / most);

  function fill(list) {
    const most = strongest();
    cells.forEach(({ box, text, wrong }, i) => {
      const y = Math.floor(i / k), a = i % k, n = counts[i];
      box.setAttribute("class", (n ? y === a ? "right" : "wrong" : "none") + (list === cellList(y, a) ? " chosen" : ""));
      box.setAttribute("fill-opacity", n ? opacity(y, a, most) : 1);
      box.setAttribute("aria-label", `label ${names[y]}, answer ${names[a]}: ${n}`);
      text.textContent = n || "·";
      if (a === k - 1) wrong.textContent = totals[y] ? (100 * (1 - counts[y * k + y] / totals[y])).toFixed(1) + " %" : "–";
    });
  }

  // paint draws a pixel for each cell, where there are too many labels for counts, and names the most frequent pairs.
  function paint(list) {
    const side = Math.max(1, Math.floor(480 / k)), most = strongest(), c = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    [canvas.width, canvas.height] = [k * side, k * side];
    const some = [];
    for (let y = 0; y < k; y++) {
      for (let a = 0; a < k; a++) {
        const n = counts[y * k + a];
        if (!n) continue;
        c.globalAlpha = Math.min(1, 0.25 + opacity(y, a, most));
        c.fillStyle = style.getPropertyValue(y === a ? "--series-0" : "--series-1");
        c.fillRect(a * side, y * side, side, side);
        if (y !== a) some.push({ y, a, n });
      }
    }
    canvas.setAttribute("aria-label", `Confusion matrix of ${k} labels: rows are labels, columns answers`);
    pairs.replaceChildren(...some.sort((p, q) => q.n - p.n).slice(0, pairsShown).map(({ y, a, n }) => element("li", {},
      element("button", { type: "button", class: "small", "aria-pressed": list === cellList(y, a) ? "true" : "false", onclick: () => press(cellList(y, a)) }, `${names[y]} → ${names[a]}`), ` ${n}`)));
  }
  const under = (event) => { const r = canvas.getBoundingClientRect(); return [event.clientY - r.top, event.clientX - r.left].map((v) => Math.min(k - 1, Math.max(0, Math.floor(v / r.width * k)))); };
  canvas.addEventListener("pointermove", (event) => showTip(event.clientX, event.clientY, ...told(...under(event))));
  canvas.addEventListener("pointerleave", hideTip);
  canvas.addEventListener("click", (event) => { const [y, a] = under(event); if (counts[y * k + a]) press(cellList(y, a)); });

  return {
    root,
    show({ frame, list }) {
      ({ k, names } = frame);
      counts = new Array(k * k).fill(0);
      totals = new Array(k).fill(0);
      frame.labels.forEach((y, i) => {
        totals[y]++;
        if (frame.answers[i] >= 0) counts[y * k + frame.answers[i]]++;
      });
      const key = JSON.stringify(names);
      if (key !== made) {
        made = key;
        body.replaceChildren(...k > cellsMost ? [canvas, pairs] : [svg]);
        if (k <= cellsMost) make();
      }
      if (k > cellsMost) paint(list); else fill(list);
      const wrong = frame.right.filter((r) => !r).length;
      words.textContent = `${wrong} of ${count(frame.n, "sample")} wrong: ${figure(100 * wrong / frame.n)} %. Rows are labels, columns answers.`;
    },
  };
}
