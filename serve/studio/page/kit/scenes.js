// The scenes of the lecture that a view shows: a short list of links, each of which is an address.
import { element } from "./dom.js";
import { go, link } from "./state.js";

const sorted = (hash) => hash.split(/[?&]/).sort().join("&");

// scenes returns {root, show()} of a list of {title, to, path}. to is what the address has then, and path another view. Of the parameters that are there now, those of clear are taken
// away, and the others stay. chosen(scene) is called before the address changes. show is called when it has changed.
export function scenes(label, list, { clear, chosen = () => {} }) {
  const of = (scene) => scene.path ? [scene.to, scene.path] : [{ ...clear, ...scene.to }];
  const links = list.map((scene) => element("a", { class: "button small", onclick: (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return; // another tab or window
    event.preventDefault();
    chosen(scene);
    const [to, path = null] = of(scene);
    go(to, { path });
  } }, scene.title));
  return {
    root: element("nav", { class: "scenes row", "aria-label": label }, ...links),
    show() {
      list.forEach((scene, i) => {
        links[i].href = link(...of(scene));
        if (sorted(links[i].hash) === sorted(location.hash)) links[i].setAttribute("aria-current", "true"); else links[i].removeAttribute("aria-current");
      });
    },
  };
}
