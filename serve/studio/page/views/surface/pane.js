// The surface of one run over its training, which may be under way.
import { part } from "../../kit/api.js";
import { element, figure } from "../../kit/dom.js";
import { filmButton } from "../../kit/film.js";
import { around, floats, heights } from "../../kit/grid.js";
import { pairs } from "../../kit/pairs.js";
import { plane } from "../../kit/plane.js";
import { relief } from "../../kit/relief.js";
import { saveButtons, saveCSV, savePNG } from "../../kit/save.js";
import { changed } from "../../kit/theme.js";
import { pushesOf, samplesOf } from "./pushes.js";

const moves = 240, framesMost = 200; // kept
const number = (v) => typeof v === "string" ? Number(v) : v;

// pane returns {root, open(run, film, whether it has films), grown(what the server says of the films), reach(), of(), live(), show(part of training, options), start(place, how), close()}.
export function pane({ name, api, press }) {
  const title = element("h2"), told = element("p", { class: "verdict", role: "status" }), figures = element("p", { class: "quiet figures" }), holder = element("div");
  const plot = pairs({ label: "Energies of right and of other answers" });
  const film = filmButton(() => drawing.canvas, () => run);
  const saves = saveButtons("the surface", {
    PNG: () => savePNG(`${run}-${shown}.png`, drawing.canvas),
    CSV: () => saveCSV(`${run}-${shown}.csv`, [about.x_label, about.y_label, "energy"], about.x.flatMap((x, i) => about.y.map((y, j) => [x, y, frame.e[i * about.y.length + j]]))),
  });
  saves.append(film.root);
  const root = element("section", { class: "panel pane", "aria-label": "Surface " + name }, element("div", { class: "row" }, title, saves), holder, told, figures, plot.root);
  let run = "", films = [], live = false, collapsed = "", about = null, why = "", frames = new Map(), frame = null, shown = -1, drawing = null, solid = null, options = {}, path = [], at = 0, timer = 0, due = -1;
  let range = null, most = 0, pushMost = 0; // those that all frames share

  async function get(k) {
    if (frames.has(k)) return frames.get(k);
    const of = about, f = await api.get(`v1/studio/surfaces/${part(run)}/frame`, { film: of.name, frame: k });
    const read = { ...f, e: floats(f.energy), correct: floats(f.correct), other: floats(f.other), down: floats(f.down), rivals: floats(f.rivals), up: floats(f.up), drawn: null };
    if (of !== about) return read;
    Object.assign(read, { push: pushesOf(of, read), samples: samplesOf(of, read) });
    frames.set(k, read);
    if (frames.size > framesMost) frames.delete([...frames.keys()].find((i) => i !== 0));
    if (k === 0 || k === of.steps.length - 1) widen(read);
    return read;
  }

  // widen has the scales hold a frame, too: the first, the last, and each that was the newest while it was looked at.
  function widen(f) {
    const all = [...f.correct, ...f.other].filter(Number.isFinite), [lo, hi] = range || [Infinity, -Infinity];
    if (all.length) range = [Math.min(lo, ...all), Math.max(hi, ...all)];
    const h = heights({ x: about.x, y: about.y, e: f.e }).range;
    most = Math.max(most, h[1] - h[0]);
    pushMost = f.push.reduce((m, p) => Math.max(m, Math.abs(p.slope)), pushMost);
  }

  // heightsOf are those of the frame, which are kept while nothing of the scales changes.
  function heightsOf(f, grid, beta) {
    const by = `${beta} ${beta === null ? most : ""}`;
    if (f.drawn?.by !== by) f.drawn = { by, heights: heights(grid, { beta, overY: about.over_y, most: most || 1 }) };
    return f.drawn.heights;
  }

  function draw() {
    if (!frame) return;
    if (solid !== options.solid) {
      drawing?.close();
      solid = options.solid;
      drawing = (solid ? relief : plane)({ label: "Energy surface " + name, press });
      holder.replaceChildren(drawing.root);
    }
    const grid = { x: about.x, y: about.y, e: frame.e };
    drawing.show({
      grid, heights: heightsOf(frame, grid, options.density ? options.beta : null), labels: [about.x_label, about.y_label],
      data: options.data ? about.data : null, lowest: options.lowest ? frame.points : null, push: options.push ? frame.push : null, pushMost: pushMost || null,
      samples: frame.samples, chains: path.length ? path[Math.min(at, path.length - 1)] : null,
    });
  }

  function tell() {
    title.textContent = run;
    holder.hidden = plot.root.hidden = saves.hidden = !frame;
    const bad = frame && [frame.alarm, shown === about.steps.length - 1 ? collapsed : ""].filter(Boolean).join(" ");
    told.textContent = frame ? bad : why;
    told.classList.toggle("bad", Boolean(bad));
    if (!frame) {
      figures.textContent = "";
      return;
    }
    const kept = number(frame.kept);
    figures.textContent = `step ${frame.step.toLocaleString("en")} · spread ${figure(number(frame.spread))}` + (Number.isFinite(kept) ? ` · ${about.over_y ? "E⁺ + m < E⁻" : "data below a draw"} in ${figure(100 * kept)} % of the pairs` : "")
      + ` · frame ${shown + 1} of ${about.of}` + (live ? ", more to come" : "");
    plot.root.hidden = !frame.correct.length;
    if (frame.correct.length) plot.show(frame.correct, frame.other, { margin: about.margin, range: range || [0, 1], names: about.over_y ? ["E⁺ of the right answer", "E⁻ of the most offending answer"] : ["energy of data", "energy of draws"] });
  }

  document.addEventListener(changed, tell);

  // forget leaves the film that was shown.
  function forget() {
    about = frame = range = null;
    frames = new Map();
    shown = due = -1;
    most = pushMost = 0;
    path = [];
  }

  // choose takes a film, the first where none has that name.
  async function choose(filmName) {
    const chosen = films.find((f) => f.name === filmName) || films[0];
    if (chosen === about) return;
    forget();
    about = chosen;
    await get(0);
    if (about === chosen) await get(about.steps.length - 1);
  }

  return {
    root,
    films: () => films.map((f) => f.name),
    live: () => live,
    hasPushes: () => Boolean(frame?.push.length),
    of: () => live && about ? about.of : about?.steps.length || 1,
    // reach is the newest frame as a part of training: 1 where no more is to come.
    reach: () => live && about?.of > 1 ? (about.steps.length - 1) / (about.of - 1) : 1,
    async open(next, filmName, there) {
      if (next !== run) [why, live] = ["", false];
      if (next !== run || !films.length) {
        forget();
        run = next;
        films = [];
        if (!there) return;
        const got = await api.get("v1/studio/surfaces/" + part(next));
        if (run !== next) return;
        ({ films, live, collapsed = "" } = got);
      }
      if (films.length) await choose(filmName);
    },
    // grown takes what the server says of the run's films, and tells whether they must be opened anew: there are others.
    grown(told) {
      if (told.run !== run) return false;
      if (!told.films.length) ({ why = "", live } = told);
      if (told.films.length !== films.length || told.films.some((f, i) => f.id !== films[i].id || f.name !== films[i].name)) {
        films = [];
        return true;
      }
      told.films.forEach((f, i) => Object.assign(films[i], { steps: f.steps, of: f.of }));
      ({ live, collapsed = "" } = told);
      return false;
    },
    // show shows a frame: a part of training, from 0 to 1, so that runs of other lengths go in lockstep.
    async show(along, next) {
      options = next;
      if (!about) return tell();
      const of = about, last = about.steps.length - 1, k = Math.min(last, Math.round(along * ((live ? about.of : about.steps.length) - 1)));
      due = k;
      if (k !== shown) {
        const got = await get(k);
        if (due !== k || of !== about) return;
        frame = got;
        shown = k;
        path = [];
      }
      tell();
      draw();
    },
    // start has chains of a sampler move from around a place.
    async start(place, how) {
      if (!about || shown < 0) return;
      const answer = await api.post(`v1/studio/surfaces/${part(run)}/drift`, { film: about.name, frame: shown, chains: how, start: around(place, about, about.over_y), moves });
      path = answer.places;
      at = 0;
      cancelAnimationFrame(timer);
      const next = () => {
        draw();
        if (++at < path.length) timer = requestAnimationFrame(next);
      };
      next();
    },
    close() {
      cancelAnimationFrame(timer);
      document.removeEventListener(changed, tell);
      film.stop();
      drawing?.close();
    },
  };
}
