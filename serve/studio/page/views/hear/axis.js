// The time of a recording, or the columns of a strip, that all charts of the view have in common: which part is shown, and where the cursor stands.

const nearest = 1 / 400; // the least part of the whole that is shown

// axis returns one. listen(f) calls f("view") when another part is shown, and f("cursor") when the cursor has moved.
export function axis() {
  const listeners = [];
  const told = (what) => { for (const f of listeners) f(what); };
  const a = {
    length: 1, unit: "seconds", from: 0, to: 1, cursor: null,
    listen: (f) => { listeners.push(f); },
    // reset is for another recording.
    reset(length, unit) {
      Object.assign(a, { length, unit, from: 0, to: length, cursor: null });
      told("view");
    },
    // show shows a part, within the whole.
    show(from, to) {
      const width = Math.min(a.length, Math.max(a.length * nearest, to - from));
      const lo = Math.min(a.length - width, Math.max(0, from + (to - from - width) / 2));
      if (lo === a.from && lo + width === a.to) return;
      [a.from, a.to] = [lo, Math.min(a.length, lo + width)];
      told("view");
    },
    // zoom makes what is shown factor times as long, around a place.
    zoom(factor, around = a.cursor !== null && a.cursor >= a.from && a.cursor <= a.to ? a.cursor : (a.from + a.to) / 2) {
      const share = (around - a.from) / (a.to - a.from), width = Math.min(a.length, (a.to - a.from) * factor);
      a.show(around - share * width, around + (1 - share) * width);
    },
    pan: (by) => {
      const width = a.to - a.from, from = Math.min(a.length - width, Math.max(0, a.from + by));
      a.show(from, from + width);
    },
    whole: () => a.from <= 0 && a.to >= a.length,
    // point moves the cursor; follow shows the part where it is.
    point(at, follow = true) {
      a.cursor = at === null ? null : Math.min(a.length, Math.max(0, at));
      if (follow && a.cursor !== null && (a.cursor < a.from || a.cursor > a.to)) {
        const width = a.to - a.from;
        a.show(a.cursor - width * 0.1, a.cursor + width * 0.9);
      }
      told("cursor");
    },
    text: (at) => a.unit === "seconds" ? `${at.toFixed(2)} s` : `pixel ${Math.round(at)}`,
  };
  return a;
}
