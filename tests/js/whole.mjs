// Functions of the page that give a whole where theirs give a row, a line or a layer.

import { likelyColors, makeBlend } from "../../book/_photo/blend.js";
import { double, fromBase64, Network } from "../../book/_photo/network.js";
import { axisShares, resizeLine } from "../../book/_photo/picture.js";
import {
  firstFences,
  gridPoints,
  hullFences,
  rebalanceWeights,
  softEncode,
  upsampler,
} from "../../colorlab/widgets/bins.js";
import { paintRows, rootOf } from "../../colorlab/widgets/color.js";
import {
  finish,
  makeSystem,
  neighborWeights,
  propagate,
} from "../../colorlab/widgets/flow.js";
import {
  findMatches,
  lookOf,
  moveStatistics,
} from "../../colorlab/widgets/matching.js";
import {
  cutGrid,
  decide,
  makeProblem,
  measure,
} from "../../colorlab/widgets/mincut.js";
import { readLayers } from "../../colorlab/widgets/perceptron.js";
import { coveredBy, paintStrokes } from "../../colorlab/widgets/strokes.js";
import { cubePlace } from "../../colorlab/widgets/surface.js";

export function upsample(ab, rows, columns, height, width) {
  const rowOf = upsampler(ab, rows, columns, height, width);
  return Array.from({ length: height }, (_, y) => Array.from(rowOf(y)));
}

// Each color as one pixel of a row: RGBA bytes.
export function paint(L, ab) {
  const pixels = new Uint8ClampedArray(4 * L.length);
  paintRows(pixels, L.map(rootOf), L.length, () => ab);
  return pixels;
}

// Pillow's BILINEAR, over RGB bytes.
export function resize(pixels, height, width, newHeight, newWidth) {
  const [across, down] = [axisShares(width, newWidth), axisShares(height, newHeight)];
  const narrow = new Uint8Array(3 * newWidth * height);
  for (let y = 0; y < height; y++) {
    resizeLine(pixels, 3 * y * width, 3, across, narrow, 3 * y * newWidth, 3);
  }
  const small = new Uint8Array(3 * newWidth * newHeight);
  for (let x = 0; x < newWidth; x++) {
    resizeLine(narrow, 3 * x, 3 * newWidth, down, small, 3 * x, 3 * newWidth);
  }
  return small;
}

export function run(kernel, program, L, height, width) {
  const { exports } = new WebAssembly.Instance(
    new WebAssembly.Module(fromBase64(kernel)),
  );
  return new Network(exports, program, []).run(L, height, width).logits;
}

export function doubled(values, channels, rows, columns) {
  const maps = new Float32Array(5 * values.length);
  maps.set(values);
  const from = { at: 0, channels, rows, columns };
  double(maps.buffer, from, { at: 4 * values.length });
  return maps.slice(values.length);
}

export function padded(ab, padding) {
  return gridPoints(hullFences(ab), padding);
}

// The grid points that no fence so far has dropped.
export function leftBy(ab, padding, tried) {
  const points = gridPoints([], 0);
  const first = firstFences(points, hullFences(ab), padding);
  return points.filter((_, i) => first[i] > tried);
}

// From each corner of the cube to each other.
export function cubeDistances() {
  const bits = [0, 1, 2, 3, 4, 5, 6, 7];
  const places = bits.map((n) => cubePlace([n & 4, n & 2, n & 1].map((b) => b && 255)));
  return places.map((one) =>
    places.map((other) => Math.hypot(...one.map((v, i) => v - other[i]))),
  );
}

// The weights of all bins, most of them 0.
export function encode(a, b, centers, k, sigma) {
  const dense = new Float64Array(centers.length / 2);
  for (const [q, weight] of softEncode(a, b, centers, k, sigma)) dense[q] = weight;
  return dense;
}

export function scaledWeights(p, lam) {
  const w = rebalanceWeights(p, lam);
  return w.map((weight) => weight / Math.max(...w));
}

// One channel, spread from where it is known; `last` more pixels are known at the end,
// so that most of the system before them is used again.
export function spread(gray, width, channel, known, last, scale, stop) {
  const weights = neighborWeights(gray, width, scale, stop);
  const before = finish(makeSystem(weights, width, known));
  const all = known.map((is, i) => is || last[i]);
  return propagate(finish(makeSystem(weights, width, all, before)), channel);
}

export function covered(points, radius, width, height) {
  const mask = new Uint8Array(width * height);
  for (const i of coveredBy({ points, radius }, width, height)) mask[i] = 1;
  return mask;
}

// Strokes over each other, as labels and the colors of these.
export function painted(strokes, width, height, truth) {
  const { labels, colors } = paintStrokes(strokes, width, height, truth);
  return [...labels, ...colors.flat()];
}

// The look of each pixel: lightness, then deviation.
export function look(L, width, side) {
  const { L: lightness, s } = lookOf(L, width, side);
  return [lightness, s];
}

// The k matches of each pixel, one after the other.
export function matches(L, width, other, otherWidth, places, k) {
  const photo = lookOf(L, width);
  const reference = lookOf(moveStatistics(other, L), otherWidth);
  return Array.from(L, (_, at) => findMatches(photo, at, reference, places, k));
}

export function layerNumbers(widths, scales, values) {
  return readLayers(widths, scales, values).flatMap(({ weight, bias }) => [
    ...weight,
    ...bias,
  ]);
}

// One for each probability of giving up, of one blend: what it keeps must fit the next.
export function blendHints(L, height, width, sure, rows, columns, ab, dots, many) {
  const blend = makeBlend(L, height, width, sure, rows, columns);
  const abRow = upsampler(ab, rows, columns, height, width);
  return many.flatMap((giveUp) => [...blend(abRow, dots, giveUp)]);
}

export function offers(logits, cell, centers) {
  return likelyColors(logits, cell, centers).map(({ color, share }) => [
    ...color,
    share,
  ]);
}

// The bins chosen together, cell by cell, then the energy.
export function choose(p, centers, columns, smoothness) {
  const { problem, bins } = makeProblem(p, centers, columns);
  const { labels, own, steps } = [...decide(problem, smoothness)].at(-1);
  const all = measure(problem, labels, smoothness);
  if (all.own !== own || all.steps !== steps) throw new Error("another energy");
  return [...Array.from(labels, (label) => bins[label]), own + steps];
}

// Which cells a source reaches once the flow is largest.
export function reached(source, sink, right, down, columns) {
  const ties = [source, sink, right, down].map((values) => Int32Array.from(values));
  return cutGrid(...ties, columns);
}
