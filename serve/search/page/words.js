// The field of words to search for, alone or beside the examples.
import { $ } from "./dom.js";
import { go, state } from "./state.js";

export const show = (s) => { $("words").value = s.words; };

// take searches for what the field has. Without examples, words have no distance that could be bounded.
function take() {
  const words = $("words").value.trim();
  if (words !== state.words) go({ view: words ? "list" : state.view, words, within: null, open: "" });
}

export function start() {
  $("by-words").hidden = false;
  $("by-words").addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
  $("words").addEventListener("change", take);
}
