// The runs of the folder: a table, their curves, and a sweep in parallel coordinates.
import { count, element } from "../kit/dom.js";
import { saveButtons, saveCSV } from "../kit/save.js";
import { sorted, table } from "../kit/table.js";
import { chosen, columnsOf, columnMenu } from "./runs/columns.js";
import * as curves from "./runs/curves.js";
import * as parallel from "./runs/parallel.js";
import * as trash from "./runs/trash.js";

const drawnFirst = 8, drawnMost = 100; // curves where nobody has chosen; at most

// matches tells whether each word of a search is somewhere in a run: its name, a tag, its note, or a setting as name=value.
function matches(run, words) {
  const text = [run.name, run.state, ...run.tags, run.note, ...Object.entries(run.settings).map(([k, v]) => `${k}=${v}`)].join("\n").toLowerCase();
  return words.every((w) => text.includes(w));
}

export default {
  path: "runs",
  title: "Runs",
  style: "views/runs.css",
  offline: true,
  mount(root, first, api) {
    const runs = new Map();
    let state = first, quantities = {}, kinds = { step: [], epoch: [] }, rows = [], columns = [], ready = false;

    // drawn are the names of the runs whose curves are drawn: those that were chosen, or the first of the table.
    const drawn = () => state.query.has("show") ? state.all("show").filter((n) => runs.has(n)) : rows.slice(0, drawnFirst).map((r) => r.name);
    const toggle = (name) => {
      const now = drawn(), next = now.includes(name) ? now.filter((n) => n !== name) : [...now, name].slice(-drawnMost);
      api.go({ show: next.length ? next : [""] }, { replace: true });
    };

    // A run keeps its colour as long as it is drawn: places are of all that are, the first free one is taken.
    const places = new Map();
    function place(names) {
      for (const name of places.keys()) if (!names.includes(name)) places.delete(name);
      const taken = new Set(places.values());
      for (const name of names) {
        if (places.has(name)) continue;
        let i = 0;
        while (taken.has(i)) i++;
        taken.add(i);
        places.set(name, i);
      }
    }

    const find = element("input", { type: "search", placeholder: "lr=0.01 hinge", "aria-label": "Search: words of names, tags, notes and settings", oninput: () => api.go({ find: find.value }, { replace: true }) });
    const only = element("select", { "aria-label": "State", onchange: () => api.go({ state: only.value }) },
      ...["", "running", "finished", "interrupted", "crashed"].map((s) => element("option", { value: s }, s || "every state")));
    const menu = columnMenu((keys) => api.go({ column: keys }, { replace: true }));
    const trashButton = element("button", { type: "button", hidden: Boolean(api.site), onclick: () => bin.open() }, "Trash");
    const empty = element("p", { class: "panel", hidden: true });
    const list = table({
      label: "Runs",
      sort: (key, down) => api.go({ sort: key, down: down ? 1 : null }),
      row: (r) => ({ "data-run": r.name }),
    });
    const saves = saveButtons("the table", { CSV: () => {
      const named = columns.filter((c) => !c.plain);
      saveCSV("runs.csv", named.map((c) => c.title), rows.map((r) => named.map((c) => c.value(r))));
    } });
    const chart = curves.panel(api), sweep = parallel.panel(api, toggle), bin = trash.make(api);
    root.append(
      element("div", { class: "row tools" }, find, only, menu.root, saves, trashButton), empty,
      element("div", { class: "runs-grid" }, list.root, chart.root, sweep.root), bin.root);

    function render() {
      if (!ready) return;
      const all = [...runs.values()], words = state.get("find").toLowerCase().split(/\s+/).filter(Boolean), inState = state.get("state");
      if (!performance.getEntriesByName("studio-runs").length) performance.mark("studio-runs"); // when there is something to see
      if (document.activeElement !== find) find.value = state.get("find");
      only.value = inState;
      const some = all.filter((r) => (!inState || r.state === inState) && matches(r, words));
      const known = columnsOf(all, quantities, { place: (name) => places.get(name), toggle, open: (r) => api.link({}, "run/" + r.name) });
      columns = chosen(known, state.all("column"));
      menu.show(known, columns);
      const key = state.get("sort", "started"), down = state.query.has("sort") ? state.get("down") === "1" : true;
      const by = known.find((c) => c.key === key) || known.find((c) => c.key === "started");
      rows = sorted(some, by.value, down);
      const names = drawn();
      place(names);
      list.show({ columns, rows, key: by.key, down });
      empty.hidden = all.length > 0;
      if (!all.length && api.site) empty.replaceChildren("This site was exported without runs.");
      else if (!all.length) empty.replaceChildren("There are no runs here yet; ", element("code", {}, "energo train digits"), " makes one. It is shown here when it begins.");
      const going = all.filter((r) => r.state === "running").length;
      api.say(`${some.length === all.length ? count(all.length, "run") : `${some.length} of ${count(all.length, "run")}`}${api.site ? `, as they were on ${api.site.day}` : going ? `, ${going} under way` : ""}`);
      chart.show(state, names.map((n) => runs.get(n)), places, kinds, quantities);
      sweep.show(state, rows, names, quantities);
    }

    function take({ list: answer, gone }, all) {
      if (all) runs.clear();
      for (const name of gone) runs.delete(name);
      for (const r of answer.runs) runs.set(r.name, r);
      quantities = all ? answer.quantities : { ...quantities, ...answer.quantities };
      kinds = answer.curves;
      ready = true;
      render();
    }
    const lost = (ended) => { if (ended) api.complain(new Error("The server does not answer any more. Load the page again when it runs.")); };
    api.events("/v1/studio/changes", { runs: (x) => take(x, true), changed: (x) => take(x, false) }, lost);
    return {
      update(next) { state = next; render(); },
      close() { chart.close(); sweep.close(); },
    };
  },
};
