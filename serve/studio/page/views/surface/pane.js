// The surface of one run over its training.
import { part } from "../../kit/api.js";
import { element, figure } from "../../kit/dom.js";
import { filmButton } from "../../kit/film.js";
import { floats, heights } from "../../kit/grid.js";
import { pairs } from "../../kit/pairs.js";
import { plane } from "../../kit/plane.js";
import { relief } from "../../kit/relief.js";
import { saveButtons, saveCSV, savePNG } from "../../kit/save.js";

const chainsAtClick = 24, moves = 240;
const number = (v) => typeof v === "string" ? Number(v) : v;

// pane returns {root, open(run, film), show(part of training, options), steps(), start(place, how), close()}.
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
  let run = "", films = [], about = null, frames = new Map(), frame = null, shown = -1, drawing = null, solid = null, options = {}, range = null, most = null, path = [], at = 0, timer = 0, due = -1;

  async function get(k) {
    if (frames.has(k)) return frames.get(k);
    const f = await api.get(`v1/studio/surfaces/${part(run)}/frame`, { film: about.name, frame: k });
    const read = { ...f, e: floats(f.energy), correct: floats(f.correct), other: floats(f.other), drawn: new Map() };
    frames.set(k, read);
    return read;
  }

  // scales settles those that all frames share, by the first and the last.
  async function scales() {
    const ends = [await get(0), await get(about.steps.length - 1)];
    const all = ends.flatMap((f) => [...f.correct, ...f.other]).filter(Number.isFinite);
    range = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
    most = Math.max(...ends.map((f) => { const h = heights({ x: about.x, y: about.y, e: f.e }).range; return h[1] - h[0]; })) || 1;
  }

  function draw() {
    if (!frame) return;
    if (solid !== options.solid) {
      drawing?.close();
      solid = options.solid;
      drawing = (solid ? relief : plane)({ label: "Energy surface " + name, press });
      holder.replaceChildren(drawing.root);
    }
    const beta = options.density ? options.beta : null, grid = { x: about.x, y: about.y, e: frame.e };
    if (!frame.drawn.has(beta)) frame.drawn = new Map([[beta, heights(grid, { beta, overY: about.over_y, most })]]);
    drawing.show({
      grid, heights: frame.drawn.get(beta), labels: [about.x_label, about.y_label], data: options.data ? about.data : null, lowest: options.lowest ? frame.points : null,
      chains: path.length ? path[Math.min(at, path.length - 1)] : null,
    });
  }

  function tell() {
    title.textContent = run;
    const flat = about.alarm && shown === about.steps.length - 1;
    told.textContent = flat ? about.alarm : "";
    told.classList.toggle("bad", Boolean(flat));
    const kept = number(frame.kept);
    figures.textContent = `step ${frame.step.toLocaleString("en")} · spread ${figure(number(frame.spread))}` + (Number.isFinite(kept) ? ` · ${about.over_y ? "E⁺ + m < E⁻" : "data below a draw"} in ${figure(100 * kept)} % of the pairs` : "");
    plot.root.hidden = !frame.correct.length;
    if (frame.correct.length) plot.show(frame.correct, frame.other, { margin: about.margin, range, names: about.over_y ? ["E⁺ of the right answer", "E⁻ of the most offending answer"] : ["energy of data", "energy of draws"] });
  }

  return {
    root,
    films: () => films.map((f) => f.name),
    steps: () => about?.steps || [],
    async open(next, filmName) {
      if (next !== run) {
        ({ films } = await api.get("v1/studio/surfaces/" + part(next)));
        run = next;
        about = null;
      }
      const chosen = films.find((f) => f.name === filmName) || films[0];
      if (chosen === about) return;
      about = chosen;
      frames = new Map();
      frame = null;
      shown = due = -1;
      path = [];
      await scales();
    },
    // show shows a frame: a part of training, from 0 to 1, so that runs of other lengths go in lockstep.
    async show(along, next) {
      options = next;
      const k = Math.round(along * (about.steps.length - 1));
      due = k;
      if (k !== shown) {
        const got = await get(k);
        if (due !== k) return;
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
      const width = about.x.at(-1) - about.x[0], height = about.y.at(-1) - about.y[0];
      const start = Array.from({ length: chainsAtClick }, (_, i) => {
        const turn = i * 2.39996, r = 0.05 * Math.sqrt(i / chainsAtClick);
        return about.over_y ? [place[0], place[1] + 0.05 * height * (i / chainsAtClick - 0.5)] : [place[0] + r * width * Math.cos(turn), place[1] + r * height * Math.sin(turn)];
      });
      const answer = await api.post(`v1/studio/surfaces/${part(run)}/drift`, { film: about.name, frame: shown, chains: how, start, moves });
      path = answer.places;
      at = 0;
      cancelAnimationFrame(timer);
      const next = () => {
        draw();
        if (++at < path.length) timer = requestAnimationFrame(next);
      };
      next();
    },
    redraw(next) { options = next; draw(); },
    close() {
      cancelAnimationFrame(timer);
      film.stop();
      drawing?.close();
    },
  };
}
