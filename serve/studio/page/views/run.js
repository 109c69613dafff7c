// One run: what it is, its curves, and the energies of its samples along training, moved by hand.
import { part } from "../kit/api.js";
import { element, figure } from "../kit/dom.js";
import * as curves from "./runs/curves.js";
import { confusion } from "./run/confusion.js";
import { head } from "./run/head.js";
import { histogram } from "./run/histogram.js";
import { list } from "./run/list.js";
import { between, finite, frameOf, padded, robust, union } from "./run/numbers.js";
import { pictures as picturesOf } from "./run/picture.js";
import { plane } from "./run/plane.js";
import { rest } from "./run/rest.js";
import { sample } from "./run/sample.js";

const lookEvery = 5000, lookSoon = 400; // milliseconds: where nothing is said, and after an event
const perFrame = 700, playMost = 15000, playLeast = 2500; // milliseconds of a play

export default {
  path: "run",
  title: "A run",
  style: "views/run.css",
  async mount(root, first, api) {
    let state = first, run = "", detail = null, frames = new Map(), shown = null, scales = null, along = 0, playing = 0, timer = 0, stream = null, stale = "", trained = "", pictured = 0, leaving = false, closed = false;
    const go = (change, options) => api.go(change, { replace: true, ...options });
    const told = element("p", { class: "quiet", role: "status" });
    const pictures = picturesOf(api, (why) => { told.textContent = why; pictured++; if (shown) beside(); });
    const name = () => run.replaceAll("/", "-");

    // The energies, and what is moved along them.
    const set = element("select", { "aria-label": "Samples", onchange: () => api.go({ set: set.value, epoch: null, sample: null, page: null, list: null }) });
    const up = element("select", { "aria-label": "Upwards", onchange: () => go({ y: up.value === "free" ? "free" : null }) }, element("option", { value: "offending" }, "E⁺ and E⁻"), element("option", { value: "free" }, "E⁺ and free energy"));
    const button = element("button", { type: "button", class: "main", onclick: () => play(!playing) }, "Play");
    const scrub = element("input", { type: "range", min: 0, step: 1, class: "scrub", "aria-label": "Epoch", oninput: () => { play(false); seek(Number(scrub.value)); } });
    const where = element("output", { class: "where" }), why = element("p", { class: "quiet" });
    const dot = (i) => {
      const f = shown, answer = f.names[f.answers[i]] ?? "none";
      return [pictures.of(f.set, f.samples[i], f.names[f.labels[i]]), element("div", {}, element("b", {}, `sample ${f.samples[i]}`), `: label ${f.names[f.labels[i]]}, answer ${answer}`), element("div", {}, `E⁺ ${figure(f.correct[i])}, E⁻ ${figure(f.offending[i])}, gap ${figure(f.gap[i])}`)];
    };
    const choose = (i) => go({ sample: shown.samples[i] });
    const press = (of) => go({ list: state.get("list") === of ? null : of, page: null });
    const dots = plane({ choose, tip: dot, name });
    const energies = histogram({
      title: "Energies", file: () => name() + "-energies", press, how: () => "Upwards E⁺ of the correct answer, downwards E⁻ of the most offending one. The less they overlap, the surer the model.",
      series: [{ key: "correct", name: "E⁺", class: "right" }, { key: "offending", name: "E⁻", class: "wrong", down: true }],
    });
    const gaps = histogram({
      title: "Gaps", file: () => name() + "-gaps", press, how: ({ margin }) => `E⁻ − E⁺. Left of the line at 0 the wrong answer has the lower energy${margin > 0 ? "; right of the dashed one the margin is kept" : ""}.`,
      series: [{ key: "gap", name: "a gap", class: "right" }, { key: "gap", part: "gap", name: "of them wrong", class: "wrong", only: (f, i) => !f.right[i] }],
      marks: ({ margin }) => [{ at: 0, class: "zero" }, ...margin > 0 ? [{ at: margin, class: "margin" }] : []],
    });
    const cells = confusion({ press, name }), samples = list({ go, pictures, name }), one = sample({ api, pictures, go, name });
    const moving = element("div", { class: "panel row scrubber" }, button, scrub, where, set, up, told);
    const grid = element("div", { class: "pictures" }, dots.root, element("div", { class: "histograms" }, energies.root, gaps.root), cells.root);
    const chosen = element("div", { class: "chosen" }, samples.root, one.root);
    const about = head(api, (on) => { leaving = on; clearTimeout(timer); if (!on) look(); }), chart = curves.panel(api), more = rest();
    const none = element("p", { class: "panel quiet", hidden: true });
    root.append(element("div", { class: "top" }, about.root, chart.root), none, moving, why, grid, chosen, more.root);

    const here = () => detail?.sets.find((s) => s.name === set.value && !s.why);
    const epochs = () => here()?.epochs.length ? here().epochs : [null];

    async function frame(i) {
      const epoch = epochs()[i], key = `${set.value}:${epoch}`;
      if (!frames.has(key)) {
        const asked = api.get(`/v1/studio/runs/${part(run)}/energies`, { set: set.value, epoch }).then(frameOf);
        frames.set(key, asked);
        asked.catch(() => frames.delete(key));
      }
      return frames.get(key);
    }

    // settle works out the axes, which all frames share: by the first, the middle and the last one.
    async function settle() {
      const last = epochs().length - 1, some = await Promise.all([...new Set([0, Math.floor(last / 2), last])].map(frame));
      const lists = some.map((f) => ({ correct: finite(f.correct), offending: finite(f.offending), free: finite(f.free), gap: finite(f.gap) }));
      const range = (...keys) => union(...lists.map((l) => robust(...keys.map((k) => l[k]))));
      let x = padded(range("correct"), 0.06);
      const axes = (key) => {
        let y = padded(range(key), 0.06);
        const both = union(x, y), wide = ([lo, hi]) => hi - lo;
        return wide(both) <= 4 * Math.min(wide(x), wide(y)) ? [both, both] : [x, y];
      };
      const margin = detail.margin ?? 0;
      scales = { offending: axes("offending"), free: axes("free"), energy: range("correct", "offending"), gap: union(range("gap"), [0, margin]), margin };
    }

    // at is where the address stands along the epochs: behind the last one where it names none, so that a running run is followed.
    function at() {
      const all = epochs(), i = all.indexOf(Number(state.get("epoch")));
      return state.query.has("epoch") && i >= 0 ? i : all.length - 1;
    }

    // draw shows what moves; beside what belongs to an epoch or a choice.
    function draw() {
      const common = { frame: shown, margin: scales.margin, list: state.get("list", "least") };
      const y = state.get("y") === "free" ? "free" : "offending";
      dots.show({ ...common, y, ranges: scales[y], chosen: place() });
      energies.show({ ...common, range: scales.energy, margin: 0 });
      gaps.show({ ...common, range: scales.gap });
    }
    const place = () => state.query.has("sample") ? shown.samples.indexOf(Number(state.get("sample"))) : -1;
    function beside() {
      const common = { frame: shown, list: state.get("list", "least") };
      cells.show(common);
      samples.show({ ...common, page: Number(state.get("page", "0")) || 0, chosen: place(), set: shown.set, pictured });
      one.show(run, { set: shown.set, epoch: shown.epoch, sample: place() < 0 ? null : shown.samples[place()], pictured }).catch(api.complain);
    }

    async function show(t) {
      along = t;
      const i = Math.min(epochs().length - 1, Math.floor(t)), [a, b] = await Promise.all([frame(i), t > i ? frame(i + 1) : null]);
      if (along !== t || closed) return;
      const epoch = shown?.epoch, was = shown?.set;
      shown = between(a, b, t - i);
      scrub.value = t;
      const wrong = shown.right.filter((r) => !r).length;
      where.textContent = `${set.value === "test" ? "at the end" : shown.epoch ? "after epoch " + shown.epoch : "before training"} · ${figure(100 * wrong / shown.n)} % wrong`;
      scrub.setAttribute("aria-valuetext", where.textContent);
      draw();
      if (!playing || epoch !== shown.epoch || was !== shown.set) beside();
    }

    // seek goes to an epoch; the last one is the address without an epoch.
    function seek(i) {
      go({ epoch: i === epochs().length - 1 ? null : epochs()[i] }, { quiet: true });
      state = { ...state, query: new URLSearchParams(location.hash.split("?")[1] || "") };
      state.get = (name, otherwise = "") => state.query.get(name) ?? otherwise;
      return show(i).catch(api.complain);
    }

    function play(on) {
      cancelAnimationFrame(playing);
      playing = 0;
      button.textContent = on ? "Pause" : "Play";
      if (!on) return;
      const last = epochs().length - 1, length = Math.min(playMost, Math.max(playLeast, perFrame * last));
      const from = along >= last ? 0 : along, begin = performance.now() - from / last * length;
      const next = async (now) => {
        const t = Math.min(last, Math.max(0, (now - begin) / length * last));
        await show(t).catch(api.complain);
        if (!playing || closed) return;
        if (t < last) { playing = requestAnimationFrame(next); return; }
        play(false);
        seek(last);
      };
      playing = requestAnimationFrame(next);
    }
    button.addEventListener("click", () => { if (!playing) seek(Math.round(along)); });

    // energiesShown shows the samples, where there are any.
    async function energiesShown() {
      const usable = detail.sets.filter((s) => !s.why);
      for (const part of [moving, grid, chosen]) part.hidden = !usable.length;
      why.textContent = detail.sets.map((s) => s.why).filter(Boolean).join(" ");
      none.hidden = usable.length > 0 || detail.runs[0].state === "running" && detail.terms?.all_answers;
      none.textContent = `The run's folder has no energies of single samples${detail.terms?.all_answers ? " yet" : ""}.`;
      if (!usable.length) return;
      const shownSet = usable.some((s) => s.name === state.get("set")) ? state.get("set") : usable[0].name;
      const named = { watched: (n) => `${n.toLocaleString("en")} samples after each epoch`, test: (n) => `${n.toLocaleString("en")} test samples at the end` };
      const options = JSON.stringify(usable.map((s) => [s.name, s.samples]));
      if (set.dataset.of !== options) {
        set.dataset.of = options;
        set.replaceChildren(...usable.map((s) => element("option", { value: s.name }, named[s.name](s.samples))));
      }
      set.value = shownSet;
      up.value = state.get("y") === "free" ? "free" : "offending";
      const last = epochs().length - 1;
      scrub.max = last;
      scrub.hidden = button.hidden = last < 1;
      if (!usable.some((s) => s.name === "watched")) why.textContent = "This run kept no energies along training: what is shown is of its test set, at the end.";
      const began = detail.runs[0].started, key = JSON.stringify([shownSet, epochs(), detail.margin, began, detail.runs[0].state]);
      if (stale !== key) {
        if (trained !== began) frames = new Map(); // another run of the same name
        frames.delete("test:null");
        [stale, trained] = [key, began];
        await settle();
      }
      pictures.ask(run);
      if (!playing) await show(at());
    }

    async function look() {
      clearTimeout(timer);
      if (leaving) return;
      const of = run;
      try {
        const answer = await api.get(`/v1/studio/runs/${part(of)}`);
        if (of !== run || closed || leaving) return;
        detail = answer;
        about.show(detail);
        chart.show(state, detail.runs, new Map([[run, 0]]), detail.curves, detail.quantities);
        more.show(detail);
        await energiesShown();
      } catch (err) {
        api.complain(err);
      }
      if (of === run && !closed && !leaving) timer = setTimeout(look, lookEvery);
    }
    let soon = 0;
    const heard = () => { if (!soon) soon = setTimeout(() => { soon = 0; look(); }, lookSoon); };

    async function open(next) {
      if (next === run) return;
      play(false);
      stream?.close();
      [run, detail, frames, shown, scales, stale] = [next, null, new Map(), null, null, ""];
      stream = api.events(`/v1/studio/runs/${part(run)}/events?from=end`, { message: heard, reset: heard });
      await look();
    }

    // named is the run of the address, or the one that was started last.
    async function named() {
      const asked = state.path.split("/").slice(1).join("/");
      if (asked) return asked;
      const { runs } = await api.get("/v1/studio/runs");
      return runs.reduce((last, r) => !last || (r.started || "") > (last.started || "") ? r : last, null)?.name || "";
    }

    async function update(next) {
      state = next;
      const asked = await named();
      if (!asked) {
        root.replaceChildren(element("p", { class: "panel" }, "There are no runs here yet; ", element("code", {}, "energo train digits"), " makes one."));
        return;
      }
      document.title = `${asked} · energo studio`;
      if (asked !== run) return open(asked);
      if (!detail) return;
      chart.show(state, detail.runs, new Map([[run, 0]]), detail.curves, detail.quantities);
      await energiesShown();
    }
    await update(first);
    return {
      update,
      close() {
        closed = true;
        play(false);
        clearTimeout(timer);
        clearTimeout(soon);
        for (const p of [dots, chart, pictures]) p.close();
      },
    };
  },
};
