// The photo page's worker: looks at a photo, runs the network, paints. Nothing here
// touches the page, and the page never waits for it. color.js stands before this file.

const BAND = 256; // rows read at once, to bound memory
const STRIDE = 8, LONGEST = 8; // as in colorlab.network and colorlab.colorize
const DILATED = ["conv5", "conv6"], HALVING = ["conv1", "conv2", "conv3"];
const EPSILON = 1e-5; // of batch norm
const L_MIDDLE = 50, L_RANGE = 100;
const PIXELS = 8, ROWS = 4; // the kernel's tile
const VIEW_PIXELS = 2e6; // the page shows larger photos scaled down
const COLORED = 6; // bytes: mean distance between a pixel's channels, above a print's tone

// The network

function fromBase64(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// A safetensors file: its tensors, in float32, and its card.
function readTensors(file) {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const start = 8 + length;
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
  const { __metadata__: metadata, ...entries } = header;
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: ends }] of Object.entries(entries)) {
    const Kind = { F32: Float32Array, I8: Int8Array }[dtype];
    if (!Kind) continue; // a counter of batch norm
    const data = file.slice(...ends.map((end) => start + end)).buffer;
    tensors[name] = { shape, values: Float32Array.from(new Kind(data)) };
  }
  return { tensors, card: JSON.parse(metadata.colorlab) };
}

// A layer: a kernel (outputs, inputs, taps) as a function of its place, and what follows.
function readLayer(tensors, name, transposed) {
  const { shape, values } = tensors[`${name}.weight`];
  const scale = tensors[`${name}.weight_scale`]?.values;
  const [outputs, inputs] = transposed ? [shape[1], shape[0]] : shape;
  const area = shape[2] * shape[3];
  const kernel = (m, c, t) => {
    const at = transposed ? c * outputs + m : m * inputs + c;
    return values[at * area + t] * (scale ? scale[m] : 1);
  };
  return { outputs, inputs, side: shape[2], kernel, bias: tensors[`${name}.bias`].values };
}

// What batch norm does after the ReLU, as a gain and a shift. It cannot be folded into
// the next kernel: the zeros around a map are put there after it.
function readNorm(tensors, name) {
  const [weight, bias, mean, variance] =
    ["weight", "bias", "running_mean", "running_var"].map((part) => tensors[`${name}.${part}`].values);
  const gain = weight.map((w, m) => w / Math.sqrt(variance[m] + EPSILON));
  return { gain, shift: bias.map((b, m) => b - mean[m] * gain[m]) };
}

function square3(dilation) {
  const steps = [-dilation, 0, dilation];
  return steps.flatMap((dy) => steps.map((dx) => [dy, dx]));
}

// The layers of colorlab.network.ColorNet, in order, from the names in the file.
function readLayers(tensors) {
  const layers = [];
  for (let block = 1; block <= 8; block++) {
    const own = `conv${block}`;
    const numbers = [0, 2, 4].filter((n) => tensors[`${own}.${n}.weight`]?.shape.length === 4);
    numbers.forEach((n, i) => {
      const last = i === numbers.length - 1;
      const layer = readLayer(tensors, `${own}.${n}`, block === 8 && i === 0);
      layer.stride = last && HALVING.includes(own) ? 2 : 1;
      layer.taps = square3(DILATED.includes(own) ? 2 : 1);
      layer.relu = true;
      if (last && block < 8) Object.assign(layer, readNorm(tensors, `${own}.${n + 2}`));
      layers.push(layer);
    });
  }
  return [...layers, { ...readLayer(tensors, "output"), stride: 1, taps: [[0, 0]], relu: false }];
}

