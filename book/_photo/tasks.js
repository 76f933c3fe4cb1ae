// What the page asks its worker for: look at a photo, run the network, paint.

import {
  annealedMean,
  distribution,
  meanColor,
  upsampler,
  widestCell,
} from "../../colorlab/widgets/bins.js";
import { paintRows, rootsOf } from "../../colorlab/widgets/color.js";
import { likelyColors, makeBlend, sureness } from "./blend.js";
import { fromBase64, Network } from "./network.js";
import {
  eachBand,
  grayed,
  isColored,
  lightnessOf,
  makeView,
  meanChroma,
  openCanvas,
  survey,
} from "./picture.js";

/** @import { Point } from "../../colorlab/widgets/inspector.js" */
/** @import { Blend, Dot, Offer } from "./blend.js" */
/** @import { Card, Tell } from "./loader.js" */
/** @import { Program } from "./network.js" */
/** @import { View } from "./picture.js" */

/** @typedef {{ dots: Dot[], giveUp: number }} Hints */
/** @typedef {{ network: Network, view: View, small: Uint8Array,
 *   logits: Float32Array, rows: number, columns: number, seen: number[],
 *   colored: boolean, blend?: Blend }} Photo */
/** @typedef {{ height: number, width: number, rows: number, columns: number,
 *   seen: number[], transparent: boolean, colored: boolean, widest: number,
 *   original: ImageData, gray: ImageData }} Found What the page is told of a photo. */

/** @type {Network | undefined} */
let network;
/** @type {Photo | undefined} */
let photo;

/** @type {<T>(part: T | undefined) => T} */
function needed(part) {
  if (part === undefined) throw new Error("No photo was opened.");
  return part;
}

// Anew for another network: the one before, and its memory, are let go.
/** @type {(given: { kernel: string, program: Program, centers: number[] }) =>
 *   Promise<Card>} */
export async function start({ kernel, program, centers }) {
  const { instance } = await WebAssembly.instantiate(fromBase64(kernel));
  const exports = /** @type {any} */ (instance.exports);
  network = new Network(exports, program, centers);
  const { T, size } = network.card;
  return { T, size, centers: network.centers };
}

/** @type {(given: { bitmap: ImageBitmap, size: number }, tell: Tell) => Found} */
export function open({ bitmap, size }, tell) {
  tell("Reading the photo");
  const { small, h, w, transparent } = survey(bitmap, size);
  const seen = [h, w];
  const { logits, rows, columns } = needed(network).run(
    lightnessOf(small),
    h,
    w,
    (i, n) => tell(`Coloring: layer ${i} of ${n}`, i / n),
  );
  const view = makeView(bitmap);
  const colored = isColored(small);
  const { height, width } = bitmap;
  photo = {
    network: needed(network),
    view,
    small,
    logits,
    rows,
    columns,
    seen,
    colored,
  };
  bitmap.close();
  const [original, gray] = [view.image, grayed(view)];
  const widest = widestCell(logits, photo.network.centers);
  const found = { height, width, rows, columns, seen, transparent, colored, widest };
  return { ...found, original, gray };
}

// The ab of each row of the photo at some size.
/** @type {(T: number, height: number, width: number, hints?: Hints) =>
 *   (y: number) => Float32Array} */
function chromaRows(T, height, width, hints) {
  const { rows, columns, seen } = needed(photo);
  if (!hints?.dots.length) return upsampler(chroma(T), rows, columns, height, width);
  return upsampler(hinted(T, hints), seen[0], seen[1], height, width);
}

// The ab of all pixels that the network saw, with a person's dots.
/** @type {(T: number, hints: Hints) => Float32Array} */
export function hinted(T, { dots, giveUp }) {
  const it = needed(photo);
  const { rows, columns, seen, logits, network: seer } = it;
  const [height, width] = seen;
  const Q = seer.centers.length / 2;
  const L = lightnessOf(it.small);
  it.blend ??= makeBlend(L, height, width, sureness(logits, Q), rows, columns);
  return it.blend(upsampler(chroma(T), rows, columns, height, width), dots, giveUp);
}

