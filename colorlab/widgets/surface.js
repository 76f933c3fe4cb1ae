// The surface of the RGB cube in small squares, at their places in RGB and in Lab.

import { rgbToLab } from "./color.js";

/** @typedef {[number, number, number]} Triple */
/** @typedef {{ corners: Triple[], rgb: number[] }} Patch Places are (a, b, L). */

const TURNED = (40 * Math.PI) / 180; // red of the cube stands near Lab's
const DIAGONAL = 130; // Lab units from black to white: about as large as the solid
const MIDDLE = 50; // the lightness that both have in their middle

// Where a color of the cube stands, black below and white above; from bytes.
/** @type {(rgb: number[]) => Triple} */
export function cubePlace(rgb) {
  const [r, g, b] = rgb.map((byte) => (byte / 255) * (DIAGONAL / Math.sqrt(3)));
  const x = (2 * r - g - b) / Math.sqrt(6);
  const y = (g - b) / Math.sqrt(2);
  const [cos, sin] = [Math.cos(TURNED), Math.sin(TURNED)];
  const up = (r + g + b) / Math.sqrt(3) - DIAGONAL / 2 + MIDDLE;
  return [cos * x - sin * y, sin * x + cos * y, up];
}

/** @type {(rgb: number[]) => Triple} */
export function labPlace([r, g, b]) {
  const [L, a, bee] = rgbToLab(r, g, b);
  return [a, bee, L];
}

/** @type {(one: Triple, other: Triple, share: number) => Triple} */
export function between(one, other, share) {
  const [x, y, z] = one.map((v, i) => v + share * (other[i] - v));
  return [x, y, z];
}

// The six faces, n x n squares each: corners as bytes of RGB.
/** @type {(n: number) => number[][][]} */
export function cubeFaces(n) {
  const squares = [];
  for (let axis = 0; axis < 3; axis++) {
    for (const end of [0, 255]) {
      for (let i = 0; i < n * n; i++) {
        const [row, column] = [Math.floor(i / n), i % n];
        const square = [
          [row, column],
          [row, column + 1],
          [row + 1, column + 1],
          [row + 1, column],
        ].map((place) => {
          const rgb = place.map((v) => Math.round((255 * v) / n));
          rgb.splice(axis, 0, end);
          return rgb;
        });
        squares.push(square);
      }
    }
  }
  return squares;
}

// All patches, morphed from the cube (0) to Lab (1).
/** @type {(faces: number[][][], share: number) => Patch[]} */
export function surface(faces, share) {
  return faces.map((corners) => ({
    corners: corners.map((rgb) => between(cubePlace(rgb), labPlace(rgb), share)),
    rgb: [0, 1, 2].map((c) => corners.reduce((sum, rgb) => sum + rgb[c], 0) / 4),
  }));
}

// What is left of a polygon below a height.
/** @type {(corners: Triple[], height: number) => Triple[]} */
export function below(corners, height) {
  return corners.flatMap((corner, i) => {
    const next = corners[(i + 1) % corners.length];
    const kept = corner[2] <= height ? [corner] : [];
    if (corner[2] <= height === next[2] <= height) return kept;
    const share = (height - corner[2]) / (next[2] - corner[2]);
    return [...kept, between(corner, next, share)];
  });
}

// How a place is seen, turned by `yaw` about the gray axis and from `pitch` above the
// horizon, in radians: to the right, upward, and how near.
/** @type {(place: Triple, yaw: number, pitch: number) => Triple} */
export function seen([a, b, L], yaw, pitch) {
  const x = Math.cos(yaw) * a - Math.sin(yaw) * b;
  const back = Math.sin(yaw) * a + Math.cos(yaw) * b;
  const up = L - MIDDLE;
  return [
    x,
    Math.sin(pitch) * back + Math.cos(pitch) * up,
    Math.sin(pitch) * up - Math.cos(pitch) * back,
  ];
}
