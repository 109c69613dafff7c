// The table of the losses of energies, as Figure 6 of the lecture has it: which keep a margin.
import { element } from "../../kit/dom.js";
import { saveButtons, saveCSV } from "../../kit/save.js";

// overview returns {root, show(drawn)} of the functionals; drawn are the names and colours of those that are drawn. trained has the names of those that Train here takes; choose(name) is called for one that is chosen.
export function overview(rows, { trained, choose, link }) {
  const training = (row) => link({ set: "parabola", energy: "codes", f: row.name.replace(/^ebm\./, ""), play: 1 }, "lesson");
  const lines = rows.map((row) => {
    const swatch = element("i", { class: "swatch" });
    return { row, swatch, root: element("tr", { "data-loss": row.name },
      element("th", { scope: "row" }, swatch, element("button", { type: "button", class: "plain", onclick: () => choose(row.name) }, row.name.replace(/^ebm\./, "").replaceAll("_", " "))),
      element("td", { class: "formula" }, row.formula), element("td", {}, row.margin), element("td", { class: row.good ? "good" : "bad" }, row.good ? "yes" : "no"),
      element("td", {}, trained.has(row.name) ? element("a", { href: training(row), "aria-label": `Train ${row.name} here` }, "train") : "")) };
  });
  const save = saveButtons("the table", { CSV: () => saveCSV("losses-of-energies.csv", ["loss", "formula", "margin", "good"], rows.map((r) => [r.name, r.formula, r.margin, r.good])) });
  const root = element("section", { class: "panel overview", "aria-label": "Table of the losses" },
    element("div", { class: "row" }, element("h2", {}, "Figure 6: losses of energies"), save),
    element("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Losses of energies, scrolled by keys" },
      element("table", {}, element("thead", {}, element("tr", {}, ...["Loss", "Formula", "Margin", "Kept", "Train"].map((t) => element("th", { scope: "col" }, t)))), element("tbody", {}, ...lines.map((l) => l.root)))));
  return {
    root,
    show(drawn) {
      const colours = new Map(drawn);
      for (const { row, swatch } of lines) swatch.style.background = colours.get(row.name) || "transparent";
    },
  };
}