// A transposed convolution of side 4 and stride 2 is four convolutions of side 2, one
// for each corner of the 2 x 2 pixels that stand where one stood.
function phases(layer) {
  if (layer.side !== 4) return [{ corner: [0, 0], taps: layer.taps, kept: layer.taps.map((_, t) => t) }];
  const reach = [[[0, 1], [-1, 3]], [[1, 0], [0, 2]]]; // (step, kernel place) by corner
  return [0, 1, 2, 3].map((n) => {
    const corner = [n >> 1, n & 1];
    const pairs = reach[corner[0]].flatMap(([dy, ky]) =>
      reach[corner[1]].map(([dx, kx]) => ({ tap: [dy, dx], place: ky * 4 + kx })),
    );
    return { corner, taps: pairs.map((p) => p.tap), kept: pairs.map((p) => p.place) };
  });
}

class Network {
  constructor(kernel, file, centers) {
    const { tensors, card } = readTensors(file);
    this.convolve = kernel.exports.convolve;
    this.memory = kernel.exports.memory;
    this.end = (kernel.exports.free_from() + 15) & ~15;
    this.card = card;
    this.centers = Float32Array.from(centers);
    this.layers = readLayers(tensors).map((layer) => this.place(layer));
  }

  // Room for so many numbers in the kernel's memory.
  reserve(count) {
    const at = this.end;
    this.end += 16 * Math.ceil(count / 4);
    const missing = this.end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / 65536));
    return at;
  }

  write(values, Kind = Float32Array) {
    const at = this.reserve(values.length);
    new Kind(this.memory.buffer, at, values.length).set(values);
    return at;
  }

  place(layer) {
    const { outputs, inputs, bias, gain, shift } = layer;
    const rows = ROWS * Math.ceil(outputs / ROWS);
    const fill = (values, otherwise) =>
      Float32Array.from({ length: rows }, (_, m) => (values && m < outputs ? values[m] : otherwise));
    const parts = phases(layer).map(({ corner, taps, kept }) => {
      const depth = inputs * kept.length;
      const packed = new Float32Array(rows * depth);
      for (let m = 0; m < outputs; m++) {
        let at = (m - (m % ROWS)) * depth + (m % ROWS);
        for (let c = 0; c < inputs; c++) {
          for (const t of kept) {
            packed[at] = layer.kernel(m, c, t);
            at += ROWS;
          }
        }
      }
      return { corner, n: taps.length, taps: this.write(taps.flat(), Int32Array), weights: this.write(packed) };
    });
    return {
      outputs, inputs, parts, depth: inputs * parts[0].n,
      larger: parts.length > 1 ? 2 : 1, stride: layer.stride, floor: layer.relu ? 0 : -Infinity,
      bias: this.write(fill(bias, 0)), gain: this.write(fill(gain, 1)), shift: this.write(fill(shift, 0)),
    };
  }

  // L, height x width, in Lab units. Gives logits, (cells, Q), and the cells' number.
  run(L, height, width, tell = () => {}) {
    const kept = this.end;
    const most = height * width * this.layers[0].outputs;
    const maps = [this.reserve(most), this.reserve(most)];
    const panel = this.reserve(PIXELS * Math.max(...this.layers.map((layer) => layer.depth)));
    const Q = this.layers.at(-1).outputs;
    const logits = this.reserve((height / 4) * (width / 4) * Q);
    new Float32Array(this.memory.buffer, maps[0], L.length).set(L.map((v) => (v - L_MIDDLE) / L_RANGE));
    this.layers.forEach((layer, i) => {
      const head = i === this.layers.length - 1;
      const [h, w] = [height / layer.stride, width / layer.stride];
      const [H, W] = [h * layer.larger, w * layer.larger];
      const out = head ? logits : maps[(i + 1) % 2];
      const [map, x] = head ? [1, Q] : [H * W, layer.larger];
      const y = head ? Q * W : W * layer.larger;
      for (const part of layer.parts) {
        this.convolve(
          maps[i % 2], layer.inputs, height, width, part.taps, part.n, layer.stride,
          part.weights, layer.bias, layer.gain, layer.shift, layer.floor,
          out + 4 * (part.corner[0] * W + part.corner[1]), layer.outputs, h, w, map, y, x, panel,
        );
      }
      [height, width] = [H, W];
      tell(i + 1, this.layers.length);
    });
    this.end = kept;
    const cells = height * width;
    return { logits: new Float32Array(this.memory.buffer, logits, cells * Q).slice(), rows: height, columns: width };
  }
}

