// One stop of the tab key for a picture of many parts: arrows go from part to part.
const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// roving lets arrows move the focus among the parts that match a selector, which stand in rows of columns() parts.
export function roving(root, selector, columns = () => Infinity) {
  const parts = () => [...root.querySelectorAll(selector)];
  root.setAttribute("tabindex", "-1"); // Chromium stops the tab key at an svg that listens to focusin
  root.addEventListener("focusin", (event) => {
    const now = event.target.closest(selector);
    if (now) for (const p of parts()) p.setAttribute("tabindex", p === now ? "0" : "-1");
  });
  root.addEventListener("keydown", (event) => {
    const all = parts(), i = all.indexOf(event.target), wide = Math.min(columns(), all.length);
    if (i < 0) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      event.target.dispatchEvent(new MouseEvent("click", { bubbles: true }));
      return;
    }
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    all[i + move[0] + move[1] * wide]?.focus();
  });
}

// first makes the first part the one that the tab key reaches, unless one is it already.
export function first(root, selector) {
  const all = [...root.querySelectorAll(selector)];
  if (all.length && !all.some((p) => p.getAttribute("tabindex") === "0")) all[0].setAttribute("tabindex", "0");
}
