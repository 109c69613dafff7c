// What the loss pushes on a film's surface, and what is told of a sample: where it is pushed, its Ȳ, and the search that found it.
import { arrowColours } from "../../kit/arrows.js";
import { figure } from "../../kit/dom.js";
import { at } from "../../kit/grid.js";

const rivalAt = (f, j) => [f.rivals[2 * j], f.rivals[2 * j + 1]];

// pushesOf are the places of a frame with ∂L/∂E.
export function pushesOf(about, f) {
  const all = Array.from(f.down, (slope, i) => ({ at: about.data[i], slope }));
  f.up.forEach((slope, j) => all.push({ at: rivalAt(f, j), slope }));
  return all.filter((p) => p.slope && Number.isFinite(p.slope));
}

const pushed = (slope) => slope === 0 ? "not pushed" : `∂L/∂E ${figure(slope)}, pushed ${slope > 0 ? "down" : "up"}`;

// samplesOf are what plane.js points at: of inputs and answers the right answers with their rivals; of a density the data and the rivals.
export function samplesOf(about, f) {
  if (!f.down.length) return null;
  return about.over_y ? answers(about, f) : points(about, f);
}

function answers(about, f) {
  const each = f.up.length / about.data.length, energy = (p) => figure(at({ x: about.x, y: about.y, e: f.e }, ...p) ?? NaN);
  const most = (i) => { // the rival that is pushed most
    let best = i * each;
    for (let j = best; j < (i + 1) * each; j++) if (Math.abs(f.up[j]) > Math.abs(f.up[best])) best = j;
    return best;
  };
  return {
    places: about.data,
    tell(i) {
      const [x, y] = about.data[i], lines = [`x ${figure(x)}, right answer ${figure(y)}: E⁺ ${figure(f.correct[i])}, ${pushed(f.down[i])}`];
      if (each) {
        const j = most(i), p = rivalAt(f, j);
        lines.push(`Ȳ ${figure(p[1])}: E ${energy(p)}, ${pushed(f.up[j])}`, `Ȳ is ${about.search.how}`);
      }
      return lines;
    },
    over(c, pixel, i) {
      const [x, y] = about.data[i], answers = about.search?.answers || [], ball = about.search?.ball || 0, [px, py] = pixel([x, y]);
      if (ball) {
        const top = pixel([x, y + ball])[1], bottom = pixel([x, y - ball])[1];
        c.fillStyle = "#ffffff38";
        c.fillRect(px - 8, top, 16, bottom - top);
      }
      c.fillStyle = "#ffffffb0";
      for (const a of answers) c.fillRect(px - 3, pixel([x, a])[1] - 0.5, 6, 1);
      ring(c, px, py, 7, arrowColours.down);
      const greatest = each ? Math.abs(f.up[most(i)]) : 0;
      for (let j = i * each; j < (i + 1) * each; j++) if (f.up[j]) ring(c, ...pixel(rivalAt(f, j)), 2 + 5 * Math.sqrt(Math.abs(f.up[j]) / greatest), arrowColours.up);
    },
  };
}

function points(about, f) {
  const n = about.data.length, grid = { x: about.x, y: about.y, e: f.e };
  const places = [...about.data, ...Array.from(f.up, (_, j) => rivalAt(f, j))];
  return {
    places,
    tell(i) {
      const e = figure(at(grid, ...places[i]) ?? NaN);
      return i < n ? [`a point of the data: E ${e}, ${pushed(f.down[i])}`] : [`Ȳ: E ${e}, ${pushed(f.up[i - n])}`, `Ȳ are ${about.search.how}`];
    },
    over(c, pixel, i) { ring(c, ...pixel(places[i]), 7, i < n ? arrowColours.down : arrowColours.up); },
  };
}

function ring(c, x, y, radius, colour) {
  c.strokeStyle = colour;
  c.lineWidth = 2;
  c.beginPath();
  c.arc(x, y, radius, 0, 2 * Math.PI);
  c.stroke();
}
