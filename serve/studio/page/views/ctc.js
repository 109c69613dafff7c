// CTC: frames whose probabilities are drawn by hand, the paths that spell a text, the texts that are likeliest, and the loss that is trained down.
import { element, figure } from "../kit/dom.js";
import { scenes } from "../kit/scenes.js";
import { slider } from "../kit/slider.js";
import { picture } from "./ctc/picture.js";
import { blank, lowered, pointed, spread } from "./ctc/scores.js";
import { texts } from "./ctc/texts.js";

const framesMost = 24, lettersMost = 7, textMost = 12;

// A score of the address is a digit to the base 36, in quarters.
const written = (scores) => scores.flat().map((v) => Math.min(35, Math.max(0, Math.round(4 * v))).toString(36)).join("");

// likely are scores of a path, one letter a frame, that is likelier than others.
const likely = (path, letters, most, other = 0) => written([...path].map((p) => [blank, ...letters].map((c) => c === p ? most : other)));
const list = [
  { title: "A word", to: { l: "act", w: "cat", x: likely("–cc–aaa–tt––", "act", 3, 0.5) } },
  { title: "The best path spells another text", to: { l: "a", w: "a", x: likely("––", "a", 0.5) } },
  { title: "A double letter needs a blank", to: { l: "ehlo", w: "hello", x: likely("h–e–ll–lo––", "ehlo", 2.5) } },
  { title: "Too few frames", to: { l: "a", w: "aa", x: likely("aa", "a", 1) } },
  { title: "Before training: all alike", to: { l: "act", w: "cat", x: likely(blank.repeat(16), "act", 0) } },
];

export default {
  path: "ctc",
  title: "CTC",
  style: "views/ctc.css",
  offline: true,
  async mount(root, first, api) {
    let state = first, letters = [], scores = [], answer = null, training = false, busy = false, again = false, closed = false;

    // read takes letters, text and scores of the address; what does not fit together is the first scene's.
    function read() {
      const fresh = list[0].to;
      letters = [...new Set(state.get("l", fresh.l))].filter((c) => c !== blank && c.trim()).slice(0, lettersMost);
      if (!letters.length) letters = [...fresh.l];
      const classes = letters.length + 1, x = state.get("x", fresh.x), n = x.length / classes;
      const fits = Number.isInteger(n) && n >= 1 && n <= framesMost && /^[0-9a-z]+$/.test(x);
      scores = Array.from({ length: fits ? n : 12 }, (_, t) => Array.from({ length: classes }, (_, c) => fits ? parseInt(x[t * classes + c], 36) / 4 : 0));
    }
    const text = () => [...state.get("w", list[0].to.w)].filter((c) => letters.includes(c)).slice(0, textMost).join("");
    const beam = () => Math.min(64, Math.max(1, Math.round(Number(state.get("beam", "16")) || 16)));
    const keep = (how = {}) => api.go({ l: letters.join(""), w: text(), x: written(scores) }, { replace: true, quiet: true, ...how });

    const drawing = picture({
      change(t, c, p) { train(false); scores[t] = pointed(scores[t], c, p); keep(); look(); },
      step(t, c, by) { train(false); scores[t] = spread(scores[t].map((v, i) => i === c ? v + by : v)); keep(); look(); },
    });
    const beside = texts({ choose: (w) => api.go({ w }, { replace: true }) });
    const word = element("input", { type: "text", maxlength: textMost, spellcheck: "false", autocomplete: "off", oninput: () => api.go({ w: [...word.value].filter((c) => letters.includes(c)).join("") || null }, { replace: true }) });
    const alphabet = element("input", { type: "text", maxlength: lettersMost, class: "short", spellcheck: "false", autocomplete: "off", onchange: () => api.go({ l: alphabet.value || null, x: likely(blank.repeat(scores.length), [...new Set(alphabet.value)].slice(0, lettersMost), 0) }) });
    const frames = element("input", { type: "number", min: 1, max: framesMost, onchange: () => {
      const n = Math.min(framesMost, Math.max(1, Math.round(Number(frames.value)) || 1));
      scores = Array.from({ length: n }, (_, t) => scores[t] || letters.map(() => 0).concat(0));
      api.go({ l: letters.join(""), w: text(), x: written(scores) });
    } });
    const width = slider({ label: "beam", min: 1, max: 64, step: 1, value: 16, moved: (v) => api.go({ beam: v }, { replace: true }) });
    const go = element("button", { type: "button", class: "main", onclick: () => train(!training) }, "Train");
    const one = element("button", { type: "button", onclick: () => { train(false); descend(); keep(); look(); } }, "Step");
    const lecture = scenes("Of CTC", list, { clear: { beam: null }, chosen: () => train(false) });
    const verdict = element("p", { class: "verdict", role: "status" });
    root.append(lecture.root,
      element("div", { class: "panel row" }, element("label", { class: "field" }, "Text", word), element("label", { class: "field" }, "Letters", alphabet), element("label", { class: "field" }, "Frames", frames), go, one, width.root),
      element("div", { class: "pictures" }, drawing.root, element("div", { class: "side" }, element("section", { class: "panel", "aria-label": "Loss" }, element("h2", {}, "Loss"), verdict, element("p", { class: "quiet" }, "−ln p(text): p is the sum over all paths that spell it. Train lowers it: each score goes down its gradient, the difference of the probability and the share of the paths (arrows).")), beside.root)));

    const descend = () => { if (answer) scores = lowered(scores, answer.gradient); };

    // look asks anew, one request at a time.
    async function look() {
      if (busy) { again = true; return; }
      busy = true;
      try {
        do {
          again = false;
          const asked = text(), got = await api.post("v1/studio/ctc", { classes: [blank, ...letters], scores, text: asked, width: beam() });
          if (closed) return;
          answer = got;
          show(asked);
        } while (again);
      } catch (err) {
        train(false);
        api.complain(err);
      } finally {
        busy = false;
      }
    }

    function show(asked) {
      const loss = answer.loss, impossible = loss === null;
      verdict.textContent = impossible ? `No path through ${scores.length} frames spells “${asked}”: a letter needs a frame, and equal letters a blank between.`
        : `loss ${figure(Math.abs(loss) < 5e-4 ? 0 : Number(loss.toFixed(3)))}, p = ${figure(100 * Math.exp(-loss))} %; ${answer.paths === 1 ? "one path" : answer.paths.toLocaleString("en") + " paths"}, the likeliest has ${figure(100 * answer.path_share)} % of p`;
      verdict.classList.toggle("bad", impossible);
      go.disabled = one.disabled = impossible;
      drawing.show({ classes: [blank, ...letters], answer, text: asked });
      beside.show({ answer, text: asked });
      root.dataset.loss = impossible ? "" : loss; // of what is shown
    }

    function train(on) {
      if (on === training) return;
      training = on;
      go.textContent = on ? "Pause" : "Train";
      if (!on) return keep();
      const next = async () => {
        if (!training || closed) return;
        descend();
        await look();
        if (answer?.loss === null || answer?.loss < 0.01) return train(false);
        requestAnimationFrame(next);
      };
      next();
    }

    async function update(next) {
      state = next;
      train(false);
      read();
      if (document.activeElement !== word) word.value = text();
      if (document.activeElement !== alphabet) alphabet.value = letters.join("");
      frames.value = scores.length;
      width.set(beam());
      lecture.show();
      await look();
    }
    await update(first);
    return { update, close() { closed = true; training = false; drawing.close(); } };
  },
};
