// Hear and read: what a recogniser of speech or of handwriting makes of a recording or a strip, and the trellis of a text in it.
import { part } from "../kit/api.js";
import { element } from "../kit/dom.js";
import { floats } from "../kit/grid.js";
import { saveButtons, saveCSV, savePNG } from "../kit/save.js";
import { slider } from "../kit/slider.js";
import { axis as newAxis } from "./hear/axis.js";
import { chart } from "./hear/chart.js";
import { features, intervals, nameOf, percent, posteriors, waveform } from "./hear/lanes.js";
import { decode, player as newPlayer } from "./hear/sound.js";
import { source } from "./hear/source.js";
import { texts } from "./hear/texts.js";
import { energies, trellis } from "./hear/trellis.js";

const textsMost = 6; // besides what was read

export default {
  path: "hear",
  title: "Hear and read",
  style: "views/hear.css",
  async mount(root, first, api) {
    const { recognisers, limits } = await api.get("v1/studio/hear");
    if (!recognisers.length) {
      root.append(element("p", { class: "panel" }, "No run of this folder reads speech or handwriting yet. energo train strips and energo train speech train what does; energo studio --model NAME=PATH names a model of another system."));
      return {};
    }
    const axis = newAxis();
    let state = first, name = "", heard = null, blob = null, sound = null, rows = [], chosen = 0, lane = null, shown = null, word = null, asked = 0, cell = null, kept = new Map(), zoomed = 0;

    const chooser = element("select", { "aria-label": "Recogniser", onchange: () => change(chooser.value) }, ...recognisers.map((r) => element("option", { value: r.name }, `${r.name} (${r.unit === "seconds" ? "speech" : "strips"})`)));
    const from = source({ area: root, limits, send, none: () => api.go({ heard: null, from: null, to: null }), complain: api.complain, chooser: element("label", { class: "field" }, "Recogniser", chooser) });
    const result = element("p", { class: "result", "aria-live": "polite" });
    const player = newPlayer({ moved: (at) => axis.point(at), ended: () => { play.textContent = "Play"; } });
    const play = element("button", { type: "button", class: "main", onclick: toggle }, "Play"), cursor = element("span", { class: "quiet cursor" });
    const zoom = (text, label, act) => element("button", { type: "button", class: "small", "aria-label": label, title: label, onclick: act }, text);
    const figure = chart({ label: "What was heard, along its length", axis, picked, key: steer, value: told });
    const file = () => `${name}-${rows[chosen]?.text || "text"}`.replaceAll("/", "-");
    const saves = saveButtons("what was heard", {
      PNG: () => savePNG(file() + ".png", figure.canvas),
      CSV: () => saveCSV(file() + ".csv", ["text", "word", "start", "end", "confidence", "likelihood", "log_prob"], rows.flatMap((r) => r.aligned?.words.map((w) => [r.text, w.text, w.start, w.end, w.confidence, w.likelihood, w.log_prob]) ?? [])),
    });
    const table = texts({ choose: (i) => api.go({ show: i }), hear: say, remove: (i) => api.go({ t: typed().filter((_, k) => k !== i - 1), show: null }) });
    const text = element("input", { type: "text", "aria-label": "Another text to be aligned", placeholder: "Another text", maxlength: limits.text });
    const another = element("form", { class: "another", onsubmit: (event) => { event.preventDefault(); add(); } }, text, element("button", {}, "Align"));
    const beta = slider({ label: "β", min: 0.05, max: 20, log: true, value: 1, moved: (v) => api.go({ beta: Math.abs(v - 1) < 0.03 ? null : Number(v.toPrecision(2)) }, { replace: true }) });
    const by = element("select", { "aria-label": "Shade", onchange: () => api.go({ by: by.value === "emission" ? "emission" : null }) }, element("option", { value: "occupancy" }, "occupancy in the sum over paths"), element("option", { value: "emission" }, "probability of the class"));
    const lattice = chart({ label: "Trellis of the text: states from top to bottom, frames from left to right. Arrows go from one to the next.", axis, picked: (there) => there && point(...there.cell), key: step });
    const cellTold = element("p", { class: "quiet told", role: "status" }), sums = element("dl", { class: "energies" }), missing = element("p", { class: "quiet" });
    const latticeSaves = saveButtons("the trellis", {
      PNG: () => savePNG(file() + "-trellis.png", lattice.canvas),
      CSV: () => lane && saveCSV(file() + "-trellis.csv", ["frame", axis.unit, "state", "class", "emission", "occupancy", "best path"], lane.rows()),
    });
    const along = element("section", { class: "panel", "aria-label": "What was heard" },
      element("div", { class: "row" }, element("div", { class: "row" }, play, zoom("+", "Zoom in", () => axis.zoom(0.5)), zoom("−", "Zoom out", () => axis.zoom(2)), zoom("All", "Show all", () => axis.show(0, axis.length)), cursor), saves), figure.root);
    const compared = element("section", { class: "panel", "aria-label": "Texts" }, another, table.root);
    const states = element("section", { class: "panel", "aria-label": "Trellis" },
      element("div", { class: "row" }, element("div", { class: "row" }, element("h2", {}, "Trellis"), beta.root, element("label", { class: "field" }, "shade", by)), latticeSaves), sums, missing, lattice.root, cellTold);
    const parts = [result, along, compared, states];
    const lead = element("p", { class: "quiet lead" });
    root.append(from.root, lead, ...parts);

    const unit = () => recognisers.find((r) => r.name === name)?.unit;
    const typed = () => state.all("t").filter(Boolean).slice(0, textsMost);
    axis.listen((what) => {
      if (what === "cursor") cursor.textContent = axis.cursor === null ? "" : told(axis.cursor);
      if (what !== "view" || !heard) return;
      clearTimeout(zoomed);
      zoomed = setTimeout(() => api.go(axis.whole() ? { from: null, to: null } : { from: axis.from.toFixed(3), to: axis.to.toFixed(3) }, { replace: true, quiet: true }), 200);
    });

    // send has the recogniser read a file, and shows what it reads; replace makes no new entry of the history.
    async function send(next, replace = false) {
      const mine = ++asked;
      api.say("Reading…");
      try {
        const got = await api.file("v1/studio/hear/" + part(name), next);
        if (mine !== asked) return;
        blob = next;
        await take(got);
        api.say(got.warning || "");
        api.go({ model: name, heard: got.id, show: null, from: null, to: null }, { replace });
      } catch (err) {
        if (mine === asked) api.complain(err);
      }
    }

    // change goes over to another recogniser, which reads the same.
    function change(next) {
      const again = blob || heard && sound && heard.wav;
      const same = recognisers.find((r) => r.name === next)?.unit === unit();
      name = next;
      if (same && again) return send(again);
      blob = null;
      api.go({ model: next, heard: null, t: null, show: null, from: null, to: null });
    }

    // take takes what the server says of a recording or a strip.
    async function take(got) {
      player.stop();
      if (got.unit === "seconds") {
        got.wav = await (await api.get(`v1/studio/heard/${part(got.id)}/sound`)).blob();
        sound = decode(await got.wav.arrayBuffer());
        player.load(sound);
      } else {
        sound = null;
      }
      heard = got;
      heard.values = floats(got.posteriors.values);
      [kept, lane, word, cell, shown] = [new Map(), null, null, null, null];
      axis.reset(got.length, got.unit);
    }

    function lanes() {
      const all = [], at = { frames: heard.frames, frame: heard.frame, offset: heard.offset };
      if (sound) all.push(waveform(sound.samples, sound.rate));
      all.push(features(heard.lines, heard.length, heard.unit), shown = posteriors({ classes: heard.posteriors.classes, values: heard.values, unit: heard.unit, ...at }));
      rows.forEach((r, i) => {
        if (!r.aligned) return;
        const timed = (name, of, tall) => intervals({ name, all: of, series: r.series, tall, chosen: () => word, label: (t) => tall ? t.text : nameOf(t.text) });
        all.push(timed(i ? `text ${i}` : "read", r.aligned.words, true));
        if (i === chosen) all.push(timed("tokens", r.aligned.tokens, false));
      });
      figure.show(all);
    }

    // told says what is at a place.
    function told(at) {
      const here = rows[chosen]?.aligned?.words.find((w) => at >= w.start && at < w.end), best = shown?.best(at, 2)?.top.filter((p) => p[1] > 0.01);
      return [axis.text(at), here?.text, best?.map(([name, p]) => `${nameOf(name)} ${percent(p)}`).join(", ")].filter(Boolean).join(" · ");
    }

    function toggle() {
      if (player.playing()) return player.stop();
      const begin = axis.cursor === null || axis.cursor > axis.length - 0.05 ? 0 : axis.cursor;
      run(begin, axis.length);
    }

    function run(begin, end) {
      player.play(begin, end).then(() => { play.textContent = "Stop"; }, api.complain);
    }

    // say plays a word, or marks it where there is no sound.
    function say(w) {
      word = w;
      axis.point(w.start);
      figure.draw();
      if (sound) run(w.start, w.end);
    }

    function picked(there, at) {
      if (there?.range) return say(there.range);
      player.stop();
      axis.point(at, false);
    }

    // steer moves the cursor by keys.
    function steer(event) {
      const words = rows[chosen]?.aligned?.words.filter((w) => w.end > w.start) || [], at = axis.cursor ?? 0, by = event.key === "ArrowRight" ? 1 : -1;
      if (event.key === " " && sound) toggle();
      else if (event.key === "Enter") { const w = words.find((w) => at >= w.start && at < w.end); if (w) say(w); }
      else if (event.key === "Home" || event.key === "End") axis.point(event.key === "Home" ? 0 : axis.length);
      else if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return false;
      else if (!event.shiftKey) axis.point(at + by * heard.frame);
      else axis.point(by > 0 ? words.find((w) => w.start > at + 1e-6)?.start ?? axis.length : words.findLast((w) => w.start < at - 1e-6)?.start ?? 0);
      return true;
    }

    // point says what a state is in a frame.
    function point(f, s) {
      cell = [f, s];
      axis.point(lane.time(f));
      cellTold.textContent = lane.tell(f, s).join("; ");
    }

    function step(event) {
      const move = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if (!move || !lane) return false;
      const [f, s] = cell || [0, 0];
      point(...cell ? [f + move[0], s + move[1]].map((v, i) => Math.min(lane.size[i] - 1, Math.max(0, v))) : [0, 0]);
      return true;
    }

    function add() {
      const t = text.value.trim();
      if (!t || !heard) return;
      text.value = "";
      api.go({ t: [...typed().filter((o) => o !== t), t].slice(-textsMost), show: null });
    }

    // aligned asks once for a text, or for what was read (null).
    function aligned(t, more = {}) {
      const key = JSON.stringify([t, more]);
      if (!kept.has(key)) kept.set(key, api.post(`v1/studio/heard/${part(heard.id)}/text`, { ...t === null ? {} : { text: t }, ...more }));
      return kept.get(key);
    }

    async function compare() {
      const of = heard;
      rows = [{ text: of.reading.text, read: true, series: 0, aligned: of.reading }, ...typed().map((t, i) => ({ text: t, series: i + 1 }))];
      await Promise.all(rows.slice(1).map(async (r) => {
        try {
          r.aligned = await aligned(r.text);
        } catch (err) {
          if (err.name === "AbortError") throw err;
          r.wrong = err.message;
        }
      }));
      if (of !== heard) return;
      const last = Math.max(0, rows.findLastIndex((r) => r.aligned));
      chosen = rows[Number(state.get("show", String(last)))]?.aligned ? Number(state.get("show", String(last))) : last;
      table.show(rows, chosen);
      lanes();
      await draw();
    }

    // draw draws the trellis of the chosen text.
    async function draw() {
      const of = heard, row = rows[chosen], b = Number(state.get("beta", "1")), how = state.get("by", "occupancy");
      beta.set(b);
      by.value = how;
      const got = await aligned(row.read ? null : row.text, { trellis: true, beta: b });
      if (of !== heard || row !== rows[chosen] || b !== Number(state.get("beta", "1"))) return;
      const t = got.trellis;
      missing.textContent = got.no_trellis || "";
      lattice.root.hidden = sums.hidden = cellTold.hidden = !t;
      if (!t) return;
      sums.replaceChildren(...energies(t).map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))));
      lane = trellis(t, { frames: heard.frames, frame: heard.frame, offset: heard.offset, by: how });
      if (cell && (cell[0] >= lane.size[0] || cell[1] >= lane.size[1])) cell = null;
      cellTold.textContent = cell ? lane.tell(...cell).join("; ") : "Shades are how much of the sum over paths is in a state in a frame; the line is the best path. Zoom in to see states and arcs one by one.";
      lattice.show([lane]);
    }

    async function update(next) {
      state = next;
      const due = state.get("heard");
      if (due && heard?.id !== due) {
        try {
          await take(await api.get("v1/studio/heard/" + part(due)));
        } catch (err) {
          if (err.name === "AbortError") return;
          heard = null;
          api.say("What was read is not kept any more; send it again.");
        }
      }
      if (!due) heard = null;
      name = heard?.recogniser || state.get("model");
      if (!unit()) name = recognisers[0].name;
      chooser.value = name;
      from.of(unit());
      for (const p of parts) p.hidden = !heard;
      lead.hidden = Boolean(heard);
      lead.textContent = (unit() === "seconds" ? "Record some words, or choose a recording. " : "Write on the paper, or choose a picture of a line. ")
        + "Below come what the recogniser looks at, the probabilities that it gives its tokens in each frame, the words with their places, and the trellis in which the alignments of a text are summed; other texts are aligned beside.";
      if (!heard) return player.load(null);
      play.hidden = !sound;
      result.replaceChildren(element("span", { class: "quiet" }, sound ? "It hears " : "It reads "), heard.reading.text ? `“${heard.reading.text}”` : element("span", { class: "quiet" }, "nothing"));
      const [lo, hi] = ["from", "to"].map((k) => Number(state.get(k)));
      if (hi > lo) axis.show(lo, hi);
      await compare();
    }
    await update(first);
    return { update, close() { clearTimeout(zoomed); player.close(); from.close(); figure.close(); lattice.close(); } };
  },
};
