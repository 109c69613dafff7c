// What a run has left besides: tables, sheets of pictures, and the pictures of its report.
import { part } from "../../kit/api.js";
import { element } from "../../kit/dom.js";
import { saveButtons, saveCSV } from "../../kit/save.js";
import { written } from "../runs/columns.js";

// live are the pictures of a report that the view has itself, moved by hand.
const live = new Set(["plane", "energy_histogram", "gap_histogram", "confusion", "samples", "worst"]);
const curves = new Set(["loss", "error", "energies", "gap", "gradient", "learning_rate"]);

function tableOf(t, name) {
  const saves = saveButtons(`the table ${t.name}`, { CSV: () => saveCSV(`${name}-${t.key}.csv`, [t.name, ...t.columns.map((c) => c.name)], t.rows.map((r) => [r.name, ...r.values])) });
  return element("section", { class: "panel", "aria-label": t.name }, element("div", { class: "row head" }, element("h2", {}, t.name), saves),
    element("div", { class: "table", tabindex: "0", role: "region", "aria-label": `${t.name}, scrolled by keys` }, element("table", {},
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, t.name), ...t.columns.map((c) => element("th", { scope: "col", class: "number", title: c.note || null }, c.name)))),
      element("tbody", {}, ...t.rows.map((r) => element("tr", {}, element("th", { scope: "row" }, r.name), ...t.columns.map((c, i) => element("td", { class: "number" }, i < r.values.length ? written(r.values[i], c) : "–"))))))));
}

export function rest() {
  const root = element("div", { class: "rest" });
  let shown = "";
  return {
    root,
    show({ runs: [run], tables, sheets, plots, sets }) {
      const key = JSON.stringify([run.name, run.state, tables, sheets, plots, sets.length]);
      if (key === shown) return;
      shown = key;
      const at = (file) => `/v1/studio/runs/${part(run.name)}/plots/${part(file)}`, base = (file) => file.replace(/\.\w+$/, "");
      const still = plots.filter((f) => !curves.has(base(f)) && !(sets.length && live.has(base(f))));
      root.replaceChildren(...tables.map((t) => tableOf(t, run.name)),
        ...sheets.map((s) => element("section", { class: "panel sheet", "aria-label": s.title }, element("h2", {}, s.title), element("p", { class: "quiet" }, s.note),
          element("a", { href: at(s.file), target: "_blank", rel: "noopener" }, element("img", { src: at(s.file), alt: s.title, loading: "lazy" })))),
        ...still.length ? [element("section", { class: "panel", "aria-label": "Pictures of the report" }, element("h2", {}, "Pictures of the report"), element("div", { class: "stills" },
          ...still.map((f) => element("a", { href: at(f), target: "_blank", rel: "noopener" }, element("img", { src: at(f), alt: base(f).replaceAll(/[-_]/g, " "), loading: "lazy" })))))] : []);
      root.hidden = !root.childElementCount;
    },
  };
}
