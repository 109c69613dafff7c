// A canvas to draw a digit on, for encoders of small grey pictures.
import { $, complain } from "./dom.js";
import { searchBy } from "./pictures.js";
import { sketch } from "./shared/sketch.js";

let timer = 0;

function toggle(open) {
  $("draw").hidden = !open;
  $("to-draw").setAttribute("aria-expanded", open);
}

// start shows the canvas; where the screen is small, behind a button.
export function start() {
  const still = () => clearTimeout(timer);
  const drawing = sketch($("canvas"), {
    pen: () => ({ width: Number($("width").value) }), began: still, entered: searchDrawing,
    moved: still, ended: () => { timer = setTimeout(searchDrawing, 250); }, // a digit may have another stroke
  });
  function searchDrawing() {
    const out = drawing.centred();
    if (out) out.toBlob(searchBy, "image/png");
    else complain(new Error("The drawing is empty."));
  }
  $("to-draw").hidden = false;
  $("to-draw").addEventListener("click", () => toggle($("draw").hidden));
  toggle(innerWidth > 640);
  $("clear").addEventListener("click", drawing.clear);
}
