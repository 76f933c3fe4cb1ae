// Color that flows from strokes, as in colorlab.classics.scribbles: the weights of
// Levin et al., and their system solved exactly.

import { dissect, solve } from "./dissection.js";

/** @import { Box, Part } from "./dissection.js" */

/** @typedef {ArrayLike<number>} Numbers */
const LEAST_WEIGHT = 0.01; // of the neighbor that is most alike
const LEAST_SIGMA = 2e-6; // for grays in 0..1

// The neighbors of a pixel, as OFFSETS of colorlab.classics.scribbles.
const OFFSETS = [-1, 0, 1].flatMap((y) =>
  [-1, 0, 1].filter((x) => x || y).map((x) => ({ x, y })),
);

// colorlab.classics.scribbles.neighbor_weights: neighbor n of pixel i is at 8 i + n;
// 0 outside the picture.
/** @type {(gray: Numbers, width: number, varianceScale: number, edgeStop: number) =>
 *   Float64Array} */
export function neighborWeights(gray, width, varianceScale, edgeStop) {
  const height = gray.length / width;
  const edges = edgeStop ? edgeStrength(gray, width) : undefined;
  const weights = new Float64Array(8 * gray.length);
  for (let i = 0, y = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      let [count, sum, squares, least] = [1, 0, 0, Infinity]; // of the differences
      for (let n = 0; n < 8; n++) {
        const [u, v] = [x + OFFSETS[n].x, y + OFFSETS[n].y];
        const inside = u >= 0 && u < width && v >= 0 && v < height;
        const d = inside ? gray[v * width + u] - gray[i] : Infinity;
        weights[8 * i + n] = d * d;
        if (!inside) continue;
        count++;
        sum += d;
        squares += d * d;
        least = Math.min(least, d * d);
      }
      const variance = squares / count - (sum / count) ** 2;
      const enough = least / -Math.log(LEAST_WEIGHT);
      const sigma = Math.max(varianceScale * variance, enough, LEAST_SIGMA);
      let total = 0;
      for (let k = 8 * i; k < 8 * i + 8; k++) {
        weights[k] = Math.exp(-weights[k] / sigma);
        if (edges && weights[k]) {
          const { x: dx, y: dy } = OFFSETS[k % 8];
          weights[k] *= Math.exp(
            -edgeStop * Math.max(edges[i], edges[i + dy * width + dx]),
          );
        }
        total += weights[k];
      }
      for (let k = 8 * i; k < 8 * i + 8; k++) weights[k] /= total;
    }
  }
  return weights;
}

// Sobel's, in shares of the largest; beyond the rim, the rim again.
/** @type {(gray: Numbers, width: number) => Float64Array} */
function edgeStrength(gray, width) {
  const edges = new Float64Array(gray.length);
  let most = 0;
  for (let i = 0; i < gray.length; i++) {
    const x = i % width;
    const [left, right] = [x ? -1 : 0, x < width - 1 ? 1 : 0];
    const above = i < width ? 0 : -width;
    const below = i < gray.length - width ? width : 0;
    const corner = gray[i + below + right] - gray[i + above + left];
    const other = gray[i + below + left] - gray[i + above + right];
    const down = corner + other + 2 * (gray[i + below] - gray[i + above]);
    const across = corner - other + 2 * (gray[i + right] - gray[i + left]);
    edges[i] = Math.hypot(down, across);
    most = Math.max(most, edges[i]);
  }
  return most ? edges.map((edge) => edge / most) : edges;
}

/** @typedef {{ root: Part, weights: Float64Array, known: Uint8Array, width: number }}
 *   System */

const offsetsOf = (/** @type {number} */ width) =>
  OFFSETS.map(({ x, y }) => y * width + x);

// The system of all pixels: the known ones keep their value, each other one is the mean
// of its neighbors. Of the system `before`, of the same weights, what stays is used
// again. Yields now and then; `finish` lets it run through.
/** @type {(weights: Float64Array, width: number, known: Uint8Array, before?: System) =>
 *   Generator<void, System>} */
export function* makeSystem(weights, width, known, before) {
  const offsets = offsetsOf(width);
  const free = weights.map((weight, k) => {
    const i = k >> 3;
    return weight && !known[i] && !known[i + offsets[k & 7]] ? weight : 0;
  });
  const same = before?.weights === weights ? before : undefined;
  const changed = same && boxOf(known, same.known, width);
  const root = yield* dissect(free, offsets, width, same?.root, changed);
  return { root, weights, known, width };
}

/** @type {<T>(work: Generator<void, T>) => T} */
export function finish(work) {
  while (true) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

// The smallest box that holds all pixels that are known in one and not in the other.
/** @type {(known: Uint8Array, other: Uint8Array, width: number) => Box} */
function boxOf(known, other, width) {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  known.forEach((value, i) => {
    if (value === other[i]) return;
    const [x, y] = [i % width, Math.floor(i / width)];
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x + 1);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y + 1);
  });
  return box;
}

// colorlab.classics.scribbles.propagate for one channel; what it has where nothing is
// known does not matter.
/** @type {(system: System, channel: Numbers) => Float64Array} */
export function propagate({ root, weights, known, width }, channel) {
  const offsets = offsetsOf(width);
  const values = Float64Array.from(known, (is, i) => {
    if (is) return channel[i];
    let sum = 0;
    for (let n = 0; n < 8; n++) {
      const weight = weights[8 * i + n];
      if (weight && known[i + offsets[n]]) sum += weight * channel[i + offsets[n]];
    }
    return sum;
  });
  solve(root, values);
  return values;
}
