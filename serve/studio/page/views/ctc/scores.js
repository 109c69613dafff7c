// Scores of frames, changed. They are logits: what counts are their differences within a frame.

export const blank = "–"; // as it is written

const most = 8.75; // above the least of a frame

// spread has the least score of a frame be 0.
export function spread(frame) {
  const least = Math.min(...frame);
  return frame.map((v) => Math.min(most, v - least));
}

// pointed gives a class a probability; the others share what is left as before.
export function pointed(frame, c, p) {
  const others = Math.log(frame.reduce((sum, v, i) => i === c ? sum : sum + Math.exp(v), 0)), q = Math.min(0.999, Math.max(0.001, p));
  return spread(frame.map((v, i) => i === c ? others + Math.log(q / (1 - q)) : v));
}

// lowered is a step down the gradient.
export const lowered = (scores, gradient) => scores.map((frame, t) => spread(frame.map((v, c) => v - 0.5 * gradient[t][c])));