// Pictures, as Pillow and colorlab.colorize treat them

// Python's round(): halves go to the even neighbor.
function roundEven(value) {
  const low = Math.floor(value), rest = value - low;
  return rest === 0.5 ? low + (low % 2) : Math.round(value);
}

// colorlab.colorize._network_size
function networkSize(height, width, size) {
  const scale = size / Math.min(height, width);
  return [height, width].map((side) =>
    Math.max(1, roundEven(Math.min(side * scale, LONGEST * size) / STRIDE)) * STRIDE,
  );
}

// Pillow's weights for one axis: for each new pixel the first old one, and 22-bit shares.
function shares(from, to) {
  const scale = from / to, reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const end = Math.min(from, Math.trunc(center + reach + 0.5));
    const raw = Array.from({ length: end - first }, (_, j) =>
      Math.max(0, 1 - Math.abs((j + first - center + 0.5) / reach)),
    );
    const sum = raw.reduce((total, share) => total + share, 0);
    return { first, shares: Int32Array.from(raw, (share) => Math.trunc(0.5 + (share / sum) * 2 ** 22)) };
  });
}

// One pass of Pillow's BILINEAR resize over RGB bytes: lines of pixels `step` apart.
function resizeLine(source, at, step, axis, target, to, toStep) {
  for (const { first, shares } of axis) {
    for (let c = 0; c < 3; c++) {
      let sum = 2 ** 21;
      for (let j = 0, p = at + first * step + c; j < shares.length; j++, p += step) sum += source[p] * shares[j];
      target[to + c] = Math.floor(sum / 2 ** 22);
    }
    to += toStep;
  }
}

const LINEAR = Float64Array.from({ length: 256 }, (_, level) => {
  const x = level / 255;
  return x > 0.04045 ? ((x + 0.055) / 1.055) ** 2.4 : x / 12.92;
});
const Y_FROM_RGB = [0.212671, 0.71516, 0.072169];
const LINEAR_Y = Y_FROM_RGB.map((share) => LINEAR.map((x) => share * x));

// (L + 16) / 116 of an sRGB pixel.
function lightRoot(red, green, blue) {
  const y = LINEAR_Y[0][red] + LINEAR_Y[1][green] + LINEAR_Y[2][blue];
  return y > 0.008856 ? Math.cbrt(y) : 7.787 * y + 16 / 116;
}

// The mean a and b of one cell of the small picture (RGB bytes, w wide).
function truthOf({ small, seen: [, w], columns }, column, row) {
  const side = w / columns;
  const XYZ_FROM_RGB = [[0.412453, 0.35758, 0.180423], Y_FROM_RGB, [0.019334, 0.119193, 0.950227]];
  const sum = [0, 0];
  for (let y = row * side; y < (row + 1) * side; y++) {
    for (let x = column * side; x < (column + 1) * side; x++) {
      const rgb = [0, 1, 2].map((c) => LINEAR[small[3 * (y * w + x) + c]]);
      const [fx, fy, fz] = XYZ_FROM_RGB.map((shares, i) => {
        const value = shares.reduce((total, share, c) => total + share * rgb[c], 0) / WHITE[i];
        return value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116;
      });
      sum[0] += 500 * (fx - fy);
      sum[1] += 200 * (fy - fz);
    }
  }
  return sum.map((total) => total / side ** 2);
}

// The screen's byte for a linear value in 0..1.
const STEPS = 65535;
const SCREEN = Uint8Array.from({ length: STEPS + 1 }, (_, i) => Math.round(255 * redoGamma(i / STEPS)));
const toScreen = (x) => SCREEN[x <= 0 ? 0 : x >= 1 ? STEPS : (STEPS * x + 0.5) | 0];

