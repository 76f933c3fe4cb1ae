// One channel's convolution with a kernel of 3 x 3, as in torch.nn.functional.conv2d.

/** @import { Pair } from "./page.js" */

/** @typedef {{ stride: number, dilation: number, padding: number }} Steps */
/** @typedef {{ x: number, y: number, value: number, beyond: boolean }} Tap */

const N = 3; // weights, each way

// Rows, and columns, of the output for a photo of `side` of them: at least 0.
/** @type {(side: number, steps: Steps) => number} */
export function outputSide(side, { stride, dilation, padding }) {
  const span = dilation * (N - 1) + 1;
  return Math.max(0, Math.floor((side + 2 * padding - span) / stride) + 1);
}

// The nine inputs of an output, row by row; beyond the photo there are zeros.
/** @type {(pixels: ArrayLike<number>, side: number, steps: Steps, cell: Pair) =>
 *   Tap[]} */
export function tapsOf(pixels, side, { stride, dilation, padding }, [column, row]) {
  return Array.from({ length: N * N }, (_, i) => {
    const x = stride * column + dilation * (i % N) - padding;
    const y = stride * row + dilation * Math.floor(i / N) - padding;
    const beyond = x < 0 || y < 0 || x >= side || y >= side;
    return { x, y, value: beyond ? 0 : pixels[y * side + x], beyond };
  });
}

/** @type {(taps: Tap[], kernel: ArrayLike<number>, bias: number) => number} */
export function sumOf(taps, kernel, bias) {
  return taps.reduce((sum, { value }, i) => sum + kernel[i] * value, bias);
}

// All outputs, row by row.
/** @type {(pixels: ArrayLike<number>, side: number, kernel: ArrayLike<number>,
 *   bias: number, steps: Steps) => Float64Array} */
export function convolve(pixels, side, kernel, bias, steps) {
  const columns = outputSide(side, steps);
  return Float64Array.from({ length: columns ** 2 }, (_, i) => {
    const cell = /** @type {Pair} */ ([i % columns, Math.floor(i / columns)]);
    return sumOf(tapsOf(pixels, side, steps, cell), kernel, bias);
  });
}

// The output whose window's middle is nearest to a pixel.
/** @type {(side: number, steps: Steps, pixel: Pair) => Pair} */
export function cellAround(side, steps, [x, y]) {
  const { stride, dilation, padding } = steps;
  const last = outputSide(side, steps) - 1;
  /** @type {(at: number) => number} */
  const nearest = (at) =>
    Math.min(last, Math.max(0, Math.round((at + padding - dilation) / stride)));
  return [nearest(x), nearest(y)];
}
