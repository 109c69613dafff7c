// The views, in the order of the navigation. A view is one module in views/: see doc.go of package studio.
import ctc from "./views/ctc.js";
import draw from "./views/draw.js";
import hear from "./views/hear.js";
import lesson from "./views/lesson.js";
import losses from "./views/losses.js";
import run from "./views/run.js";
import runs from "./views/runs.js";
import search from "./views/search.js";
import surface from "./views/surface.js";

export default [runs, run, surface, lesson, losses, ctc, draw, hear, search];
