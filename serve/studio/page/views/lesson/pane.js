// One surface that is trained: its lesson on the server, its picture, and what is told of it.
import { element, figure } from "../../kit/dom.js";
import { filmButton } from "../../kit/film.js";
import { around, floats, heights } from "../../kit/grid.js";
import { plane } from "../../kit/plane.js";
import { relief } from "../../kit/relief.js";
import { saveButtons, saveCSV, savePNG } from "../../kit/save.js";
import { end, part } from "../../kit/api.js";

// number reads one that may be a word, as JSON has no NaN.
const number = (v) => typeof v === "string" ? Number(v) : v;

// pane returns {root, open(settings), turn(what), change(settings), show(options), start(place), close()}.
export function pane({ name, api, press }) {
  const title = element("h2", {}), verdict = element("p", { class: "verdict", role: "status" }), figures = element("p", { class: "quiet figures" }), holder = element("div");
  const track = element("canvas", { class: "track", width: 600, height: 90, role: "img", "aria-label": "Loss and spread of the energies by step" });
  const film = filmButton(() => drawing.canvas, () => "surface-" + name);
  const saves = saveButtons("the surface", {
    PNG: () => savePNG(`surface-${name}.png`, drawing.canvas),
    CSV: () => saveCSV(`surface-${name}.csv`, ["x", "y", "energy"], [...grid.x].flatMap((x, i) => [...grid.y].map((y, j) => [x, y, grid.e[i * grid.y.length + j]]))),
  });
  saves.append(film.root);
  const root = element("section", { class: "panel pane", "aria-label": "Surface " + name }, element("div", { class: "row" }, title, saves), holder, verdict, figures, track);
  let id = null, settings = null, view = null, grid = null, chains = [], drawing = null, solid = null, options = {}, past = [], step = 0, shownHeights = null, shownBy = "", most = 0;

  const answers = () => settings.set === "parabola" || settings.set === "pairs";

  function surface(in3D) {
    if (drawing && solid === in3D) return;
    drawing?.close();
    solid = in3D;
    drawing = (in3D ? relief : plane)({ label: "Energy surface " + name, press: (place) => press(place) });
    holder.replaceChildren(drawing.root);
  }

  function draw() {
    if (!view) return;
    surface(options.solid);
    const by = `${options.density ? options.beta : ""}`;
    if (!shownHeights || shownBy !== by) {
      const range = heights(grid).range; // colours and heights are those of the widest range so far, so that what has become flat looks flat
      most = Math.max(most, range[1] - range[0]);
      shownHeights = heights(grid, { beta: options.density ? options.beta : null, overY: answers(), most });
      shownBy = by;
    }
    drawing.show({
      grid, heights: shownHeights, labels: answers() ? ["x", "y"] : ["y₁", "y₂"], chains,
      data: options.data ? view.data : null, lowest: options.lowest ? view.lowest : null, push: options.push ? view.push : null,
    });
  }

  // tell says how it stands, and draws loss and spread over the steps.
  function tell(turned) {
    title.textContent = answers() ? settings.functional : settings.objective;
    verdict.textContent = turned.fault ? "Training has ended: " + turned.fault : view.verdict;
    verdict.classList.toggle("bad", Boolean(turned.fault || view.fault));
    figures.textContent = `step ${step.toLocaleString("en")} · loss ${step ? figure(number(turned.loss)) : "–"} · ${view.error.name} ${figure(number(view.error.value))} · spread ${figure(number(view.spread))}`
      + (chains.length ? ` · ${chains.length} chains` + (Number.isFinite(number(turned.accepted)) ? `, ${figure(100 * number(turned.accepted))} % accepted` : "") : "");
    const c = track.getContext("2d"), style = getComputedStyle(document.documentElement), end = step || 1, ratio = devicePixelRatio || 1, width = track.clientWidth || 600, height = 90;
    if (track.width !== Math.round(width * ratio)) [track.width, track.height] = [width, height].map((v) => Math.round(v * ratio));
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, width, height);
    for (const [key, colour] of [["loss", "--series-0"], ["spread", "--series-1"]]) {
      const values = past.map((p) => p[key]).filter(Number.isFinite), lo = Math.min(...values, 0), hi = Math.max(...values, 1e-9);
      c.strokeStyle = c.fillStyle = style.getPropertyValue(colour);
      c.lineWidth = 2;
      c.beginPath();
      for (const p of past) if (Number.isFinite(p[key])) c.lineTo(p.step / end * (width - 4) + 2, height - 4 - (p[key] - lo) / (hi - lo) * (height - 22));
      c.stroke();
      c.font = "12px system-ui, sans-serif";
      if (values.length) c.fillText(`${key} ${figure(values.at(-1))}`, key === "loss" ? 4 : 130, 12);
    }
  }

  function take(turned) {
    step = turned.step;
    chains = turned.places;
    if (turned.view) {
      view = turned.view;
      grid = { x: view.x, y: view.y, e: floats(view.energy) };
      shownHeights = null;
      past.push({ step, loss: number(turned.loss), spread: number(view.spread) });
      if (past.length > 2000) past = past.filter((_, i) => i % 2 === 0);
    }
    if (view) {
      tell(turned);
      draw();
    }
    return turned;
  }

  const turn = async (what) => take(await api.post("v1/studio/lessons/" + part(id), what));

  return {
    root, turn,
    step: () => step,
    settings: () => settings,
    // open begins a lesson anew.
    async open(next) {
      const before = id;
      const made = await api.post("v1/studio/lessons", next);
      id = made.id;
      settings = made.settings;
      past = [];
      chains = [];
      view = null;
      most = 0;
      if (before) api.remove("v1/studio/lessons/" + part(before)).catch(() => {});
    },
    async change(next, side) {
      const before = settings;
      settings = next; // whose name the answer is shown with
      try {
        return await turn({ settings: next, side });
      } catch (err) {
        settings = before;
        throw err;
      }
    },
    // start starts chains around a place.
    start: (place, how) => turn({ start: around(place, grid, answers()), chains: how }),
    show(next) { options = next; draw(); },
    close() {
      film.stop();
      drawing?.close();
      if (id) end("v1/studio/lessons/" + part(id));
    },
  };
}
