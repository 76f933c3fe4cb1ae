// A system with one unknown a pixel, coupled to its eight neighbors, solved exactly.
// The picture is cut in two by a line of pixels, each half again, and so on. Pixels of
// the smallest parts are eliminated first, the first line last: nested dissection
// (George 1973). What a part leaves is a dense matrix over the pixels around it. So
// where a new stroke changes little, most parts are used again.

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Box Right
 *   and bottom are the first pixels outside. */
/** @typedef {{ pixels: Int32Array, own: number, front: Float64Array,
 *   rest: Float64Array, halves: Part[] }} Part Of `pixels` the first `own` are
 *   eliminated here. `front` has their rows, then their columns, of the part's matrix;
 *   `rest` is left of it. */

const SMALL = 40; // pixels: not cut any more

/** @type {(box: Box, x: number, y: number) => boolean} */
const isIn = ({ left, top, right, bottom }, x, y) =>
  x >= left && x < right && y >= top && y < bottom;

// The pixels of a box, row by row.
/** @type {(box: Box, width: number) => number[]} */
function pixelsOf({ left, top, right, bottom }, width) {
  const pixels = [];
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) pixels.push(y * width + x);
  }
  return pixels;
}

// The pixels around a box that are in the picture.
/** @type {(box: Box, width: number, height: number) => number[]} */
function ringOf(box, width, height) {
  const [left, top] = [Math.max(0, box.left - 1), Math.max(0, box.top - 1)];
  const right = Math.min(width, box.right + 1);
  const bottom = Math.min(height, box.bottom + 1);
  return pixelsOf({ left, top, right, bottom }, width).filter(
    (i) => !isIn(box, i % width, Math.floor(i / width)),
  );
}

// A box as two halves and the line between them.
/** @type {(box: Box) => { halves: Box[], line: Box }} */
function cut(box) {
  const { left, top, right, bottom } = box;
  if (right - left > bottom - top) {
    const x = (left + right) >> 1;
    const halves = [
      { ...box, right: x },
      { ...box, left: x + 1 },
    ];
    return { halves, line: { ...box, left: x, right: x + 1 } };
  }
  const y = (top + bottom) >> 1;
  const halves = [
    { ...box, bottom: y },
    { ...box, top: y + 1 },
  ];
  return { halves, line: { ...box, top: y, bottom: y + 1 } };
}

// Eliminate the first `own` unknowns of a dense matrix, n x n, in place. Rows sum to 0
// or more and only the diagonal is positive, so that no pivot has to be searched.
/** @type {(matrix: Float64Array, n: number, own: number) => void} */
function eliminate(matrix, n, own) {
  for (let k = 0; k < own; k++) {
    const row = k * n;
    const pivot = 1 / matrix[row + k];
    for (let at = row + n; at < n * n; at += n) {
      if (matrix[at + k] === 0) continue;
      matrix[at + k] *= pivot;
      const factor = matrix[at + k];
      for (let j = k + 1; j < n; j++) matrix[at + j] -= factor * matrix[row + j];
    }
  }
}

// Eliminate all unknowns: weights[8 i + n] is what pixel i has of its neighbor n, whose
// index is offsets[n] larger; its own coefficient is 1. A part of `before` is used
// again if nothing was `changed` (a box of pixels) in it. Yields after each part.
/** @type {(weights: Float64Array, offsets: number[], width: number, before?: Part,
 *   changed?: Box) => Generator<void, Part>} */
