// A loss that is drawn: its options, what it is, and its request and Go lines.
import { element } from "../../kit/dom.js";
import { slider } from "../../kit/slider.js";

// option is the control of one: {root, set(value)}; value is null where it is the default's.
function option(o, change) {
  if (o.kind === "number") {
    const s = slider({ label: o.name, min: o.min || 0, max: o.max, value: o.start || 0, moved: (v) => change(String(Number(v.toPrecision(3))), true) });
    s.root.title = o.is;
    return { root: s.root, set: (v) => s.set(Number(v ?? o.start ?? 0)) };
  }
  if (o.kind === "boolean") {
    const box = element("input", { type: "checkbox", onchange: () => change(String(box.checked)) });
    return { root: element("label", { class: "field", title: o.is }, box, o.name), set: (v) => { box.checked = (v ?? o.default) === "true"; } };
  }
  const select = element("select", { onchange: () => change(select.value) }, ...o.choices.map((c) => element("option", { value: c }, c)));
  return { root: element("label", { class: "field", title: o.is }, o.name, select), set: (v) => { select.value = v ?? o.default; } };
}

// copied is a block of text with a button that copies it.
function copied(label, say) {
  const text = element("pre", { tabindex: "0", "aria-label": label });
  const button = element("button", {
    type: "button", class: "small",
    onclick: () => navigator.clipboard.writeText(text.textContent).then(() => say(`${label}: copied.`), () => { getSelection().selectAllChildren(text); say(`${label}: selected; the browser does not let pages copy here.`); }),
  }, "Copy");
  return { root: element("div", {}, element("div", { class: "row" }, element("h3", {}, label), button), text), set: (t) => { text.textContent = t; } };
}

// card returns {root, show({colour, options, on}), told(answer), failed(text)}.
export function card(row, { change, reset, remove, choose, say }) {
  const controls = row.options.map((o) => [o.name, option(o, (v, sliding) => change(o.name, v === o.default ? null : v, sliding))]);
  const swatch = element("i", { class: "swatch" }), wrong = element("p", { class: "wrong", role: "alert", hidden: true });
  const focus = element("button", { type: "button", class: "small", onclick: choose }, row.functional ? "Surface" : "Geometry");
  focus.hidden = !row.functional && !row.points;
  const again = element("button", { type: "button", class: "small", onclick: reset }, "Defaults");
  const request = copied("The request for energo loss eval", say), lines = copied("In Go", say);
  const facts = [["Domain", row.domain], ["Conventions at kinks", row.kinks || "no kinks"], [row.functional ? "In print" : "Unlike PyTorch", row.differs], ["Source", (row.source || []).join(", ")]];
  const margin = element("p", { class: "quiet" }, `margin: ${row.margin}` + (row.functional ? row.good ? "; a good loss" : "; no margin is kept" : ""));
  const root = element("article", { class: "panel card", "data-loss": row.name, "aria-label": row.name },
    element("div", { class: "row" }, swatch, element("h2", {}, row.name), focus, again, element("button", { type: "button", class: "small", "aria-label": `Take ${row.name} away`, onclick: remove }, "×")),
    element("p", { class: "formula" }, row.formula), margin, element("div", { class: "row" }, ...controls.map(([, c]) => c.root)), wrong,
    element("details", {}, element("summary", {}, "Conventions, source, request and Go"),
      element("dl", {}, ...facts.filter(([, text]) => text).flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])), request.root, lines.root));
  return {
    root,
    show({ colour, options, on }) {
      swatch.style.background = colour;
      focus.setAttribute("aria-pressed", on);
      again.hidden = !Object.keys(options).length;
      for (const [name, c] of controls) c.set(options[name]);
    },
    told(answer) {
      wrong.hidden = true;
      request.set(answer.request);
      lines.set(answer.go);
    },
    failed(text) { wrong.textContent = text; wrong.hidden = false; },
  };
}
