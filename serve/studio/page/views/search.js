// Searches of indexes: their page is that of the search server.
import { element } from "../kit/dom.js";

export default {
  path: "search",
  title: "Search",
  style: "views/search.css",
  async mount(root, state, api) {
    const { indexes, wrong } = await api.get("v1/studio/indexes");
    if (indexes.length && !wrong.length) {
      location.replace("search/" + (state.get("index") ? "?index=" + encodeURIComponent(state.get("index")) : ""));
      return {};
    }
    root.append(element("div", { class: "panel" },
      element("p", {}, indexes.length ? element("a", { href: "search/" }, "To the page of searches") : "There is no index in this folder. energo index build ENCODER PICTURES makes one; energo studio --index NAME=INDEX searches one from elsewhere."),
      ...wrong.map((w) => element("p", {}, `${w.path} cannot be searched: ${w.why}`))));
    return {};
  },
};
