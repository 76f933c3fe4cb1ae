// Places of photos: their numbers, and the tables of bytes that name them.

/** @import { Pair } from "./page.js" */

/** @typedef {{ photo: number, left: number, top: number }} Place */

const [SIDE, PLACE] = [256, 64]; // pixels of a photo, and of a place
const [STEP, ACROSS] = [32, 7]; // pixels from place to place; places in a row

// Photo by photo, row by row.
/** @type {(number: number) => Place} */
export function placeOf(number) {
  const within = number % (ACROSS * ACROSS);
  return {
    photo: Math.floor(number / (ACROSS * ACROSS)),
    left: (within % ACROSS) * STEP,
    top: Math.floor(within / ACROSS) * STEP,
  };
}

// The column and row of the place nearest to any.
/** @type {(place: { left: number, top: number }) => Pair} */
export const cellAt = ({ left, top }) => [
  Math.round(left / STEP),
  Math.round(top / STEP),
];

// Of a table of numbers of two bytes (space, place, rank), those of one place.
/** @type {(table: Uint8Array, space: number, place: number, places: number,
 *   ranks: number) => number[]} */
export function nearestOf(table, space, place, places, ranks) {
  const start = 2 * ranks * (space * places + place);
  return Array.from({ length: ranks }, (_, rank) => {
    const at = start + 2 * rank;
    return table[at] + 256 * table[at + 1];
  });
}

// Of a table of four bytes (unit, rank), the places around the middles of one unit's
// answers, inside the photo; x and y are where in the place the middle is.
/** @type {(table: Uint8Array, unit: number, ranks: number) =>
 *   (Place & { x: number, y: number, share: number })[]} */
export function bestOf(table, unit, ranks) {
  return Array.from({ length: ranks }, (_, rank) => {
    const at = 4 * (ranks * unit + rank);
    const [photo, column, row, share] = table.subarray(at, at + 4);
    const [left, top] = [column, row].map((middle) =>
      Math.min(SIDE - PLACE, Math.max(0, middle - PLACE / 2)),
    );
    return { photo, left, top, x: column - left, y: row - top, share: share / 255 };
  });
}
