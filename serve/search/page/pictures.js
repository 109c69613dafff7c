// Pictures of the user's own: chosen, dropped, pasted or drawn. They stay in memory, by number.
import { $, complain } from "./dom.js";
import { go } from "./state.js";

const kept = new Map();
let last = Date.now(); // not a number of a page that was here before

export const pictureOf = (number) => kept.get(number) || null;

// searchBy looks for what is like a picture alone.
export function searchBy(blob) {
  kept.set(++last, blob);
  for (const old of [...kept.keys()].slice(0, -20)) kept.delete(old);
  go({ view: "list", words: "", like: [], unlike: [], within: null, open: "", picture: last });
}

export function start(limits) {
  const take = (file) => {
    if (!file) return;
    if (file.type && !file.type.startsWith("image/")) complain(new Error(`${file.name} is not a picture.`));
    else if (file.size > limits.body_bytes) complain(new Error(`${file.name} has ${file.size.toLocaleString("en")} bytes; at most ${limits.body_bytes.toLocaleString("en")} are taken.`));
    else searchBy(file);
  };
  $("file").addEventListener("change", () => { take($("file").files[0]); $("file").value = ""; });
  // Text that is dragged to a field of text belongs to the field.
  const ours = (event) => event.dataTransfer.types.includes("Files") || event.target.nodeName !== "INPUT";
  document.addEventListener("dragover", (event) => {
    if (!ours(event)) return;
    event.preventDefault();
    $("drop").hidden = !event.dataTransfer.types.includes("Files");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("drop").hidden = true; });
  document.addEventListener("drop", (event) => {
    $("drop").hidden = true;
    if (!ours(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
}
