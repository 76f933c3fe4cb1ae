// The network, from its file of weights and a kernel that WebAssembly runs.

/** @typedef {{ shape: number[], values: Float32Array }} Tensor */
/** @typedef {Record<string, Tensor>} Tensors */
/** @typedef {{ T: number, size: number }} Card */
/** @typedef {{ outputs: number, inputs: number, side: number, bias: Float32Array,
 *   kernel: (m: number, c: number, t: number) => number, stride: number,
 *   taps: number[][], relu: boolean, gain?: Float32Array, shift?: Float32Array }}
 *   Layer */
/** @typedef {{ memory: WebAssembly.Memory, free_from: () => number,
 *   convolve: (...numbers: number[]) => void }} Kernel See kernel.c. */
/** @typedef {{ corner: number[], n: number, taps: number, weights: number }} Part */
/** @typedef {{ outputs: number, inputs: number, parts: Part[], depth: number,
 *   larger: number, stride: number, floor: number, bias: number, gain: number,
 *   shift: number }} Placed A layer in the kernel's memory. */

const DILATED = ["conv5", "conv6"];
const HALVING = ["conv1", "conv2", "conv3"];
const EPSILON = 1e-5; // of batch norm
const [PIXELS, ROWS] = [8, 4]; // the kernel's tile
export const L_MIDDLE = 50;
export const L_RANGE = 100;

/** @type {(text: string) => Uint8Array<ArrayBuffer>} */
export function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// A safetensors file: its tensors, in float32, and its card.
/** @type {(file: Uint8Array<ArrayBuffer>) => { tensors: Tensors, card: Card }} */
export function readTensors(file) {
  const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
  /** @type {Tensors} */
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: ends }] of Object.entries(header)) {
    if (dtype !== "F32" && dtype !== "I8") continue; // a counter, the card
    const { buffer } = file.slice(start + ends[0], start + ends[1]);
    const values = dtype === "F32" ? new Float32Array(buffer) : new Int8Array(buffer);
    tensors[name] = { shape, values: Float32Array.from(values) };
  }
  return { tensors, card: JSON.parse(header.__metadata__.colorlab) };
}

// A layer: a kernel (outputs, inputs, taps) as a function of its place, and how it goes
// over a map.
/** @type {(tensors: Tensors, name: string, way: { transposed?: boolean, stride: number,
 *   taps: number[][], relu: boolean }) => Layer} */
function readLayer(tensors, name, { transposed, ...way }) {
  const { shape, values } = tensors[`${name}.weight`];
  const scale = tensors[`${name}.weight_scale`]?.values;
  const [outputs, inputs] = transposed ? [shape[1], shape[0]] : shape;
  const area = shape[2] * shape[3];
  const bias = tensors[`${name}.bias`].values;
  return {
    ...way,
    outputs,
    inputs,
    side: shape[2],
    bias,
    kernel(m, c, t) {
      const at = transposed ? c * outputs + m : m * inputs + c;
      return values[at * area + t] * (scale ? scale[m] : 1);
    },
  };
}

// What batch norm does after the ReLU, as a gain and a shift. It cannot be folded into
// the next kernel: the zeros around a map are put there after it.
/** @type {(tensors: Tensors, name: string) => { gain: Float32Array,
 *   shift: Float32Array }} */
function readNorm(tensors, name) {
  const [weight, bias, mean, variance] = [
    "weight",
    "bias",
    "running_mean",
    "running_var",
  ].map((part) => tensors[`${name}.${part}`].values);
  const gain = weight.map((w, m) => w / Math.sqrt(variance[m] + EPSILON));
  return { gain, shift: bias.map((b, m) => b - mean[m] * gain[m]) };
}

/** @type {(dilation: number) => number[][]} */
function square3(dilation) {
  const steps = [-dilation, 0, dilation];
  return steps.flatMap((dy) => steps.map((dx) => [dy, dx]));
}

// The layers of colorlab.network.ColorNet, in order, from the names in the file.
/** @type {(tensors: Tensors) => Layer[]} */
export function readLayers(tensors) {
  /** @type {Layer[]} */
  const layers = [];
  for (let block = 1; block <= 8; block++) {
    const own = `conv${block}`;
    const numbers = [0, 2, 4].filter(
      (n) => tensors[`${own}.${n}.weight`]?.shape.length === 4,
    );
    numbers.forEach((n, i) => {
      const last = i === numbers.length - 1;
      const layer = readLayer(tensors, `${own}.${n}`, {
        transposed: block === 8 && i === 0,
        stride: last && HALVING.includes(own) ? 2 : 1,
        taps: square3(DILATED.includes(own) ? 2 : 1),
        relu: true,
      });
      const norm = last && block < 8 ? readNorm(tensors, `${own}.${n + 2}`) : {};
      layers.push({ ...layer, ...norm });
    });
  }
  const output = readLayer(tensors, "output", {
    stride: 1,
    taps: [[0, 0]],
    relu: false,
  });
  return [...layers, output];
}

// A transposed convolution of side 4 and stride 2 is four convolutions of side 2, one
// for each corner of the 2 x 2 pixels that stand where one stood.
/** @type {(layer: Layer) => { corner: number[], taps: number[][],
 *   kept: number[] }[]} */
