// Draw a digit, see the energies that runs give it, and let chains draw on.
import { element } from "../kit/dom.js";
import { board } from "./draw/board.js";
import { chains } from "./draw/chains.js";
import { said } from "./draw/said.js";

const runsMost = 8, runsFirst = 2;

export default {
  path: "draw",
  title: "Draw",
  style: "views/draw.css",
  async mount(root, first, api) {
    const { runs } = await api.get("v1/studio/draw");
    if (!runs.length) {
      root.append(element("p", { class: "panel" }, "No finished run of this folder takes a drawing. energo train digits trains one that tells digits by their energies, energo train jem one that draws them, too; energo train generate and energo train rbm draw."));
      return {};
    }
    let state = first, cards = new Map(), busy = false, due = false, ended = false;

    // those are the runs that are shown: the ones of the address, or the first few that were trained in different ways.
    function those() {
      const named = state.all("run").map((name) => runs.find((r) => r.name === name)).filter(Boolean);
      if (named.length || state.query.has("run")) return named.slice(0, runsMost);
      const kinds = new Map(runs.filter((r) => r.tells).map((r) => [`${r.job} ${r.by}`, r]));
      return [...kinds.values(), ...runs].slice(0, Math.min(runsFirst, kinds.size || 1));
    }

    const drawing = board({ api, changed: () => ask() });
    const centre = element("input", { type: "checkbox", onchange: () => api.go({ centre: centre.checked ? null : 0 }) });
    const boxes = runs.map((r) => {
      const box = element("input", { type: "checkbox", value: r.name, onchange: () => {
        const on = boxes.map((b) => b.box).filter((b) => b.checked).map((b) => b.value);
        if (on.length > runsMost) {
          box.checked = false;
          return api.complain(new Error(`At most ${runsMost} runs are shown beside each other.`));
        }
        api.go({ run: on.length ? on : "-" });
      } });
      return { box, root: element("label", { class: "field" }, box, r.name, element("span", { class: "quiet" }, [r.job, r.by].filter(Boolean).join(", "))) };
    });
    const holder = element("div", { class: "answers", "aria-live": "off" });
    const dreams = chains({ runs: runs.filter((r) => r.draws), api, picture: () => drawing.picture(centre.checked), put: drawing.put });
    root.append(
      element("div", { class: "top" }, drawing.root,
        element("div", { class: "right" },
          element("div", { class: "panel" },
            element("div", { class: "row" },
              element("details", { class: "runs", open: runs.length < 7 }, element("summary", {}, "Runs beside each other"), element("div", { class: "choices", tabindex: "0", role: "group", "aria-label": "Runs" }, ...boxes.map((b) => b.root)))),
            element("label", { class: "field", title: "The ink's box is scaled to 20 of 28 pixels, and the centre of its mass is in the middle, as the digits of MNIST are" }, centre, "Centred and scaled as MNIST's digits")),
          holder)),
      dreams.root);

    // ask asks what the runs say of the drawing: one request at a time, the last drawing always.
    async function ask() {
      if (busy || ended) {
        due = true;
        return;
      }
      const image = drawing.picture(centre.checked), shown = [...cards.keys()];
      dreams.drawn(image !== null);
      if (!image || !shown.length) {
        for (const c of cards.values()) c.blank();
        return;
      }
      busy = true;
      try {
        const { answers } = await api.post("v1/studio/draw/energies", { runs: shown, image });
        for (const a of answers) cards.get(a.run)?.show(a);
      } catch (err) {
        api.complain(err);
      }
      busy = false;
      if (due) {
        due = false;
        ask();
      }
    }

    function update(now) {
      state = now;
      const chosen = those(), before = cards;
      cards = new Map(chosen.map((r) => [r.name, before.get(r.name) || said(r)]));
      for (const [name, c] of before) if (!cards.has(name)) c.close();
      holder.replaceChildren(...[...cards.values()].map((c) => c.root));
      for (const b of boxes) b.box.checked = cards.has(b.box.value);
      centre.checked = state.get("centre", "1") === "1";
      dreams.show(state);
      drawing.show(state);
      return ask();
    }
    await update(first);
    return {
      update,
      close() {
        ended = true;
        for (const c of cards.values()) c.close();
        dreams.close();
      },
    };
  },
};
