// A canvas with items at places, which one walks by mouse, wheel, touch and keys.

const most = 64; // zoom
const pixel = () => Math.min(devicePixelRatio || 1, 2);

export class Plane {
  // told has moved(), hovered(item, x, y) and opened(item).
  constructor(canvas, told) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.told = told;
    this.items = [];
    this.drawn = []; // what can be pointed at: {item, x, y, r}
    this.pictures = new Map();
    this.loading = 0;
    this.place = { x: 0, y: 0, zoom: 1 };
    this.dims = () => false;
    this.pointers = new Map();
    this.hover = null;
    new ResizeObserver(() => this.later()).observe(canvas);
    this.listen();
  }

  later() {
    if (this.due) return;
    this.due = requestAnimationFrame(() => { this.due = 0; this.draw(); });
  }

  // Screen and plane: the square of places fills the canvas, stretched at most so far.
  scales() {
    const w = this.canvas.clientWidth, h = this.canvas.clientHeight, z = this.place.zoom * .46;
    return { w, h, sx: Math.min(w, 1.8 * h) * z, sy: Math.min(h, 1.8 * w) * z };
  }

  draw() {
    const { w, h, sx, sy } = this.scales(), pen = this.pen, p = pixel();
    if (!w || !h) return;
    if (this.canvas.width !== Math.round(w * p) || this.canvas.height !== Math.round(h * p)) {
      this.canvas.width = Math.round(w * p);
      this.canvas.height = Math.round(h * p);
    }
    pen.setTransform(p, 0, 0, p, 0, 0);
    pen.clearRect(0, 0, w, h);
    const cell = Math.min(144, Math.max(22, Math.min(64, Math.sqrt(w * h / (this.items.length + 1)) * 1.2)) * Math.sqrt(this.place.zoom));
    const ox = w / 2 - this.place.x * sx, oy = h / 2 - this.place.y * sy;
    this.drawn = [];
    const taken = new Set(), lacking = [];
    // Cells of the plane have one picture each: there are more as one comes nearer. What stands out has the first choice.
    const order = this.marks ? [...this.items].sort((a, b) => this.dims(a) - this.dims(b)) : this.items;
    for (const item of order) {
      const x = ox + item.x * sx, y = oy + item.y * sy;
      if (x < -cell || y < -cell || x > w + cell || y > h + cell) continue;
      pen.globalAlpha = this.dims(item) ? .18 : 1;
      if (!item.thumb) { this.dot(item, x, y, 5); continue; }
      const cx = Math.floor(item.x * sx / cell), cy = Math.floor(item.y * sy / cell), key = cx + " " + cy;
      if (taken.has(key)) continue;
      taken.add(key);
      const px = ox + (cx + .5) * cell, py = oy + (cy + .5) * cell, picture = this.pictures.get(item.id);
      if (picture && picture.naturalWidth) this.picture(item, picture, px, py, cell);
      else { this.dot(item, px, py, 5); if (picture === undefined) lacking.push(item); }
    }
    pen.globalAlpha = 1;
    if (this.keys) this.ring(w, h);
    this.fetch(lacking);
  }

  dot(item, x, y, r) {
    this.pen.fillStyle = item.colour;
    this.pen.beginPath();
    this.pen.arc(x, y, r, 0, 7);
    this.pen.fill();
    this.drawn.push({ item, x, y, r: r + 4 });
  }

  picture(item, img, x, y, cell) {
    const side = cell - 4, scale = side / Math.max(img.naturalWidth, img.naturalHeight), w = img.naturalWidth * scale, h = img.naturalHeight * scale;
    this.pen.fillStyle = item.colour;
    this.pen.fillRect(x - w / 2 - 1.5, y - h / 2 - 1.5, w + 3, h + 3);
    this.pen.drawImage(img, x - w / 2, y - h / 2, w, h);
    this.drawn.push({ item, x, y, r: cell / 2 });
  }

  // ring marks the item in the middle, which Enter opens.
  ring(w, h) {
    const near = this.at(w / 2, h / 2, Infinity);
    if (near) {
      this.pen.strokeStyle = getComputedStyle(this.canvas).getPropertyValue("--accent");
      this.pen.lineWidth = 3;
      this.pen.strokeRect(near.x - near.r, near.y - near.r, 2 * near.r, 2 * near.r);
    }
    this.told.hovered(near && near.item, near && near.x, near && near.y, true);
  }

  // at is what is drawn nearest to a point, not farther from it than its own size times reach.
  at(x, y, reach = 1) {
    let best = null, least = Infinity;
    for (const d of this.drawn) {
      const far = Math.max(Math.abs(d.x - x), Math.abs(d.y - y));
      if (far < least && far <= d.r * reach) { best = d; least = far; }
    }
    return best;
  }

  // fetch loads pictures, a few at a time, and forgets those of long ago.
  fetch(lacking) {
    for (const item of lacking) {
      if (this.loading >= 8) return;
      this.loading++;
      const img = new Image();
      this.pictures.set(item.id, img);
      if (this.pictures.size > 700) this.pictures.delete(this.pictures.keys().next().value);
      img.onload = img.onerror = () => { this.loading--; this.later(); };
      img.src = item.thumb;
    }
  }

  show(items) {
    this.items = items;
    this.later();
  }

  move(place) {
    const x = Math.max(-1.2, Math.min(1.2, place.x)), y = Math.max(-1.2, Math.min(1.2, place.y));
    this.place = { x, y, zoom: Math.max(.7, Math.min(most, place.zoom)) };
    this.later();
  }

  pan(dx, dy) {
    const { sx, sy } = this.scales();
    this.move({ ...this.place, x: this.place.x - dx / sx, y: this.place.y - dy / sy });
    this.told.moved();
  }

  // zoom keeps the point of the plane that is under a point of the screen, or under the middle.
  zoom(by, x, y) {
    const { w, h, sx, sy } = this.scales(), zoom = Math.max(.7, Math.min(most, this.place.zoom * by)), real = zoom / this.place.zoom;
    const dx = (x === undefined ? 0 : x - w / 2) * (1 - 1 / real), dy = (y === undefined ? 0 : y - h / 2) * (1 - 1 / real);
    this.move({ x: this.place.x + dx / sx, y: this.place.y + dy / sy, zoom });
    this.told.moved();
  }

  whole() {
    this.move({ x: 0, y: 0, zoom: 1 });
    this.told.moved();
  }

  listen() {
    const c = this.canvas, point = (event) => {
      const r = c.getBoundingClientRect();
      return { x: event.clientX - r.left, y: event.clientY - r.top };
    };
    c.addEventListener("wheel", (event) => {
      event.preventDefault();
      const p = point(event);
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? .05 : .0015)), p.x, p.y);
    }, { passive: false });
    c.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      c.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, point(event));
      this.far = this.pointers.size > 1 ? Infinity : 0; // how far the pointer went: a press that stays is a choice
      this.keys = false;
    });
    c.addEventListener("pointermove", (event) => {
      const p = point(event), from = this.pointers.get(event.pointerId);
      if (!from) { this.look(p); return; }
      this.pointers.set(event.pointerId, p);
      this.far += Math.hypot(p.x - from.x, p.y - from.y);
      const others = [...this.pointers].filter(([id]) => id !== event.pointerId);
      if (others.length === 0) { if (this.far > 5) this.pan(p.x - from.x, p.y - from.y); return; }
      const o = others[0][1], before = Math.hypot(from.x - o.x, from.y - o.y), now = Math.hypot(p.x - o.x, p.y - o.y);
      this.pan((p.x - from.x) / 2, (p.y - from.y) / 2);
      if (before > 0) this.zoom(now / before, (p.x + o.x) / 2, (p.y + o.y) / 2);
    });
    c.addEventListener("pointerup", (event) => {
      if (this.pointers.delete(event.pointerId) && this.far <= 5) {
        const p = point(event), d = this.at(p.x, p.y, 1.2);
        if (d) this.told.opened(d.item);
      }
    });
    c.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    c.addEventListener("pointerleave", () => this.told.hovered(null));
    c.addEventListener("focus", () => { this.keys = c.matches(":focus-visible"); this.later(); });
    c.addEventListener("blur", () => { this.keys = false; this.told.hovered(null); this.later(); });
    c.addEventListener("keydown", (event) => this.key(event));
  }

  look(p) {
    const d = this.at(p.x, p.y);
    this.canvas.style.cursor = d ? "pointer" : "grab";
    if (!this.keys) this.told.hovered(d && d.item, d && d.x, d && d.y);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { w, h } = this.scales(), step = 60, does = {
      ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0), ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
      "+": () => this.zoom(1.4), "=": () => this.zoom(1.4), "-": () => this.zoom(1 / 1.4), 0: () => this.whole(),
      Enter: () => { const d = this.at(w / 2, h / 2, Infinity); if (d) this.told.opened(d.item); },
    }[event.key];
    if (!does) return;
    event.preventDefault();
    this.keys = true;
    does();
  }
}
