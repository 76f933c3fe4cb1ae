// Gradient descent for one pixel of a few possible colors, as autograd does it on
// colorlab's losses: on the squared error, and on the cross-entropy.

import { nearestBin } from "./bins.js";

/** @import { Numbers, Pair } from "./bins.js" */

// How much each color counts: in so many photos it is true, and the second color
// counts `weight` times. They sum to 1, as (p * w) does in rebalance_weights.
/** @type {(counts: number[], weight: number) => number[]} */
export function weighShares(counts, weight) {
  const heard = counts.map((n, i) => (i === 1 ? weight * n : n));
  const sum = heard.reduce((total, value) => total + value, 0);
  return heard.map((value) => value / sum);
}

// All of each color's share on the bin nearest to it; centers (Q, 2).
/** @type {(colors: Pair[], shares: number[], centers: Numbers) => Float64Array} */
export function targetOf(colors, shares, centers) {
  const target = new Float64Array(centers.length / 2);
  colors.forEach(([a, b], i) => {
    target[nearestBin(a, b, centers)] += shares[i];
  });
  return target;
}

// One guess for all, from gray: where it is before each step and after the last, and
// its loss there.
/** @type {(colors: Pair[], shares: number[], rate: number, steps: number) =>
 *   { path: Pair[], losses: number[] }} */
export function descendSquared(colors, shares, rate, steps) {
  let [a, b] = [0, 0];
  /** @type {Pair[]} */
  const path = [];
  const losses = [];
  for (let n = 0; n <= steps; n++) {
    let [loss, down, left] = [0, 0, 0];
    for (let i = 0; i < colors.length; i++) {
      const [u, v] = [a - colors[i][0], b - colors[i][1]];
      loss += (shares[i] * (u * u + v * v)) / 2;
      left += shares[i] * u;
      down += shares[i] * v;
    }
    path.push([a, b]);
    losses.push(loss);
    a -= rate * left;
    b -= rate * down;
  }
  return { path, losses };
}

// A logit a bin, from zeros: the probabilities after the last step, and the loss
// before each step and after the last.
/** @type {(target: Float64Array, rate: number, steps: number) =>
 *   { p: Float32Array, losses: number[] }} */
export function descendEntropy(target, rate, steps) {
  const logits = new Float64Array(target.length);
  const p = new Float64Array(target.length);
  const losses = [];
  for (let n = 0; n <= steps; n++) {
    const top = logits.reduce((most, x) => Math.max(most, x), -Infinity);
    let sum = 0;
    for (let q = 0; q < p.length; q++) {
      p[q] = Math.exp(logits[q] - top);
      sum += p[q];
    }
    let loss = top + Math.log(sum);
    for (let q = 0; q < p.length; q++) {
      p[q] /= sum;
      loss -= target[q] * logits[q];
      if (n < steps) logits[q] -= rate * (p[q] - target[q]);
    }
    losses.push(loss);
  }
  return { p: Float32Array.from(p), losses };
}
