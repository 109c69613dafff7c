// What is searched for: examples, each of which can be taken out.
import { item } from "./api.js";
import { $, baseName, complain, element } from "./dom.js";
import { pictureOf } from "./pictures.js";
import { byExamples, go, searching, state } from "./state.js";

let key = "", preview = "";

export function show(s) {
  $("tray").hidden = !searching(s);
  $("private").hidden = s.picture === 0;
  $("reach").hidden = !byExamples(s);
  $("k").value = s.k;
  const now = JSON.stringify([s.words, s.like, s.unlike, s.picture]);
  if (now === key) return;
  key = now;
  if (preview) URL.revokeObjectURL(preview);
  const blob = pictureOf(s.picture);
  preview = blob ? URL.createObjectURL(blob) : "";
  const list = [...s.like.map((id) => byItem(id, "like")), ...s.unlike.map((id) => byItem(id, "unlike"))];
  if (blob) list.unshift(example("your picture", "like", preview, () => ({ picture: 0 })));
  if (s.words) list.unshift(example(s.words, "words", "", () => ({ words: "" })));
  $("examples").replaceChildren(...list);
}

function byItem(id, sign) {
  const e = example(id, sign, "", () => ({ [sign]: state[sign].filter((other) => other !== id) }));
  item(id).then((one) => {
    if (one.thumb) picture(e, one.thumb);
  }, complain);
  return e;
}

function picture(e, address) {
  const img = element("img", { src: address, alt: "" });
  img.addEventListener("error", () => img.remove());
  e.querySelector(".sign").after(img);
}

// example is one, with what taking it out changes.
function example(name, sign, address, out) {
  const remove = element("button", { type: "button", "aria-label": `Take out: ${sign} ${name}`, onclick: () => {
    go({ ...out(), within: null });
    ($("examples").querySelector("button") || $("main")).focus();
  } }, "×");
  const e = element("li", { class: sign, title: name }, element("span", { class: "sign" }, sign), element("span", { class: "name" }, sign === "words" ? name : baseName(name)), remove);
  if (address) picture(e, address);
  return e;
}

export function start() {
  $("stop").addEventListener("click", () => {
    go({ words: "", like: [], unlike: [], picture: 0, within: null });
    $("main").focus();
  });
}
