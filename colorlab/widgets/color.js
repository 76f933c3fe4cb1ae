// Lab and sRGB, as in colorlab.lab: each function is compared with its twin in Python.

/** @typedef {[number, number]} Pair */

const XYZ_FROM_RGB = [
  [0.412453, 0.35758, 0.180423],
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227],
];
const RGB_FROM_XYZ = [
  [3.240481343200527, -1.5371515162713183, -0.4985363261688878],
  [-0.9692549499965682, 1.8759900014898907, 0.04155592655829284],
  [0.05564663913517715, -0.20404133836651123, 1.0573110696453443],
];
const WHITE = [0.95047, 1, 1.08883];
const ROUNDING = 1e-4; // white itself comes out as 1.00001

/** @type {(x: number) => number} */
const labRoot = (x) => (x > 0.008856 ? Math.cbrt(x) : 7.787 * x + 16 / 116);
/** @type {(f: number) => number} */
const labCube = (f) => (f > 0.2068966 ? f * f * f : (f - 16 / 116) / 7.787);
/** @type {(x: number) => number} */
const redoGamma = (x) => (x > 0.0031308 ? 1.055 * x ** (1 / 2.4) - 0.055 : 12.92 * x);
/** @type {(x: number) => number} */
const undoGamma = (x) => (x > 0.04045 ? ((x + 0.055) / 1.055) ** 2.4 : x / 12.92);
/** @type {(row: number[], x: number, y: number, z: number) => number} */
const mix = (row, x, y, z) => row[0] * x + row[1] * y + row[2] * z;

// What L is made of: fy, in Lab's formulas.
/** @type {(L: number) => number} */
export const rootOf = (L) => (L + 16) / 116;

// colorlab.lab_to_rgb for one color: three numbers. If clipped, they are in 0..1, and
// a negative fz, the darkest yellows', counts as 0.
/** @type {(L: number, a: number, b: number, clip?: boolean) => number[]} */
export function labToRgb(L, a, b, clip = true) {
  const fy = rootOf(L);
  const roots = [fy + a / 500, fy, Math.max(clip ? 0 : -Infinity, fy - b / 200)];
  const [x, y, z] = roots.map((f, i) => labCube(f) * WHITE[i]);
  const rgb = RGB_FROM_XYZ.map((row) => redoGamma(mix(row, x, y, z)));
  return clip ? rgb.map((v) => Math.min(1, Math.max(0, v))) : rgb;
}

const LINEAR = Float64Array.from({ length: 256 }, (_, level) => undoGamma(level / 255));
const LINEAR_Y = XYZ_FROM_RGB[1].map((share) => LINEAR.map((x) => share * x));

// The rootOf an sRGB pixel's lightness, from three bytes.
/** @type {(red: number, green: number, blue: number) => number} */
export function lightRoot(red, green, blue) {
  return labRoot(LINEAR_Y[0][red] + LINEAR_Y[1][green] + LINEAR_Y[2][blue]);
}

// The roots of RGBA pixels.
/** @type {(pixels: Uint8ClampedArray) => Float32Array} */
export function rootsOf(pixels) {
  const roots = new Float32Array(pixels.length / 4);
  for (let i = 0, at = 0; at < pixels.length; i++, at += 4) {
    roots[i] = lightRoot(pixels[at], pixels[at + 1], pixels[at + 2]);
  }
  return roots;
}

// colorlab.rgb_to_lab for one pixel, from three bytes.
/** @type {(red: number, green: number, blue: number) => number[]} */
export function rgbToLab(red, green, blue) {
  const [x, y, z] = [LINEAR[red], LINEAR[green], LINEAR[blue]];
  const [fx, fy, fz] = XYZ_FROM_RGB.map((row, i) =>
    labRoot(mix(row, x, y, z) / WHITE[i]),
  );
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

// The screen's byte for a linear value, by a table.
const STEPS = 65535;
const SCREEN = Uint8Array.from({ length: STEPS + 1 }, (_, i) =>
  Math.round(255 * redoGamma(i / STEPS)),
);
/** @type {(x: number) => number} */
const toScreen = (x) => SCREEN[x <= 0 ? 0 : x >= 1 ? STEPS : (STEPS * x + 0.5) | 0];

// The byte of a gray of this root.
/** @type {(root: number) => number} */
export const grayByte = (root) => toScreen(labCube(root));

// Color `rows` rows of RGBA bytes: lightness from their roots, chroma from a function
// that gives a row's ab, as bins.js's upsampler does, where `top` is their first.
/** @type {(pixels: Uint8ClampedArray, roots: Float32Array, width: number,
 *   abOf: (row: number) => Float32Array, top?: number) => void} */
export function paintRows(pixels, roots, width, abOf, top = 0) {
  const [[rx, ry, rz], [gx, gy, gz], [bx, by, bz]] = RGB_FROM_XYZ; // faster than mix
  const [wx, wy, wz] = WHITE;
  for (let i = 0, at = 0; i < roots.length; i += width) {
    const ab = abOf(top + i / width);
    for (let x = 0; x < width; x++, at += 4) {
      const fy = roots[i + x];
      const X = labCube(fy + ab[2 * x] / 500) * wx;
      const Y = labCube(fy) * wy;
      const Z = labCube(Math.max(0, fy - ab[2 * x + 1] / 200)) * wz;
      pixels[at] = toScreen(rx * X + ry * Y + rz * Z);
      pixels[at + 1] = toScreen(gx * X + gy * Y + gz * Z);
      pixels[at + 2] = toScreen(bx * X + by * Y + bz * Z);
    }
  }
}

// Whether a screen has the color: unclipped, R, G and B are in 0..1.
/** @type {(L: number, a: number, b: number) => boolean} */
export function isShown(L, a, b) {
  const rgb = labToRgb(L, a, b, false);
  return rgb.every((v) => v >= -ROUNDING && v <= 1 + ROUNDING);
}

// The color itself, or the first one on its way to gray that a screen has.
/** @type {(L: number, a: number, b: number) => Pair} */
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

// The colors of one lightness, n x n pixels of RGBA: a and b from low to high, the
// largest b first. Transparent where isShown says no. What depends on a or b alone
// is computed once a column or row.
/** @type {(L: number, low: number, high: number, n: number) =>
 *   Uint8ClampedArray<ArrayBuffer>} */
export function gamutSlice(L, low, high, n) {
  const fy = rootOf(L);
  const y = labCube(fy) * WHITE[1];
  const step = (high - low) / n;
  const [least, most] = [undoGamma(-ROUNDING), undoGamma(1 + ROUNDING)];
  const x = Float64Array.from(
    { length: n },
    (_, i) => labCube(fy + (low + (i + 0.5) * step) / 500) * WHITE[0],
  );
  const pixels = new Uint8ClampedArray(4 * n * n);
  const linear = [0, 0, 0];
  for (let i = 0, at = 0; i < n; i++) {
    const z = labCube(fy - (high - (i + 0.5) * step) / 200) * WHITE[2];
    for (let j = 0; j < n; j++, at += 4) {
      let shown = true;
      for (let c = 0; c < 3 && shown; c++) {
        linear[c] = mix(RGB_FROM_XYZ[c], x[j], y, z);
        shown = linear[c] >= least && linear[c] <= most;
      }
      if (!shown) continue;
      for (let c = 0; c < 3; c++) pixels[at + c] = 255 * redoGamma(linear[c]);
      pixels[at + 3] = 255;
    }
  }
  return pixels;
}
