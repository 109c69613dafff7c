// What one run says of the drawing: the energies of the labels as bars, low is good.
import { drawn, element, figure } from "../../kit/dom.js";
import { saveButtons, saveCSV, savePNG, saveSVG } from "../../kit/save.js";

const row = 21, most = 12; // labels that are shown: those of the least energies
const edge = { left: 34, right: 96, top: 4, bottom: 20 };

// percent writes a share.
const percent = (p) => p >= 0.9995 ? "100 %" : p < 0.0005 ? "0 %" : `${(100 * p).toFixed(1)} %`;

// pixels draws bytes of grey on a canvas of their size.
export function pixels(canvas, bytes, width, height) {
  canvas.width = width;
  canvas.height = height;
  const c = canvas.getContext("2d"), image = c.createImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data.set([bytes[i], bytes[i], bytes[i], 255], 4 * i);
  c.putImageData(image, 0, 0);
}

// bytes reads base64.
export const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

// said returns {root, show(answer), blank(), close()}.
export function said(run) {
  const svg = drawn("svg", { class: "bars", role: "img", "aria-label": "Energies: none yet", hidden: true }), seen = element("canvas", { class: "seen", width: 28, height: 28, role: "img", "aria-label": "The picture as the network sees it" });
  const label = element("strong", { class: "label" }), told = element("p", { class: "told" }), note = element("p", { class: "quiet note" });
  const saves = saveButtons(`the energies of ${run.name}`, {
    SVG: () => saveSVG(`${run.name}-energies.svg`, svg), PNG: () => savePNG(`${run.name}-energies.png`, svg),
    CSV: () => now && saveCSV(`${run.name}-energies.csv`, ["label", "energy", "probability"], now.labels.map((l, i) => [l, now.energies[i], now.probabilities?.[i]])),
  });
  const root = element("article", { class: "panel said", "aria-label": run.name, "data-run": run.name },
    element("div", { class: "row head" }, element("h2", {}, run.name), element("span", { class: "quiet" }, [run.job, run.by].filter(Boolean).join(", ")), saves),
    element("div", { class: "row" }, seen, label, told), svg, note);
  let now = null;

  function draw() {
    svg.toggleAttribute("hidden", !now?.labels.length);
    const width = svg.clientWidth;
    if (!width) return;
    const order = now.energies.map((e, i) => i).sort((a, b) => now.energies[a] - now.energies[b]), shown = order.slice(0, most).sort((a, b) => a - b);
    const height = edge.top + edge.bottom + row * shown.length;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.style.height = height + "px";
    const all = shown.map((i) => now.energies[i]), lo = Math.min(0, ...all), hi = Math.max(0, ...all);
    const px = (e) => edge.left + (e - lo) / (hi - lo || 1) * (width - edge.left - edge.right);
    const parts = [];
    shown.forEach((i, k) => {
      const y = edge.top + k * row, e = now.energies[i], kind = i === order[0] ? "least" : i === order[1] ? "second" : "other";
      parts.push(
        drawn("rect", { x: Math.min(px(0), px(e)), y: y + 3, width: Math.max(1.5, Math.abs(px(e) - px(0))), height: row - 6, rx: 2, class: kind }),
        drawn("text", { x: edge.left - 8, y: y + row / 2 + 4.5, "text-anchor": "end", class: kind === "least" ? "name best" : "name" }, now.labels[i].length > 4 ? now.labels[i].slice(0, 3) + "…" : now.labels[i]),
        drawn("text", { x: width - edge.right + 46, y: y + row / 2 + 4.5, "text-anchor": "end", class: "value" }, figure(Number(e.toPrecision(3)))));
      if (now.probabilities) parts.push(drawn("text", { x: width - 2, y: y + row / 2 + 4.5, "text-anchor": "end", class: "value" }, percent(now.probabilities[i])));
    });
    const foot = edge.top + row * shown.length;
    parts.push(drawn("line", { x1: px(0), x2: px(0), y1: edge.top, y2: foot, class: "zero" }), drawn("text", { x: px(0), y: foot + 14, "text-anchor": "middle", class: "axis" }, "E = 0"));
    // the gap, from the least energy to the second
    const a = px(now.energies[order[0]]), b = px(now.energies[order[1]]);
    parts.push(drawn("line", { x1: a, x2: b, y1: foot + 3, y2: foot + 3, class: "gap" }));
    svg.replaceChildren(...parts);
    svg.setAttribute("aria-label", `Energies: ${order.slice(0, most).map((i) => `${now.labels[i]} ${figure(Number(now.energies[i].toPrecision(3)))}`).join(", ")}`);
  }
  const watch = new ResizeObserver(draw);
  watch.observe(root);

  return {
    root,
    show(answer) {
      now = answer;
      pixels(seen, bytes(answer.seen), answer.width, answer.height);
      label.textContent = answer.label || "";
      const free = `${answer.labels.length ? "free energy F" : "energy"}\u00a0${figure(Number(answer.free_energy.toPrecision(4)))}`;
      told.replaceChildren(...answer.labels.length ? [`gap\u00a0${figure(Number(answer.gap.toPrecision(3)))}`, " · "] : [], free);
      if (answer.threshold !== null) {
        told.append(" · ", element("span", { class: answer.foreign ? "foreign bad" : "foreign" }, `${answer.foreign ? "foreign: F\u00a0>" : "not foreign: F\u00a0≤"}\u00a0${figure(Number(answer.threshold.toPrecision(4)))}`));
      }
      note.textContent = answer.no_probabilities ? `No probabilities: ${answer.no_probabilities}.` : answer.labels.length ? "" : "The run has one energy for a picture, and no labels.";
      note.hidden = !note.textContent;
      draw();
    },
    blank() {
      now = null;
      label.textContent = "";
      told.textContent = "Nothing is drawn.";
      note.hidden = true;
      pixels(seen, new Uint8Array(28 * 28), 28, 28);
      draw();
    },
    close() { watch.disconnect(); },
  };
}
