// The temperature explorer: pick a point of a photo, drag T.

import {
  annealedMean,
  distribution,
  entropies,
  entropy,
  lastLayer,
  meanColor,
  medianColor,
  upsampler,
} from "./bins.js";
import { paintRows, rootOf } from "./color.js";
import { makeInspector, makeTemperature } from "./inspector.js";
import {
  bytes,
  context2d,
  cssColor,
  distanceOn,
  floats,
  make,
  makeButtons,
  makeSelect,
  onArrows,
  onDrag,
  placeOn,
  settle,
  tie,
  within,
} from "./page.js";
import { centerOf } from "./plane.js";

/** @import { Model, Traits, View } from "./page.js" */
/** @import { Mark } from "./plane.js" */

/** @typedef {{ name: string, cell: [number, number], offset: number, rows: number,
 *   columns: number, height: number, width: number, scale: number[] }} Layout */
/** @typedef {Layout & { L: number[], roots: Float32Array, truth: Float32Array,
 *   centers: Float32Array, Q: number, logits: Float32Array }} Photo */

const VIEWS = ["colored", "truth", "gray", "uncertainty"];
/** @type {Mark[]} */
const MARKS = [
  ["mean", "circle", 6.5],
  ["median", "triangle", 8],
  ["annealed mean", "diamond", 11],
  ["mode", "square", 14],
  ["truth", "cross", 3.5],
];

/** @type {(model: Model, index: number) => Photo} */
function readPhoto(model, index) {
  /** @type {Layout} */
  const layout = model.get("photos")[index];
  const { rows, columns, height, width } = layout;
  const scale = Float32Array.from(layout.scale);
  const centers = floats(model.get("centers"));
  const output = floats(model.get("output"));
  const Q = centers.length / 2;
  const weights = Q * scale.length;
  const blob = bytes(model.get("pixels"));
  let at = layout.offset;
  const take = (/** @type {number} */ length) => {
    at += length;
    return blob.slice(at - length, at);
  };
  const L = Array.from(take(height * width), (byte) => byte / 2.55);
  const truth = Float32Array.from(new Int8Array(take(rows * columns * 2).buffer));
  const features = take(scale.length * rows * columns);
  const [kernel, bias] = [output.subarray(0, weights), output.subarray(weights)];
  const logits = lastLayer(features, scale, kernel, bias);
  const roots = Float32Array.from(L, rootOf);
  return { ...layout, L, roots, truth, centers, Q, logits };
}

/** @type {(canvas: HTMLCanvasElement, photo: Photo, ab: Float32Array) => void} */
function paintPhoto(canvas, { height, width, rows, columns, roots }, ab) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  image.data.fill(255);
  paintRows(image.data, roots, width, upsampler(ab, rows, columns, height, width));
  context2d(canvas).putImageData(image, 0, 0);
}

// One gray a cell: black for 0 nats, white for all bins alike.
/** @type {(canvas: HTMLCanvasElement, photo: Photo, nats: Float32Array) => void} */
function paintMap(canvas, { rows, columns, height, width, Q }, nats) {
  canvas.width = width;
  canvas.height = height;
  const context = context2d(canvas);
  const [w, h] = [width / columns, height / rows];
  nats.forEach((value, cell) => {
    context.fillStyle = cssColor(Array(3).fill(value / Math.log(Q)));
    context.fillRect((cell % columns) * w, Math.floor(cell / columns) * h, w, h);
  });
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number) => void} */
function ring(context, x, y) {
  context.beginPath();
  context.arc(x, y, 6, 0, 2 * Math.PI);
  context.strokeStyle = "#000";
  context.lineWidth = 3.5;
  context.stroke();
  context.strokeStyle = "#fff";
  context.lineWidth = 1.5;
  context.stroke();
}

