// Bins, distributions over them and what becomes of these, as in colorlab.quantize,
// .prior and .decode. Each function is compared with its twin in Python.

/** @typedef {[number, number]} Pair */
/** @typedef {ArrayLike<number>} Numbers */

const MEDIAN_STEPS = 30; // as colorlab.decode
const NEAR = 0.1; // ab units: the median takes nothing for nearer

// The fences round colors (M, 2): for each direction its two parts, how far the
// farthest color lies along it, and which color that is. See colorlab.bin_centers.
/** @type {(ab: Numbers, directions?: number) => number[][]} */
export function hullFences(ab, directions = 3600) {
  return Array.from({ length: directions }, (_, n) => {
    const angle = (2 * Math.PI * n) / directions;
    const [u, v] = [Math.cos(angle), Math.sin(angle)];
    let [far, tip] = [-Infinity, -1];
    for (let i = 0; i < ab.length; i += 2) {
      const along = u * ab[i] + v * ab[i + 1];
      if (along > far) [far, tip] = [along, i / 2];
    }
    return [u, v, far, tip];
  });
}

// The grid points (a, b) from -reach to reach, a slowest, that are within fences moved
// out by padding along a and b. Without fences: all of them.
/** @type {(fences: number[][], padding: number, step?: number, reach?: number) =>
 *   Pair[]} */
export function gridPoints(fences, padding, step = 10, reach = 120) {
  /** @type {Pair[]} */
  const points = [];
  for (let a = -reach; a <= reach; a += step) {
    for (let b = -reach; b <= reach; b += step) {
      const inside = fences.every(
        ([u, v, far]) => u * a + v * b <= far + padding * (Math.abs(u) + Math.abs(v)),
      );
      if (inside) points.push([a, b]);
    }
  }
  return points;
}

// The first of the fences, moved out by padding along a and b, that each point is
// outside of; Infinity for those within all.
/** @type {(points: Pair[], fences: number[][], padding: number) => number[]} */
export function firstFences(points, fences, padding) {
  return points.map(([a, b]) => {
    const first = fences.findIndex(
      ([u, v, far]) => u * a + v * b > far + padding * (Math.abs(u) + Math.abs(v)),
    );
    return first < 0 ? Infinity : first;
  });
}

// The squared distances of a color to centers (Q, 2).
/** @type {(a: number, b: number, centers: Numbers) => number[]} */
function squaredDistances(a, b, centers) {
  return Array.from(
    { length: centers.length / 2 },
    (_, q) => (a - centers[2 * q]) ** 2 + (b - centers[2 * q + 1]) ** 2,
  );
}

// colorlab.nearest_bin for one color.
/** @type {(a: number, b: number, centers: Numbers) => number} */
export function nearestBin(a, b, centers) {
  const squared = squaredDistances(a, b, centers);
  return squared.indexOf(Math.min(...squared));
}

// colorlab.soft_encode for one color: k pairs of bin and weight, nearest first.
/** @type {(a: number, b: number, centers: Numbers, k: number, sigma: number) =>
 *   Pair[]} */
export function softEncode(a, b, centers, k, sigma) {
  const squared = squaredDistances(a, b, centers);
  const near = [...squared.keys()].sort((one, other) => squared[one] - squared[other]);
  // As in a softmax, the nearest's exponent is 0: never 0 / 0.
  const gauss = near
    .slice(0, k)
    .map((q) => Math.exp((squared[near[0]] - squared[q]) / (2 * sigma ** 2)));
  const sum = gauss.reduce((total, value) => total + value, 0);
  return gauss.map((value, i) => [near[i], value / sum]);
}

// The network's last layer, a 1x1 convolution. features: one byte each, (F, cells),
// times the channel's scale; weights (Q, F); bias (Q). Gives logits (cells, Q).
/** @type {(features: Numbers, scale: Numbers, weights: Numbers, bias: Numbers) =>
 *   Float32Array} */
export function lastLayer(features, scale, weights, bias) {
  const [F, Q] = [scale.length, bias.length];
  const cells = features.length / F;
  const logits = new Float32Array(cells * Q);
  const seen = new Float32Array(F);
  for (let cell = 0; cell < cells; cell++) {
    for (let f = 0; f < F; f++) seen[f] = features[f * cells + cell] * scale[f];
    for (let q = 0; q < Q; q++) {
      let sum = bias[q];
      for (let f = 0, w = q * F; f < F; f++, w++) sum += weights[w] * seen[f];
      logits[cell * Q + q] = sum;
    }
  }
  return logits;
}

// One cell's probabilities at temperature T; T = 0 puts all on the likeliest bin.
/** @type {(logits: Float32Array, cell: number, Q: number, T: number) =>
 *   Float32Array} */
export function distribution(logits, cell, Q, T) {
  const z = logits.subarray(cell * Q, (cell + 1) * Q);
  const p = new Float32Array(Q);
  let top = 0;
  for (let q = 1; q < Q; q++) if (z[q] > z[top]) top = q;
  if (T === 0) {
    p[top] = 1;
    return p;
  }
  let sum = 0;
  for (let q = 0; q < Q; q++) {
    p[q] = Math.exp((z[q] - z[top]) / T);
    sum += p[q];
  }
  for (let q = 0; q < Q; q++) p[q] /= sum;
  return p;
}

// The mean of the bins' centers (Q, 2) under probabilities p.
/** @type {(p: Numbers, centers: Numbers) => Pair} */
export function meanColor(p, centers) {
  let [a, b] = [0, 0];
  for (let q = 0; q < p.length; q++) {
    a += p[q] * centers[2 * q];
    b += p[q] * centers[2 * q + 1];
  }
  return [a, b];
}

