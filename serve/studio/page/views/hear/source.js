// Where recordings and strips come from: the microphone, a file, or paper to write on.
import { element } from "../../kit/dom.js";
import { pad } from "./pad.js";
import { record } from "./sound.js";

const pause = 450; // milliseconds without a stroke, after which what is written is read

// source returns {root, of(unit), close()}. send(blob, replace) is called with what is to be read, replace telling that it is written anew, none() when the paper is empty. Files are
// dropped on the area.
export function source({ area, limits, send, none, complain, chooser }) {
  const level = element("meter", { min: 0, max: 1, value: 0, "aria-label": "Loudness", hidden: true }), clock = element("span", { class: "quiet" });
  const button = element("button", { type: "button", class: "main", onclick: () => (recording ? stop() : start()).catch(failed) }, "Record");
  const input = element("input", { type: "file", onchange: () => { if (input.files[0]) send(input.files[0]); input.value = ""; } });
  const file = element("label", { class: "button file" }, "Choose a file", input), hint = element("span", { class: "quiet" });
  const paper = pad({ written: () => { clearTimeout(due); due = setTimeout(written, pause); } });
  const tools = element("div", { class: "row" }, element("button", { type: "button", class: "small", onclick: paper.undo }, "Take a stroke back"), element("button", { type: "button", class: "small", onclick: paper.clear }, "Clear"));
  const root = element("section", { class: "panel source", "aria-label": "What is heard or read" }, element("div", { class: "row" }, chooser, button, file, level, clock, hint), paper.root, tools);
  let recording = null, starting = false, due = 0;

  function written() {
    if (paper.writing()) return;
    if (paper.empty()) return none();
    paper.picture().then((picture) => send(picture, true)).catch(complain);
  }

  function still() {
    recording = null;
    button.textContent = "Record";
    button.classList.remove("live");
    level.hidden = true;
    clock.textContent = "";
  }

  function failed(err) {
    still();
    complain(err);
  }

  async function start() {
    if (starting) return;
    starting = true;
    try {
      recording = await record({
        most: limits.seconds,
        moved: (seconds, loud) => { level.value = Math.max(loud, level.value * 0.93); clock.textContent = `${seconds.toFixed(1)} of at most ${limits.seconds} s`; },
        ended: () => stop().catch(failed),
      });
    } finally {
      starting = false;
    }
    button.textContent = "Stop";
    button.classList.add("live");
    level.value = 0;
    level.hidden = false;
  }

  async function stop() {
    const was = recording;
    if (!was) return;
    still();
    send(await was.stop());
  }

  area.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) area.addEventListener(kind, () => root.classList.remove("over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
  });

  return {
    root,
    // of shows what a recogniser of that unit takes.
    of(unit) {
      const sound = unit === "seconds";
      button.hidden = !sound;
      paper.root.hidden = tools.hidden = sound;
      input.accept = sound ? "audio/*,.wav,.flac,.mp3,.ogg,.opus,.aiff,.au" : "image/*";
      hint.textContent = sound ? `or drop one here: WAV, FLAC, MP3, Ogg, AIFF, AU; at most ${limits.seconds} s` : "or drop a picture of a line here";
      if (!sound && recording) recording.close().then(still);
    },
    close() {
      clearTimeout(due);
      recording?.close();
      paper.close();
    },
  };
}
