// The texts that are aligned to what was heard, side by side.
import { element, figure } from "../../kit/dom.js";
import { tipFor } from "../../kit/tooltip.js";
import { weight } from "./colours.js";
import { percent } from "./lanes.js";

const names = ["Free energy", "Minimum", "Difference"];
const rounded = (x) => figure(Number(x.toFixed(3)));

// texts returns {root, show(rows, chosen)}: a row is {text, read, series, aligned, wrong}. choose(i), hear(word) and remove(i) are called.
export function texts({ choose, hear, remove }) {
  const body = element("tbody");
  const root = element("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Texts, scrolled by keys" }, element("table", { "aria-label": "Texts" },
    element("thead", {}, element("tr", {}, ...[["Trellis", ""], ["Text", ""], [names[0], "−log of the probability of the text: all its alignments together"], [names[1], "of its best alignment alone"], [names[2], "of the free energies from that of what was read"], ["Words, by how sure they are", ""], ["", ""]]
      .map(([name, title]) => element("th", { scope: "col", title: title || null }, name ? element("span", {}, name) : element("span", { class: "unseen" }, "Take away"))))), body));

  function words(row) {
    return row.aligned.words.filter((w) => !w.unsaid).map((w) => {
      const b = element("button", { type: "button", class: "small word" + (w.doubtful ? " doubtful" : ""), onclick: () => hear(w) }, w.text, element("span", { class: "quiet" }, " " + percent(w.confidence)));
      b.style.background = `color-mix(in srgb, var(--series-${row.series % 8}) ${(100 * weight(w.confidence)).toFixed(1)}%, var(--card))`;
      tipFor(b, () => `${w.start.toFixed(2)} to ${w.end.toFixed(2)}; ${percent(w.likelihood)} likely in a frame${w.doubtful ? ": hardly what is there" : ""}`);
      return b;
    });
  }

  function line(row, i, first, chosen) {
    const pick = element("input", { type: "radio", name: "hear-text", "aria-label": `Trellis of ${row.text || "what was read"}`, onchange: () => choose(i) });
    pick.checked = i === chosen;
    pick.disabled = Boolean(row.wrong);
    const swatch = element("i", { class: "swatch" });
    swatch.style.background = `var(--series-${row.series % 8})`;
    const numbers = row.aligned ? [row.aligned.free, row.aligned.least, row.read ? null : row.aligned.free - first] : [null, null, null];
    return element("tr", { "data-text": row.text },
      element("td", {}, pick),
      element("td", { class: "said" }, swatch, row.text || "(nothing)", row.read ? element("span", { class: "quiet" }, " as read") : ""),
      ...numbers.map((v, k) => element("td", { class: "number", "data-label": v === null ? null : names[k] }, v === null ? "" : rounded(v))),
      element("td", { class: "words" }, ...row.wrong ? [element("span", { class: "wrong" }, row.wrong)] : row.aligned ? words(row) : [element("span", { class: "quiet" }, "…")]),
      element("td", {}, row.read ? "" : element("button", { type: "button", class: "small", "aria-label": `Take ${row.text} away`, onclick: () => remove(i) }, "×")));
  }

  return {
    root,
    show(rows, chosen) { body.replaceChildren(...rows.map((row, i) => line(row, i, rows[0].aligned.free, chosen))); },
  };
}
