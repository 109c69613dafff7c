// Losses: every loss and functional with its derivative, over energies, and as what it does to points.
import { part } from "../kit/api.js";
import { colour, element } from "../kit/dom.js";
import { scenes } from "../kit/scenes.js";
import { changed } from "../kit/theme.js";
import { card } from "./losses/card.js";
import { geometry } from "./losses/geometry.js";
import { graph } from "./losses/graph.js";
import { overview } from "./losses/overview.js";
import { surface } from "./losses/surface.js";

const most = 14; // losses at a time
// Points at first: the anchor of cosines is not at 0, where they have no direction.
const start = (row) => row.name.startsWith("triplet") ? [[0, 0], [1.4, 0.9], [0.9, -0.9]]
  : row.points.length === 4 ? [[1.4, 0.4], [0.7, 1.4], [-1.2, -0.6], [1.6, -0.4]] : [[1.4, 0.4], [0.7, 1.4], [1.6, -0.4]];
const dashes = [null, "9 3", "2 3"]; // tell apart those of the same colour

// figures are those of the lecture: what each sets. Those of sequences are in a view of their own.
const figures = (rows) => [
  { title: "Figure 1: triplet margin", to: { l: ["triplet"] } },
  { title: "Figure 2: CTC", to: {}, path: "ctc" },
  { title: "Figure 3: trellis", to: {}, path: "ctc" },
  { title: "Figure 4: hinge", to: { l: ["ebm.hinge"], along: "difference" } },
  { title: "Figure 5: log", to: { l: ["ebm.log"], along: "difference" } },
  { title: "Figure 6: the table of losses", to: { l: rows.filter((r) => r.functional && !r.name.endsWith("misprint")).map((r) => r.name), along: "difference", slope: "0", table: 1 } },
];
const comparisons = [
  { title: "Square-square, and its misprint", to: { l: ["ebm.square_square", "ebm.square_square_misprint"], along: "difference" } },
  { title: "Regression", to: { l: ["mse", "l1", "huber", "smooth_l1"] } },
  { title: "Contrastive", to: { l: ["contrastive"] } },
  { title: "N-pair", to: { l: ["n_pairs"] } },
  { title: "InfoNCE", to: { l: ["nt_xent;temperature=0.5"] } },
];
const clear = { l: null, on: null, along: null, slope: null, at: null, table: null };

// parse reads a loss of the address, NAME;OPTION=VALUE;…
function parse(text) {
  const [name, ...rest] = text.split(";");
  return { name, options: Object.fromEntries(rest.map((r) => r.split(/=(.*)/s).slice(0, 2)).filter((p) => p.length === 2)) };
}
const written = ({ name, options }) => [name, ...Object.entries(options).map((p) => p.join("="))].join(";");
const parameters = (options) => Object.entries(options).map((p) => p.join("="));

