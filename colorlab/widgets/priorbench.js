// The prior's bench: smooth it, weigh its bins, see which pixels get louder.

import { expected, nearestBin, rebalanceWeights, smoothPrior } from "./bins.js";
import { isShown, labToRgb } from "./color.js";
import {
  bytes,
  context2d,
  cssColor,
  distanceOn,
  floats,
  make,
  makeButtons,
  makeSlider,
  onArrows,
  onDrag,
  placeOn,
  settle,
  tie,
  within,
  withMinus,
} from "./page.js";
import { makeAddresses } from "./pictures.js";
import { centerOf, distanceTo, openPlane, pointedAt, rimmed, square } from "./plane.js";

/** @import { Model, Pair, Traits, View } from "./page.js" */
/** @import { Frame } from "./plane.js" */

/** @typedef {{ width: number, height: number, centers: Float32Array, Q: number,
 *   p: Float64Array, bins: Uint16Array }} Bench */

/** @type {Frame} */
const FRAME = { size: 320, corner: [-115, -125], span: 240 }; // page pixels; ab units
const [RAREST, COMMONEST] = [1e-9, 0.3]; // shares: the ends of the log view
const SCALES = ["log", "linear"];
const EVEN = 1e-9; // a weight so near 1 changes nothing

/** @type {(value: number, low: number, high: number) => number} */
const inLog = (value, low, high) => Math.log(value / low) / Math.log(high / low);
/** @type {(w: number) => number} */
const weightShade = (w) => inLog(w, 0.1, 10); // 0.5 is a weight of 1
// Where a bin's color is looked for, the nearest to 65 first.
const LIGHTNESSES = Array.from({ length: 99 }, (_, i) => i + 1).sort(
  (one, other) => Math.abs(one - 65) - Math.abs(other - 65),
);
/** @type {(x: number) => string} */
const number = (x) => withMinus(String(Number(x.toPrecision(3))));
/** @type {(x: number) => string} */
const percent = (x) => `${(100 * x).toFixed(0)}\u00a0%`;

// The gray level at t, from 0 to 1: more is brighter. (A scale of hues would be read as
// the colors that the plane's places stand for.)
/** @type {(t: number) => number} */
const shade = (t) => Math.round(255 * within(t, 0, 1));

/** @type {() => { nodes: Node[], set: (texts: string[]) => void }} */
function makeScale() {
  const bar = make("div", { class: "scale" });
  const ticks = make("div", { class: "ticks" });
  return {
    nodes: [bar, ticks],
    set: (texts) =>
      ticks.replaceChildren(...texts.map((text) => make("span", {}, [text]))),
  };
}

/** @type {(canvas: HTMLCanvasElement, centers: Float32Array, shades: Float64Array,
 *   picked: number) => void} */
function paintMap(canvas, centers, shades, picked) {
  const plane = openPlane(canvas, FRAME);
  const { context, place } = plane;
  shades.forEach((value, q) => {
    square(plane, centerOf(centers, q), 10);
    context.fillStyle = `rgb(${shade(value)} ${shade(value)} ${shade(value)})`;
    context.fill();
    context.lineWidth = 0.5;
    context.strokeStyle = "#808080";
    context.stroke();
    if (value > 0) return;
    const [x, y] = place(...centerOf(centers, q));
    context.beginPath();
    context.moveTo(x - 2, y - 2);
    context.lineTo(x + 2, y + 2);
    context.moveTo(x - 2, y + 2);
    context.lineTo(x + 2, y - 2);
    context.lineWidth = 1;
    context.strokeStyle = "#ccc";
    context.stroke();
  });
  square(plane, centerOf(centers, picked), 10);
  rimmed(context);
}

/** @type {(canvas: HTMLCanvasElement, bench: Bench, w: Float64Array) => void} */
function paintWeights(canvas, { bins, width, height }, w) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  bins.forEach((q, i) => {
    image.data.set([...Array(3).fill(shade(weightShade(w[q]))), 255], 4 * i);
  });
  context2d(canvas).putImageData(image, 0, 0);
}

/** @type {(model: Model) => Bench} */
function readBench(model) {
  const [width, height] = model.get("size");
  const centers = floats(model.get("centers"));
  const p = new Float64Array(bytes(model.get("p")).slice().buffer);
  const bins = new Uint16Array(bytes(model.get("bins")).slice().buffer);
  return { width, height, centers, Q: centers.length / 2, p, bins };
}

