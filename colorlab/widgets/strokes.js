// A person's strokes on a picture: which pixels they cover, and in which colors.

/** @typedef {[number, number]} Pair */
/** @typedef {{ color: Pair | null, points: Pair[], radius: number }} Stroke Points in
 *   shares of width and height, the radius in pixels; null: the photo's own color, the
 *   mean under the stroke. */
/** @typedef {{ labels: Uint8Array, colors: Pair[] }} Painted Pixels of label n have
 *   colors[n - 1]; 0: not painted. */

// The squared distance of a point to the line between two others.
/** @type {(x: number, y: number, from: Pair, to: Pair) => number} */
function squaredDistance(x, y, [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = dx || dy ? ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy) : 0;
  const t = Math.min(1, Math.max(0, along));
  return (x - x0 - t * dx) ** 2 + (y - y0 - t * dy) ** 2;
}

// The pixels whose middle is no farther from the stroke's line than its radius.
/** @type {(stroke: Stroke, width: number, height: number) => number[]} */
export function coveredBy({ points, radius }, width, height) {
  const found = new Set();
  const scaled = points.map(([x, y]) => /** @type {Pair} */ ([x * width, y * height]));
  scaled.forEach((to, n) => {
    const from = scaled[Math.max(0, n - 1)];
    const low = (/** @type {number} */ c) =>
      Math.max(0, Math.floor(Math.min(from[c], to[c]) - radius));
    const right = Math.min(width, Math.ceil(Math.max(from[0], to[0]) + radius));
    const bottom = Math.min(height, Math.ceil(Math.max(from[1], to[1]) + radius));
    for (let y = low(1); y < bottom; y++) {
      for (let x = low(0); x < right; x++) {
        const squared = squaredDistance(x + 0.5, y + 0.5, from, to);
        if (squared <= radius * radius) found.add(y * width + x);
      }
    }
  });
  return [...found];
}

// The color that a stroke paints: its own, or the mean of true ab (N, 2) below it.
/** @type {(stroke: Stroke, pixels: number[], truth: Float32Array) => Pair} */
export function colorOf({ color }, pixels, truth) {
  if (color) return color;
  const mean = (/** @type {number} */ c) =>
    pixels.reduce((sum, i) => sum + truth[2 * i + c], 0) / pixels.length;
  return pixels.length ? [mean(0), mean(1)] : [0, 0];
}

// All strokes on one picture, later ones above earlier ones. Strokes of one color have
// one label.
/** @type {(strokes: Stroke[], width: number, height: number, truth: Float32Array) =>
 *   Painted} */
export function paintStrokes(strokes, width, height, truth) {
  const labels = new Uint8Array(width * height);
  /** @type {Pair[]} */
  const colors = [];
  for (const stroke of strokes) {
    const pixels = coveredBy(stroke, width, height);
    const color = colorOf(stroke, pixels, truth);
    let label = 1 + colors.findIndex((each) => String(each) === String(color));
    if (!label) label = colors.push(color);
    for (const i of pixels) labels[i] = label;
  }
  return { labels, colors };
}