// colorlab.geometric_median of one cell's p: the color whose mean distance from the
// centers is least, reached from the mean, step by step.
/** @type {(p: Numbers, centers: Numbers) => Pair} */
export function medianColor(p, centers) {
  let at = meanColor(p, centers);
  for (let step = 0; step < MEDIAN_STEPS; step++) {
    let [sum, a, b] = [0, 0, 0];
    for (let q = 0; q < p.length; q++) {
      const [x, y] = [centers[2 * q], centers[2 * q + 1]];
      const pull = p[q] / Math.max(Math.hypot(x - at[0], y - at[1]), NEAR);
      sum += pull;
      a += pull * x;
      b += pull * y;
    }
    at = [a / sum, b / sum];
  }
  return at;
}

// The cell whose probabilities are spread widest over the plane, as two far hills are:
// their variance is the largest.
/** @type {(logits: Float32Array, centers: Numbers) => number} */
export function widestCell(logits, centers) {
  const Q = centers.length / 2;
  let [widest, most] = [0, -1];
  for (let cell = 0; cell < logits.length / Q; cell++) {
    const p = distribution(logits, cell, Q, 1);
    const [a, b] = meanColor(p, centers);
    let spread = 0;
    for (let q = 0; q < Q; q++) {
      spread += p[q] * ((centers[2 * q] - a) ** 2 + (centers[2 * q + 1] - b) ** 2);
    }
    if (spread > most) [widest, most] = [cell, spread];
  }
  return widest;
}

// colorlab.annealed_mean for all cells (T = 0: colorlab.mode): ab, (cells, 2).
/** @type {(logits: Float32Array, centers: Numbers, T: number) => Float32Array} */
export function annealedMean(logits, centers, T) {
  const Q = centers.length / 2;
  const ab = new Float32Array((2 * logits.length) / Q);
  for (let cell = 0; 2 * cell < ab.length; cell++) {
    ab.set(meanColor(distribution(logits, cell, Q, T), centers), 2 * cell);
  }
  return ab;
}

// A pixel that is `first` with probability `share`, else `second`: what L2 asks for
// (the mean), what colorlab.annealed_mean gives at T, and the mode.
/** @type {(first: Pair, second: Pair, share: number, T: number) => Pair[]} */
export function answersForTwo(first, second, share, T) {
  const logits = Float32Array.from([share, 1 - share], Math.log);
  const centers = [...first, ...second];
  return [1, T, 0].map((t) => meanColor(distribution(logits, 0, 2, t), centers));
}

// colorlab.upsample, by rows: bilinear, pixel areas correspond. Gives a function from a
// row of the large picture to its ab (width, 2), a buffer that the next call reuses.
/** @type {(ab: Numbers, rows: number, columns: number, height: number, width: number)
 *   => (y: number) => Float32Array} */
export function upsampler(ab, rows, columns, height, width) {
  const [left, right] = [new Int32Array(width), new Int32Array(width)];
  const share = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const u = Math.max(0, ((x + 0.5) * columns) / width - 0.5);
    left[x] = 2 * Math.floor(u);
    right[x] = 2 * Math.min(Math.floor(u) + 1, columns - 1);
    share[x] = u - Math.floor(u);
  }
  const [cells, row] = [new Float32Array(2 * columns), new Float32Array(2 * width)];
  return (y) => {
    const v = Math.max(0, ((y + 0.5) * rows) / height - 0.5);
    const above = Math.floor(v);
    const f = v - above;
    const one = 2 * above * columns;
    const other = 2 * Math.min(above + 1, rows - 1) * columns;
    for (let i = 0; i < cells.length; i++) {
      cells[i] = (1 - f) * ab[one + i] + f * ab[other + i];
    }
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 2; c++) {
        row[2 * x + c] =
          (1 - share[x]) * cells[left[x] + c] + share[x] * cells[right[x] + c];
      }
    }
    return row;
  };
}

// colorlab.smooth_prior: p (Q), of sum 1, blurred on the plane of centers (Q, 2).
/** @type {(p: Numbers, centers: Numbers, sigma: number) => Float64Array} */
export function smoothPrior(p, centers, sigma) {
  const blurred = new Float64Array(p.length);
  for (let j = 0; j < p.length; j++) {
    const squared = squaredDistances(centers[2 * j], centers[2 * j + 1], centers);
    const given = squared.map((d) => Math.exp(-d / (2 * sigma ** 2)));
    const sum = given.reduce((total, value) => total + value, 0);
    for (let i = 0; i < p.length; i++) blurred[i] += (given[i] / sum) * p[j];
  }
  return blurred;
}

// colorlab.rebalance_weights: p (Q), of sum 1; lam from 0, if no bin is empty, to 1.
/** @type {(p: Float64Array, lam: number) => Float64Array} */
export function rebalanceWeights(p, lam) {
  const w = p.map((share) => 1 / ((1 - lam) * share + lam / p.length));
  const C = expected(w, p);
  return w.map((weight) => weight / C);
}

// The mean of one number a bin, under probabilities p.
/** @type {(values: Numbers, p: Float64Array) => number} */
export function expected(values, p) {
  return p.reduce((sum, share, q) => sum + share * values[q], 0);
}

// The entropy of probabilities p in nats; e to it is a number of equally likely bins.
/** @type {(p: Float32Array) => number} */
export function entropy(p) {
  return p.reduce((sum, share) => sum - (share > 0 ? share * Math.log(share) : 0), 0);
}

// The entropy of all cells at temperature T (T = 0: none).
/** @type {(logits: Float32Array, Q: number, T: number) => Float32Array} */
export function entropies(logits, Q, T) {
  return Float32Array.from({ length: logits.length / Q }, (_, cell) =>
    entropy(distribution(logits, cell, Q, T)),
  );
}
