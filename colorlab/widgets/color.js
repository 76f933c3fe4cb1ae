// The arithmetic of colorlab that figures need in the page. Every function here is
// compared with its Python twin in tests/test_widgets.py.

const RGB_FROM_XYZ = [
  [3.240481343200527, -1.5371515162713183, -0.4985363261688878],
  [-0.9692549499965682, 1.8759900014898907, 0.04155592655829284],
  [0.05564663913517715, -0.20404133836651123, 1.0573110696453443],
];
const WHITE = [0.95047, 1, 1.08883];

const labCube = (root) => (root > 0.2068966 ? root ** 3 : (root - 16 / 116) / 7.787);
const redoGamma = (x) => (x > 0.0031308 ? 1.055 * x ** (1 / 2.4) - 0.055 : 12.92 * x);
const clip = (x) => Math.min(1, Math.max(0, x));

// colorlab.lab_to_rgb for one color, clipped: three numbers in 0..1.
export function labToRgb(L, a, b) {
  return labToRgbFree(L, a, b).map(clip);
}

// The same without clipping.
export function labToRgbFree(L, a, b) {
  const fy = (L + 16) / 116;
  const xyz = [fy + a / 500, fy, fy - b / 200].map((f, i) => labCube(f) * WHITE[i]);
  return RGB_FROM_XYZ.map((row) =>
    redoGamma(row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2]),
  );
}

// The network's last layer, a 1x1 convolution. features: one byte each, (F, cells),
// times the channel's scale; weights (Q, F); bias (Q). Gives logits (cells, Q).
export function lastLayer(features, scale, weights, bias) {
  const F = scale.length, Q = bias.length, cells = features.length / F;
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
export function distribution(logits, cell, Q, T) {
  const z = logits.subarray(cell * Q, (cell + 1) * Q);
  let top = 0;
  for (let q = 1; q < Q; q++) if (z[q] > z[top]) top = q;
  const p = new Float32Array(Q);
  if (T === 0) {
    p[top] = 1;
    return p;
  }
  let sum = 0;
  for (let q = 0; q < Q; q++) sum += p[q] = Math.exp((z[q] - z[top]) / T);
  for (let q = 0; q < Q; q++) p[q] /= sum;
  return p;
}

// The mean of the bins' centers (Q, 2) under probabilities p.
export function meanColor(p, centers) {
  let a = 0, b = 0;
  for (let q = 0; q < p.length; q++) {
    a += p[q] * centers[2 * q];
    b += p[q] * centers[2 * q + 1];
  }
  return [a, b];
}

// colorlab.annealed_mean for all cells (T = 0: colorlab.mode): ab, (cells, 2).
export function annealedMean(logits, centers, T) {
  const Q = centers.length / 2, cells = logits.length / Q;
  const ab = new Float32Array(2 * cells);
  for (let cell = 0; cell < cells; cell++) {
    ab.set(meanColor(distribution(logits, cell, Q, T), centers), 2 * cell);
  }
  return ab;
}

// colorlab.upsample: bilinear, pixel areas correspond. ab (h, w, 2) to (H, W, 2).
export function upsample(ab, h, w, H, W) {
  const large = new Float32Array(H * W * 2);
  for (let y = 0; y < H; y++) {
    const v = Math.max(0, ((y + 0.5) * h) / H - 0.5);
    const y0 = Math.floor(v), y1 = Math.min(y0 + 1, h - 1), fy = v - y0;
    for (let x = 0; x < W; x++) {
      const u = Math.max(0, ((x + 0.5) * w) / W - 0.5);
      const x0 = Math.floor(u), x1 = Math.min(x0 + 1, w - 1), fx = u - x0;
      for (let c = 0; c < 2; c++) {
        const at = (yy, xx) => ab[2 * (yy * w + xx) + c];
        large[2 * (y * W + x) + c] =
          (1 - fy) * ((1 - fx) * at(y0, x0) + fx * at(y0, x1)) +
          fy * ((1 - fx) * at(y1, x0) + fx * at(y1, x1));
      }
    }
  }
  return large;
}

const ROUNDING = 1e-4; // white itself comes out as 1.00001

// Whether a screen has the color: unclipped, R, G and B are in 0..1.
export function isShown(L, a, b) {
  return labToRgbFree(L, a, b).every((v) => v >= -ROUNDING && v <= 1 + ROUNDING);
}

// The colors of one lightness, n x n pixels of RGBA: a and b from low to high, the
// largest b first. Transparent where isShown says no. What depends on a or b alone
// is computed once a column or row.
export function gamutSlice(L, low, high, n) {
  const fy = (L + 16) / 116, y = labCube(fy) * WHITE[1], step = (high - low) / n;
  const least = -ROUNDING / 12.92, most = ((1.055 + ROUNDING) / 1.055) ** 2.4; // linear
  const x = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    x[i] = labCube(fy + (low + (i + 0.5) * step) / 500) * WHITE[0];
  }
  const pixels = new Uint8ClampedArray(4 * n * n);
  const rgb = [0, 0, 0];
  for (let i = 0, at = 0; i < n; i++) {
    const z = labCube(fy - (high - (i + 0.5) * step) / 200) * WHITE[2];
    for (let j = 0; j < n; j++, at += 4) {
      let shown = true;
      for (let c = 0; c < 3 && shown; c++) {
        const row = RGB_FROM_XYZ[c];
        rgb[c] = row[0] * x[j] + row[1] * y + row[2] * z;
        shown = rgb[c] >= least && rgb[c] <= most;
      }
      if (!shown) continue;
      for (let c = 0; c < 3; c++) pixels[at + c] = 255 * redoGamma(rgb[c]);
      pixels[at + 3] = 255;
    }
  }
  return pixels;
}

