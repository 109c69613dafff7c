// The surface of a run over its training, alone or beside another in lockstep.
import { element } from "../kit/dom.js";
import { slider } from "../kit/slider.js";
import { pane } from "./surface/pane.js";

const length = 6000; // of a play; milliseconds

export default {
  path: "surface",
  title: "Surface",
  style: "views/surface.css",
  async mount(root, first, api) {
    const { runs } = await api.get("v1/studio/surfaces");
    if (!runs.length) {
      root.append(element("p", { class: "panel" }, "No run of this folder has surfaces yet. energo train parabola, toy2d, generate and jem record them, and write them when they end; ",
        element("a", { href: "#/lesson" }, "Train here"), " shows one while it is trained."));
      return {};
    }
    let state = first, playing = 0, ended = false;
    const option = (value, text = value) => element("option", { value }, text);
    const choice = (label, name, options, more = {}) => {
      const box = element("select", { "aria-label": label, onchange: () => api.go({ [name]: box.value, ...more }) }, ...options);
      return { box, root: element("label", { class: "field" }, label, box) };
    };
    const check = (label, name, otherwise) => {
      const box = element("input", { type: "checkbox", onchange: () => api.go({ [name]: box.checked ? 1 : 0 }) });
      return { root: element("label", { class: "field" }, box, label), set: (state) => { box.checked = state.get(name, otherwise) === "1"; }, on: () => box.checked };
    };
    const run = choice("Run", "run", runs.map((r) => option(r)), { film: null, at: null }), beside = choice("Beside it", "with", [option("", "nothing"), ...runs.map((r) => option(r))]);
    const film = choice("Surface", "film", []);
    const sampler = choice("Chains", "sampler", ["langevin", "mala", "hmc", "descent"].map((s) => option(s)));
    const solid = check("3-D", "solid", "0"), density = check("density", "density", "0"), data = check("data", "data", "1"), lowest = check("answers and draws", "lowest", "1");
    const beta = slider({ label: "β of exp(−βE)", min: 0.1, max: 100, log: true, value: 1, moved: (v) => api.go({ beta: Number(v.toPrecision(3)) }, { replace: true }) });
    const size = slider({ label: "their step", min: 1e-4, max: 1, log: true, value: 0.01, moved: (v) => api.go({ size: Number(v.toPrecision(3)) }, { replace: true }) });
    const scrub = element("input", { type: "range", min: 0, max: 1000, value: 1000, class: "scrub", "aria-label": "Along training", oninput: () => { play(false); along(Number(scrub.value) / 1000); } });
    const go = element("button", { type: "button", class: "main", onclick: () => play(!playing) }, "Play");
    const holder = element("div", { class: "panes" });
    root.append(
      element("div", { class: "panel row" }, run.root, film.root, beside.root, solid.root, data.root, lowest.root, density.root, beta.root),
      element("div", { class: "row" }, go, scrub),
      element("div", { class: "row" }, sampler.root, size.root, element("span", { class: "quiet" }, "Click the plane to start chains there.")), holder);
    const chainsBy = () => ({ sampler: state.get("sampler", "langevin"), size: Number(state.get("size", "0.01")), beta: Number(state.get("beta", "1")), seed: 1 });
    const press = (place) => { for (const p of panes) p.start(place, chainsBy()).catch(api.complain); };
    let panes = [pane({ name: "A", api, press })];

    const options = () => ({ solid: solid.on(), density: density.on(), beta: Number(state.get("beta", "1")), data: data.on(), lowest: lowest.on() });
    const place = () => Math.min(1, Math.max(0, Number(state.get("at", "1")) || 0));
    const show = () => Promise.all(panes.map((p) => p.show(place(), options()))).catch(api.complain);
    function along(t) {
      api.go({ at: Number(t.toFixed(4)) }, { replace: true, quiet: true });
      state = { ...state, get: (name, otherwise = "") => name === "at" ? String(t) : first.get.call(null, name, otherwise) };
      return show();
    }

    function play(on) {
      cancelAnimationFrame(playing);
      playing = 0;
      go.textContent = on ? "Pause" : "Play";
      if (!on) return;
      const begin = performance.now() - (place() < 1 ? place() : 0) * length;
      const next = async (now) => {
        const t = Math.min(1, Math.max(0, (now - begin) / length));
        scrub.value = 1000 * t;
        await along(t);
        if (!playing || ended) return;
        if (t < 1) playing = requestAnimationFrame(next); else play(false);
      };
      playing = requestAnimationFrame(next);
    }

    async function update(now) {
      state = first = now;
      const chosen = runs.includes(state.get("run")) ? state.get("run") : runs[0], other = runs.includes(state.get("with")) ? state.get("with") : "";
      run.box.value = chosen;
      beside.box.value = other;
      for (const c of [solid, density, data, lowest]) c.set(state);
      sampler.box.value = state.get("sampler", "langevin");
      beta.set(Number(state.get("beta", "1")));
      size.set(Number(state.get("size", "0.01")));
      if (!playing) scrub.value = 1000 * place();
      while (panes.length > (other ? 2 : 1)) panes.pop().close();
      if (other && panes.length < 2) panes.push(pane({ name: "B", api, press }));
      holder.replaceChildren(...panes.map((p) => p.root));
      await panes[0].open(chosen, state.get("film"));
      if (other) await panes[1].open(other, state.get("film"));
      film.box.replaceChildren(...panes[0].films().map((f) => option(f)));
      film.box.value = state.get("film", panes[0].films()[0]);
      film.root.hidden = panes[0].films().length < 2;
      await show();
    }
    await update(first);
    return { update, close() { ended = true; play(false); for (const p of panes) p.close(); } };
  },
};
