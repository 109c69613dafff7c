// The frame of the page: which view is shown, and what views are given.
import * as requests from "./kit/api.js";
import { $, complain, element, say } from "./kit/dom.js";
import { go, link, listen } from "./kit/state.js";
import * as theme from "./kit/theme.js";
import { hideTip } from "./kit/tooltip.js";
import views from "./views.js";

let shown = null; // {view, mounted, ended, root}

const viewOf = (path) => views.find((v) => path === v.path || path.startsWith(v.path + "/"));

// isHere tells whether a view works without a server, where there is none.
const isHere = (view) => view.offline || !requests.site;

// absent says why a view is not shown.
function absent(view, root) {
  root.append(element("p", { class: "panel" }, `The view ${view.title} asks a server, and this is a site without one. On a machine with energo, `, element("code", {}, "energo studio"), " has it."));
}

// styled loads a view's own style once, before the view measures anything.
function styled(view) {
  const href = view.style && "studio/" + view.style;
  if (!href || document.querySelector(`link[href="${href}"]`)) return null;
  return new Promise((done) => document.head.append(element("link", { rel: "stylesheet", href, onload: done, onerror: done })));
}

function leave() {
  if (!shown) return;
  shown.ended.abort();
  shown.mounted?.close?.();
  shown.root.remove();
  shown = null;
}

async function enter(view, state) {
  leave();
  hideTip();
  say("");
  const ended = new AbortController(), root = element("section", { id: "view-" + view.path, "aria-label": view.title });
  $("view").append(root);
  const here = shown = { view, ended, root, mounted: null };
  try {
    await styled(view);
    if (shown !== here) return;
    const api = { ...requests.within(ended.signal), go, link, say, complain, signal: ended.signal };
    const mounted = await (isHere(view) ? view.mount(root, state, api) : absent(view, root));
    if (shown === here) here.mounted = mounted; else mounted?.close?.();
  } catch (err) {
    complain(err);
  }
}

async function render(state) {
  const view = viewOf(state.path) || views[0];
  document.title = `${view.title} · energo studio`;
  for (const a of $("views").children) {
    if (a.dataset.path === view.path) a.setAttribute("aria-current", "page"); else a.removeAttribute("aria-current");
  }
  if (shown?.view !== view || !shown.mounted?.update) return enter(view, state);
  try {
    await shown.mounted.update(state);
  } catch (err) {
    complain(err);
  }
}

function begin() {
  $("views").append(...views.map((v) => element("a", { href: "#/" + v.path, "data-path": v.path, class: isHere(v) ? null : "absent" }, v.title)));
  $("skip").addEventListener("click", (event) => { event.preventDefault(); $("main").focus(); });
  theme.start($("theme"));
  $("view").replaceChildren();
  listen(render);
}

begin();
