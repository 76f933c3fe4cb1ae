// Places of photos: their numbers, and the tables of bytes that name them.

/** @import { Pair } from "./page.js" */

/** @typedef {{ photo: number, left: number, top: number }} Place */

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

// Of a table of four bytes (unit, rank), the places of one unit, and the answer there.
/** @type {(table: Uint8Array, unit: number, ranks: number) =>
 *   (Place & { share: number })[]} */
export function bestOf(table, unit, ranks) {
  return Array.from({ length: ranks }, (_, rank) => {
    const at = 4 * (ranks * unit + rank);
    const [photo, left, top, share] = table.subarray(at, at + 4);
    return { photo, left, top, share: share / 255 };
  });
}
