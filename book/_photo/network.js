// A network, from the steps and the block of weights that colorlab.widgets.engine makes
// of it, and a kernel that WebAssembly runs.

import { labToRgb } from "../../colorlab/widgets/color.js";

/** @typedef {{ memory: WebAssembly.Memory, free_from: () => number,
 *   convolve: (...numbers: number[]) => void, filter: (...numbers: number[]) => void }}
 *   Kernel See kernel.c. */
/** @typedef {{ corner: number[], taps: number[][], weights: number }} Part */
/** @typedef {{ from: number, added?: number, doubles?: boolean, inputs: number,
 *   outputs: number, depthwise: boolean, stride: number, larger: number,
 *   least?: number, most?: number, bytes: number, parts: Part[], scale: number,
 *   bias: number, gain?: number, shift?: number }} Step See pack_network. */
/** @typedef {{ T: number, size: number }} Card */
/** @typedef {{ input: { gray?: boolean, middle: number, range: number,
 *   multiple: number }, steps: Step[], block: string, card: Card }} Program */
/** @typedef {{ at: number, channels: number, rows: number, columns: number }} Place */
/** @typedef {(from: Place, out: Place, added: number, last: boolean) => void} Apply */

const [PIXELS, ROWS] = [8, 4]; // the kernel's tile
const RIM = 16; // columns that it wants beside a map
const STEP = 4; // pixels, each way, that an output stands for

/** @type {(place: Place) => number[]} */
const listed = ({ at, channels, rows, columns }) => [at, channels, rows, columns];

/** @type {(text: string) => Uint8Array<ArrayBuffer>} */
export function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// A step's kernels, (outputs, inputs * taps), as they were before rounding.
/** @type {(block: ArrayBuffer, step: Step, part: Part) => Float32Array} */
export function readKernels(block, { bytes, scale, inputs, outputs, depthwise }, part) {
  const depth = (depthwise ? 1 : inputs) * part.taps.length;
  const Kind = bytes === 1 ? Int8Array : Int16Array;
  const rounded = new Kind(block, part.weights, outputs * depth);
  const scales = new Float32Array(block, scale, outputs);
  return Float32Array.from(rounded, (w, i) => w * scales[Math.floor(i / depth)]);
}

// The input with its last row and column repeated up to multiples, as numbers that the
// network was trained on.
/** @type {(L: Float32Array, height: number, width: number,
 *   input: Program["input"]) => { values: Float32Array, rows: number,
 *   columns: number }} */
function prepare(L, height, width, { gray, middle, range, multiple }) {
  const [rows, columns] = [height, width].map(
    (side) => multiple * Math.ceil(side / multiple),
  );
  const values = new Float32Array(rows * columns);
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, at++) {
      const light = L[Math.min(y, height - 1) * width + Math.min(x, width - 1)];
      values[at] = ((gray ? labToRgb(light, 0, 0)[1] : light) - middle) / range;
    }
  }
  return { values, rows, columns };
}

// Maps twice as high and wide, bilinearly, as PyTorch's interpolate makes them.
/** @type {(memory: ArrayBuffer, from: Place, to: Place) => void} */
export function double(memory, { at: start, channels, rows, columns }, to) {
  const count = channels * rows * columns;
  const map = new Float32Array(memory, start, count);
  const out = new Float32Array(memory, to.at, 4 * count);
  const near = (/** @type {number} */ i, /** @type {number} */ many) => {
    const other = (i >> 1) + (i % 2 ? 1 : -1);
    return [i >> 1, Math.min(many - 1, Math.max(0, other))];
  };
  const across = Array.from({ length: 2 * columns }, (_, x) => near(x, columns));
  for (let c = 0, at = 0; c < channels; c++) {
    for (let y = 0; y < 2 * rows; y++) {
      const [one, two] = near(y, rows).map((row) => (c * rows + row) * columns);
      for (const [left, right] of across) {
        const above = 0.75 * map[one + left] + 0.25 * map[one + right];
        const below = 0.75 * map[two + left] + 0.25 * map[two + right];
        out[at++] = 0.75 * above + 0.25 * below;
      }
    }
  }
}

// Weights, (outputs, depth), in the order in which the kernel reads them: by tiles.
/** @type {(weights: Float32Array, outputs: number) => Float32Array} */
function pack(weights, outputs) {
  const depth = weights.length / outputs;
  const packed = new Float32Array(ROWS * Math.ceil(outputs / ROWS) * depth);
  for (let m = 0, from = 0; m < outputs; m++) {
    let at = (m - (m % ROWS)) * depth + (m % ROWS);
    for (let k = 0; k < depth; k++, at += ROWS) packed[at] = weights[from++];
  }
  return packed;
}

export class Network {
  /** @param {Kernel} kernel @param {Program} program @param {number[]} centers */
  constructor(kernel, { input, steps, block, card }, centers) {
    this.kernel = kernel;
    this.end = (kernel.free_from() + 15) & ~15;
    this.card = card;
    this.centers = Float32Array.from(centers);
    this.input = input;
    const { buffer } = fromBase64(block);
    this.steps = steps.map((step) => ({ ...step, apply: this.place(buffer, step) }));
    // The last step that reads each map: then its memory is free.
    this.lastUse = steps.map(() => 0);
    steps.forEach(({ from, added = from }, i) => {
      this.lastUse[from] = this.lastUse[added] = i;
    });
  }

