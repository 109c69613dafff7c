// What the page takes of libraries: what is not named here is not in the bundle.
export { contours } from "d3-contour";
export { GIFEncoder } from "gifenc/dist/gifenc.esm.js";
export { default as uPlot } from "uplot";