// colorlab.upsample, by rows: gives a function from a row of the large picture to its ab.
function upsampler(ab, rows, columns, height, width) {
  const left = new Int32Array(width), right = new Int32Array(width), share = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const u = Math.max(0, ((x + 0.5) * columns) / width - 0.5);
    left[x] = 2 * Math.floor(u);
    right[x] = 2 * Math.min(Math.floor(u) + 1, columns - 1);
    share[x] = u - Math.floor(u);
  }
  const cells = new Float32Array(2 * columns), row = new Float32Array(2 * width);
  return (y) => {
    const v = Math.max(0, ((y + 0.5) * rows) / height - 0.5);
    const above = Math.floor(v), f = v - above;
    const [one, other] = [above, Math.min(above + 1, rows - 1)].map((r) => 2 * r * columns);
    for (let i = 0; i < cells.length; i++) cells[i] = (1 - f) * ab[one + i] + f * ab[other + i];
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 2; c++) {
        row[2 * x + c] = (1 - share[x]) * cells[left[x] + c] + share[x] * cells[right[x] + c];
      }
    }
    return row;
  };
}

// labCube without a power: three times as fast.
const cube = (root) => (root > 0.2068966 ? root * root * root : (root - 16 / 116) / 7.787);

// Color one row of RGBA bytes in place of `pixels`; root: its lightRoot's.
function paintRow(pixels, at, root, from, ab, width) {
  const [[rx, ry, rz], [gx, gy, gz], [bx, by, bz]] = RGB_FROM_XYZ;
  const [wx, wy, wz] = WHITE;
  for (let x = 0; x < width; x++, at += 4) {
    const fy = root[from + x];
    const X = cube(fy + ab[2 * x] / 500) * wx;
    const Y = cube(fy) * wy;
    const Z = cube(fy - ab[2 * x + 1] / 200) * wz;
    pixels[at] = toScreen(rx * X + ry * Y + rz * Z);
    pixels[at + 1] = toScreen(gx * X + gy * Y + gz * Z);
    pixels[at + 2] = toScreen(bx * X + by * Y + bz * Z);
  }
}

function rootsOf(pixels, root = new Float32Array(pixels.length / 4)) {
  for (let i = 0, at = 0; at < pixels.length; i++, at += 4) {
    root[i] = lightRoot(pixels[at], pixels[at + 1], pixels[at + 2]);
  }
  return root;
}

// Photos

// Visit the picture's pixels by bands of rows: visit(RGBA bytes, first row, rows).
function eachBand(bitmap, visit) {
  const { width, height } = bitmap;
  const strip = new OffscreenCanvas(width, Math.min(BAND, height));
  const context = strip.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("Your browser has not enough memory for a photo of this size.");
  for (let top = 0; top < height; top += BAND) {
    const rows = Math.min(BAND, height - top);
    context.clearRect(0, 0, width, BAND);
    context.drawImage(bitmap, 0, -top);
    visit(context.getImageData(0, 0, width, rows), top, rows);
  }
}

// What one look over the whole photo gives: the network's small picture (RGB), whether
// anything is transparent, and how far the colors are from gray.
function survey(bitmap, size) {
  const { width, height } = bitmap;
  const [h, w] = networkSize(height, width, size);
  const [across, down] = [shares(width, w), shares(height, h)];
  const narrow = new Uint8Array(3 * w * height);
  let transparent = false, spread = 0;
  eachBand(bitmap, ({ data }, top, rows) => {
    for (let y = 0; y < rows; y++) resizeLine(data, 4 * y * width, 4, across, narrow, 3 * (top + y) * w, 3);
    for (let at = 0; at < data.length; at += 4) {
      transparent ||= data[at + 3] < 255;
      spread += Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]);
    }
  });
  const small = new Uint8Array(3 * w * h);
  for (let x = 0; x < w; x++) resizeLine(narrow, 3 * x, 3 * w, down, small, 3 * x, 3 * w);
  return { small, h, w, transparent, spread: spread / (width * height) };
}

