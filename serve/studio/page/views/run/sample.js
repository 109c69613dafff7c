// One sample: its picture, the energies of all answers, and its way along training.
import { part } from "../../kit/api.js";
import { drawn, element, figure } from "../../kit/dom.js";
import { saveButtons, saveCSV } from "../../kit/save.js";
import { tipFor } from "../../kit/tooltip.js";

const barsMost = 16; // answers that are shown; of more, those of the least energies
const width = 320, height = 110, left = 54, right = 10, top = 8, bottom = 20; // of the drawing

const number = (v) => typeof v === "string" ? Number(v) : v;

// sample returns {root, show(run, {set, epoch, sample})}.
export function sample({ api, pictures, go, name }) {
  const body = element("div", { class: "sample-body", "aria-live": "polite" });
  const root = element("section", { class: "panel", "aria-label": "Sample" }, body);
  let shown = "", request = null;

  function bars(s) {
    const energies = s.energies.map(number), some = energies.filter(Number.isFinite);
    let lo = Math.min(...some), hi = Math.max(...some);
    if (lo > 0 && lo < hi - lo) lo = 0;
    if (hi < 0 && -hi < hi - lo) hi = 0;
    const rival = s.names.map((_, a) => a).filter((a) => a !== s.label).reduce((least, a) => least < 0 || energies[a] < energies[least] ? a : least, -1);
    let order = s.names.map((_, a) => a);
    if (order.length > barsMost) {
      order = order.sort((a, b) => energies[a] - energies[b] || a - b).slice(0, barsMost);
      if (!order.includes(s.label)) order[barsMost - 1] = s.label;
    }
    const place = (v) => hi > lo ? 100 * (v - lo) / (hi - lo) : 0, zero = lo <= 0 && hi >= 0 ? place(0) : 0;
    return element("table", { class: "bars", "aria-label": "Energies of the answers" }, element("tbody", {}, ...order.map((a) => {
      const e = energies[a], role = a === s.label ? "right" : a === rival ? "wrong" : "", bar = element("i", { class: role });
      if (Number.isFinite(e)) {
        bar.style.left = Math.min(zero, place(e)) + "%";
        bar.style.width = Math.max(0.6, Math.abs(place(e) - zero)) + "%";
      }
      const row = element("tr", { class: role }, element("th", { scope: "row" }, s.names[a]), element("td", { class: "track" }, bar), element("td", { class: "number" }, figure(e)),
        element("td", { class: "role" }, role === "right" ? "✓ correct" : role === "wrong" ? "most offending" : ""));
      tipFor(row, () => `E(${s.names[a]}) = ${e}${a === s.answer ? ", the answer" : ""}`);
      return row;
    })));
  }

  // course draws E⁺ and E⁻ along training.
  function course(s) {
    const all = s.course.map((m) => ({ ...m, correct: number(m.correct), offending: number(m.offending) })), values = all.flatMap((m) => [m.correct, m.offending]).filter(Number.isFinite);
    if (all.length < 2 || !values.length) return [];
    let lo = Math.min(...values), hi = Math.max(...values);
    if (hi === lo) [lo, hi] = [lo - 0.5, hi + 0.5];
    const last = all.at(-1).epoch, first = all[0].epoch;
    const x = (e) => left + (e - first) / (last - first) * (width - left - right), y = (v) => height - bottom - (v - lo) / (hi - lo) * (height - top - bottom);
    const path = (key) => all.map((m, i) => `${i ? "L" : "M"}${x(m.epoch).toFixed(1)} ${Number.isFinite(m[key]) ? y(m[key]).toFixed(1) : height - bottom}`).join("");
    const text = (px, py, anchor, words) => drawn("text", { x: px, y: py, "text-anchor": anchor }, words);
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, class: "course", role: "img", "aria-label": `Along training, E⁺ from ${figure(all[0].correct)} to ${figure(all.at(-1).correct)}, E⁻ from ${figure(all[0].offending)} to ${figure(all.at(-1).offending)}` },
      drawn("line", { x1: x(s.epoch), x2: x(s.epoch), y1: top, y2: height - bottom, class: "axis" }),
      drawn("path", { d: path("offending"), class: "wrong" }), drawn("path", { d: path("correct"), class: "right" }),
      text(left - 4, top + 8, "end", figure(hi)), text(left - 4, height - bottom, "end", figure(lo)), text(left, height - 5, "start", `epoch ${first}`), text(width - right, height - 5, "end", String(last)),
      ...all.map((m, i) => {
        const from = i ? (x(all[i - 1].epoch) + x(m.epoch)) / 2 : x(m.epoch), to = i < all.length - 1 ? (x(all[i + 1].epoch) + x(m.epoch)) / 2 : x(m.epoch);
        const hit = drawn("rect", { x: from, y: top, width: Math.max(1, to - from), height: height - top - bottom, class: "hit" });
        hit.addEventListener("click", () => go({ epoch: m.epoch }));
        tipFor(hit, () => `epoch ${m.epoch}: E⁺ ${figure(m.correct)}, E⁻ ${figure(m.offending)}, answer ${s.names[m.answer] ?? "none"}`);
        return hit;
      }));
    return [element("h3", {}, "Along training ", element("span", { class: "key right" }, "E⁺"), " ", element("span", { class: "key wrong" }, "E⁻")), svg];
  }

  function draw(s) {
    const label = s.names[s.label], answer = s.names[s.answer] ?? "none", ok = s.label === s.answer;
    const saves = saveButtons("the energies", { CSV: () => saveCSV(`${name()}-sample-${s.sample}.csv`, ["answer", "energy"], s.names.map((n, a) => [n, s.energies[a]])) });
    body.replaceChildren(
      element("div", { class: "row head" }, element("h2", {}, `Sample ${s.sample}`), saves),
      element("div", { class: "sample-head" }, s.text ? "" : element("div", { class: "large" }, pictures.of(s.set, s.sample, label)), element("dl", { class: "facts" },
        element("dt", {}, "label"), element("dd", {}, label), element("dt", {}, "answer"), element("dd", { class: ok ? "right" : "wrong" }, answer + (ok ? " ✓" : "")),
        element("dt", {}, "gap E⁻ − E⁺"), element("dd", {}, figure(number(s.gap))),
        ...s.number === s.sample ? [] : [element("dt", {}, "in its set"), element("dd", {}, `number ${s.number}`)])),
      ...s.text ? [element("p", { class: "sample-text", tabindex: "0", role: "region", "aria-label": "The sample" }, s.text)] : [], bars(s), ...course(s));
  }

  return {
    root,
    async show(run, { set, epoch, sample: i, pictured }) {
      const key = JSON.stringify([run, set, epoch, i, pictured]);
      if (key === shown) return;
      shown = key;
      request?.abort();
      if (i === null) {
        body.replaceChildren(element("p", { class: "quiet" }, "Choose a sample: a dot of the plane, or one of a bar or a cell."));
        return;
      }
      request = new AbortController();
      const s = await api.get(`/v1/studio/runs/${part(run)}/sample`, { set, epoch: set === "watched" ? epoch : null, sample: i }, request.signal);
      if (key === shown) draw(s);
    },
  };
}
