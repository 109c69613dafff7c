// Train here: a small surface that is trained while it is looked at, alone or two in lockstep.
import { element } from "../kit/dom.js";
import { scenes } from "../kit/scenes.js";
import { slider } from "../kit/slider.js";
import { pane } from "./lesson/pane.js";

const speeds = { "1 step": 1, "10 steps": 10, "100 steps": 100 }, budget = 60; // of a turn; milliseconds

// scenes are figures of the lecture, and what it says of them: what each sets. One that mends continues from the surface that there is.
const collapsing = 0.014; // R(W) that has two branches flat after a thousand steps, and not beyond cure soon
const answers = (more) => ({ set: "parabola", ...more, play: 1 });
const sceneList = [
  { title: "Figure 4: hinge", to: answers({ energy: "codes", f: "hinge" }) },
  { title: "Figure 5: log", to: answers({ energy: "codes", f: "log" }) },
  { title: "Figure 6: energy loss, one branch", to: answers({ energy: "output", f: "energy" }) },
  { title: "Figure 6: energy loss, two branches, which collapse", to: answers({ energy: "codes", f: "energy", decay: collapsing }) },
  { title: "The cure: negative log-likelihood", to: answers({ energy: "codes", f: "nll" }), mends: true },
  { title: "Square-square, from the beginning", to: answers({ energy: "codes", f: "square_square" }) },
  { title: "Collapse beside cure", to: answers({ energy: "codes", f: "energy", with: "nll", decay: collapsing }) },
  { title: "A density by its partition function", to: { set: "gaussians", f: "nll", play: 1 } },
  { title: "A density by contrastive divergence", to: { set: "rings", f: "cd", play: 1 } },
];

