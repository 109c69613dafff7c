// A canvas as a film.
import { element } from "./dom.js";
import { save } from "./save.js";

// filmButton records the canvas that canvas() gives from its press to the next, and then saves NAME.webm. Returns {root, stop}.
export function filmButton(canvas, name) {
  let recorder = null;
  const root = element("button", { type: "button", class: "small", "aria-pressed": "false", title: "Record a film until the next press", onclick: () => {
    if (recorder) return recorder.stop();
    const parts = [];
    recorder = new MediaRecorder(canvas().captureStream(30), { mimeType: "video/webm" });
    recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
    recorder.addEventListener("stop", () => {
      recorder = null;
      root.setAttribute("aria-pressed", "false");
      save(name() + ".webm", new Blob(parts, { type: "video/webm" }));
    });
    recorder.start();
    root.setAttribute("aria-pressed", "true");
  } }, "Film");
  return { root, stop: () => recorder?.stop() };
}
