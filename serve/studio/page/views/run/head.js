// What a run is: its state, its figures and settings, the note and the tags kept beside it, and its way to the trash.
import { part } from "../../kit/api.js";
import { element, figure } from "../../kit/dom.js";
import { written } from "../runs/columns.js";

const tilesMost = 12;

// places is the order of the figures: that of the test set, the job's own, and those of the last epoch.
const lastOnes = ["error", "kept", "gap_p50", "gap_p05", "loss", "spread", "correct", "offending"];
const places = (key) => key === "test_error" ? -1 : lastOnes.indexOf(key) + 1;

// head returns {root, show(detail)}; leaving(true) is called before the run is moved away, and leaving(false) where it stays.
export function head(api, leaving) {
  const title = element("h2", { class: "name" }), badges = element("span", { class: "row badges" }), tags = element("span", { class: "row" });
  const progress = element("progress", { max: 1, "aria-label": "Training" }), way = element("span", { class: "quiet" });
  const alarm = element("p", { class: "alarm", role: "alert", hidden: true }), verdict = element("p", { class: "verdict" }), marks = element("ul", { class: "remarks" });
  const tiles = element("dl", { class: "tiles" }), facts = element("dl", { class: "facts" });
  const page = element("a", { class: "button", target: "_blank", rel: "noopener" }, "Static report");
  const films = element("a", { class: "button" }, "Its surface");
  const note = element("textarea", { id: "run-note", rows: 3, maxlength: 16000 }), words = element("input", { id: "run-tags", type: "text", placeholder: "best, to look at" });
  const saved = element("span", { class: "quiet", role: "status" }), noted = element("p", { class: "note" });
  const form = element("form", { class: "notes", onsubmit: (event) => { event.preventDefault(); save().catch(wrong); } },
    element("label", { for: "run-note" }, "Note"), note, element("label", { for: "run-tags" }, "Tags, with commas"), words,
    element("p", { class: "row" }, element("button", {}, "Keep"), saved));
  const remove = element("button", { type: "button", class: "bad", onclick: () => { ask.hidden = false; remove.hidden = true; yes.focus(); } }, "Delete…");
  const yes = element("button", { type: "button", class: "bad", onclick: () => drop().catch(wrong) }, "Move to the trash");
  const no = element("button", { type: "button", onclick: () => { ask.hidden = true; remove.hidden = false; remove.focus(); } }, "Keep it");
  const ask = element("span", { class: "row", hidden: true }, "Its folder is moved to .trash.", yes, no);
  const root = element("section", { class: "panel run-head", "aria-label": "The run" },
    element("div", { class: "row" }, title, badges, tags), element("div", { class: "row" }, progress, way), alarm, verdict, noted, marks, tiles,
    element("details", {}, element("summary", {}, "Settings"), facts),
    element("details", {}, element("summary", {}, "Note, tags, delete"), form, element("p", { class: "row" }, remove, ask)),
    element("p", { class: "row" }, page, films, element("a", { class: "button", href: "#/runs" }, "All runs")));
  let name = "";

  const wrong = (err) => { saved.textContent = err.message; };

  async function save() {
    const list = words.value.split(",").map((t) => t.trim()).filter(Boolean);
    const kept = await api.put(`/v1/studio/runs/${part(name)}/notes`, { note: note.value, tags: [...new Set(list)] });
    saved.textContent = "Kept.";
    tell(kept);
  }

  async function drop() {
    leaving(true);
    try {
      await api.remove(`/v1/studio/runs/${part(name)}`);
    } catch (err) {
      leaving(false);
      throw err;
    }
    api.go({}, { path: "runs" });
  }

  function tell(kept) {
    noted.textContent = kept.note;
    tags.replaceChildren(...kept.tags.map((t) => element("span", { class: "badge" }, t)));
  }

  const pair = (k, v, title) => element("div", { title: title || null }, element("dt", {}, k), element("dd", {}, v));

  return {
    root,
    show({ runs: [run], quantities, verdict: said, formula, margin, remarks, report, surfaces }) {
      if (name !== run.name) {
        name = run.name;
        note.value = run.note;
        words.value = run.tags.join(", ");
        saved.textContent = "";
        ask.hidden = true;
        remove.hidden = false;
      }
      title.textContent = run.name;
      badges.replaceChildren(element("span", { class: "badge " + run.state, title: run.why || null }, run.state + (run.why ? `: ${run.why}` : "")), ...run.collapsed ? [element("span", { class: "badge crashed" }, "collapsed")] : []);
      tell(run);
      const part = run.steps ? run.step / run.steps : run.epochs ? run.epoch / run.epochs : 0;
      progress.value = Math.min(1, part);
      progress.hidden = run.state !== "running";
      way.textContent = [`epoch ${run.epoch} of ${run.epochs || "?"}`, `step ${run.step.toLocaleString("en")} of ${run.steps ? run.steps.toLocaleString("en") : "?"}`, `${figure(run.seconds)} s of training`,
        run.last && `last event ${new Date(run.last).toLocaleString()}`].filter(Boolean).join(" · ");
      alarm.hidden = !run.collapsed;
      alarm.textContent = run.collapsed ? `Collapse: ${run.collapsed}` : "";
      verdict.textContent = run.collapsed && said?.startsWith(run.collapsed) ? "" : said;
      marks.replaceChildren(...[...run.notes, ...remarks].map((r) => element("li", {}, r)));
      marks.hidden = !marks.childElementCount;
      noted.hidden = !noted.textContent;
      const order = Object.entries(run.figures).sort(([a], [b]) => places(a) - places(b));
      tiles.replaceChildren(...order.slice(0, tilesMost).map(([k, v]) => pair(quantities[k]?.name || k, written(v, quantities[k]), quantities[k]?.note)));
      facts.replaceChildren(...[...order.slice(tilesMost).map(([k, v]) => [quantities[k]?.name || k, written(v, quantities[k])]), ...formula ? [["loss of a sample", formula]] : [], ...margin !== undefined ? [["margin m", figure(margin)]] : [],
        ...Object.entries(run.settings)].flatMap(([k, v]) => [element("dt", {}, k), element("dd", {}, v)]));
      page.hidden = !report;
      page.href = `/v1/studio/runs/${encodeURIComponent(run.name)}/report`;
      films.hidden = !surfaces;
      films.href = "#/surface?" + new URLSearchParams({ run: run.name });
      remove.disabled = run.state === "running";
      remove.title = remove.disabled ? "It is being trained." : "";
    },
  };
}