// The library refuses lambda = 0 with an empty bin, and so do we: no weights.
/** @type {(bench: Bench, lam: number, sigma: number) => { tilde: Float64Array,
 *   w: Float64Array | null, empty: number }} */
function weigh({ p, centers }, lam, sigma) {
  const tilde = smoothPrior(p, centers, sigma);
  const lost = tilde.filter((share) => !(1 / share < Infinity));
  const empty = lam === 0 ? lost.length : 0;
  return { tilde, w: empty ? null : rebalanceWeights(tilde, lam), empty };
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const bench = readBench(model);
  const { width, height, centers, bins, p, Q } = bench;
  const file = new Blob([bytes(model.get("jpeg"))], { type: "image/jpeg" });
  const { of, free } = makeAddresses();
  const [priorMap, weightMap] = ["Prior", "Weights"].map((name) =>
    make("canvas", { class: "plane", role: "img", tabindex: "0", "aria-label": name }),
  );
  const photo = make("img", { src: of(file), alt: "The photo.", width, height });
  const loud = make("canvas", { role: "img" });
  const spots = [photo, loud].map(() => make("div", { class: "spot" }));
  const frames = [photo, loud].map((node, i) =>
    make("div", { class: "frame", tabindex: "0", role: "group" }, [node, spots[i]]),
  );
  const scales = { prior: makeScale(), w: makeScale(), v: makeScale() };
  scales.w.set(["quiet \u2264 0.1", "1", "\u2265 10 loud"]);
  scales.v.set(["\u2264 0.1", "1", "\u2265 10"]);
  const lamRange = { min: 0, max: 1, step: 0.01 };
  const lam = makeSlider("\u03bb lambda", "Lambda", lamRange, (value) =>
    set({ lam: value }),
  );
  const sigmaRange = { min: 1, max: 15, step: 0.5 };
  const sigma = makeSlider("\u03c3 sigma", "Sigma, in ab units", sigmaRange, (value) =>
    set({ sigma: value }),
  );
  const view = makeButtons("Scale of the prior", SCALES, (i) =>
    set({ scale: SCALES[i] }),
  );
  const [mean, told, about] = ["mean", "told", "readout"].map((kind) =>
    make("p", { class: kind, "aria-live": "polite" }),
  );
  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
  const traits = ["lam", "sigma", "scale", "bin", "pixel"];
  const { state, set, untie } = tie(model, traits, draw);
  let weighed = weigh(bench, state().lam, state().sigma);

  function tellWeights() {
    const { w, tilde, empty } = weighed;
    if (!w) {
      const why = `\u03bb must be above 0, as ${empty} bins are empty`;
      mean.textContent = `No weights: ${why}.`;
      told.textContent = "Raise \u03bb, or smooth more.";
      return;
    }
    /** @type {(test: (v: number) => number) => number} */
    const share = (test) => bins.reduce((sum, q) => sum + test(w[q]), 0) / bins.length;
    /** @type {(shares: Float64Array) => Node} */
    const strong = (shares) => make("strong", {}, [expected(w, shares).toFixed(3)]);
    mean.replaceChildren(
      "Expected weight under the smoothed prior: ",
      strong(tilde),
      " \u00b7 over the pixels that were counted: ",
      strong(p),
    );
    const gain = share((v) => Number(v > 1 + EVEN));
    const lose = share((v) => Number(v < 1 - EVEN));
    told.textContent =
      `In this photo ${percent(gain)} of the pixels gain, ${percent(lose)} lose; ` +
      `mean v ${number(share((v) => v))}.`;
    loud.setAttribute(
      "aria-label",
      `Map of the weight v of each pixel. ${told.textContent}`,
    );
  }

  function tellPicked() {
    const { bin: q, scale } = state();
    const { w, tilde } = weighed;
    const [a, b] = centerOf(centers, q);
    const L = LIGHTNESSES.find((lightness) => isShown(lightness, a, b));
    swatch.classList.toggle("none", L === undefined);
    swatch.style.backgroundColor = L === undefined ? "" : cssColor(labToRgb(L, a, b));
    about.textContent =
      `Framed bin ${withMinus(`(${a}, ${b})`)}: ` +
      `share ${number(p[q])} counted, ${number(tilde[q])} smoothed; ` +
      (w ? `weight ${number(w[q])}. ` : "no weight. ") +
      (L === undefined ? "No screen has its color." : `Its color is shown at L ${L}.`);
    const [prior, weights] = [
      `Prior on the ab plane, ${scale} scale`,
      "Weights on the ab plane",
    ];
    priorMap.setAttribute("aria-label", `${prior}. ${about.textContent}`);
    weightMap.setAttribute("aria-label", `${weights}. ${about.textContent}`);
  }

  /** @type {(changed: Traits) => void} */
  function draw(changed) {
    const { scale, bin, pixel } = state();
    const log = scale === "log";
    if ("lam" in changed || "sigma" in changed) {
      weighed = weigh(bench, state().lam, state().sigma);
      tellWeights();
    }
    const { tilde, w } = weighed;
    const most = Math.max(...tilde);
    const shares = tilde.map((x) => (log ? inLog(x, RAREST, COMMONEST) : x / most));
    const none = new Float64Array(Q);
    const shades = w ? w.map((x) => Math.max(1e-3, weightShade(x))) : none;
    paintMap(priorMap, centers, shares, bin);
    paintMap(weightMap, centers, shades, bin);
    paintWeights(loud, bench, w ?? none);
    const ends = log
      ? ["\u2264 10\u207b\u2079 (\u00d7)", "log", "0.3"]
      : ["0", "linear", number(most)];
    scales.prior.set(ends);
    for (const spot of spots) {
      spot.hidden = !pixel.length;
      if (spot.hidden) continue;
      spot.style.left = `${(100 * (pixel[0] + 0.5)) / width}%`;
      spot.style.top = `${(100 * (pixel[1] + 0.5)) / height}%`;
    }
    tellPicked();
    lam.set(state().lam, state().lam.toFixed(2));
    sigma.set(state().sigma, state().sigma.toFixed(1));
    view.press(SCALES.indexOf(scale));
  }

  /** @type {(x: number, y: number) => void} */
  function pickPixel(x, y) {
    const pixel = [within(x, 0, width - 1), within(y, 0, height - 1)];
    set({ pixel, bin: bins[pixel[1] * width + pixel[0]] });
  }

  /** @type {(color: Pair) => void} */
  const pickBin = ([a, b]) => set({ pixel: [], bin: nearestBin(a, b, centers) });
  const picked = () => centerOf(centers, state().bin);
  for (const canvas of [priorMap, weightMap]) {
    onDrag(
      canvas,
      (spot) => distanceTo(picked(), canvas, spot, FRAME),
      (event) => pickBin(pointedAt(canvas, event, FRAME)),
    );
    onArrows(canvas, ([x, y]) => pickBin([picked()[0] + 10 * x, picked()[1] + 10 * y]));
  }
  frames.forEach((frame, i) => {
    const name = ["Photo", "Weights of its pixels"][i];
    const how = "Click, or move with the arrow keys, to pick a pixel.";
    frame.setAttribute("aria-label", `${name}. ${how}`);
    onDrag(
      frame,
      (spot) => {
        const [x, y] = state().pixel; // none is far from everything
        const far = distanceOn(frame, spot, [(x + 0.5) / width, (y + 0.5) / height]);
        return x === undefined ? Infinity : far;
      },
      (event) => {
        const [x, y] = placeOn(frame, event);
        pickPixel(Math.floor(x * width), Math.floor(y * height));
      },
    );
    onArrows(frame, ([x, y], far) => {
      const [u, v] = state().pixel.length ? state().pixel : [0, 0];
      const step = far ? 10 : 1;
      pickPixel(u + step * x, v - step * y);
    });
  });
  /** @type {(kind: string, title: (Node | string)[], nodes: Node[]) => HTMLElement} */
  const pane = (kind, title, nodes) =>
    make("div", { class: `pane ${kind}` }, [
      make("div", { class: "title" }, title),
      ...nodes,
    ]);
  const axes = "Both maps: a to the right, green to red; b upward, blue to yellow.";
  el.append(
    make("div", { class: "lab-figure prior-bench" }, [
      make("div", { class: "controls" }, [lam.row, sigma.row]),
      make("div", { class: "panes" }, [
        pane("map", ["smoothed prior", view.row], [priorMap, ...scales.prior.nodes]),
        pane("map", ["weight w"], [weightMap, ...scales.w.nodes]),
        make("div", { class: "photos" }, [
          pane("", ["a photo"], [frames[0]]),
          pane("", ["its weights v"], [frames[1], ...scales.v.nodes]),
        ]),
      ]),
      told,
      mean,
      make("div", { class: "framed" }, [swatch, about]),
      make("p", { class: "axes" }, [axes]),
    ]),
  );
  tellWeights();
  draw({});
  return settle(el, () => draw({}), untie, free);
}

export default { render };