export default {
  path: "losses",
  title: "Losses",
  style: "views/losses.css",
  offline: true,
  async mount(root, first, api) {
    const [{ losses: rows }, { functionals: trained }] = await Promise.all([api.get("v1/studio/losses"), api.get("v1/studio/lessons")]);
    const byName = new Map(rows.map((r) => [r.name, r]));
    let state = first, cards = [], shown = "", turn = 0, lines = [], area = null, areaKind = "", busy = false, again = false, dragged = null; // the points of the address, where they are moved
    const known = (s) => { const all = s.all("l").map(parse).filter((l) => byName.has(l.name)).slice(0, most); return all.length ? all : [parse("ebm.hinge")]; };
    const focus = () => Math.min(known(state).length - 1, Math.max(0, Number(state.get("on", "0")) || 0));
    const places = (row) => {
      const own = (dragged || state.all("at")).map((p) => p.split(",").map(Number)).filter((p) => p.length === 2 && p.every(Number.isFinite));
      return own.length === row.points.length ? own : start(row);
    };
    const go = (all, more = {}, how = {}) => api.go({ l: all.map(written), ...more }, how);

    const lists = [scenes("Figures of the lecture", figures(rows), { clear }), scenes("Comparisons", comparisons, { clear })];
    const whole = overview(rows.filter((r) => r.functional), { trained: new Set(trained.map((f) => "ebm." + f.name)), choose: (name) => go([parse(name)], { ...clear, along: "difference" }), link: api.link });
    const chart = graph(), holder = element("div", { class: "area" }), deck = element("div", { class: "cards" }), left = element("div", { class: "left" }, chart.root, whole.root);
    const add = element("select", { "aria-label": "Add a loss", onchange: () => {
      const all = known(state);
      if (add.value && all.length < most) go([...all, parse(add.value)], { on: all.length });
      add.value = "";
    } }, element("option", { value: "" }, "Add a loss…"),
    ...[["Functionals", true], ["torch.nn and metric losses", false]].map(([label, of]) => element("optgroup", { label }, ...rows.filter((r) => r.functional === of).map((r) => element("option", { value: r.name }, r.name)))));
    const press = (name, off, title) => element("button", { type: "button", class: "small", onclick: () => api.go({ [name]: state.get(name) === off ? null : off }) }, title);
    const slope = press("slope", "0", "Derivatives"), along = press("along", "difference", "Along E⁺ − E⁻");
    root.append(...lists.map((l) => l.root), element("div", { class: "row" }, add, slope, along), element("div", { class: "pictures" }, left, holder), deck);

    // move asks for the points anew, one request at a time; the last place counts.
    function move(i, to) {
      const row = byName.get(known(state)[focus()].name), at = places(row).map((p, k) => (k === i ? to(p) : p).join(","));
      dragged = at;
      api.go({ at }, { replace: true, quiet: true });
      drawArea();
    }

    async function drawArea() {
      if (busy) { again = true; return; }
      busy = true;
      try {
        do {
          again = false;
          const one = known(state)[focus()], row = byName.get(one.name), kind = row.functional ? "plane" : row.points ? "points" : "";
          if (kind !== areaKind) {
            area?.close();
            area = kind === "plane" ? surface() : kind === "points" ? geometry({ moved: move }) : null;
            areaKind = kind;
            holder.replaceChildren(...area ? [area.root] : []);
          }
          holder.hidden = !area;
          if (!kind) break;
          const answer = await api.get(`v1/studio/losses/${part(row.name)}/${kind}`, { option: parameters(one.options), at: kind === "points" ? places(row).map((p) => p.join(",")) : null });
          area.show(row, answer);
          if (kind === "points") cards[focus()]?.told(answer);
        } while (again);
      } catch (err) {
        cards[focus()]?.failed(err.message);
        if (err.name === "AbortError") return;
      } finally {
        busy = false;
      }
      if (again) drawArea();
    }

    // drawCurves asks for the curves of all; a loss whose options are refused says so on its card.
    async function drawCurves(all) {
      const mine = ++turn, difference = state.get("along") === "difference";
      chart.root.setAttribute("aria-busy", "true"); // what is drawn is of other losses
      const answers = await Promise.all(all.map(async (l) => {
        const row = byName.get(l.name);
        try {
          return await api.get(`v1/studio/losses/${part(l.name)}/curves`, { option: parameters(l.options), along: difference && row.functional ? "difference" : "own" });
        } catch (err) { return err; }
      }));
      if (mine !== turn) return;
      lines = [];
      answers.forEach((a, i) => {
        if (a instanceof Error) return a.name === "AbortError" ? null : cards[i].failed(a.message);
        if (!byName.get(all[i].name).points || i !== focus()) cards[i].told(a);
        a.curves.forEach((c, k) => lines.push({ ...c, at: all.length > 1 ? i : k, dash: dashes[all.length > 1 ? (i > 7 ? 1 : k % 3) : 0], name: a.curves.length > 1 ? `${written(all[i])}, ${c.name}` : written(all[i]), marks: k ? [] : a.marks, argument: a.x }));
      });
      drawLines();
      chart.root.setAttribute("aria-busy", "false");
    }
    const drawLines = () => chart.show(lines.map((l) => ({ ...l, colour: colour(l.at) })), { slopes: state.get("slope") !== "0" });

    async function update(next) {
      state = next;
      dragged = null;
      await draw();
    }

    async function draw() {
      const all = known(state), names = all.map((l) => l.name).join(" ");
      if (names !== shown) {
        shown = names;
        cards = all.map((l, i) => card(byName.get(l.name), {
          say: api.say,
          change(name, v, sliding) {
            const now = known(state);
            if (v === null) delete now[i].options[name]; else now[i].options[name] = v;
            go(now, { on: i || null }, { replace: Boolean(sliding) });
          },
          remove() { go(known(state).filter((_, k) => k !== i), { on: null }); },
          reset() { go(known(state).map((l, k) => k === i ? parse(l.name) : l)); },
          choose() { api.go({ on: i }); },
        }));
        deck.replaceChildren(...cards.map((c) => c.root));
        if (all.length > 2) root.append(deck); else left.append(deck); // few of them stand beside the surface
      }
      all.forEach((l, i) => cards[i].show({ colour: colour(all.length > 1 ? i : 0), options: l.options, on: i === focus() }));
      slope.setAttribute("aria-pressed", state.get("slope") !== "0");
      along.setAttribute("aria-pressed", state.get("along") === "difference");
      for (const l of lists) l.show();
      whole.root.hidden = state.get("table") !== "1";
      whole.show(all.map((l, i) => [l.name, colour(i)]));
      along.hidden = !all.some((l) => byName.get(l.name).functional);
      await Promise.all([drawCurves(all), drawArea()]);
    }

    const recolour = () => draw().catch(api.complain);
    document.addEventListener(changed, recolour);
    await update(first);
    return { update, close() { document.removeEventListener(changed, recolour); chart.close(); area?.close(); } };
  },
};
