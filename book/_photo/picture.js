// Pictures, as Pillow and colorlab.colorize treat them.

import {
  grayByte,
  lightRoot,
  rgbToLab,
  rootsOf,
} from "../../colorlab/widgets/color.js";

/** @typedef {{ first: number, shares: Int32Array }} Share */
/** @typedef {Uint8Array | Uint8ClampedArray} Bytes */
/** @typedef {{ image: ImageData, roots: Float32Array }} View */

const BAND = 256; // rows read at once, to bound memory
const [STRIDE, LONGEST] = [8, 8]; // as in colorlab.network and colorlab.colorize
const VIEW_PIXELS = 2e6; // the page shows larger photos scaled down
const STEPS = 16; // of lightness
const COLORED = 4; // bytes: from one color for each step; old prints have up to 2
const FULL = "Your browser has not enough memory for a photo of this size.";

// Python's round(): halves go to the even neighbor.
/** @type {(value: number) => number} */
function roundEven(value) {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}

// colorlab.colorize.network_size
/** @type {(height: number, width: number, size: number) => number[]} */
export function networkSize(height, width, size) {
  const scale = size / Math.min(height, width);
  return [height, width].map((side) => {
    const strides = roundEven(Math.min(side * scale, LONGEST * size) / STRIDE);
    return Math.max(1, strides) * STRIDE;
  });
}

// Pillow's weights for one axis: for each new pixel the first old one, and shares of
// 22 bits.
/** @type {(from: number, to: number) => Share[]} */
export function axisShares(from, to) {
  const scale = from / to;
  const reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(from, Math.trunc(center + reach + 0.5));
    const raw = Array.from({ length: end - first }, (_, j) =>
      Math.max(0, 1 - Math.abs((j + first - center + 0.5) / reach)),
    );
    const sum = raw.reduce((total, share) => total + share, 0);
    const whole = raw.map((share) => Math.trunc(0.5 + (share / sum) * 2 ** 22));
    return { first, shares: Int32Array.from(whole) };
  });
}

// One pass of Pillow's BILINEAR resize over RGB bytes: lines of pixels `step` apart.
/** @type {(source: Bytes, at: number, step: number, axis: Share[], target: Bytes,
 *   to: number, toStep: number) => void} */
export function resizeLine(source, at, step, axis, target, to, toStep) {
  for (const { first, shares } of axis) {
    for (let c = 0; c < 3; c++) {
      let sum = 2 ** 21;
      let from = at + first * step + c;
      for (let j = 0; j < shares.length; j++, from += step)
        sum += source[from] * shares[j];
      target[to + c] = Math.floor(sum / 2 ** 22);
    }
    to += toStep;
  }
}

// The mean a and b of one cell of the small picture (RGB bytes, w wide).
/** @type {(small: Uint8Array, w: number, columns: number, column: number, row: number)
 *   => [number, number]} */
export function meanChroma(small, w, columns, column, row) {
  const side = w / columns;
  /** @type {[number, number]} */
  const mean = [0, 0];
  for (let y = row * side; y < (row + 1) * side; y++) {
    for (let x = column * side; x < (column + 1) * side; x++) {
      const at = 3 * (y * w + x);
      const [, a, b] = rgbToLab(small[at], small[at + 1], small[at + 2]);
      mean[0] += a / side ** 2;
      mean[1] += b / side ** 2;
    }
  }
  return mean;
}

/** @type {(width: number, height: number) => [OffscreenCanvas,
 *   OffscreenCanvasRenderingContext2D]} */
export function openCanvas(width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error(FULL);
  return [canvas, context];
}

// Visit the picture's pixels by bands of rows: RGBA, from the row `top`.
/** @type {(bitmap: ImageBitmap, visit: (band: ImageData, top: number) => void) =>
 *   void} */
export function eachBand(bitmap, visit) {
  const { width, height } = bitmap;
  const [, context] = openCanvas(width, Math.min(BAND, height));
  for (let top = 0; top < height; top += BAND) {
    context.clearRect(0, 0, width, BAND);
    context.drawImage(bitmap, 0, -top);
    visit(context.getImageData(0, 0, width, Math.min(BAND, height - top)), top);
  }
}

// Whether RGB bytes have colors of their own: a gray or toned print has one color for
// each lightness.
/** @type {(small: Bytes) => boolean} */
export function isColored(small) {
  const sums = Array.from({ length: STEPS }, () => [0, 0, 0]); // how many, R-G, B-G
  /** @type {(tell: (sum: number[], red: number, blue: number) => void) => void} */
  const eachPixel = (tell) => {
    for (let at = 0; at < small.length; at += 3) {
      const [r, g, b] = small.subarray(at, at + 3);
      tell(sums[Math.floor((STEPS * (r + g + b)) / 768)], r - g, b - g);
    }
  };
  eachPixel((sum, red, blue) => {
    [1, red, blue].forEach((value, i) => {
      sum[i] += value;
    });
  });
  let apart = 0;
  eachPixel(([count, reds, blues], red, blue) => {
    apart += Math.max(Math.abs(red - reds / count), Math.abs(blue - blues / count));
  });
  return apart > (COLORED * small.length) / 3;
}

// What one look over the whole photo gives: the network's small picture (RGB), and
// whether anything is transparent.
/** @type {(bitmap: ImageBitmap, size: number) => { small: Uint8Array, h: number,
 *   w: number, transparent: boolean }} */
export function survey(bitmap, size) {
  const { width, height } = bitmap;
  const [h, w] = networkSize(height, width, size);
  const [across, down] = [axisShares(width, w), axisShares(height, h)];
  const narrow = new Uint8Array(3 * w * height);
  let transparent = false;
  eachBand(bitmap, ({ data, height: rows }, top) => {
    for (let y = 0; y < rows; y++) {
      resizeLine(data, 4 * y * width, 4, across, narrow, 3 * (top + y) * w, 3);
    }
    for (let at = 3; at < data.length; at += 4) {
      if (data[at] < 255) transparent = true;
    }
  });
  const small = new Uint8Array(3 * w * h);
  for (let x = 0; x < w; x++)
    resizeLine(narrow, 3 * x, 3 * w, down, small, 3 * x, 3 * w);
  return { small, h, w, transparent };
}

// The lightness of RGB bytes.
/** @type {(small: Uint8Array) => Float32Array} */
export function lightnessOf(small) {
  return Float32Array.from({ length: small.length / 3 }, (_, i) => {
    return 116 * lightRoot(small[3 * i], small[3 * i + 1], small[3 * i + 2]) - 16;
  });
}

// What the page shows: the photo itself, or scaled down if it is large.
/** @type {(bitmap: ImageBitmap) => View} */
export function makeView(bitmap) {
  const scale = Math.min(1, Math.sqrt(VIEW_PIXELS / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((side) =>
    Math.max(1, Math.round(side * scale)),
  );
  const [, context] = openCanvas(width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const image = context.getImageData(0, 0, width, height);
  return { image, roots: rootsOf(image.data) };
}

// The view without its colors.
/** @type {(view: View) => ImageData} */
export function grayed({ image, roots }) {
  const gray = new ImageData(new Uint8ClampedArray(image.data), image.width);
  roots.forEach((root, i) => {
    gray.data.fill(grayByte(root), 4 * i, 4 * i + 3);
  });
  return gray;
}
