// A functional over the energies of both answers: E⁺ to the right, E⁻ up, with arrows of how its gradient moves them, and margins.
import { element, figure } from "../../kit/dom.js";
import { floats, heights } from "../../kit/grid.js";
import { plane } from "../../kit/plane.js";
import { saveButtons, saveCSV, savePNG } from "../../kit/save.js";

const every = 6, longest = 0.26; // cells between arrows; energy

// arrow draws one from a place by a step, in pixels of the plane.
function arrow(c, [x0, y0], [x1, y1]) {
  const length = Math.hypot(x1 - x0, y1 - y0), head = Math.min(6, length * 0.6), turn = Math.atan2(y1 - y0, x1 - x0);
  if (length < 1.5) return;
  c.beginPath();
  c.moveTo(x0, y0);
  c.lineTo(x1, y1);
  c.stroke();
  c.beginPath();
  c.moveTo(x1, y1);
  for (const side of [2.6, -2.6]) c.lineTo(x1 + head * Math.cos(turn + side), y1 + head * Math.sin(turn + side));
  c.fill();
}

export function surface() {
  const drawing = plane({ label: "Loss over the energies of the correct and of the other answer" }), title = element("h2", {});
  let now = null, name = "";
  const cells = () => now.energies.flatMap((e, i) => now.energies.map((f, j) => [e, f, i * now.energies.length + j]));
  const saves = saveButtons("the surface", {
    PNG: () => savePNG(`${name}-plane.png`, drawing.canvas),
    CSV: () => saveCSV(`${name}-plane.csv`, ["correct", "other", "loss", "by_correct", "by_other"], cells().map(([e, f, k]) => [e, f, now.value[k], now.correct[k], now.other[k]])),
  });
  const root = element("section", { class: "panel", "aria-label": "Surface" }, element("div", { class: "row" }, title, saves), drawing.root,
    element("p", { class: "quiet" }, "Arrows go down the gradient: E⁺ is pushed to the left, E⁻ up. Dashed: where the energies are equal, and where the margin ends."));

  function over(c, pixel) {
    const { energies, correct, other, lines } = now, n = energies.length, last = energies.at(-1);
    let greatest = 1e-12;
    for (let k = 0; k < n * n; k++) {
      const size = Math.hypot(correct[k], other[k]);
      if (size < Infinity) greatest = Math.max(greatest, size);
    }
    c.lineWidth = 1.6;
    c.strokeStyle = c.fillStyle = "#ff9d3d";
    for (let i = every / 2; i < n; i += every) {
      for (let j = every / 2; j < n; j += every) {
        const k = i * n + j, from = [energies[i], energies[j]], size = longest / greatest;
        if (Number.isFinite(correct[k]) && Number.isFinite(other[k])) arrow(c, pixel(from), pixel([from[0] - size * correct[k], from[1] - size * other[k]]));
      }
    }
    c.strokeStyle = c.fillStyle = "#ffffff";
    c.font = "12px system-ui, sans-serif";
    c.textAlign = "left";
    c.setLineDash([6, 4]);
    for (const l of lines) {
      c.beginPath();
      c.moveTo(...pixel([0, l.at]));
      c.lineTo(...pixel([last, l.slope * last + l.at]));
      c.stroke();
      const [x, y] = pixel([0.05, l.slope * 0.05 + l.at]);
      c.fillText(l.name === "0" ? "E⁻ = E⁺" : l.slope ? `E⁻ = E⁺ + ${l.name}` : `E⁻ = ${l.name}`, x + 12, y - 14);
    }
    c.setLineDash([]);
  }

  return {
    root,
    show(row, answer) {
      name = row.name;
      now = { energies: answer.energies, lines: answer.lines, value: floats(answer.value), correct: floats(answer.correct), other: floats(answer.other) };
      title.textContent = `${row.name} over both energies`;
      const grid = { x: now.energies, y: now.energies, e: now.value };
      drawing.show({ grid, heights: heights(grid), labels: ["E⁺, the correct answer's", "E⁻, the other's"], of: "loss", over });
      const [least, top] = heights(grid).range;
      drawing.canvas.setAttribute("aria-label", `${row.name}: loss from ${figure(least)}, dark, to ${figure(top)}, bright, over E⁺ and E⁻ from 0 to ${figure(now.energies.at(-1))}`);
    },
    close() { drawing.close(); },
  };
}
