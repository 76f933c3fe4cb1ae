// What takes part in browser.py: each contestant is made from the parts of the page
// `photo`, and gives the scores of all cells as one list, cell by cell.

const RUNTIMES = "/node_modules"; // as npm lays them out

// kernel.c's loops in JavaScript: a panel of what four pixels see, by one channel.
const loopsOver = (memory) => (input, channels, height, width, taps, count, stride,
    weights, bias, gain, shift, least, most, added, out, outputs, H, W, map, yStep,
    xStep, panel,
  ) => {
  const f = new Float32Array(memory.buffer), steps = new Int32Array(memory.buffer);
  const depth = channels * count, pixels = H * W;
  input /= 4; taps /= 4; weights /= 4; bias /= 4; gain /= 4; shift /= 4;
  out /= 4; panel /= 4;
  for (let first = 0; first < pixels; first += 4) {
    const many = Math.min(4, pixels - first);
    for (let t = 0; t < count; t++) {
      for (let j = 0; j < 4; j++) {
        const y = Math.floor((first + j) / W) * stride + steps[taps + 2 * t];
        const x = ((first + j) % W) * stride + steps[taps + 2 * t + 1];
        const inside = j < many && y >= 0 && y < height && x >= 0 && x < width;
        let at = input + y * width + x, to = panel + 4 * t + j;
        for (let c = 0; c < channels; c++, at += height * width, to += 4 * count)
          f[to] = inside ? f[at] : 0;
      }
    }
    for (let row = 0; row < outputs; row++) {
      let w = weights + (row - (row & 3)) * depth + (row & 3);
      let a = f[bias + row], b = a, c = a, d = a;
      for (let k = 0, p = panel; k < depth; k++, w += 4, p += 4) {
        const share = f[w];
        a += share * f[p]; b += share * f[p + 1];
        c += share * f[p + 2]; d += share * f[p + 3];
      }
      const sums = [a, b, c, d];
      for (let j = 0; j < many; j++) {
        const y = Math.floor((first + j) / W), x = (first + j) % W;
        f[out + row * map + y * yStep + x * xStep] =
          Math.min(Math.max(sums[j], least), most) * f[gain + row] + f[shift + row];
      }
    }
  }
};

// A module of the page, from its source.
function readModule(source) {
  return import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
}

async function makeOurs({ Network, fromBase64 }, parts) {
  const { instance } = await WebAssembly.instantiate(fromBase64(parts.kernel));
  const network = new Network(instance.exports, parts.program, []);
  return (L, side) => network.run(L, side, side).logits;
}

// Of the network tiny, whose maps are not added and whose filters see all channels.
function makePlain({ Network }, parts) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const exports = { memory, free_from: () => 16, convolve: loopsOver(memory) };
  const network = new Network(exports, parts.program, []);
  return (L, side) => network.run(L, side, side).logits;
}

// Scores come bin by bin: turn them.
async function makeOnnx(bundle, provider) {
  const ort = await import(`${RUNTIMES}/onnxruntime-web/dist/${bundle}`);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create("/tiny.onnx", { executionProviders: [provider] });
  return async (L, side) => {
    const given = new ort.Tensor("float32", L, [1, 1, side, side]);
    const { logits } = await session.run({ L: given });
    const planes = await logits.getData();
    return { planes, Q: logits.dims[1] };
  };
}

function cellByCell({ planes, Q }) {
  const cells = planes.length / Q;
  return planes.map((_, i) => planes[(i % Q) * cells + Math.floor(i / Q)]);
}