/** @type {(T: number) => Float32Array} */
export function chroma(T) {
  const { logits, network: seer } = needed(photo);
  return annealedMean(logits, seer.centers, T);
}

/** @type {(given: { T: number, hints?: Hints }) => { image: ImageData }} */
export function paint({ T, hints }) {
  const { image, roots } = needed(photo).view;
  const { width, height } = image;
  paintRows(image.data, roots, width, chromaRows(T, height, width, hints));
  return { image };
}

/** @type {(given: { column: number, row: number, T: number }) =>
 *   Point & { offers: Offer[] }} */
export function inspect({ column, row, T }) {
  const {
    network: seer,
    logits,
    rows,
    columns,
    view,
    small,
    seen,
    colored,
  } = needed(photo);
  const { centers } = seer;
  const { width, height } = view.image;
  const [x, y] = [(column + 0.5) / columns, (row + 0.5) / rows];
  const root = view.roots[Math.floor(y * height) * width + Math.floor(x * width)];
  const at = (/** @type {number} */ t) =>
    distribution(logits, row * columns + column, centers.length / 2, t);
  const points = {
    mean: meanColor(at(1), centers),
    "annealed mean": meanColor(at(T), centers),
    mode: meanColor(at(0), centers),
    truth: colored ? meanChroma(small, seen[1], columns, column, row) : null,
  };
  const offers = likelyColors(logits, row * columns + column, centers);
  return { p: at(T), L: 116 * root - 16, points, offers };
}

// How far the color of a cell moves, in ab units, when one square of the photo is
// covered with its mean lightness: `parts` along the shorter side, counted by rows.
/** @type {(given: { column: number, row: number, T: number, parts: number,
 *   square: number }) => { shift: number, across: number, down: number }} */
export function depend({ column, row, T, parts, square }) {
  const { network: seer, logits, columns, small, seen } = needed(photo);
  const [height, width] = seen;
  const cell = row * columns + column;
  /** @type {(scores: Float32Array) => number[]} */
  const color = (scores) =>
    meanColor(distribution(scores, cell, seer.centers.length / 2, T), seer.centers);
  const [a, b] = color(logits);
  const side = Math.min(height, width) / parts;
  const [down, across] = [height, width].map((length) => Math.round(length / side));
  const L = lightnessOf(small);
  const mean = L.reduce((sum, v) => sum + v, 0) / L.length;
  const ends = (
    /** @type {number} */ i,
    /** @type {number} */ many,
    /** @type {number} */ length,
  ) => [i, i + 1].map((n) => Math.round((n * length) / many));
  const [top, bottom] = ends(Math.floor(square / across), down, height);
  const [left, right] = ends(square % across, across, width);
  for (let y = top; y < bottom; y++) L.fill(mean, y * width + left, y * width + right);
  const [u, v] = color(seer.run(L, height, width).logits);
  return { shift: Math.hypot(u - a, v - b), across, down };
}

// The whole photo, colored; below it, if asked for, a strip that says so.
/** @type {(given: { bitmap: ImageBitmap, T: number, told?: string, hints?: Hints },
 *   tell: Tell) => { bitmap: ImageBitmap }} */
export function save({ bitmap, T, told = "", hints }, tell) {
  const { width, height } = bitmap;
  const strip = told ? Math.ceil(Math.max(16, width / 30)) : 0;
  const [canvas, context] = openCanvas(width, height + strip);
  if (told) {
    context.fillStyle = "#fff";
    context.fillRect(0, height, width, strip);
    context.fillStyle = "#000";
    context.font = `${0.7 * strip}px system-ui, sans-serif`;
    context.fillText(told, 0.3 * strip, height + 0.75 * strip, width - 0.6 * strip);
  }
  const abOf = chromaRows(T, height, width, hints);
  eachBand(bitmap, (band, top) => {
    paintRows(band.data, rootsOf(band.data), width, abOf, top);
    context.putImageData(band, 0, top);
    tell("Painting at full size", (top + band.height) / height);
  });
  bitmap.close();
  return { bitmap: canvas.transferToImageBitmap() };
}
