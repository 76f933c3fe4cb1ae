// Dots of color and a network's answer, as in colorlab.hints.

import { distribution, entropies, upsampler } from "../../colorlab/widgets/bins.js";
import {
  finish,
  makeSystem,
  neighborWeights,
  propagate,
} from "../../colorlab/widgets/flow.js";

/** @import { System } from "../../colorlab/widgets/flow.js" */

/** @typedef {{ x: number, y: number, a: number, b: number }} Dot In shares of the
 *   photo's width and height, and in Lab units. */
/** @typedef {{ color: [number, number], share: number }} Offer */
/** @typedef {(ab: (y: number) => Float32Array, dots: Dot[], giveUp: number) =>
 *   Float32Array} Blend */

const RADIUS = 1; // pixels: a dot is a square of 3 x 3, as in colorlab.hints
const VARIANCE_SCALE = 0.6; // as in colorlab.classics.scribbles
const [OFFERED, APART] = [6, 25]; // as in colorlab.hints

// colorlab.hints.sureness for all cells.
/** @type {(logits: Float32Array, Q: number) => Float32Array} */
export const sureness = (logits, Q) =>
  entropies(logits, Q, 1).map((nats) => 1 - nats / Math.log(Q));

// colorlab.hints.likely_colors for one cell.
/** @type {(logits: Float32Array, cell: number, centers: Float32Array) => Offer[]} */
export function likelyColors(logits, cell, centers) {
  const left = distribution(logits, cell, centers.length / 2, 1);
  /** @type {Offer[]} */
  const offers = [];
  for (let n = 0; n < OFFERED; n++) {
    const top = left.indexOf(Math.max(...left));
    if (!left[top]) break;
    let [share, a, b] = [0, 0, 0];
    for (let q = 0; q < left.length; q++) {
      const [u, v] = [centers[2 * q], centers[2 * q + 1]];
      if (Math.hypot(u - centers[2 * top], v - centers[2 * top + 1]) > APART) continue;
      share += left[q];
      a += left[q] * u;
      b += left[q] * v;
      left[q] = 0;
    }
    offers.push({ color: [a / share, b / share], share });
  }
  return offers.sort((one, other) => other.share - one.share);
}

// The pixels of each dot, and what it says there: colorlab.hints._stamp.
/** @type {(dots: Dot[], height: number, width: number) => { known: Uint8Array,
 *   given: Float64Array[] }} */
function stamp(dots, height, width) {
  const count = new Uint8Array(height * width);
  const sums = [new Float64Array(count.length), new Float64Array(count.length)];
  for (const { x, y, a, b } of dots) {
    const column = Math.min(width - 1, Math.floor(x * width));
    const row = Math.min(height - 1, Math.floor(y * height));
    for (let v = row - RADIUS; v <= row + RADIUS; v++) {
      for (let u = column - RADIUS; u <= column + RADIUS; u++) {
        if (u < 0 || u >= width || v < 0 || v >= height) continue;
        const at = v * width + u;
        count[at]++;
        sums[0][at] += a;
        sums[1][at] += b;
      }
    }
  }
  const given = sums.map((sum) => sum.map((value, i) => value / (count[i] || 1)));
  return { known: count.map((many) => Math.min(1, many)), given };
}

// Rows of pairs as one map for each number of a pair.
/** @type {(rowOf: (y: number) => Float32Array, height: number, width: number) =>
 *   Float64Array[]} */
function gather(rowOf, height, width) {
  const maps = [new Float64Array(height * width), new Float64Array(height * width)];
  for (let y = 0; y < height; y++) {
    const row = rowOf(y);
    for (let x = 0; x < width; x++) {
      maps[0][y * width + x] = row[2 * x];
      maps[1][y * width + x] = row[2 * x + 1];
    }
  }
  return maps;
}

// colorlab.hints.blend for one photo: a function from the network's ab, by rows, the
// dots and how soon a walker gives up to the ab of all pixels, (height * width, 2).
// What can be is kept for the next dots. `L` is the lightness that the network saw;
// `sure` is by cells.
/** @type {(L: Float32Array, height: number, width: number, sure: Float32Array,
 *   rows: number, columns: number) => Blend} */
export function makeBlend(L, height, width, sure, rows, columns) {
  const gray = Float64Array.from(L, (each) => Math.min(1, Math.max(0, each / 100)));
  const steps = neighborWeights(gray, width, VARIANCE_SCALE, 0);
  let [weights, before] = [steps, 0];
  const pairs = Float32Array.from({ length: 2 * sure.length }, (_, i) => sure[i >> 1]);
  const sureRow = upsampler(pairs, rows, columns, height, width);
  const [share] = gather(sureRow, height, width);
  /** @type {System | undefined} */
  let system;
  return (abRow, dots, giveUp) => {
    if (giveUp !== before) weights = steps.map((weight) => (1 - giveUp) * weight);
    before = giveUp;
    const { known, given } = stamp(dots, height, width);
    system = finish(makeSystem(weights, width, known, system));
    const met = propagate(system, known);
    const ab = new Float32Array(2 * gray.length);
    for (const [c, network] of gather(abRow, height, width).entries()) {
      const said = propagate(system, given[c]);
      const own = propagate(system, network);
      for (let i = 0; i < share.length; i++) {
        const detail = met[i] * network[i] - own[i];
        ab[2 * i + c] = said[i] + (1 - met[i]) * network[i] + share[i] * detail;
      }
    }
    return ab;
  };
}
