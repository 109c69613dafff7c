// A slider with its value beside it.
import { element, figure } from "./dom.js";

// slider returns {root, set(value)}. moved(value) is called while it is moved, set where it was let go. log is for values above 0
// that are told apart by their ratio.
export function slider({ label, min, max, step = "any", value, log = false, text = figure, moved = () => {}, done = () => {} }) {
  const to = log ? Math.log : (x) => x, from = log ? Math.exp : (x) => x;
  const input = element("input", { type: "range", min: to(min), max: to(max), step: log ? "any" : step });
  const out = element("output");
  const now = () => Math.min(max, Math.max(min, from(Number(input.value))));
  const show = (v) => { out.textContent = text(v); input.setAttribute("aria-valuetext", text(v)); };
  const set = (v) => { input.value = to(v); show(v); };
  input.addEventListener("input", () => { show(now()); moved(now()); });
  input.addEventListener("change", () => done(now()));
  set(value);
  return { root: element("label", { class: "slider" }, element("span", {}, label), input, out), set };
}