function phases({ side, taps }) {
  if (side !== 4) return [{ corner: [0, 0], taps, kept: [...taps.keys()] }];
  const reach = [
    [
      [0, 1],
      [-1, 3],
    ],
    [
      [1, 0],
      [0, 2],
    ],
  ]; // (step, kernel place) by corner
  return [0, 1, 2, 3].map((n) => {
    const corner = [n >> 1, n & 1];
    const pairs = reach[corner[0]].flatMap(([dy, ky]) =>
      reach[corner[1]].map(([dx, kx]) => ({ tap: [dy, dx], place: ky * 4 + kx })),
    );
    return { corner, taps: pairs.map((p) => p.tap), kept: pairs.map((p) => p.place) };
  });
}

export class Network {
  /** @param {Kernel} kernel @param {Uint8Array<ArrayBuffer>} file
   * @param {number[]} centers */
  constructor(kernel, file, centers) {
    const { tensors, card } = readTensors(file);
    this.kernel = kernel;
    this.end = (kernel.free_from() + 15) & ~15;
    this.card = card;
    this.centers = Float32Array.from(centers);
    this.layers = readLayers(tensors).map((layer) => this.place(layer));
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

  // One number a row of the kernel's tiles, of which the last may have too many.
  /** @param {Layer} layer @param {Float32Array | undefined} values
   * @param {number} otherwise */
  writeRows({ outputs }, values, otherwise) {
    const rows = ROWS * Math.ceil(outputs / ROWS);
    const number = (/** @type {number} */ m) =>
      values && m < outputs ? values[m] : otherwise;
    return this.write(Float32Array.from({ length: rows }, (_, m) => number(m)));
  }

  // Weights in the order in which the kernel reads them: by tiles of rows.
  /** @param {Layer} layer @param {number[]} kept */
  pack({ outputs, inputs, kernel }, kept) {
    const depth = inputs * kept.length;
    const packed = new Float32Array(ROWS * Math.ceil(outputs / ROWS) * depth);
    for (let m = 0; m < outputs; m++) {
      let at = (m - (m % ROWS)) * depth + (m % ROWS);
      for (let c = 0; c < inputs; c++) {
        for (const t of kept) {
          packed[at] = kernel(m, c, t);
          at += ROWS;
        }
      }
    }
    return this.write(packed);
  }

  /** @param {Layer} layer @returns {Placed} */
  place(layer) {
    const { outputs, inputs, bias, gain, shift, stride, relu } = layer;
    const parts = phases(layer).map(({ corner, taps, kept }) => ({
      corner,
      n: taps.length,
      taps: this.write(Int32Array.from(taps.flat())),
      weights: this.pack(layer, kept),
    }));
    return {
      outputs,
      inputs,
      parts,
      stride,
      depth: inputs * parts[0].n,
      larger: parts.length > 1 ? 2 : 1,
      floor: relu ? 0 : -Infinity,
      bias: this.writeRows(layer, bias, 0),
      gain: this.writeRows(layer, gain, 1),
      shift: this.writeRows(layer, shift, 0),
    };
  }

  // L, height x width, in Lab units. Gives logits, (cells, Q), and the cells' number.
  /** @param {Float32Array} L @param {number} height @param {number} width
   * @param {(layer: number, of: number) => void} tell */
  run(L, height, width, tell = () => {}) {
    const { memory, convolve } = this.kernel;
    const kept = this.end;
    const most = height * width * this.layers[0].outputs;
    const maps = [this.reserve(most), this.reserve(most)];
    const depth = Math.max(...this.layers.map((layer) => layer.depth));
    const panel = this.reserve(PIXELS * depth);
    const Q = this.layers[this.layers.length - 1].outputs;
    const logits = this.reserve((height / 4) * (width / 4) * Q);
    const input = new Float32Array(memory.buffer, maps[0], L.length);
    input.set(L.map((v) => (v - L_MIDDLE) / L_RANGE));
    let [rows, columns] = [height, width];
    this.layers.forEach((layer, i) => {
      const last = i === this.layers.length - 1;
      const [h, w] = [rows / layer.stride, columns / layer.stride];
      const [H, W] = [h * layer.larger, w * layer.larger];
      const out = last ? logits : maps[(i + 1) % 2];
      const [map, x] = last ? [1, Q] : [H * W, layer.larger];
      const y = last ? Q * W : W * layer.larger;
      for (const { taps, n, weights, corner } of layer.parts) {
        const from = [maps[i % 2], layer.inputs, rows, columns, taps, n, layer.stride];
        const by = [weights, layer.bias, layer.gain, layer.shift, layer.floor];
        const to = out + 4 * (corner[0] * W + corner[1]);
        convolve(...from, ...by, to, layer.outputs, h, w, map, y, x, panel);
      }
      [rows, columns] = [H, W];
      tell(i + 1, this.layers.length);
    });
    this.end = kept;
    const scores = new Float32Array(memory.buffer, logits, rows * columns * Q);
    return { logits: scores.slice(), rows, columns };
  }
}
