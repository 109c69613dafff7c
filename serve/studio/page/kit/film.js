// A canvas as a film, on the page's ground.
import { element, say } from "./dom.js";
import { gif } from "./gif.js";
import { ground, save } from "./save.js";

const longest = 60_000, gifWidth = 480, gifEvery = 80; // milliseconds, pixels, milliseconds between frames

// reel has draw() copy the canvas that canvas() gives to one of its own, at most as wide as width.
function reel(canvas, width) {
  const from = canvas(), scale = Math.min(1, width / from.width), sheet = element("canvas", { width: Math.round(from.width * scale), height: Math.round(from.height * scale) });
  const c = sheet.getContext("2d", { willReadFrequently: width < Infinity }), colour = ground();
  const draw = () => {
    c.fillStyle = colour;
    c.fillRect(0, 0, sheet.width, sheet.height);
    c.drawImage(canvas(), 0, 0, sheet.width, sheet.height);
  };
  draw();
  return { sheet, draw, pixels: () => c.getImageData(0, 0, sheet.width, sheet.height).data };
}

// webm records until stop() of what it returns, which has saved a file then.
function webm(canvas, name) {
  const { sheet, draw } = reel(canvas, Infinity), recorder = new MediaRecorder(sheet.captureStream(30), { mimeType: "video/webm" }), parts = [];
  const timer = setInterval(draw, 33);
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  recorder.addEventListener("stop", () => save(name + ".webm", new Blob(parts, { type: "video/webm" })));
  recorder.start();
  return () => { clearInterval(timer); recorder.stop(); };
}

function gifFilm(canvas, name) {
  const { sheet, draw, pixels } = reel(canvas, gifWidth), file = gif(sheet.width, sheet.height), begin = performance.now();
  const now = () => Math.round(performance.now() - begin), take = () => { draw(); file.add(pixels(), now()); };
  file.add(pixels(), 0);
  const timer = setInterval(take, gifEvery);
  return () => { clearInterval(timer); take(); save(name + ".gif", file.end(now() + gifEvery)); };
}

// filmButton records the canvas that canvas() gives from the press of a button to the next, or for a minute, and then saves NAME.webm or NAME.gif. Returns {root, stop}.
export function filmButton(canvas, name) {
  const kinds = [["WebM", webm, globalThis.MediaRecorder?.isTypeSupported("video/webm")], ["GIF", gifFilm, true]];
  let end = null; // of what is recorded

  const button = (kind, record) => element("button", { type: "button", class: "small", "aria-pressed": "false", title: `Record a film as ${kind} until the next press`, onclick: (event) => {
    const other = end;
    if (other) other();
    if (other?.kind === kind) return;
    const stop = record(canvas, name()), timer = setTimeout(() => { end?.(); say(`The film has a minute, and is saved.`); }, longest), pressed = event.currentTarget;
    end = Object.assign(() => {
      end = null;
      clearTimeout(timer);
      pressed.setAttribute("aria-pressed", "false");
      stop();
    }, { kind });
    pressed.setAttribute("aria-pressed", "true");
  } }, kind);
  const root = element("span", { class: "saves", role: "group", "aria-label": "Record a film" }, ...kinds.filter(([, , can]) => can).map(([kind, record]) => button(kind, record)));
  return { root, stop: () => end?.() };
}
