// Histograms of energies and of gaps, whose bars are pressed for their samples.
import { count, drawn, element, figure } from "../../kit/dom.js";
import { ticks } from "../../kit/plane.js";
import { saveButtons, saveCSV, savePNG, saveSVG } from "../../kit/save.js";
import { tipFor } from "../../kit/tooltip.js";
import { first, roving } from "./keys.js";
import { binList, binsOf } from "./numbers.js";

const width = 420, height = 190, left = 36, right = 8, top = 8, bottom = 22; // of the drawing

// histogram returns {root, show(picture)}. series are drawn upwards or downwards: {key of the frame, name, class, down, only(frame, i)}; the first one
// that is not a part of another has the counts. A picture is {frame, range, margin, list}. press(list) is called for a bar.
export function histogram({ title, file, how, series, press, marks = () => [] }) {
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, class: "histogram", role: "group", "aria-label": title });
  const words = element("p", { class: "quiet" });
  const saves = saveButtons(title.toLowerCase(), {
    SVG: () => saveSVG(file() + ".svg", svg), PNG: () => savePNG(file() + ".png", svg),
    CSV: () => saveCSV(file() + ".csv", ["from", "to", ...series.map((s) => s.name)], Array.from({ length: bins.n }, (_, i) => [bins.edge(i), bins.edge(i + 1), ...counts.map((n) => n[i])])),
  });
  const root = element("section", { class: "panel", "aria-label": title }, element("div", { class: "row head" }, element("h2", {}, title), saves), svg, words);
  let bins = null, counts = [], bars = [], made = "", now = null;
  roving(svg, "[data-bar]");

  const x = (v) => left + (v - bins.edge(0)) / (bins.edge(bins.n) - bins.edge(0)) * (width - left - right);
  const down = series.some((s) => s.down), zero = down ? top + (height - top - bottom) / 2 : height - bottom;

  // make builds the bars anew, where the bins are others.
  function make() {
    const wide = (width - left - right) / bins.n, axis = [];
    for (const v of ticks(bins.edge(0), bins.edge(bins.n))) axis.push(drawn("text", { x: x(v), y: height - 6, "text-anchor": "middle" }, figure(v)));
    for (const m of marks(now)) {
      if (m.at >= bins.edge(0) && m.at <= bins.edge(bins.n)) axis.push(drawn("line", { x1: x(m.at), x2: x(m.at), y1: top, y2: height - bottom, class: m.class }));
    }
    bars = series.map((s, k) => Array.from({ length: bins.n }, (_, i) => {
      const bar = drawn("rect", { x: left + i * wide + 0.4, width: Math.max(0.5, wide - 0.8), class: s.class, y: zero, height: 0 });
      if (s.part) return bar;
      const hit = drawn("rect", { x: left + i * wide, width: wide, y: s.down ? zero : top, height: s.down ? height - bottom - zero : zero - top, class: "hit", "data-bar": `${s.key}-${i}`, tabindex: "-1", role: "button" });
      hit.addEventListener("click", () => { if (counts[k][i]) press(binList(s.key, bins, i)); });
      tipFor(hit, () => told(k, i));
      return [bar, hit];
    }));
    const flat = bars.flat(2);
    svg.replaceChildren(drawn("line", { x1: left, x2: width - right, y1: zero, y2: zero, class: "axis" }), ...flat.filter((b) => !b.classList.contains("hit")), ...axis, ...flat.filter((b) => b.classList.contains("hit")), scale);
    first(svg, "[data-bar]");
  }
  const scale = drawn("text", { x: left - 4, y: top + 8, "text-anchor": "end" });

  const told = (k, i) => {
    const parts = series.map((s, j) => s.part === series[k].key ? `${counts[j][i]} ${s.name}` : "").filter(Boolean);
    return [element("b", {}, count(counts[k][i], "sample")), ` with ${series[k].name} from ${figure(bins.edge(i))} to ${figure(bins.edge(i + 1))}`, parts.length ? `, ${parts.join(", ")}` : ""];
  };

  return {
    root,
    show(picture) {
      now = picture;
      bins = binsOf(picture.range, picture.margin);
      const key = JSON.stringify([bins.edge(0), bins.edge(bins.n), bins.n, picture.margin]);
      if (key !== made) { made = key; make(); }
      let beyond = 0;
      counts = series.map((s) => {
        const n = new Array(bins.n).fill(0), of = picture.frame[s.key];
        for (let i = 0; i < of.length; i++) {
          if (s.only && !s.only(picture.frame, i)) continue;
          const b = bins.of(of[i]);
          if (b >= 0 && b < bins.n) n[b]++; else if (!s.part) beyond++;
        }
        return n;
      });
      const most = Math.max(1, ...counts.flat()), tall = (zero - top) / most;
      scale.textContent = String(most);
      series.forEach((s, k) => bars[k].forEach((b, i) => {
        const [bar, hit] = [b].flat(), h = counts[k][i] * tall;
        bar.setAttribute("y", s.down ? zero : zero - h);
        bar.setAttribute("height", h);
        if (!hit) return;
        hit.classList.toggle("chosen", picture.list === binList(s.key, bins, i));
        hit.setAttribute("aria-label", `${counts[k][i]} with ${s.name} from ${figure(bins.edge(i))} to ${figure(bins.edge(i + 1))}`);
      }));
      words.textContent = how(picture) + (beyond ? ` ${count(beyond, "value")} beyond the axis.` : "");
    },
  };
}
