// The plane of two energies: E⁺ of the right answer to the right, E⁻ of another up. Above the line E⁺ + m = E⁻ an answer is right by the margin m.
import { element, figure } from "./dom.js";

// pairs returns {root, canvas, show(correct, other, {margin, range, names})}.
export function pairs({ label }) {
  const canvas = element("canvas", { width: 480, height: 480, role: "img", "aria-label": label }), c = canvas.getContext("2d");
  return {
    root: element("div", { class: "pairs" }, canvas), canvas,
    show(correct, other, { margin, range: [lo, hi], names }) {
      const style = getComputedStyle(document.documentElement), n = canvas.width, edge = 44, to = (v) => edge + (v - lo) / (hi - lo || 1) * (n - edge - 8);
      c.clearRect(0, 0, n, n);
      c.fillStyle = style.getPropertyValue("--mark");
      c.globalAlpha = 0.5;
      c.beginPath();
      c.moveTo(to(lo), n - to(Math.min(hi, lo + margin)));
      c.lineTo(to(Math.max(lo, hi - margin)), n - to(hi));
      c.lineTo(to(lo), n - to(hi));
      c.fill();
      c.globalAlpha = 1;
      c.strokeStyle = style.getPropertyValue("--faint");
      c.beginPath();
      c.moveTo(to(lo), n - to(Math.min(hi, lo + margin)));
      c.lineTo(to(Math.max(lo, hi - margin)), n - to(hi));
      c.stroke();
      for (let i = 0; i < correct.length; i++) {
        const x = to(correct[i]), y = n - to(other[i]);
        c.fillStyle = style.getPropertyValue(correct[i] + margin < other[i] ? "--series-0" : "--series-1");
        c.fillRect(x - 2.5, y - 2.5, 5, 5);
      }
      c.fillStyle = style.getPropertyValue("--ink");
      c.font = "15px system-ui, sans-serif";
      c.textAlign = "center";
      c.fillText(names[0], (edge + n) / 2, n - 8);
      c.fillText(figure(lo), edge + 6, n - 26);
      c.fillText(figure(hi), n - 24, n - 26);
      c.save();
      c.translate(14, n / 2);
      c.rotate(-Math.PI / 2);
      c.fillText(names[1], 0, 0);
      c.restore();
    },
  };
}