export function* dissect(weights, offsets, width, before, changed) {
  const height = weights.length / 8 / width;
  const place = new Int32Array(width * height); // of a pixel in the present part
  const part = new Int32Array(width * height).fill(-1); // in which it has this place
  let count = 0;

  /** @type {(box: Box, old?: Part) => Generator<void, Part>} */
  function* work(box, old) {
    if (old && changed && isApart(box, changed)) return old;
    const size = (box.right - box.left) * (box.bottom - box.top);
    const { halves: boxes, line } = size > SMALL ? cut(box) : { halves: [], line: box };
    const halves = [];
    for (let h = 0; h < boxes.length; h++) {
      halves.push(yield* work(boxes[h], old?.halves[h]));
    }
    const pixels =
      old?.pixels ?? join(pixelsOf(line, width), ringOf(box, width, height));
    const own = (line.right - line.left) * (line.bottom - line.top);
    const made = { pixels, own, ...reduce(pixels, own, halves), halves };
    yield;
    return made;
  }

  /** @type {(pixels: Int32Array, own: number, halves: Part[]) =>
   *   { front: Float64Array, rest: Float64Array }} */
  function reduce(pixels, own, halves) {
    const n = pixels.length;
    const matrix = new Float64Array(n * n);
    count++;
    pixels.forEach((i, row) => {
      place[i] = row;
      part[i] = count;
    });
    for (let row = 0; row < n; row++) {
      const i = pixels[row];
      if (row < own) matrix[row * n + row] = 1;
      for (let k = 0; k < 8; k++) {
        const weight = weights[8 * i + k];
        if (!weight) continue;
        const j = i + offsets[k];
        if (part[j] !== count || (row >= own && place[j] >= own)) continue;
        matrix[row * n + place[j]] = -weight;
      }
    }
    for (const half of halves) addRest(matrix, n, half);
    eliminate(matrix, n, own);
    return split(matrix, n, own);
  }

  /** @type {(matrix: Float64Array, n: number, half: Part) => void} */
  function addRest(matrix, n, { pixels, own, rest }) {
    for (let r = own, at = 0; r < pixels.length; r++) {
      const row = place[pixels[r]] * n;
      for (let c = own; c < pixels.length; c++) {
        matrix[row + place[pixels[c]]] += rest[at++];
      }
    }
  }

  return yield* work({ left: 0, top: 0, right: width, bottom: height }, before);
}

/** @type {(box: Box, other: Box) => boolean} */
const isApart = (box, other) =>
  other.right < box.left || // weights reach one pixel beyond a box
  other.left > box.right ||
  other.bottom < box.top ||
  other.top > box.bottom;

/** @type {(one: number[], other: number[]) => Int32Array} */
const join = (one, other) => Int32Array.from([...one, ...other]);

/** @type {(matrix: Float64Array, n: number, own: number) =>
 *   { front: Float64Array, rest: Float64Array }} */
function split(matrix, n, own) {
  const left = n - own;
  const front = new Float64Array(n * own + left * own);
  const rest = new Float64Array(left * left);
  front.set(matrix.subarray(0, n * own));
  for (let r = 0; r < left; r++) {
    const row = (own + r) * n;
    front.set(matrix.subarray(row, row + own), n * own + r * own);
    rest.set(matrix.subarray(row + own, row + n), r * left);
  }
  return { front, rest };
}

// Solve for one right-hand side, one number a pixel, in place.
/** @type {(root: Part, values: Float64Array) => void} */
export function solve(root, values) {
  down(root, values);
  up(root, values);
}

// Forward: what is eliminated tells the rest.
/** @type {(part: Part, values: Float64Array) => void} */
function down({ pixels, own, front, halves }, values) {
  for (const half of halves) down(half, values);
  const n = pixels.length;
  const columns = n * own;
  for (let r = 1; r < n; r++) {
    const row = r < own ? r * n : columns + (r - own) * own;
    let sum = values[pixels[r]];
    for (let k = 0; k < Math.min(r, own); k++)
      sum -= front[row + k] * values[pixels[k]];
    values[pixels[r]] = sum;
  }
}

// Backward: the rest, now known, tells what was eliminated.
/** @type {(part: Part, values: Float64Array) => void} */
function up({ pixels, own, front, halves }, values) {
  const n = pixels.length;
  for (let r = own - 1; r >= 0; r--) {
    let sum = values[pixels[r]];
    for (let c = r + 1; c < n; c++) sum -= front[r * n + c] * values[pixels[c]];
    values[pixels[r]] = sum / front[r * n + r];
  }
  for (const half of halves) up(half, values);
}
