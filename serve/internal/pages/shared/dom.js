// What every part of a page uses to make elements and to say what happened.

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