// The fences round colors (M, 2): for each direction its two parts, how far the
// farthest color lies along it, and which color that is. See colorlab.bin_centers.
export function hullFences(ab, directions = 3600) {
  return Array.from({ length: directions }, (_, n) => {
    const angle = (2 * Math.PI * n) / directions;
    const u = Math.cos(angle), v = Math.sin(angle);
    let far = -Infinity, tip = -1;
    for (let i = 0; i < ab.length; i += 2) {
      const along = u * ab[i] + v * ab[i + 1];
      if (along > far) [far, tip] = [along, i / 2];
    }
    return [u, v, far, tip];
  });
}

// The grid points (a, b) from -reach to reach, a slowest, that are within fences moved
// out by padding along a and b. Without fences: all of them.
export function gridPoints(fences, padding, step = 10, reach = 120) {
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

// colorlab.soft_encode for one color: k pairs of bin and weight, nearest first.
export function softEncode(a, b, centers, k, sigma) {
  const squared = [];
  for (let q = 0; q < centers.length / 2; q++) {
    squared.push([q, (a - centers[2 * q]) ** 2 + (b - centers[2 * q + 1]) ** 2]);
  }
  const near = squared.sort((one, other) => one[1] - other[1]).slice(0, k);
  // As in a softmax, the nearest's exponent is 0: never 0 / 0.
  const gauss = near.map(([, d]) => Math.exp((near[0][1] - d) / (2 * sigma ** 2)));
  const sum = gauss.reduce((total, value) => total + value, 0);
  return near.map(([q], i) => [q, gauss[i] / sum]);
}

// The color itself, or the first one on its way to gray that a screen has.
export function pullToShown(L, a, b) {
  if (isShown(L, a, b)) return [a, b];
  let [low, high] = [0, 1]; // shown at low, not at high
  for (let n = 0; n < 30; n++) {
    const middle = (low + high) / 2;
    if (isShown(L, middle * a, middle * b)) low = middle;
    else high = middle;
  }
  return [low * a, low * b];
}

// A pixel that is `first` with probability `share`, else `second`: what L2 asks for
// (the mean), what colorlab.annealed_mean gives at T, and the mode.
export function answersForTwo(first, second, share, T) {
  const logits = Float32Array.from([share, 1 - share], Math.log);
  const centers = [...first, ...second];
  return [1, T, 0].map((t) => meanColor(distribution(logits, 0, 2, t), centers));
}

// colorlab.smooth_prior: p (Q), of sum 1, blurred on the plane of centers (Q, 2).
export function smoothPrior(p, centers, sigma) {
  const Q = p.length, blurred = new Float64Array(Q), given = new Float64Array(Q);
  for (let j = 0; j < Q; j++) {
    let sum = 0;
    for (let i = 0; i < Q; i++) {
      const a = centers[2 * i] - centers[2 * j], b = centers[2 * i + 1] - centers[2 * j + 1];
      sum += given[i] = Math.exp(-(a * a + b * b) / (2 * sigma ** 2));
    }
    for (let i = 0; i < Q; i++) blurred[i] += (given[i] / sum) * p[j];
  }
  return blurred;
}

// colorlab.rebalance_weights: p (Q), of sum 1; lam from 0, if no bin is empty, to 1.
export function rebalanceWeights(p, lam) {
  const w = Float64Array.from(p, (share) => 1 / ((1 - lam) * share + lam / p.length));
  const C = expected(w, p);
  return w.map((weight) => weight / C);
}

// The mean of one number a bin, under probabilities p.
export function expected(values, p) {
  return p.reduce((sum, share, q) => sum + share * values[q], 0);
}

// The entropy of probabilities p in nats; e to it is a number of equally likely bins.
export function entropy(p) {
  return p.reduce((sum, share) => sum - (share > 0 ? share * Math.log(share) : 0), 0);
}

// The entropy of all cells at temperature T (T = 0: none).
export function entropies(logits, Q, T) {
  const cells = logits.length / Q;
  return Float32Array.from({ length: cells }, (_, cell) => entropy(distribution(logits, cell, Q, T)));
}
