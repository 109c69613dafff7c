// The runs that were deleted, and their way back.
import { element } from "../../kit/dom.js";
import { part } from "../../kit/api.js";

export function make(api) {
  const list = element("ul", { class: "trash" }), wrong = element("p", { role: "alert", class: "why" });
  const root = element("dialog", { class: "bin", "aria-labelledby": "trash-title" },
    element("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => root.close() }, "×"), element("h2", { id: "trash-title" }, "Trash"), wrong, list,
    element("p", { class: "quiet" }, "These are folders in .trash, beside the runs. What is removed there is gone."));

  async function fill() {
    const { trash } = await api.get("/v1/studio/trash");
    wrong.textContent = "";
    list.replaceChildren(...trash.map((t) => element("li", { class: "row" }, element("span", {}, t.run), element("span", { class: "quiet" }, new Date(t.deleted).toLocaleString()),
      element("button", { type: "button", class: "small", "aria-label": `Restore ${t.run}`, onclick: () => back(t).catch((err) => { wrong.textContent = err.message; }) }, "Restore"))));
    if (!trash.length) list.replaceChildren(element("li", { class: "quiet" }, "It is empty."));
  }

  async function back(t) {
    await api.post(`/v1/studio/trash/${part(t.id)}/restore`);
    await fill();
  }

  return { root, open: () => fill().then(() => root.showModal()).catch(api.complain) };
}
