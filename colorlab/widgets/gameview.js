// What the reader sees of a photo: a gray window round the ringed cell, or all of it.

import { grayByte, rootsOf } from "./color.js";
import { context2d, make } from "./page.js";
import { readPixels } from "./pictures.js";
import { rimmed } from "./plane.js";

/** @import { Pair } from "./page.js" */

/** @typedef {{ photo: string, lesson: string, height: number, width: number,
 *   cell: Pair, L: number, ab: Pair }} Round */
/** @typedef {{ color: HTMLCanvasElement, gray: HTMLCanvasElement }} Pictures */
/** @typedef {{ left: number, top: number, width: number, height: number }} Region */

const SIDE = 4; // pixels, each way, of the ringed cell
const VIEW = 320; // page pixels, each way
const ZERO = "#777"; // L = 50, which the network reads as 0: what it sees beyond a rim
const RING = 3; // pixels of the photo, from the middle of the cell
const [SMALLEST, LARGEST] = [8, 60]; // page pixels of the ring's radius

/** @type {(file: Blob, round: Round) => Promise<Pictures>} */
export async function openPictures(file, { width, height }) {
  const image = await readPixels(file);
  const [color, gray] = [0, 1].map(() => make("canvas", { width, height }));
  context2d(color).putImageData(image, 0, 0);
  rootsOf(image.data).forEach((root, i) => {
    image.data.fill(grayByte(root), 4 * i, 4 * i + 3);
  });
  context2d(gray).putImageData(image, 0, 0);
  return { color, gray };
}

/** @type {(round: Round) => Pair} */
const middle = ({ cell }) => [SIDE * (cell[0] + 0.5), SIDE * (cell[1] + 0.5)];

// The square of so many pixels round the cell: where it is larger than the photo, what
// it holds of that.
/** @type {(round: Round, side: number) => Region} */
function windowOf(round, side) {
  const { width, height } = round;
  const [x, y] = middle(round);
  const [left, top] = [x - side / 2, y - side / 2];
  if (side < Math.max(width, height)) return { left, top, width: side, height: side };
  const right = Math.min(width, left + side);
  const bottom = Math.min(height, top + side);
  const corner = { left: Math.max(0, left), top: Math.max(0, top) };
  return { ...corner, width: right - corner.left, height: bottom - corner.top };
}

// How much of the photo a window shows, in 0..1.
/** @type {(round: Round, side: number) => number} */
export function shareSeen(round, side) {
  const [x, y] = middle(round);
  const along = (/** @type {number} */ at, /** @type {number} */ length) =>
    (Math.min(length, at + side / 2) - Math.max(0, at - side / 2)) / length;
  return along(x, round.width) * along(y, round.height);
}

// A region of a picture in a square canvas, with the ring; `frame` is the side of the
// window before, 0 for none.
/** @type {(canvas: HTMLCanvasElement, picture: HTMLCanvasElement, round: Round,
 *   region: Region, frame: number) => void} */
function paint(canvas, picture, round, region, frame) {
  const density = Math.max(1, window.devicePixelRatio || 1);
  const scale = VIEW / Math.max(region.width, region.height);
  const [width, height] = [region.width * scale, region.height * scale];
  canvas.width = width * density;
  canvas.height = height * density;
  const context = context2d(canvas);
  context.scale(density, density);
  context.fillStyle = ZERO;
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = false; // pixels are to be seen
  const place = (/** @type {number} */ x, /** @type {number} */ y) =>
    /** @type {Pair} */ ([(x - region.left) * scale, (y - region.top) * scale]);
  context.drawImage(picture, ...place(0, 0), round.width * scale, round.height * scale);
  const [x, y] = middle(round);
  if (frame) {
    context.beginPath();
    const corner = place(x - frame / 2, y - frame / 2);
    context.rect(...corner, frame * scale, frame * scale);
    rimmed(context, 1, [4, 4]);
  }
  const radius = Math.min(LARGEST, Math.max(SMALLEST, RING * scale));
  context.beginPath();
  context.arc(...place(x, y), radius, 0, 2 * Math.PI);
  rimmed(context, 2);
}

/** @type {(canvas: HTMLCanvasElement, pictures: Pictures, round: Round, side: number,
 *   before: number) => void} */
export function paintWindow(canvas, { gray }, round, side, before) {
  paint(canvas, gray, round, windowOf(round, side), before);
}

/** @type {(canvas: HTMLCanvasElement, pictures: Pictures, round: Round) => void} */
export function paintTruth(canvas, { color }, round) {
  const { width, height } = round;
  paint(canvas, color, round, { left: 0, top: 0, width, height }, 0);
}
