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
  const fy = (L + 16) / 116;
  const xyz = [fy + a / 500, fy, fy - b / 200].map((f, i) => labCube(f) * WHITE[i]);
  return RGB_FROM_XYZ.map((row) =>
    clip(redoGamma(row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2])),
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
