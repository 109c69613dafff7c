// What every part of the page uses to make elements and to say what happened.

export const $ = (id) => document.getElementById(id);

// element makes one; attributes that are null are left out, text may be elements.
export function element(name, attributes = {}, ...content) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (value !== null && value !== undefined) e.setAttribute(key, value);
  }
  e.append(...content);
  return e;
}

export function say(text) {
  $("error").hidden = true;
  $("status").textContent = text;
}

export function complain(err) {
  if (err.name === "AbortError") return; // a later request took its place
  $("status").textContent = "";
  $("error").textContent = err.message;
  $("error").hidden = false;
}

export const count = (n, what) => `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;

// baseName is the last part of an identifier.
export const baseName = (id) => id.slice(id.lastIndexOf("/") + 1);

// far is a distance in three figures.
export function far(distance) {
  const size = Math.abs(distance);
  return size !== 0 && size < 0.001 ? distance.toExponential(1) : String(Number(distance.toPrecision(3)));
}
