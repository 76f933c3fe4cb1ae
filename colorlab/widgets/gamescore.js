// What ten chips say, and what they lose, as in colorlab.evaluate.game. Each function
// is compared with its twin in Python.

import { entropy, smoothPrior, softEncode } from "./bins.js";

/** @typedef {[number, number]} Pair */
/** @typedef {ArrayLike<number>} Numbers */
/** @typedef {{ chips: number, sigma: number, neighbors: number, priorShare: number }}
 *   Rule */

// Chips on each of Q bins, from a list of their bins.
/** @type {(chips: number[], Q: number) => Float64Array} */
export function countChips(chips, Q) {
  const counts = new Float64Array(Q);
  for (const q of chips) counts[q]++;
  return counts;
}

// colorlab.evaluate.game.share_chips: the bins of n chips, in order.
/** @type {(p: Numbers, n: number) => number[]} */
export function shareChips(p, n) {
  const wanted = Array.from(p, (share) => n * share);
  const counts = wanted.map(Math.floor);
  const left = n - counts.reduce((sum, count) => sum + count, 0);
  const rest = (/** @type {number} */ q) => wanted[q] - counts[q];
  const order = [...counts.keys()].sort((one, other) => rest(other) - rest(one));
  for (const q of order.slice(0, left)) counts[q]++;
  return counts.flatMap((count, q) => Array(count).fill(q));
}

// colorlab.evaluate.game.spread_chips. No chip: the prior alone.
/** @type {(counts: Float64Array, prior: Numbers, centers: Numbers, sigma: number,
 *   priorShare: number) => Float64Array} */
export function spreadChips(counts, prior, centers, sigma, priorShare) {
  const n = counts.reduce((sum, count) => sum + count, 0);
  if (!n) return Float64Array.from(prior);
  const own = smoothPrior(
    counts.map((count) => count / n),
    centers,
    sigma,
  );
  return own.map((share, q) => (1 - priorShare) * share + priorShare * prior[q]);
}

// colorlab.soft_cross_entropy of one pixel of color (a, b), in nats.
/** @type {(p: Numbers, a: number, b: number, centers: Numbers, k: number,
 *   sigma: number) => number} */
export function crossEntropy(p, a, b, centers, k, sigma) {
  const target = softEncode(a, b, centers, k, sigma);
  return target.reduce((sum, [q, weight]) => sum - weight * Math.log(p[q]), 0);
}

// The least that crossEntropy can be: the entropy of the target.
/** @type {(a: number, b: number, centers: Numbers, k: number, sigma: number) =>
 *   number} */
export function leastLoss(a, b, centers, k, sigma) {
  const target = softEncode(a, b, centers, k, sigma);
  return entropy(Float32Array.from(target, ([, weight]) => weight));
}

/** @type {(values: number[]) => number} */
export const meanOf = (values) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const LEVEL = 0.05; // nats: less is no difference

// 1 if the reader loses less than the network, -1 if more, 0 if about as much.
/** @type {(mine: number, theirs: number) => number} */
export function compare(mine, theirs) {
  if (Math.abs(mine - theirs) < LEVEL) return 0;
  return mine < theirs ? 1 : -1;
}

// A round in one letter, which needs no color.
const LETTERS = { "-1": "\u25cb", 0: "\u25d0", 1: "\u25cf" };

// What a reader can send to others: of each round, what was lost, three ways.
/** @type {(losses: { mine: number, theirs: number, nothing: number }[]) => string} */
export function shareText(losses) {
  const mean = (/** @type {"mine" | "theirs" | "nothing"} */ who) =>
    meanOf(losses.map((round) => round[who])).toFixed(2);
  const signs = losses.map(({ mine, theirs }) => compare(mine, theirs));
  const won = signs.filter((sign) => sign > 0).length;
  const letters = signs.map((sign) => LETTERS[/** @type {0 | 1 | -1} */ (sign)]);
  return [
    "You are the network (The Colorization Lab)",
    `${letters.join("")} closer in ${won} of ${losses.length} rounds`,
    `me ${mean("mine")}, network ${mean("theirs")}, blind ${mean("nothing")} nats ` +
      "(less is better)",
  ].join("\n");
}