  // Room for so many numbers in the kernel's memory.
  /** @param {number} count */
  reserve(count) {
    const { memory } = this.kernel;
    const at = this.end;
    this.end += 16 * Math.ceil(count / 4);
    const missing = this.end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    return at;
  }

  /** @param {Float32Array | Int32Array} values */
  write(values) {
    const at = this.reserve(values.length);
    const Kind = values instanceof Int32Array ? Int32Array : Float32Array;
    new Kind(this.kernel.memory.buffer, at, values.length).set(values);
    return at;
  }

  // Lay a step's arrays out in memory; gives what takes it from a map to another. The
  // last step writes cell by cell.
  /** @param {ArrayBuffer} block @param {Step} step @returns {Apply} */
  place(block, step) {
    const { memory, convolve, filter } = this.kernel;
    const { outputs, stride, larger, least = -Infinity, most = Infinity } = step;
    if (step.doubles) return (from, out) => double(memory.buffer, from, out);
    /** @type {(at: number | undefined, other: number) => number} */
    const rows = (at, other) => {
      const values = new Float32Array(ROWS * Math.ceil(outputs / ROWS)).fill(other);
      if (at !== undefined) values.set(new Float32Array(block, at, outputs));
      return this.write(values);
    };
    const [bias, gain, shift] = [
      rows(step.bias, 0),
      rows(step.gain, 1),
      rows(step.shift, 0),
    ];
    const [{ taps }] = step.parts;
    if (step.depthwise) {
      const weights = this.write(readKernels(block, step, step.parts[0]));
      const [side, before] = [Math.sqrt(taps.length), -taps[0][0]];
      return (from, out) => {
        const width = stride * out.columns + side + RIM;
        const plane = this.reserve((stride * out.rows + side) * width);
        const by = [side, before, stride, weights, bias, least, most];
        filter(...listed(from), ...by, out.at, out.rows, out.columns, plane);
      };
    }
    const parts = step.parts.map((part) => ({
      corner: part.corner,
      taps: this.write(Int32Array.from(part.taps.flat())),
      weights: this.write(pack(readKernels(block, step, part), outputs)),
    }));
    return (from, out, added, last) => {
      const panel = this.reserve(PIXELS * from.channels * taps.length);
      const [h, w] = [out.rows / larger, out.columns / larger];
      const [map, y, x] = last
        ? [1, outputs * w, outputs]
        : [out.rows * out.columns, larger * out.columns, larger];
      for (const part of parts) {
        const seen = [...listed(from), part.taps, taps.length, stride];
        const by = [part.weights, bias, gain, shift, least, most, added];
        const to = out.at + 4 * (part.corner[0] * out.columns + part.corner[1]);
        convolve(...seen, ...by, to, outputs, h, w, map, y, x, panel);
      }
    };
  }

  // L, height x width, in Lab units. Gives logits, (cells, Q), and the cells' number.
  /** @param {Float32Array} L @param {number} height @param {number} width
   * @param {(layer: number, of: number) => void} tell */
  run(L, height, width, tell = () => {}) {
    const kept = this.end;
    const { values, rows, columns } = prepare(L, height, width, this.input);
    /** @type {Place[]} */
    const maps = [{ at: this.write(values), channels: 1, rows, columns }];
    /** @type {{ at: number, count: number }[]} */
    const free = [];
    /** @type {(count: number) => number} */
    const take = (count) => {
      const fits = free.filter((room) => room.count >= count);
      const best = fits.sort((one, other) => one.count - other.count)[0];
      if (!best) return this.reserve(count);
      free.splice(free.indexOf(best), 1);
      return best.at;
    };
    const cells = [height / STEP, width / STEP];
    this.steps.forEach((step, i) => {
      const from = maps[step.from];
      const last = i === this.steps.length - 1;
      const channels = step.doubles ? from.channels : step.outputs;
      const scale = step.doubles ? 2 : step.larger / step.stride;
      const [h, w] = last ? cells : [from.rows * scale, from.columns * scale];
      const out = { at: take(channels * h * w), channels, rows: h, columns: w };
      const { end } = this;
      step.apply(from, out, step.added ? maps[step.added].at : 0, last);
      this.end = end; // what a step needs besides is free after it
      maps.push(out);
      maps.forEach((map, n) => {
        if (this.lastUse[n] !== i || n > i) return;
        free.push({ at: map.at, count: map.channels * map.rows * map.columns });
      });
      tell(i + 1, this.steps.length);
    });
    const { at, channels: Q } = maps[maps.length - 1];
    const [h, w] = cells;
    this.end = kept;
    const scores = new Float32Array(this.kernel.memory.buffer, at, h * w * Q);
    return { logits: scores.slice(), rows: h, columns: w };
  }
}