export default {
  path: "lesson",
  title: "Train here",
  style: "views/lesson.css",
  offline: true,
  async mount(root, first, api) {
    const offered = await api.get("v1/studio/lessons");
    const isAnswers = (set) => offered.answers.includes(set);
    let state = first, playing = false, busy = Promise.resolve(), ended = false, anew = false;

    // The settings of a pane follow from the address: those of the first, or of the one beside it.
    function settingsOf(state, beside) {
      const set = state.get("set", "parabola"), s = structuredClone(offered.default[set] || offered.default.parabola), at = beside ? "2" : "";
      const name = beside ? state.get("with") : state.get("f", isAnswers(set) ? "nll" : "nll");
      if (isAnswers(s.set)) {
        const f = offered.functionals.find((f) => f.name === name) || offered.functionals.find((f) => f.name === "nll");
        Object.assign(s, { energy: state.get("energy", "codes"), functional: f.name });
        for (const key of ["margin", "beta", "ball"]) {
          delete s[key];
          if (f.takes[key]) s[key] = Number(state.get(key + at, f.takes[key]));
        }
      } else s.objective = offered.objectives.includes(name) ? name : "nll";
      for (const key of ["rate", "decay", "batch", "seed"]) if (state.query.has(key)) s[key] = Number(state.get(key));
      if (s.set === "pairs" || s.set === "points") s.points = pointsOf(state);
      return s;
    }
    const pointsOf = (state) => {
      const own = state.get("points").split(";").filter(Boolean).map((p) => p.split(",").map(Number)).filter((p) => p.length === 2 && p.every(Number.isFinite));
      return own.length ? own : isAnswers(state.get("set")) ? [[0, 0.5]] : [[0, 0]];
    };
    const drawsOwn = () => ["pairs", "points"].includes(state.get("set")) && state.get("tool", "draw") === "draw";
    const chainsBy = () => ({ sampler: state.get("sampler", "langevin"), size: Number(state.get("size", "0.01")), beta: Number(state.get("temper", "1")), seed: 1 });
    const side = () => Number(state.get("side", "64"));

    // after runs one thing behind the other, so that a lesson has one request at a time.
    const after = (act) => busy = busy.then(() => ended ? null : act()).catch(api.complain);

    function press(place) {
      if (drawsOwn()) {
        const points = [...state.query.has("points") ? pointsOf(state) : [], place.map((v) => Number(v.toFixed(3)))].map((p) => p.join(",")).join(";");
        return api.go({ points });
      }
      after(async () => {
        for (const p of panes) if (p.settings()) await p.start(place, chainsBy());
        plays(true);
      });
    }
    let panes = [pane({ name: "A", api, press })];

    const option = (value, text = value) => element("option", { value }, text);
    const choice = (label, name, options, otherwise, more = {}) => {
      const box = element("select", { "aria-label": label, onchange: () => api.go({ [name]: box.value, ...more }) }, ...options.map((o) => option(...[o].flat())));
      return { root: element("label", { class: "field" }, label, box), set: (state) => { box.value = state.get(name, otherwise); } };
    };
    const check = (label, name, otherwise) => {
      const box = element("input", { type: "checkbox", onchange: () => api.go({ [name]: box.checked ? 1 : 0 }) });
      return { root: element("label", { class: "field" }, box, label), set: (state) => { box.checked = state.get(name, otherwise) === "1"; }, on: () => box.checked };
    };
    const slide = (label, name, min, max, otherwise, log = true) => {
      const s = slider({ label, min, max, value: otherwise, log, moved: (v) => api.go({ [name]: Number(v.toPrecision(3)) }, { replace: true }) });
      return { root: s.root, set: (state) => s.set(Number(state.get(name, otherwise))) };
    };

    const clear = { points: null, f: null, with: null, margin: null, beta: null, ball: null, margin2: null, beta2: null, ball2: null, rate: null, decay: null, batch: null };
    const set = choice("Set", "set", [...offered.answers, ...offered.densities], "parabola", clear);
    const energy = choice("Energy", "energy", [["output", "|G(x) − y|"], ["codes", "‖G₁(x) − G₂(y)‖₁"]], "codes");
    const loss = choice("Loss", "f", [], "nll", { margin: null, beta: null, ball: null });
    const beside = choice("Beside it", "with", [], "", { margin2: null, beta2: null, ball2: null });
    const knobs = {
      margin: slide("margin", "margin", 0.01, 10, 1), beta: slide("β", "beta", 0.05, 50, 1), ball: slide("ball", "ball", 0.01, 1, 0.3),
      rate: slide("step size", "rate", 1e-4, 1, 0.05), decay: slide("R(W)", "decay", 1e-5, 0.1, 0.002),
    };
    const seed = element("input", { type: "number", min: 0, max: 1e9, step: 1, "aria-label": "Seed", onchange: () => api.go({ seed: seed.value }) });
    const go = element("button", { type: "button", class: "main", onclick: () => plays(!playing) }, "Train");
    const one = element("button", { type: "button", onclick: () => after(() => round(steps(), 0)) }, "Step");
    const again = element("button", { type: "button", onclick: () => after(restart) }, "Start again");
    const speed = choice("Speed", "speed", Object.entries(speeds).map(([text, n]) => [n, text]), "10"), steps = () => Number(speed.root.querySelector("select").value);
    const solid = check("3-D", "solid", "0"), density = check("density", "density", "0"), push = check("∂L/∂E", "push", "1"), data = check("data", "data", "1"), lowest = check("lowest answers", "lowest", "1");
    const temper = slide("β of exp(−βE)", "temper", 0.1, 100, 1);
    const sampler = choice("Chains", "sampler", offered.samplers, "langevin"), size = slide("their step", "size", 1e-4, 1, 0.01);
    const tool = choice("A click", "tool", [["draw", "draws a point"], ["chains", "starts chains"]], "draw");
    const fewer = element("button", { type: "button", onclick: () => api.go({ points: null }) }, "No points");
    const still = element("button", { type: "button", onclick: () => after(() => Promise.all(panes.filter((p) => p.settings()).map((p) => p.turn({ stop: true })))) }, "End the chains");
    const formula = element("p", { class: "quiet formula" });
    const holder = element("div", { class: "panes" });
    const scene = scenes("Of the lecture", sceneList, { clear: { ...clear, energy: null, seed: null }, chosen: (s) => { anew = !s.mends; } });
    root.append(scene.root,
      element("div", { class: "row run" }, go, one, again, speed.root, solid.root, push.root, data.root, lowest.root, density.root, temper.root),
      holder,
      element("div", { class: "side" },
        element("div", { class: "panel controls" }, set.root, energy.root, loss.root, formula, ...Object.values(knobs).map((k) => k.root), element("label", { class: "field" }, "seed", seed), beside.root),
        element("div", { class: "panel controls" }, sampler.root, size.root, tool.root, element("div", { class: "row" }, still, fewer), element("span", { class: "quiet" }, "Click the plane to start chains there."))));

    async function restart() {
      for (const [i, p] of panes.entries()) {
        await p.open(settingsOf(state, i === 1));
        await p.turn({ side: side() });
      }
    }

    // round trains all panes, in lockstep: the second takes as many steps as the first had time for. millis 0 is time for all.
    async function round(steps, millis) {
      if (!panes[0].settings()) return;
      const moving = playing ? 4 : 1;
      const first = panes[0], before = first.step(), one = await first.turn({ steps, millis, side: side(), moves: moving });
      for (const p of panes.slice(1)) if (p.settings()) await p.turn({ steps: Math.max(0, one.step - before), side: side(), moves: moving });
      if (one.fault) plays(false);
    }

    // plays trains or pauses, which the address says.
    const plays = (on) => api.go({ play: on ? 1 : null }, { replace: true });

    function play(on) {
      go.textContent = on ? "Pause" : "Train";
      if (on === playing) return;
      playing = on;
      const next = () => {
        if (!playing || ended) return;
        after(() => round(steps(), budget)).then(() => requestAnimationFrame(next));
      };
      next();
    }

    const options = () => ({ solid: solid.on(), density: density.on(), beta: Number(state.get("temper", "1")), push: push.on(), data: data.on(), lowest: lowest.on() });

    // controls shows those that the settings have.
    function controls() {
      const answers = isAnswers(state.get("set", "parabola")), s = settingsOf(state, false), names = answers ? offered.functionals.map((f) => f.name) : offered.objectives;
      for (const [c, more] of [[loss, []], [beside, [["", "nothing"]]]]) c.root.querySelector("select").replaceChildren(...[...more, ...names].map((o) => option(...[o].flat())));
      energy.root.hidden = !answers;
      for (const key of ["margin", "beta", "ball"]) knobs[key].root.hidden = !s[key];
      const own = s.set === "pairs" || s.set === "points";
      tool.root.hidden = fewer.hidden = !own;
      for (const c of [set, energy, loss, beside, ...Object.values(knobs), speed, solid, density, push, data, lowest, temper, sampler, size, tool]) c.set(state);
      knobs.rate.set({ get: () => s.rate });
      knobs.decay.set({ get: () => s.decay || 1e-5 });
      for (const key of ["margin", "beta", "ball"]) if (s[key]) knobs[key].set({ get: () => s[key] });
      temper.root.hidden = !density.on() && !state.query.has("sampler");
      seed.value = s.seed;
      const f = offered.functionals.find((f) => f.name === s.functional);
      formula.textContent = f ? `${f.name}: L = ${f.formula}` : "";
    }

    // same tells whether a lesson can go over to other settings.
    const same = (a, b) => a && a.energy === b.energy && a.seed === b.seed && isAnswers(a.set) === isAnswers(b.set);

    async function update(next) {
      const chains = JSON.stringify(chainsBy());
      state = next;
      controls();
      scene.show();
      const due = state.get("with") ? 2 : 1, fresh = panes.length !== due || anew;
      anew = false;
      while (panes.length > due) panes.pop().close();
      while (panes.length < due) panes.push(pane({ name: "B", api, press }));
      holder.replaceChildren(...panes.map((p) => p.root));
      for (const p of panes) p.show(options());
      await after(async () => {
        if (fresh || !same(panes[0].settings(), settingsOf(state, false))) return restart();
        for (const [i, p] of panes.entries()) {
          const settings = settingsOf(state, i === 1);
          if (JSON.stringify(settings) !== JSON.stringify(p.settings())) await p.change(settings, side());
          if (chains !== JSON.stringify(chainsBy())) await p.turn({ chains: chainsBy() });
        }
      });
      play(state.get("play") === "1");
    }
    await update(first);
    return { update, close() { ended = true; playing = false; for (const p of panes) p.close(); } };
  },
};
