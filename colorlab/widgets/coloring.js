// A photo's way from strokes to colors, in the page: read, let flow, measure.

import { annealedMean, upsampler } from "./bins.js";
import { paintRows, rgbToLab, rootsOf } from "./color.js";
import { makeSystem, neighborWeights, propagate } from "./flow.js";
import { bytes, readFiles, within } from "./page.js";
import { readPixels } from "./pictures.js";

/** @import { System } from "./flow.js" */
/** @import { Model } from "./page.js" */
/** @import { Painted } from "./strokes.js" */

/** @typedef {{ name: string, height: number, width: number, rows: number,
 *   columns: number }} Layout Rows and columns are those of the network's answer. */
/** @typedef {Layout & { pixels: Uint8ClampedArray, gray: Float64Array,
 *   roots: Float32Array, truth: Float32Array, said: Float32Array }} Photo RGBA; L from
 *   0 to 1; the true ab and the network's, (N, 2). */

const LEAST = 1e-12; // a share's, before its logarithm is taken

/** @type {(layout: Layout, file: Blob, said: Int8Array) => Promise<Photo>} */
async function readPhoto(layout, file, said) {
  const { width, height, rows, columns } = layout;
  const { data: pixels } = await readPixels(file);
  const [gray, truth] = [
    new Float64Array(width * height),
    new Float32Array(2 * width * height),
  ];
  for (let i = 0, at = 0; i < gray.length; i++, at += 4) {
    const [L, a, b] = rgbToLab(pixels[at], pixels[at + 1], pixels[at + 2]);
    gray[i] = within(L / 100, 0, 1);
    truth.set([a, b], 2 * i);
  }
  const rowOf = upsampler(said, rows, columns, height, width);
  const network = new Float32Array(truth.length);
  for (let y = 0; y < height; y++) network.set(rowOf(y), 2 * width * y);
  return { ...layout, pixels, gray, roots: rootsOf(pixels), truth, said: network };
}

/** @type {(model: Model) => Promise<Photo>[]} */
export function readPhotos(model) {
  const said = new Int8Array(bytes(model.get("network")).buffer);
  const files = readFiles(model);
  let end = 0;
  return model
    .get("photos")
    .map((/** @type {Layout} */ layout, /** @type {number} */ i) => {
      const start = end;
      end += 2 * layout.rows * layout.columns;
      return readPhoto(layout, files[i], said.subarray(start, end));
    });
}

// A photo's lightness with other colors, ab (N, 2), as RGBA.
/** @type {(photo: Photo, ab: Float32Array) => ImageData} */
export function colored({ width, height, roots }, ab) {
  const image = new ImageData(width, height);
  image.data.fill(255);
  paintRows(image.data, roots, width, (y) => ab.subarray(2 * width * y));
  return image;
}

// Decibels, over R, G and B.
/** @type {(photo: Photo, image: ImageData) => number} */
export function psnr({ pixels }, { data }) {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] - pixels[i]) ** 2; // alpha: 0
  return 10 * Math.log10((255 ** 2 * 0.75 * data.length) / sum);
}

// From strokes to colors, ab (N, 2), in pieces; what can be used again is.
export function makeFlow() {
  /** @type {{ photo?: Photo, setting?: string, weights?: Float64Array,
   *   system?: System, painted?: Painted, logits?: Float32Array }} */
  const kept = {};

  /** @type {(photo: Photo, scale: number, stop: number) => Float64Array} */
  function weightsOf(photo, scale, stop) {
    const setting = `${scale} ${stop}`;
    if (!kept.weights || kept.photo !== photo || kept.setting !== setting) {
      kept.weights = neighborWeights(photo.gray, photo.width, scale, stop);
      Object.assign(kept, { photo, setting, system: undefined });
    }
    return kept.weights;
  }

  // Logarithms of each pixel's shares of the colors, (N, colors).
  /** @type {(system: System, painted: Painted) => Generator<void, Float32Array>} */
  function* shares(system, { labels, colors }) {
    const K = colors.length;
    const logits = new Float32Array(labels.length * K);
    for (let k = 0; k < K; k++) {
      const share = propagate(
        system,
        labels.map((label) => Number(label === k + 1)),
      );
      share.forEach((p, i) => {
        logits[i * K + k] = Math.log(Math.max(p, LEAST));
      });
      yield;
    }
    return logits;
  }

  /** @type {(photo: Photo, painted: Painted, T: number, scale: number, stop: number) =>
   *   Generator<void, Float32Array>} */
  return function* flow(photo, painted, T, scale, stop) {
    const { labels, colors } = painted;
    const ab = new Float32Array(2 * labels.length);
    if (!colors.length) return ab;
    const known = labels.map((label) => Number(label > 0));
    const weights = weightsOf(photo, scale, stop);
    const before = kept.system;
    const system = yield* makeSystem(weights, photo.width, known, before);
    kept.system = system;
    if (T < 1) {
      const same = system.root === before?.root && painted === kept.painted;
      const logits = same && kept.logits ? kept.logits : yield* shares(system, painted);
      Object.assign(kept, { painted, logits });
      return annealedMean(logits, Float32Array.from(colors.flat()), T);
    }
    for (const c of [0, 1]) {
      const channel = Float64Array.from(labels, (label) =>
        label ? colors[label - 1][c] : 0,
      );
      propagate(system, channel).forEach((value, i) => {
        ab[2 * i + c] = value;
      });
      yield;
    }
    return ab;
  };
}

/** @type {(one: Painted, other: Painted) => boolean} */
export const isSame = (one, other) =>
  String(one.colors) === String(other.colors) &&
  one.labels.length === other.labels.length &&
  one.labels.every((label, i) => label === other.labels[i]);