function loadScript(src) {
  return new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src });
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${src} does not load`));
    document.head.append(script);
  });
}

// A step for TensorFlow.js, which wants its kernels as (y, x, input, output) and those
// of a transposed convolution, which is four parts here, as (y, x, output, input).
function placeStep(readKernels, block, step) {
  const { outputs, inputs, stride, larger, parts, bias, gain, shift } = step;
  const turned = larger === 2, many = parts[0].taps.length;
  const side = turned ? 4 : Math.sqrt(many);
  const shape = turned ? [side, side, outputs, inputs] : [side, side, inputs, outputs];
  const values = new Float32Array(side * side * inputs * outputs);
  for (const part of parts) {
    const kernels = readKernels(block, step, part);
    const places = part.taps.map(([dy, dx], t) => turned
      ? side * (part.corner[0] + 1 - 2 * dy) + part.corner[1] + 1 - 2 * dx : t);
    kernels.forEach((weight, i) => {
      const [m, c] = [Math.floor(i / (many * inputs)), Math.floor(i / many) % inputs];
      const pair = turned ? m * inputs + c : c * outputs + m;
      values[places[i % many] * inputs * outputs + pair] = weight;
    });
  }
  const row = (at) => at === undefined ? undefined : tf.tensor1d(new Float32Array(block, at, outputs));
  const dilations = side === 3 ? -parts[0].taps[0][0] : 1;
  return {
    turned, outputs, stride, dilations, pad: side === 1 ? 0 : dilations,
    activation: step.least === 0 ? "relu" : "linear", filter: tf.tensor4d(values, shape),
    bias: row(bias), gain: row(gain), shift: row(shift),
  };
}

function runLayer(x, layer) {
  const { turned, outputs, filter, bias, stride: strides, pad, dilations, activation, gain, shift } = layer;
  let y;
  if (turned) {
    const [, height, width] = x.shape;
    y = tf.relu(tf.add(tf.conv2dTranspose(x, filter, [1, 2 * height, 2 * width, outputs], 2, 1), bias));
  } else {
    y = tf.fused.conv2d({ x, filter, strides, pad, dilations, bias, activation });
  }
  return gain ? tf.add(tf.mul(y, gain), shift) : y;
}

async function makeTensorFlow({ readKernels, fromBase64 }, { program }) {
  await loadScript(`${RUNTIMES}/@tensorflow/tfjs-core/dist/tf-core.min.js`);
  await loadScript(`${RUNTIMES}/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js`);
  await tf.setBackend("wasm");
  const { buffer } = fromBase64(program.block);
  const layers = program.steps.map((step) => placeStep(readKernels, buffer, step));
  const { middle, range } = program.input;
  return async (L, side) => {
    const logits = tf.tidy(() => {
      const x = tf.tensor4d(L.map((v) => (v - middle) / range), [1, side, side, 1]);
      return layers.reduce(runLayer, x);
    });
    const values = await logits.data();
    logits.dispose();
    return values;
  };
}

const MAKERS = {
  "WebAssembly, ours": makeOurs,
  "JavaScript": makePlain,
  "TensorFlow.js, WebAssembly": makeTensorFlow,
  "onnxruntime-web, WebAssembly": () => makeOnnx("ort.wasm.bundle.min.mjs", "wasm"),
  "onnxruntime-web, WebGPU": () => makeOnnx("ort.webgpu.bundle.min.mjs", "webgpu"),
};

// What the browser offers as a graphics card; null if it has none.
window.findAdapter = async () => {
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return null;
  const { vendor, architecture, description } = adapter.info;
  return [vendor, architecture, description].filter(Boolean).join(" ");
};

const racers = {};
let ours; // the scores that all are compared with

const late = (seconds) => new Promise((_, reject) =>
  setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), 1000 * seconds));

// Make a contestant, let it run once, and tell how far its scores are from ours.
window.enter = async (name, source, parts, side, patience) => {
  const L = new Float32Array(side * side).map((_, i) => 50 + 40 * Math.sin(i * i));
  const run = await MAKERS[name](await readModule(source), parts);
  const found = await Promise.race([run(L, side), late(patience)]);
  const scores = found.planes ? cellByCell(found) : found;
  ours ??= scores;
  racers[name] = () => run(L, side);
  if (scores.length !== ours.length) return Infinity;
  return scores.reduce((most, v, i) => Math.max(most, Math.abs(v - ours[i])), 0);
};

window.race = async (name, times) => {
  const start = performance.now();
  for (let n = 0; n < times; n++) await racers[name]();
  return (performance.now() - start) / 1000 / times;
};
