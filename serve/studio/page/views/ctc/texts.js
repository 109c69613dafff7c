// The texts that are likeliest, by beam search, and that of the likeliest path.
import { element, figure } from "../../kit/dom.js";
import { saveButtons, saveCSV } from "../../kit/save.js";

const percent = (p) => figure(Number((100 * p).toPrecision(3))) + " %";
const quoted = (text) => text ? text : "(nothing)";

// texts returns {root, show({answer, text})}; choose(text) is called for one that is pressed.
export function texts({ choose }) {
  const list = element("ol", { class: "texts" }), greedy = element("p", { class: "greedy" });
  let now = [];
  const root = element("section", { class: "panel", "aria-label": "Texts" },
    element("div", { class: "row" }, element("h2", {}, "Likeliest texts"), saveButtons("the texts", { CSV: () => saveCSV("ctc-texts.csv", ["text", "probability"], now.map((t) => [t.text, t.probability])) })),
    list, greedy, element("p", { class: "quiet" }, "By beam search: the sum over the paths that it has seen. The best path alone takes the likeliest class of each frame."));
  return {
    root,
    show({ answer, text }) {
      now = answer.texts;
      list.replaceChildren(...now.map((t) => {
        const length = element("i", { class: "length" });
        length.style.width = `${100 * t.probability}%`;
        return element("li", {}, element("button", { type: "button", class: "small", "aria-pressed": String(t.text === text), onclick: () => choose(t.text), title: "Show the paths of this text" }, quoted(t.text)), element("span", { class: "track" }, length), element("span", { class: "number" }, percent(t.probability)));
      }));
      const { greedy: best } = answer, same = now[0]?.text === best.text;
      greedy.textContent = `The best path alone: ${answer.greedy_path.length} frames spell ${quoted(best.text)}, ${percent(best.probability)}${same ? "" : ", which is not the likeliest text"}.`;
      greedy.classList.toggle("bad", !same);
    },
  };
}
