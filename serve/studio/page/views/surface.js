// The surface of a run over its training, also while it is trained, alone or beside another in lockstep.
import { address } from "../kit/api.js";
import { element } from "../kit/dom.js";
import { slider } from "../kit/slider.js";
import { pane } from "./surface/pane.js";

const length = 6000; // of a play; milliseconds

export default {
  path: "surface",
  title: "Surface",
  style: "views/surface.css",
  offline: true,
  async mount(root, first, api) {
    let { runs } = await api.get("v1/studio/surfaces");
    let state = first, at = first.get("at"), playing = 0, ended = false, stream = null, followed = "";
    const option = (value, text = value) => element("option", { value }, text);
    const choice = (label, name, options, more = {}) => {
      const box = element("select", { "aria-label": label, onchange: () => api.go({ [name]: box.value, ...more }) }, ...options);
      return { box, root: element("label", { class: "field" }, label, box) };
    };
    const check = (label, name, otherwise) => {
      const box = element("input", { type: "checkbox", onchange: () => api.go({ [name]: box.checked ? 1 : 0 }) });
      return { root: element("label", { class: "field" }, box, label), set: (state) => { box.checked = state.get(name, otherwise) === "1"; }, on: () => box.checked };
    };
    const run = choice("Run", "run", [], { film: null, at: null }), beside = choice("Beside it", "with", []);
    const film = choice("Surface", "film", []);
    const sampler = choice("Chains", "sampler", ["langevin", "mala", "hmc", "descent"].map((s) => option(s)));
    const solid = check("3-D", "solid", "0"), density = check("density", "density", "0"), push = check("∂L/∂E", "push", "1"), data = check("data", "data", "1"), lowest = check("answers and draws", "lowest", "1");
    const beta = slider({ label: "β of exp(−βE)", min: 0.1, max: 100, log: true, value: 1, moved: (v) => api.go({ beta: Number(v.toPrecision(3)) }, { replace: true }) });
    const size = slider({ label: "their step", min: 1e-4, max: 1, log: true, value: 0.01, moved: (v) => api.go({ size: Number(v.toPrecision(3)) }, { replace: true }) });
    const scrub = element("input", { type: "range", min: 0, max: 1000, value: 1000, class: "scrub", "aria-label": "Along training", oninput: () => { play(false); along(Number(scrub.value) / 1000).catch(api.complain); } });
    const reached = element("div", { class: "reached" });
    const go = element("button", { type: "button", class: "main", onclick: () => play(!playing) }, "Play");
    const newest = element("button", { type: "button", class: "newest", title: "Follow the newest frame", onclick: () => { play(false); along(1).catch(api.complain); } }, "Live");
    const holder = element("div", { class: "panes" });
    const none = element("p", { class: "panel" }, "No run of this folder has surfaces yet. energo train parabola, toy2d, generate and jem record them; they appear here while such a run is trained. ",
      element("a", { href: "#/lesson" }, "Train here"), " trains a small one in this page.");
    const controls = element("div", { class: "controls" },
      element("div", { class: "panel row" }, run.root, film.root, beside.root, solid.root, push.root, data.root, lowest.root, density.root, beta.root),
      element("div", { class: "row" }, go, element("div", { class: "along" }, scrub, reached), newest),
      element("div", { class: "row" }, sampler.root, size.root, element("span", { class: "quiet" }, "Click the plane to start chains there.")), holder);
    root.append(none, controls);
    const chainsBy = () => ({ sampler: state.get("sampler", "langevin"), size: Number(state.get("size", "0.01")), beta: Number(state.get("beta", "1")), seed: 1 });
    const press = (place) => { for (const p of panes) p.start(place, chainsBy()).catch(api.complain); };
    let panes = [pane({ name: "A", api, press })];

    const options = () => ({ solid: solid.on(), density: density.on(), beta: Number(state.get("beta", "1")), push: push.on(), data: data.on(), lowest: lowest.on() });
    // reach is as far as all panes are: in lockstep the slower run leads.
    const reach = () => Math.min(...panes.map((p) => p.reach()));
    // place is what is shown, a part of training: the newest frame where the address has none.
    const place = () => Math.min(reach(), Math.max(0, at === "" ? 1 : Number(at) || 0));

    async function show() {
      if (!playing) scrub.value = 1000 * place();
      const live = panes.some((p) => p.live());
      newest.hidden = !live;
      newest.setAttribute("aria-pressed", String(live && at === ""));
      reached.style.width = 100 * reach() + "%";
      reached.hidden = !live;
      await Promise.all(panes.map((p) => p.show(place(), options())));
      push.root.hidden = !panes.some((p) => p.hasPushes());
    }

    // along goes to a part of training. At the newest frame, it stays there when others come.
    async function along(t) {
      const step = 0.5 / Math.max(1, Math.max(...panes.map((p) => p.of())) - 1);
      at = t >= reach() - step ? "" : String(Number(t.toFixed(4)));
      api.go({ at }, { replace: true, quiet: true });
      await show();
    }

    function play(on) {
      cancelAnimationFrame(playing);
      playing = 0;
      go.textContent = on ? "Pause" : "Play";
      if (!on) return;
      const from = place() < reach() ? place() : 0, begin = performance.now() - from * length;
      const next = async (now) => {
        const t = Math.min(reach(), Math.max(0, (now - begin) / length));
        scrub.value = 1000 * t;
        await along(t).catch(api.complain);
        if (!playing || ended) return;
        if (t < reach()) playing = requestAnimationFrame(next); else play(false);
      };
      playing = requestAnimationFrame(next);
    }

    // follow listens to how the films of the shown runs grow, and which runs have some.
    function follow(names) {
      const path = address("v1/studio/changes/surfaces", { run: names });
      if (path === followed) return;
      stream?.close();
      followed = path;
      stream = api.events(path, {
        runs: (told) => {
          if (told.runs.join("\n") === runs.join("\n")) return;
          ({ runs } = told);
          update(state).catch(api.complain);
        },
        films: (told) => {
          const anew = panes.map((p) => p.grown(told)).some(Boolean);
          (anew ? update(state) : show()).catch(api.complain);
        },
      });
    }

    async function update(now) {
      if (now !== state) at = now.get("at");
      state = now;
      const chosen = state.get("run") || runs[0] || "", other = state.get("with");
      none.hidden = chosen !== "";
      controls.hidden = chosen === "";
      follow([...new Set([chosen, other])].filter(Boolean));
      if (!chosen) return;
      const known = [...new Set([...runs, chosen, ...other ? [other] : []])];
      run.box.replaceChildren(...known.map((r) => option(r)));
      beside.box.replaceChildren(option("", "nothing"), ...known.map((r) => option(r)));
      run.box.value = chosen;
      beside.box.value = other;
      for (const c of [solid, density, push, data, lowest]) c.set(state);
      sampler.box.value = state.get("sampler", "langevin");
      beta.set(Number(state.get("beta", "1")));
      size.set(Number(state.get("size", "0.01")));
      while (panes.length > (other ? 2 : 1)) panes.pop().close();
      if (other && panes.length < 2) panes.push(pane({ name: "B", api, press }));
      holder.replaceChildren(...panes.map((p) => p.root));
      await Promise.all([panes[0].open(chosen, state.get("film"), runs.includes(chosen)), panes[1]?.open(other, state.get("film"), runs.includes(other))]);
      const films = panes[0].films();
      film.box.replaceChildren(...films.map((f) => option(f)));
      film.box.value = films.includes(state.get("film")) ? state.get("film") : films[0] ?? "";
      film.root.hidden = films.length < 2;
      await show();
    }
    await update(first);
    return { update, close() { ended = true; play(false); stream?.close(); for (const p of panes) p.close(); } };
  },
};
