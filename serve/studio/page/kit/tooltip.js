// One tooltip for the page: it follows the pointer, or stands at an element that has the focus.
import { element } from "./dom.js";

let tip = null;

// showTip shows content, elements or text, near a point of the window.
export function showTip(x, y, ...content) {
  if (!tip) document.querySelector("main").append(tip = element("div", { id: "tip", role: "tooltip" }));
  tip.replaceChildren(...content);
  tip.hidden = false;
  const gap = 14, box = tip.getBoundingClientRect();
  const left = x + gap + box.width > innerWidth ? x - gap - box.width : x + gap;
  const top = y + gap + box.height > innerHeight ? y - gap - box.height : y + gap;
  tip.style.left = Math.max(4, left) + "px";
  tip.style.top = Math.max(4, top) + "px";
}

export function hideTip() {
  if (tip) tip.hidden = true;
}

// tipFor shows what content() returns while the pointer is over an element or it has the focus.
export function tipFor(e, content) {
  e.addEventListener("pointermove", (event) => showTip(event.clientX, event.clientY, ...[content()].flat()));
  e.addEventListener("pointerleave", hideTip);
  e.addEventListener("focus", () => {
    const box = e.getBoundingClientRect();
    showTip(box.left, box.bottom, ...[content()].flat());
  });
  e.addEventListener("blur", hideTip);
}

addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