const inBins = (/** @type {number} */ nats) => {
  const number = Math.exp(nats);
  return `${number.toFixed(number < 9.95 ? 1 : 0)} equally likely bins`;
};

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {Layout[]} */
  const layouts = model.get("photos");
  const attributes = { class: "picture", tabindex: "0", role: "application" };
  const picture = make("canvas", attributes);
  const names = layouts.map(({ name }) => name);
  const choice = makeSelect("Photo", names, (i) =>
    set({ photo: i, cell: layouts[i].cell }),
  );
  const temperature = makeTemperature(setT);
  const views = makeButtons("Show", VIEWS, (i) => set({ view: VIEWS[i] }));
  let photo = readPhoto(model, model.get("photo"));
  const inspector = makeInspector(photo.centers, MARKS);
  const mean = make("span");
  const scale = make("div", { class: "scale" }, [
    make("div", { class: "ends" }, [
      make("span", {}, ["0 nats: sure of one bin"]),
      make("span", {}, [`${Math.log(photo.Q).toFixed(2)} nats: all bins alike`]),
    ]),
    make("div", { class: "ramp" }),
    mean,
  ]);
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  const { state, set, untie } = tie(model, ["T", "photo", "cell", "view"], draw);

  // The views "truth" and "gray" do not depend on T.
  /** @type {(T: number) => void} */
  function setT(T) {
    set({ T, view: state().view === "uncertainty" ? "uncertainty" : "colored" });
  }

  function place() {
    const column = within(state().cell[0], 0, photo.columns - 1);
    const row = within(state().cell[1], 0, photo.rows - 1);
    const [x, y] = [(column + 0.5) / photo.columns, (row + 0.5) / photo.rows];
    return { column, row, x, y, u: x * photo.width, v: y * photo.height };
  }

  /** @type {(T: number, view: string) => void} */
  function drawPicture(T, view) {
    const { logits, centers, truth, Q } = photo;
    scale.hidden = view !== "uncertainty";
    if (view === "uncertainty") {
      const nats = entropies(logits, Q, T);
      paintMap(picture, photo, nats);
      const average = nats.reduce((sum, value) => sum + value, 0) / nats.length;
      const told = `${average.toFixed(2)} nats, as of ${inBins(average)}`;
      mean.textContent = `Mean of the photo: ${told}.`;
    } else if (view === "gray")
      paintPhoto(picture, photo, new Float32Array(truth.length));
    else
      paintPhoto(
        picture,
        photo,
        view === "truth" ? truth : annealedMean(logits, centers, T),
      );
    const { u, v } = place();
    ring(context2d(picture), u, v);
    const seen =
      view === "uncertainty"
        ? "Map of uncertainty: the lighter, the less sure"
        : `The photo, ${view}`;
    const how = "Click, or move with the arrow keys, to pick a point.";
    picture.setAttribute("aria-label", `${seen}. ${how}`);
  }

  /** @type {(T: number) => void} */
  function drawPoint(T) {
    const { columns, rows, truth, logits, centers, Q, width } = photo;
    const { column, row, u, v } = place();
    const cell = row * columns + column;
    const [p, even, top] = [T, 1, 0].map((t) => distribution(logits, cell, Q, t));
    const L = photo.L[Math.floor(v) * width + Math.floor(u)];
    const points = {
      mean: meanColor(even, centers),
      median: medianColor(even, centers),
      "annealed mean": meanColor(p, centers),
      mode: meanColor(top, centers),
      truth: centerOf(truth, cell),
    };
    inspector.draw({ p, L, points });
    const undecided = entropy(p);
    readout.textContent =
      `Column ${column + 1} of ${columns}, row ${row + 1} of ${rows}, ` +
      `L ${L.toFixed(0)}. At this T, as undecided as among ${inBins(undecided)}: ` +
      `entropy ${undecided.toFixed(2)} nats.`;
  }

  /** @type {(changed: Traits) => void} */
  function draw(changed) {
    const { T, photo: index, view } = state();
    if ("photo" in changed) photo = readPhoto(model, index);
    drawPicture(T, view);
    drawPoint(T);
    temperature.set(T);
    views.press(VIEWS.indexOf(view));
    choice.value = String(index);
  }

  /** @type {(column: number, row: number) => void} */
  function pick(column, row) {
    const { columns, rows } = photo;
    set({ cell: [within(column, 0, columns - 1), within(row, 0, rows - 1)] });
  }

  onDrag(
    picture,
    (spot) => distanceOn(picture, spot, [place().x, place().y]),
    (event) => {
      const [x, y] = placeOn(picture, event);
      pick(Math.floor(x * photo.columns), Math.floor(y * photo.rows));
    },
  );
  onArrows(picture, ([x, y]) => pick(place().column + x, place().row - y));
  const panes = [
    make("div", { class: "pane" }, [picture, temperature.row, scale, readout]),
    make("div", { class: "pane" }, [inspector.plane, inspector.table]),
  ];
  el.append(
    make("div", { class: "lab-figure temperature-explorer" }, [
      make("div", { class: "bar" }, [make("label", {}, ["Photo ", choice]), views.row]),
      make("div", { class: "panes" }, panes),
    ]),
  );
  draw({});
  return settle(el, () => draw({}), untie);
}

export default { render };