function lightnessOf(small) {
  return Float32Array.from({ length: small.length / 3 }, (_, i) =>
    116 * lightRoot(small[3 * i], small[3 * i + 1], small[3 * i + 2]) - 16,
  );
}

// What the page shows: the photo itself, or scaled down if it is large.
function makeView(bitmap) {
  const scale = Math.min(1, Math.sqrt(VIEW_PIXELS / (bitmap.width * bitmap.height)));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  const image = context.getImageData(0, 0, width, height);
  return { image, width, height, root: rootsOf(image.data) };
}

// The view without its colors.
function grayed({ image, width, root }) {
  const gray = new ImageData(new Uint8ClampedArray(image.data), width);
  root.forEach((value, i) => gray.data.fill(toScreen(cube(value)), 4 * i, 4 * i + 3));
  return gray;
}

// What the page asks for

let network, photo;

async function start({ kernel, file, centers }) {
  const { instance } = await WebAssembly.instantiate(fromBase64(kernel));
  network = new Network(instance, fromBase64(file), centers);
  return { T: network.card.T, size: network.card.size, centers: network.centers };
}

async function open({ bitmap, size }, tell) {
  tell("Reading the photo");
  const { small, h, w, transparent, spread } = survey(bitmap, size);
  const L = lightnessOf(small);
  const found = network.run(L, h, w, (layer, of) => tell(`Coloring: layer ${layer} of ${of}`, layer / of));
  const view = makeView(bitmap);
  const colored = spread > COLORED;
  photo = { view, ...found, small, seen: [h, w], colored, height: bitmap.height, width: bitmap.width };
  bitmap.close();
  const { rows, columns, height, width } = photo;
  return {
    height, width, rows, columns, seen: [h, w], transparent,
    colored, original: view.image, gray: grayed(view),
  };
}

const chroma = (T) => annealedMean(photo.logits, network.centers, T);

function paint({ T }) {
  const { image, width, height, root } = photo.view;
  const rowOf = upsampler(chroma(T), photo.rows, photo.columns, height, width);
  for (let y = 0; y < height; y++) paintRow(image.data, 4 * y * width, root, y * width, rowOf(y), width);
  return { image };
}

function inspect({ column, row, T }) {
  const { logits, columns, view } = photo;
  const Q = network.centers.length / 2;
  const [x, y] = [(column + 0.5) / columns, (row + 0.5) / photo.rows];
  const root = view.root[Math.floor(y * view.height) * view.width + Math.floor(x * view.width)];
  const at = (t) => distribution(logits, row * columns + column, Q, t);
  const [mean, annealed, mode] = [1, T, 0].map((t) => meanColor(at(t), network.centers));
  const truth = photo.colored ? truthOf(photo, column, row) : null;
  return { p: at(T), mean, annealed, mode, truth, L: 116 * root - 16 };
}

function save({ bitmap, T }, tell) {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) throw new Error("Your browser has not enough memory for a photo of this size.");
  const rowOf = upsampler(chroma(T), photo.rows, photo.columns, height, width);
  eachBand(bitmap, (image, top, rows) => {
    const root = rootsOf(image.data);
    for (let y = 0; y < rows; y++) paintRow(image.data, 4 * y * width, root, y * width, rowOf(top + y), width);
    context.putImageData(image, 0, top);
    tell("Painting at full size", (top + rows) / height);
  });
  bitmap.close();
  return { bitmap: canvas.transferToImageBitmap() };
}

const TASKS = { start, open, paint, inspect, save };
let queue = Promise.resolve(); // one task at a time

async function answer({ id, task, ...given }) {
  const tell = (text, share = null) => postMessage({ id, told: { text, share } });
  try {
    const result = await TASKS[task](given, tell);
    postMessage({ id, result }, result.bitmap ? [result.bitmap] : []);
  } catch (error) {
    postMessage({ id, error: String(error.message ?? error) });
  }
}

onmessage = ({ data }) => {
  queue = queue.then(() => answer(data));
};
