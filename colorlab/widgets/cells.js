// Numbers as gray cells on a sheet: the larger, the brighter.

import { labToRgb } from "./color.js";
import { context2d, make, within } from "./page.js";
import { rimmed } from "./plane.js";

/** @import { Pair } from "./page.js" */

/** @typedef {{ context: CanvasRenderingContext2D, cell: number, thick: number,
 *   place: (x: number, y: number) => Pair }} Sheet */

const VIEW = 352; // page pixels of the side of a canvas
export const ROOM = 3; // cells around a photo: the largest padding
const MOST = 0.99; // of the numbers of a map are within its scale of grays

// The gray of a number from -reach to reach: lightness 0 to 100, and 50 for zero.
/** @type {(x: number, reach: number) => number} */
export const grayOf = (x, reach) =>
  Math.round(255 * labToRgb(50 + 50 * within(x / reach, -1, 1), 0, 0)[0]);

// The size that nearly all numbers of a map stay within; of a map of zeros 1.
/** @type {(map: Float64Array) => number} */
export function reachOf(map) {
  const sizes = map.map(Math.abs).sort();
  const last = sizes.length - 1;
  return sizes[Math.floor(MOST * last)] || sizes[last] || 1;
}

// A sheet of ROOM pixels more than the photo on each side, all of the panel's color.
/** @type {(canvas: HTMLCanvasElement, side: number, corner: number) => Sheet} */
export function openSheet(canvas, side, corner) {
  const density = Math.max(1, window.devicePixelRatio || 1);
  canvas.width = canvas.height = VIEW * density;
  const context = context2d(canvas);
  context.scale(density, density);
  context.imageSmoothingEnabled = false;
  const cell = VIEW / (side + 2 * ROOM);
  return {
    context,
    cell,
    thick: VIEW / (canvas.clientWidth || VIEW), // on a phone a canvas is shown smaller
    place: (x, y) => [(x + corner) * cell, (y + corner) * cell],
  };
}

// Numbers as gray cells, the first `count` of them.
/** @type {(sheet: Sheet, columns: number, count: number,
 *   gray: (i: number) => number) => void} */
export function paintCells({ context, cell, place }, columns, count, gray) {
  if (!columns) return;
  const small = make("canvas", { width: columns, height: columns });
  const image = new ImageData(columns, columns);
  for (let i = 0; i < count; i++) {
    const level = gray(i);
    image.data.set([level, level, level, 255], 4 * i);
  }
  context2d(small).putImageData(image, 0, 0);
  context.drawImage(small, ...place(0, 0), columns * cell, columns * cell);
}

/** @type {(sheet: Sheet, from: Pair, cells: number) => void} */
export function frame({ context, cell, thick, place }, from, cells) {
  context.beginPath();
  context.rect(...place(...from), cells * cell, cells * cell);
  rimmed(context, 1.5 * thick);
}
