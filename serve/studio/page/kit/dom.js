// What every part of the page uses to make elements and to say what happened.

export const $ = (id) => document.getElementById(id);

function fill(e, attributes, content) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) e.setAttribute(key, value === true ? "" : value);
  }
  e.append(...content);
  return e;
}

// element makes one of HTML; attributes that are null or false are left out, onNAME is a listener, content is elements and text.
export const element = (name, attributes = {}, ...content) => fill(document.createElement(name), attributes, content);

// drawn is element for SVG.
export const drawn = (name, attributes = {}, ...content) => fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, content);

// say tells what happened, in a line that screen readers read out.
export function say(text) {
  $("error").hidden = true;
  $("status").textContent = text;
}

// complain shows an error. A request that was given up is not one.
export function complain(err) {
  if (err.name === "AbortError") return;
  $("status").textContent = "";
  $("error").textContent = err.message;
  $("error").hidden = false;
}

export const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

// figure writes a number in at most four significant figures.
export function figure(x) {
  if (typeof x !== "number") return x ?? "";
  if (!Number.isFinite(x) || Number.isInteger(x) && Math.abs(x) < 1e6) return String(x);
  const size = Math.abs(x);
  return size < 1e-3 || size >= 1e6 ? x.toExponential(2) : String(Number(x.toPrecision(4)));
}

// colour is that of series number i: eight hues that are told apart with colour blindness too, by CSS variables of the theme.
export const colour = (i) => getComputedStyle(document.documentElement).getPropertyValue(`--series-${i % 8}`).trim();
