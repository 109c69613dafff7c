// The canvas that a digit is drawn on, and its tools.
import { element } from "../../kit/dom.js";
import { slider } from "../../kit/slider.js";
import { sketch } from "../../shared/sketch.js";
import { digits } from "./digits.js";

const side = 280, lineOfDigits = 22;

// board returns {root, show(state), picture(centre), put(picture)}. picture is a data URL, or null where nothing is drawn. changed is called after each change, by hand or by put.
export function board({ api, changed }) {
  const canvas = element("canvas", {
    width: side, height: side, tabindex: "0", role: "img",
    "aria-label": "Drawing area: draw with the mouse, a pen or a finger; Delete clears it, Control and Z takes a stroke back. The buttons of digits draw one.",
  });
  let erase = false, width = lineOfDigits, shown = "";
  const drawing = sketch(canvas, {
    pen: () => ({ width, erase }), moved: () => changed(),
    began() {
      if (!shown) return;
      shown = "";
      api.go({ digit: null }, { replace: true, quiet: true });
    },
  });
  const tool = (text, on) => element("button", { type: "button", class: "small", onclick: () => { erase = on; press(); } }, text);
  const brush = tool("Brush", false), rubber = tool("Eraser", true);
  const press = () => { for (const [b, on] of [[brush, !erase], [rubber, erase]]) b.setAttribute("aria-pressed", String(on)); };
  press();
  const thick = slider({ label: "width", min: 6, max: 60, step: 1, value: width, moved: (v) => { width = v; }, done: (v) => api.go({ width: v }, { replace: true, quiet: true }) });
  const file = element("input", { type: "file", accept: "image/*", class: "unseen", onchange: () => { take(file.files[0]); file.value = ""; } });

  function put(picture) {
    shown = "";
    api.go({ digit: null }, { replace: true, quiet: true });
    drawing.put(picture);
  }

  function clear() {
    shown = "";
    api.go({ digit: null }, { replace: true, quiet: true });
    drawing.clear();
  }

  // take puts a file of the user's own on the canvas.
  async function take(from) {
    if (!from) return;
    try {
      put(await createImageBitmap(from));
    } catch {
      api.complain(new Error(`${from.name} is not a picture that the browser can show.`));
    }
  }
  const hears = { signal: api.signal };
  const root = element("section", { class: "panel board", "aria-label": "Drawing" }, canvas,
    element("div", { class: "row tools", role: "group", "aria-label": "Tools" }, brush, rubber,
      element("button", { type: "button", class: "small", onclick: drawing.undo }, "Undo"),
      element("button", { type: "button", class: "small", onclick: clear }, "Clear")),
    thick.root,
    element("div", { class: "row digits", role: "group", "aria-label": "Draw a digit" },
      ...digits.map((_, i) => element("button", { type: "button", class: "small", "aria-label": `Draw a ${i}`, onclick: () => api.go({ digit: i }) }, String(i)))),
    element("div", { class: "row" }, element("label", { class: "button small" }, "Open a picture…", file), element("span", { class: "quiet" }, "or drop or paste one")));
  document.addEventListener("paste", (event) => take(event.clipboardData.files[0]), hears);
  document.addEventListener("dragover", (event) => { if (event.dataTransfer.types.includes("Files")) event.preventDefault(); }, hears);
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  }, hears);

  return {
    root, put,
    show(state) {
      width = Math.min(60, Math.max(6, Number(state.get("width", lineOfDigits)) || lineOfDigits));
      thick.set(width);
      const digit = state.get("digit");
      if (digit === shown) return;
      shown = digit;
      if (digits[digit]) drawing.draw(digits[digit], lineOfDigits);
    },
    picture: (centre) => {
      const out = drawing.centred();
      return out && (centre ? out : canvas).toDataURL("image/png");
    },
  };
}
