// What arrows of ∂L/∂E have in common, in the plane and in three dimensions.
const most = 300, many = 150;

// arrowsOf are those to be drawn of what is pushed, [{at, down, part}]: part is of the longest that an arrow may be. greatest is ∂L/∂E of the longest, the greatest
// there is without. Where many are long, all are half as long; of very many, some are drawn; those too short to see are not.
export function arrowsOf(push, greatest) {
  const top = greatest ?? push.reduce((t, p) => Math.max(t, Math.abs(p.slope)), 1e-30), share = (p) => Math.min(1, Math.abs(p.slope) / top);
  const seen = push.filter((p) => share(p) > 0.03), scale = seen.filter((p) => share(p) > 0.5).length > many ? 0.5 : 1, step = Math.ceil(seen.length / most);
  return seen.filter((_, i) => i % step === 0).map((p) => ({ at: p.at, down: p.slope > 0, part: scale * share(p) }));
}

// The colours of what is pushed down and up, as CSS has them.
export const arrowColours = { down: "#8fd0ff", up: "#ff9d3d" };
