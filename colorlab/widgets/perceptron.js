// The descriptors of colorlab.classics.descriptors and the perceptron that reads them:
// each function is compared with its twin in Python. Maps lie one after the other.

export const PATCH = 7;
export const RADIUS = 8;
export const ORIENTATIONS = 8;
export const PLACES = [
  [0, 0],
  [0, 8],
  [7, -4],
  [-7, -4],
]; // of DAISY's histograms: down and to the right
const SIGMA = RADIUS / 2;
const REACH = 4 * SIGMA; // pixels, as far as SciPy's filter goes

/** @typedef {ArrayLike<number>} Numbers */
/** @typedef {{ weight: Float32Array, bias: Float32Array }} Layer */

// Mirrored at the border, whose pixel stands once.
/** @type {(n: number, size: number) => number} */
const mirror = (n, size) => (n < 0 ? -n : n >= size ? 2 * size - 2 - n : n);
// The same, with the border's pixel twice.
/** @type {(n: number, size: number) => number} */
const fold = (n, size) => (n < 0 ? -1 - n : n >= size ? 2 * size - 1 - n : n);

// patches: gray (H, W) to (49, H, W).
/** @type {(gray: Numbers, height: number, width: number) => Float32Array} */
export function patchesOf(gray, height, width) {
  const found = new Float32Array(PATCH * PATCH * height * width);
  const half = (PATCH - 1) / 2;
  let at = 0;
  for (let v = -half; v <= half; v++) {
    for (let u = -half; u <= half; u++) {
      for (let y = 0; y < height; y++) {
        const row = mirror(y + v, height) * width;
        for (let x = 0; x < width; x++) found[at++] = gray[row + mirror(x + u, width)];
      }
    }
  }
  return found;
}

// One direction of a Gaussian blur: lines of `size` numbers, `step` apart.
/** @type {(values: Float64Array, size: number, step: number) => Float64Array} */
function blurAlong(values, size, step) {
  const kernel = Array.from({ length: 2 * REACH + 1 }, (_, i) =>
    Math.exp(-((i - REACH) ** 2) / (2 * SIGMA ** 2)),
  );
  const sum = kernel.reduce((total, value) => total + value, 0);
  const found = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const place = Math.floor(i / step) % size;
    const start = i - place * step;
    let total = 0;
    for (let k = -REACH; k <= REACH; k++) {
      total += kernel[k + REACH] * values[start + fold(place + k, size) * step];
    }
    found[i] = total / sum;
  }
  return found;
}

// daisy: gray (H, W) to (32, H, W).
/** @type {(gray: Numbers, height: number, width: number) => Float32Array} */
export function daisyOf(gray, height, width) {
  const [tall, wide] = [height + 2 * RADIUS, width + 2 * RADIUS];
  const padded = new Float64Array(tall * wide);
  for (let i = 0; i < padded.length; i++) {
    const y = mirror(Math.floor(i / wide) - RADIUS, height);
    padded[i] = gray[y * width + mirror((i % wide) - RADIUS, width)];
  }
  const gradients = Array.from(padded, (value, i) => {
    const right = i % wide < wide - 1 ? padded[i + 1] - value : 0;
    const down = i + wide < padded.length ? padded[i + wide] - value : 0;
    return { length: Math.hypot(right, down), angle: Math.atan2(down, right) };
  });
  const smooth = Array.from({ length: ORIENTATIONS }, (_, n) => {
    const turn = (2 * Math.PI * n) / ORIENTATIONS - Math.PI;
    const share = gradients.map(
      ({ length, angle }) =>
        length * Math.exp((ORIENTATIONS / Math.PI) * Math.cos(angle - turn)),
    );
    return blurAlong(blurAlong(Float64Array.from(share), tall, wide), wide, 1);
  });
  const pixels = height * width;
  const found = new Float32Array(PLACES.length * ORIENTATIONS * pixels);
  const sums = new Float64Array(pixels);
  let at = 0;
  for (const [v, u] of PLACES) {
    for (const map of smooth) {
      for (let i = 0; i < pixels; i++) {
        const y = Math.floor(i / width) + RADIUS + v;
        const value = map[y * wide + (i % width) + RADIUS + u] + 1e-10;
        found[at++] = value;
        sums[i] += value;
      }
    }
  }
  return found.map((value, i) => value / sums[i % pixels]);
}

// colorlab.upsample for any number of maps: bilinear, pixel areas correspond.
/** @type {(maps: Numbers, rows: number, columns: number, height: number,
 *   width: number) => Float32Array} */
export function enlarge(maps, rows, columns, height, width) {
  const count = maps.length / (rows * columns);
  const found = new Float32Array(count * height * width);
  let at = 0;
  for (let n = 0; n < count; n++) {
    for (let y = 0; y < height; y++) {
      const v = Math.max(0, ((y + 0.5) * rows) / height - 0.5);
      const one = (n * rows + Math.floor(v)) * columns;
      const other = (n * rows + Math.min(Math.floor(v) + 1, rows - 1)) * columns;
      const f = v - Math.floor(v);
      for (let x = 0; x < width; x++) {
        const u = Math.max(0, ((x + 0.5) * columns) / width - 0.5);
        const left = Math.floor(u);
        const right = Math.min(left + 1, columns - 1);
        const g = u - left;
        const above = (1 - g) * maps[one + left] + g * maps[one + right];
        const below = (1 - g) * maps[other + left] + g * maps[other + right];
        found[at++] = (1 - f) * above + f * below;
      }
    }
  }
  return found;
}

// The layers of a perceptron with these widths, from weights and biases in order, each
// array an own scale times whole numbers.
/** @type {(widths: number[], scales: Numbers, values: Numbers) => Layer[]} */
export function readLayers(widths, scales, values) {
  let [at, array] = [0, 0];
  const take = (/** @type {number} */ length) => {
    const scale = scales[array++];
    const taken = Float32Array.from({ length }, (_, i) => scale * values[at + i]);
    at += length;
    return taken;
  };
  return widths.slice(1).map((outputs, i) => {
    const weight = take(outputs * widths[i]);
    return { weight, bias: take(outputs) };
  });
}

// color_pixels: features (n, pixels) to ab, two numbers a pixel.
/** @type {(layers: Layer[], features: Numbers, pixels: number) => Float32Array} */
export function colorPixels(layers, features, pixels) {
  const ab = new Float32Array(2 * pixels);
  const inputs = features.length / pixels;
  let x = new Float32Array(inputs);
  for (let i = 0; i < pixels; i++) {
    x = new Float32Array(inputs);
    for (let n = 0; n < inputs; n++) x[n] = features[n * pixels + i];
    for (const [place, { weight, bias }] of layers.entries()) {
      const next = new Float32Array(bias.length);
      for (let o = 0, at = 0; o < next.length; o++) {
        let sum = bias[o];
        for (let n = 0; n < x.length; n++) sum += weight[at++] * x[n];
        next[o] = place < layers.length - 1 ? Math.max(0, sum) : sum;
      }
      x = next;
    }
    ab.set(x, 2 * i);
  }
  return ab;
}
