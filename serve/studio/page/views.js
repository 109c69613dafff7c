// The views, in the order of the navigation. A view is one module in views/: see doc.go of package studio.
import lesson from "./views/lesson.js";
import losses from "./views/losses.js";
import runs from "./views/runs.js";
import surface from "./views/surface.js";

export default [runs, surface, lesson, losses];
