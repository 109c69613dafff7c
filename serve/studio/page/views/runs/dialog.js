// One run: what it is, the note and the tags that are kept beside it, and its way to the trash.
import { element, figure } from "../../kit/dom.js";
import { written } from "./columns.js";
import { part } from "../../kit/api.js";

export function make(api) {
  const title = element("h2", { id: "run-title" }), facts = element("dl", { class: "facts" }), why = element("p", { class: "why" });
  const note = element("textarea", { id: "run-note", rows: 4, maxlength: 16000 }), tags = element("input", { id: "run-tags", type: "text", placeholder: "best, to look at" });
  const saved = element("span", { class: "quiet", role: "status" });
  const form = element("form", { class: "notes", onsubmit: (event) => { event.preventDefault(); save().catch(wrong); } },
    element("label", { for: "run-note" }, "Note"), note, element("label", { for: "run-tags" }, "Tags, with commas"), tags,
    element("p", { class: "row" }, element("button", {}, "Keep"), saved));
  const remove = element("button", { type: "button", class: "bad", onclick: () => { ask.hidden = false; remove.hidden = true; yes.focus(); } }, "Delete…");
  const yes = element("button", { type: "button", class: "bad", onclick: () => drop().catch(wrong) }, "Move to the trash");
  const no = element("button", { type: "button", onclick: () => { ask.hidden = true; remove.hidden = false; remove.focus(); } }, "Keep it");
  const ask = element("span", { class: "row", hidden: true }, "Its folder is moved to .trash.", yes, no);
  const root = element("dialog", { class: "run", "aria-labelledby": "run-title", onclose: () => api.go({ open: null }) },
    element("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => root.close() }, "×"), title, why, form, facts, element("p", { class: "row" }, remove, ask));
  let name = "";

  const wrong = (err) => { saved.textContent = err.message; };

  async function save() {
    const list = tags.value.split(",").map((t) => t.trim()).filter(Boolean);
    await api.put(`/v1/studio/runs/${part(name)}/notes`, { note: note.value, tags: [...new Set(list)] });
    saved.textContent = "Kept.";
  }

  async function drop() {
    await api.remove(`/v1/studio/runs/${part(name)}`);
    root.close();
  }

  const rows = (heading, entries) => entries.length ? [element("dt", { class: "heading" }, heading), ...entries.flatMap(([k, v]) => [element("dt", {}, k), element("dd", {}, v)])] : [];

  return {
    root,
    show(asked, runs, quantities) {
      const run = runs.get(asked);
      if (!run) {
        if (asked) api.say(`There is no run ${asked} any more.`);
        if (root.open) root.close();
        return;
      }
      if (!root.open || name !== asked) {
        name = asked;
        note.value = run.note;
        tags.value = run.tags.join(", ");
        saved.textContent = "";
        ask.hidden = true;
        remove.hidden = false;
      }
      remove.disabled = run.state === "running";
      remove.title = remove.disabled ? "It is being trained." : "";
      title.textContent = run.name;
      why.textContent = [run.state + (run.why ? `: ${run.why}` : ""), run.collapsed && `collapsed: ${run.collapsed}`, ...run.notes].filter(Boolean).join("\n");
      facts.replaceChildren(
        ...rows("Training", [["epochs", `${run.epoch} of ${run.epochs || "?"}`], ["steps", `${run.step} of ${run.steps || "?"}`], ["seconds", figure(run.seconds)], ["last event", run.last ? new Date(run.last).toLocaleString() : "none"]]),
        ...rows("Figures", Object.entries(run.figures).map(([k, v]) => [quantities[k]?.name || k, written(v, quantities[k])])),
        ...rows("Settings", Object.entries(run.settings)));
      if (!root.open) root.showModal();
    },
  };
}
