// Digits as lines of places from 0 to 1, for those who do not draw.

// arc is a part of an ellipse, from an angle to another in degrees: 0 is to the right, 90 down.
function arc(x, y, rx, ry, from, to) {
  const n = Math.ceil((to - from) / 15);
  return Array.from({ length: n + 1 }, (_, i) => {
    const t = (from + (to - from) * i / n) * Math.PI / 180;
    return [x + rx * Math.cos(t), y + ry * Math.sin(t)];
  });
}

export const digits = [
  [arc(0.5, 0.5, 0.2, 0.31, -90, 270)],
  [[[0.56, 0.19], [0.46, 0.81]]],
  [[...arc(0.5, 0.37, 0.2, 0.18, 200, 385), [0.31, 0.79], [0.72, 0.79]]],
  [[...arc(0.48, 0.34, 0.18, 0.15, 205, 450), ...arc(0.48, 0.65, 0.2, 0.17, 270, 515)]],
  [[[0.37, 0.2], [0.31, 0.53], [0.72, 0.53]], [[0.64, 0.2], [0.6, 0.82]]],
  [[[0.68, 0.2], [0.4, 0.2], ...arc(0.5, 0.62, 0.2, 0.19, 235, 505)]],
  [[[0.6, 0.17], [0.45, 0.35], ...arc(0.5, 0.64, 0.17, 0.18, 190, 550)]],
  [[[0.29, 0.24], [0.7, 0.24], [0.47, 0.82]]],
  [[...arc(0.5, 0.34, 0.16, 0.15, 90, 450), ...arc(0.5, 0.66, 0.18, 0.17, 270, 630)]],
  [[...arc(0.48, 0.36, 0.17, 0.17, 0, 360), [0.63, 0.6], [0.52, 0.83]]],
];
