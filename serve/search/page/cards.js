// Items as cells of a grid.
import { baseName, element, far } from "./dom.js";
import { go } from "./state.js";

// thumb is an item's picture made small, or what stands for it.
export function thumb(item) {
  const none = () => element("span", { class: "none" }, item.label || "no picture");
  if (!item.thumb) return none();
  const img = element("img", { src: item.thumb, alt: "", loading: "lazy", decoding: "async" });
  img.addEventListener("error", () => img.replaceWith(none()));
  return img;
}

// card is an item; pressing it opens it.
export function card(item) {
  const distance = item.distance === undefined ? null : far(item.distance);
  const words = [item.label && "label " + item.label, distance !== null && "distance " + distance, item.id].filter(Boolean).join(", ");
  const b = element("button", { type: "button", class: "card", title: item.id, "aria-label": words, "data-id": item.id, onclick: () => go({ open: item.id }, { opened: true }) }, thumb(item));
  const name = element("span", { class: "name" });
  if (item.thumb && item.label && (distance !== null || item.score)) name.append(element("span", { class: "text" }, item.label));
  else name.append(element("span", { class: "text" }, baseName(item.id)));
  if (distance !== null) name.append(element("span", { class: "far" }, distance));
  b.append(name);
  return element("li", {}, b);
}

// plain tells a grid whose items have no pictures, which is a list then.
export function plain(grid, items) {
  grid.classList.toggle("plain", items.length > 0 && items.every((i) => !i.thumb));
}
