// A chart of lanes over one axis, on a canvas, with the cursor on another above it.
import { element, figure } from "../../kit/dom.js";
import { ticks } from "../../kit/plane.js";
import { changed } from "../../kit/theme.js";
import { hideTip, showTip } from "../../kit/tooltip.js";
import { inks } from "./colours.js";

const gap = 8, foot = 34, drag = 5; // CSS pixels; a pointer that moves farther drags

// chart returns {root, canvas, show(lanes), draw(), close()}. A lane is {name, height(width), paint(c, box, inks), at(place, y, box)}: box is {x, y, w, h, px(place)}, and at returns
// what is there, {tip, range, text}, or null. picked(there, place, lane) is called by a click, key(event) by a key that the chart does not take; value(place) says what is at the cursor.
export function chart({ label, axis, picked, key = () => false, value = null }) {
  const canvas = element("canvas", { tabindex: "0", role: value ? "slider" : "img", "aria-label": label, ...value ? { "aria-valuemin": 0, "aria-valuemax": 1, "aria-valuenow": 0 } : {} });
  const over = element("canvas", { "aria-hidden": "true" }), root = element("div", { class: "chart" }, canvas, over);
  const c = canvas.getContext("2d"), o = over.getContext("2d");
  let lanes = [], boxes = [], width = 0, height = 0, gutter = 0, held = null, due = 0, ink = null;

  const px = (at) => gutter + (at - axis.from) / (axis.to - axis.from) * (width - gutter);
  const place = (x) => axis.from + (x - gutter) / (width - gutter) * (axis.to - axis.from);

  function lay() {
    width = root.clientWidth;
    gutter = width < 600 ? 48 : 72;
    let y = 4;
    boxes = lanes.map((lane) => {
      const h = lane.height(width - gutter), box = { x: gutter, y, w: width - gutter, h, px };
      y += h + gap;
      return box;
    });
    height = y + foot - gap;
    root.style.height = height + "px";
    const ratio = devicePixelRatio || 1, size = [width, height].map((v) => Math.round(v * ratio));
    if (canvas.width === size[0] && canvas.height === size[1]) return;
    for (const e of [canvas, over]) {
      [e.width, e.height] = size;
      e.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
  }

  function draw() {
    if (!root.clientWidth || !lanes.length) return;
    lay();
    ink = inks();
    c.clearRect(0, 0, width, height);
    lanes.forEach((lane, i) => {
      const b = boxes[i];
      c.font = "11px system-ui, sans-serif";
      c.fillStyle = ink.faint;
      c.textAlign = "right";
      c.textBaseline = "middle";
      if (lane.name) c.fillText(lane.name, gutter - 6, b.y + b.h / 2, gutter - 8);
      c.save();
      lane.names?.(c, b, ink);
      c.beginPath();
      c.rect(b.x, b.y, b.w, b.h);
      c.clip();
      lane.paint(c, b, ink);
      c.restore();
    });
    drawAxis();
    drawCursor();
  }

  function drawAxis() {
    const y = height - foot + 4;
    c.strokeStyle = ink.line;
    c.fillStyle = ink.faint;
    c.textBaseline = "top";
    c.font = "11px system-ui, sans-serif";
    for (const at of ticks(axis.from, axis.to)) {
      const x = px(at);
      c.beginPath();
      c.moveTo(x, y - 3);
      c.lineTo(x, y + 1);
      c.stroke();
      c.textAlign = x < gutter + 12 ? "left" : x > width - 12 ? "right" : "center";
      c.fillText(figure(at), x, y + 3);
    }
    c.textAlign = "center";
    c.fillText(axis.unit, gutter + (width - gutter) / 2, y + 17);
  }

  function drawCursor() {
    o.clearRect(0, 0, width, height);
    const at = axis.cursor;
    if (at === null || at < axis.from || at > axis.to || !ink) return;
    o.strokeStyle = ink.bad;
    o.lineWidth = 1.5;
    o.beginPath();
    o.moveTo(px(at), 0);
    o.lineTo(px(at), height - foot + 2);
    o.stroke();
    if (!value) return;
    canvas.setAttribute("aria-valuemax", axis.length.toFixed(3));
    canvas.setAttribute("aria-valuenow", at.toFixed(3));
    canvas.setAttribute("aria-valuetext", value(at));
  }

  const soon = (what) => {
    if (what === "cursor") return drawCursor();
    cancelAnimationFrame(due);
    due = requestAnimationFrame(draw);
  };
  axis.listen(soon);

  // there is what lies under a pointer.
  function there(event) {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    const i = boxes.findIndex((b) => y >= b.y && y < b.y + b.h), at = place(x);
    return { at, lane: lanes[i], found: i >= 0 && x >= gutter ? lanes[i].at?.(at, y - boxes[i].y, boxes[i]) ?? null : null };
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    held = { x: event.clientX, last: event.clientX, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held && (held.moved || Math.abs(event.clientX - held.x) > drag)) {
      held.moved = true;
      hideTip();
      axis.pan((held.last - event.clientX) / (width - gutter) * (axis.to - axis.from));
      held.last = event.clientX;
      return;
    }
    const { found } = there(event);
    canvas.style.cursor = found?.range ? "pointer" : "";
    if (found?.tip) showTip(event.clientX, event.clientY, ...[found.tip].flat().map((line) => element("div", {}, line))); else hideTip();
  });
  canvas.addEventListener("pointerleave", hideTip);
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("pointerup", (event) => {
    const clicked = held && !held.moved;
    held = null;
    if (!clicked) return;
    const { at, lane, found } = there(event);
    if (at >= axis.from && at <= axis.to) picked(found, at, lane);
  });
  canvas.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) axis.zoom(Math.exp(event.deltaY / 200), Math.max(axis.from, there(event).at));
    else if (event.deltaX && !axis.whole()) axis.pan(event.deltaX / (width - gutter) * (axis.to - axis.from));
    else return;
    event.preventDefault();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key(event)) return event.preventDefault();
    if (event.key === "+" || event.key === "=") axis.zoom(0.5);
    else if (event.key === "-") axis.zoom(2);
    else if (event.key === "0") axis.show(0, axis.length);
    else return;
    event.preventDefault();
  });
  const watch = new ResizeObserver(() => { if (root.clientWidth !== width) soon("view"); });
  watch.observe(root);
  const recolour = () => soon("view");
  document.addEventListener(changed, recolour);
  return {
    root, canvas, draw: () => soon("view"),
    show(next) { lanes = next; soon("view"); },
    close() { watch.disconnect(); document.removeEventListener(changed, recolour); cancelAnimationFrame(due); hideTip(); },
  };
}
