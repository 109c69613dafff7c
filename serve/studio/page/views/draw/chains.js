// Chains of a run's energy draw on: from the drawing or from noise, frame by frame, with their energies.
import { part } from "../../kit/api.js";
import { element, figure } from "../../kit/dom.js";
import { filmButton } from "../../kit/film.js";
import { ground, saveButtons, saveCSV, savePNG } from "../../kit/save.js";
import { slider } from "../../kit/slider.js";
import { changed } from "../../kit/theme.js";
import { bytes, pixels } from "./said.js";

const counts = [1, 4, 9, 16, 25, 49], everys = [1, 5, 20, 100], gridSide = 560, curve = 130, kept = 2000; // sides in pixels of the stage

// number reads one that may be a word, as JSON has no NaN.
const number = (v) => typeof v === "string" ? Number(v) : v;

// chains returns {root, show(state), drawn(is), close()}. picture() is the drawing as a data URL or null, put shows a canvas as the drawing.
export function chains({ runs, api, picture, put }) {
  const option = (value, text = value) => element("option", { value }, text);
  const choice = (label, name, options) => {
    const box = element("select", { onchange: () => api.go({ [name]: box.value }) }, ...options);
    return { box, root: element("label", { class: "field" }, label, box) };
  };
  const run = choice("Run", "by", runs.map((r) => option(r.name, `${r.name} (${r.job})`)));
  const from = choice("From", "from", [option("drawing", "the drawing"), option("noise", "noise")]);
  const label = choice("Energy", "label", []), count = choice("Chains", "chains", counts.map((n) => option(n))), every = choice("Steps a frame", "every", everys.map((n) => option(n)));
  const slide = (text, name, min, max, log) => slider({ label: text, min, max, log, value: 1, moved: (v) => api.go({ [name]: Number(v.toPrecision(2)) }, { replace: true }) });
  const step = slide("step, × training's", "step", 0.1, 10, true), temperature = slide("temperature", "temper", 0, 4, false), steps = slide("steps", "steps", 10, 20000, true);
  const seed = element("input", { type: "number", min: 0, max: 1e9, step: 1, onchange: () => api.go({ seed: seed.value }) });
  const go = element("button", { type: "button", class: "main", onclick: press }, "Start"), again = element("button", { type: "button", onclick: () => begin().catch(failed) }, "Start again");
  const lowest = element("button", { type: "button", onclick: () => take(frame.energies.indexOf(Math.min(...frame.energies))) }, "The lowest to the canvas");
  const told = element("p", { class: "quiet", role: "status" }), note = element("p", { class: "quiet" });
  const stage = element("canvas", { class: "stage", width: gridSide, height: gridSide + curve, role: "img", "aria-label": "Pictures of the chains, and their energies by step", hidden: true, onclick: pick });
  const film = filmButton(() => stage, () => `${made.run}-chains`);
  const saves = saveButtons("the chains", {
    PNG: () => savePNG(`${made.run}-chains.png`, stage),
    CSV: () => saveCSV(`${made.run}-chains.csv`, ["step", ...frame.energies.map((_, i) => `chain ${i + 1}`)], past.map((p) => [p.step, ...p.energies])),
  });
  saves.append(film.root);
  const body = element("div", { class: "chains" },
    element("div", { class: "row" }, run.root, from.root, label.root, count.root, step.root, temperature.root, steps.root, every.root, element("label", { class: "field" }, "seed", seed)),
    element("div", { class: "row" }, go, again, lowest, told), note, stage);
  const root = element("section", { class: "panel chains", "aria-label": "Chains", hidden: !runs.length }, element("div", { class: "row head" }, element("h2", {}, "Chains draw on"), saves), body);

  let state = null, made = null, stream = null, frame = null, past = [], hasDrawing = false, beginning = false;

  const chosen = () => runs.find((r) => r.name === state.get("by")) || runs.find((r) => r.job !== "digits" && r.job !== "pictures") || runs[0];
  // settings are those that chains begin with; others begin anew. pace is what may change while they move.
  const settings = () => ({ run: chosen().name, label: Number(state.get("label", "-1")), chains: Number(state.get("chains", "9")), seed: Number(state.get("seed", "1")) });
  const pace = () => ({ step: chosen().job === "rbm" ? 1 : Number(state.get("step", "1")), temperature: Number(state.get("temper", "1")) });
  const until = () => Number(state.get("steps", "1000"));
  const begins = () => state.get("from", "drawing") === "drawing" && hasDrawing ? "drawing" : "noise";
  const isNew = () => !made || JSON.stringify(made.settings) !== JSON.stringify(settings()) || made.from !== begins();

  function buttons() {
    go.textContent = stream ? "Pause" : isNew() || frame.step >= until() ? "Start" : "Continue";
    go.disabled = beginning;
    again.hidden = !made || isNew() && !stream;
    lowest.hidden = saves.hidden = stage.hidden = !made;
  }

  function failed(err) {
    beginning = false;
    pause();
    api.complain(err);
  }

  const forget = () => { if (made) fetch("v1/studio/draw/chains/" + part(made.id), { method: "DELETE", keepalive: true }).catch(() => {}); };

  async function begin() {
    pause();
    beginning = true;
    told.textContent = "The run is being opened…";
    buttons();
    const now = settings(), start = begins(), image = start === "drawing" ? picture() : null;
    const answer = await api.post("v1/studio/draw/chains", { ...now, ...pace(), ...image ? { image } : {} });
    beginning = false;
    forget();
    made = { ...answer, run: now.run, settings: now, from: start };
    stage.dataset.chains = made.id;
    past = [];
    note.textContent = made.classifier ? "This energy was trained to tell labels, not to draw: its chains come to what the classifier takes for a label, whatever it looks like." : "";
    note.hidden = !note.textContent;
    arrive(answer.frame);
    move();
  }

  function move() {
    stream?.close();
    stream = api.events(`v1/studio/draw/chains/${part(made.id)}/frames?until=${Math.round(until())}&every=${every.box.value}`, {
      frame: arrive,
      done: pause,
    }, (closed) => { if (closed) failed(new Error("The chains have ended on the server; start them again.")); });
    buttons();
  }

  function pause() {
    stream?.close();
    stream = null;
    buttons();
  }

  function press() {
    if (stream) return pause();
    if (isNew() || frame.step >= until()) return begin().catch(failed);
    move();
  }

  // arrive shows a frame.
  function arrive(next) {
    frame = { ...next, energies: next.energies.map(number), pictures: bytes(next.pictures) };
    past.push({ step: frame.step, energies: frame.energies });
    if (past.length > kept) past = past.filter((_, i) => i % 2 === 0);
    const finite = frame.energies.filter(Number.isFinite);
    told.textContent = `step ${frame.step.toLocaleString("en")} · mean energy ${figure(Number((finite.reduce((a, b) => a + b, 0) / finite.length).toPrecision(4)))}` + (frame.stayed ? ` · ${frame.stayed} stayed: not finite` : "");
    draw();
  }

  const columns = () => Math.ceil(Math.sqrt(frame.energies.length));
  const one = element("canvas");

  // chainOn puts the picture of chain i on the small canvas.
  function chainOn(i) {
    const size = made.width * made.height;
    pixels(one, frame.pictures.subarray(i * size, (i + 1) * size), made.width, made.height);
    return one;
  }

  function draw() {
    if (!frame) return;
    const c = stage.getContext("2d"), n = columns(), gap = 4, cell = (gridSide - gap * (n - 1)) / n, rows = Math.ceil(frame.energies.length / n);
    const high = Math.round(rows * (cell + gap) - gap);
    if (stage.height !== high + curve) stage.height = high + curve;
    c.fillStyle = ground();
    c.fillRect(0, 0, stage.width, stage.height);
    c.imageSmoothingEnabled = false;
    frame.energies.forEach((_, i) => c.drawImage(chainOn(i), (i % n) * (cell + gap), Math.floor(i / n) * (cell + gap), cell, cell));
    drawCurve(c, high);
  }

  // drawCurve draws the energies by step: each chain thin, their mean thick.
  function drawCurve(c, top) {
    const style = getComputedStyle(document.documentElement), all = past.flatMap((p) => p.energies).filter(Number.isFinite);
    if (!all.length) return;
    const sorted = Float64Array.from(all).sort(), lo = sorted[0], hi = sorted[Math.floor(0.995 * (sorted.length - 1))], most = Math.max(1, past.at(-1).step);
    const left = 52, right = stage.width - 8, up = top + 16, down = stage.height - 20;
    const px = (s) => left + s / most * (right - left), py = (e) => Math.max(up, down - (e - lo) / (hi - lo || 1) * (down - up));
    const line = (value) => {
      c.beginPath();
      for (const p of past) { const e = value(p); if (Number.isFinite(e)) c.lineTo(px(p.step), py(e)); }
      c.stroke();
    };
    c.strokeStyle = style.getPropertyValue("--series-0");
    c.lineWidth = 1;
    c.globalAlpha = 0.35;
    frame.energies.forEach((_, i) => line((p) => p.energies[i]));
    c.globalAlpha = 1;
    c.lineWidth = 2.5;
    line((p) => p.energies.reduce((a, b) => a + b, 0) / p.energies.length);
    c.fillStyle = style.getPropertyValue("--faint");
    c.font = "12px system-ui, sans-serif";
    c.textAlign = "right";
    c.fillText(figure(Number(hi.toPrecision(3))), left - 6, up + 5);
    c.fillText(figure(Number(lo.toPrecision(3))), left - 6, down + 4);
    c.fillText(`step ${most.toLocaleString("en")}`, right, stage.height - 4);
    c.textAlign = "left";
    c.fillText("energy of each chain, and their mean", left, stage.height - 4);
  }

  // take puts the picture of a chain on the canvas of the drawing.
  function take(i) {
    pause();
    put(chainOn(i));
  }

  function pick(event) {
    if (!frame) return;
    const box = stage.getBoundingClientRect(), scale = stage.width / box.width, n = columns(), cell = gridSide / n;
    const column = Math.floor((event.clientX - box.left) * scale / cell), row = Math.floor((event.clientY - box.top) * scale / cell), i = row * n + column;
    if (column < n && i < frame.energies.length) take(i);
  }
  document.addEventListener(changed, draw, { signal: api.signal });

  return {
    root,
    // drawn tells whether there is a drawing to start from.
    drawn(is) {
      hasDrawing = is;
      from.box.options[0].disabled = !is;
      from.box.value = begins();
      buttons();
    },
    show(next) {
      state = next;
      const r = chosen();
      if (!r) return;
      run.box.value = r.name;
      from.box.value = begins();
      const labels = r.tells ? made?.run === r.name && made.labels ? made.labels : r.labels || Array.from({ length: 10 }, (_, i) => String(i)) : [];
      label.box.replaceChildren(option("-1", "all labels summed out"), ...labels.map((l, i) => option(i, `of ${l}`)));
      label.box.value = state.get("label", "-1");
      label.root.hidden = !r.tells;
      count.box.value = String(settings().chains);
      every.box.value = everys.includes(Number(state.get("every"))) ? state.get("every") : "5";
      step.root.hidden = r.job === "rbm";
      for (const [s, name, otherwise] of [[step, "step", 1], [temperature, "temper", 1], [steps, "steps", 1000]]) s.set(Number(state.get(name, otherwise)));
      seed.value = state.get("seed", "1");
      if (made && stream) {
        const now = JSON.stringify(pace());
        if (made.pace && made.pace !== now) api.post("v1/studio/draw/chains/" + part(made.id), pace()).catch(failed);
        made.pace = now;
      }
      buttons();
    },
    close() {
      film.stop();
      stream?.close();
      forget();
    },
  };
}
