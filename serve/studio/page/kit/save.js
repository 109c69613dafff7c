// Pictures and tables as files.
import { element } from "./dom.js";

// save has the browser keep a blob as a file.
export function save(name, blob) {
  const url = URL.createObjectURL(blob), a = element("a", { href: url, download: name });
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// saveCSV saves rows of cells; numbers are written in full.
export function saveCSV(name, header, rows) {
  const cell = (v) => {
    const text = v === null || v === undefined ? "" : String(v);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  save(name, new Blob([[header, ...rows].map((r) => r.map(cell).join(",") + "\r\n").join("")], { type: "text/csv" }));
}

// svgText is a drawing as a file of its own: what styles of the page say of it is written into it.
function svgText(svg) {
  const copy = svg.cloneNode(true), box = svg.getBoundingClientRect();
  const kept = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-family", "font-weight", "text-anchor", "dominant-baseline"];
  const from = [svg, ...svg.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((e, i) => {
    const style = getComputedStyle(e);
    for (const name of kept) to[i].setAttribute(name, style.getPropertyValue(name));
    to[i].removeAttribute("class");
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", box.width);
  copy.setAttribute("height", box.height);
  return { text: new XMLSerializer().serializeToString(copy), width: box.width, height: box.height };
}

export function saveSVG(name, svg) {
  save(name, new Blob([svgText(svg).text], { type: "image/svg+xml" }));
}

// ground is the colour behind pictures.
export const ground = () => getComputedStyle(document.body).backgroundColor;

// savePNG saves a canvas, or an SVG drawing at twice its size, on the page's ground.
export async function savePNG(name, source) {
  let width = source.width, height = source.height, picture = source;
  if (source instanceof SVGElement) {
    const svg = svgText(source);
    picture = new Image();
    picture.src = "data:image/svg+xml," + encodeURIComponent(svg.text);
    await picture.decode();
    [width, height] = [2 * svg.width, 2 * svg.height];
  }
  const canvas = element("canvas", { width, height }), c = canvas.getContext("2d");
  c.fillStyle = ground();
  c.fillRect(0, 0, width, height);
  c.drawImage(picture, 0, 0, width, height);
  save(name, await new Promise((done) => canvas.toBlob(done, "image/png")));
}

// saveButtons are buttons for a picture: kinds has for each of SVG, PNG and CSV what saves it.
export function saveButtons(what, kinds) {
  return element("span", { class: "saves", role: "group", "aria-label": `Save ${what}` },
    ...Object.entries(kinds).map(([kind, act]) => element("button", { type: "button", class: "small", onclick: act, title: `Save ${what} as ${kind}` }, kind)));
}
