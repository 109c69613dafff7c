// The samples of a bar, of a cell, or those of the least gaps: their pictures, page by page.
import { count, element, figure } from "../../kit/dom.js";
import { saveButtons, saveCSV } from "../../kit/save.js";
import { listed } from "./numbers.js";

const perPage = 24;

// list returns {root, show({frame, list, page, chosen, set})}; go(change) changes the address, pictures gives a sample's.
export function list({ go, pictures, name }) {
  const title = element("h2"), items = element("ul", { class: "shots" }), where = element("span", { class: "quiet" });
  const turn = (by, text, label) => element("button", { type: "button", class: "small", "aria-label": label, onclick: () => go({ page: now.page + by || null }) }, text);
  const before = turn(-1, "‹", "The page before"), after = turn(1, "›", "The next page");
  const kinds = element("span", { class: "row" }, ...[["least", "least gaps"], ["wrong", "wrong"]].map(([key, text]) => element("button", { type: "button", class: "small", "data-list": key, onclick: () => go({ list: key === "least" ? null : key, page: null }) }, text)));
  const saves = saveButtons("the samples", { CSV: () => saveCSV(name() + "-samples.csv", ["sample", "label", "answer", "correct", "offending", "gap"], now.some.map((i) => {
    const f = now.frame;
    return [f.samples[i], f.names[f.labels[i]], f.names[f.answers[i]], f.correct[i], f.offending[i], f.gap[i]];
  })) });
  const root = element("section", { class: "panel", "aria-label": "Samples" },
    element("div", { class: "row head" }, title, kinds, saves), items, element("div", { class: "row pager" }, before, where, after));
  let now = null, shown = "";

  return {
    root,
    show({ frame, list: name, page, chosen, set, pictured }) {
      const { title: words, some } = listed(frame, name, figure), pages = Math.max(1, Math.ceil(some.length / perPage)), at = Math.min(Math.max(0, page), pages - 1);
      now = { frame, some, page: at };
      const seen = some.slice(at * perPage, (at + 1) * perPage), key = JSON.stringify([frame.set, frame.epoch, name, at, chosen, pictured, some.length, seen]);
      if (key === shown) return;
      shown = key;
      title.textContent = `${words}: ${name === "least" ? count(some.length, "sample") : some.length}`;
      for (const b of kinds.children) b.setAttribute("aria-pressed", b.dataset.list === name);
      const focused = root.contains(document.activeElement) ? document.activeElement.dataset.sample : null;
      items.replaceChildren(...seen.map((i) => {
        const label = frame.names[frame.labels[i]], answer = frame.names[frame.answers[i]] ?? "none", right = frame.right[i];
        return element("li", {}, element("button", {
          type: "button", class: "shot " + (right ? "right" : "wrong"), "data-sample": frame.samples[i], "aria-pressed": i === chosen ? "true" : "false",
          "aria-label": `Sample ${frame.samples[i]}, label ${label}, answer ${answer}, gap ${figure(frame.gap[i])}`, onclick: () => go({ sample: frame.samples[i] }),
        }, pictures.of(set, frame.samples[i], label), element("b", {}, right ? label : `${label} → ${answer}`), element("span", { class: "quiet" }, figure(frame.gap[i]))));
      }));
      if (!seen.length) items.replaceChildren(element("li", { class: "quiet" }, "There are none after this epoch."));
      if (focused) items.querySelector(`[data-sample="${focused}"]`)?.focus();
      where.textContent = pages > 1 ? `page ${at + 1} of ${pages}` : "";
      before.hidden = after.hidden = pages < 2;
      before.disabled = at === 0;
      after.disabled = at === pages - 1;
    },
  };
}
