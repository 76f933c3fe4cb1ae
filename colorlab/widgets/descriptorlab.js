// One pixel's descriptor, its parts switched on and off, and what the perceptrons say.

import { upsampler } from "./bins.js";
import { labToRgb, paintRows, rootOf } from "./color.js";
import {
  bytes,
  context2d,
  cssColor,
  distanceOn,
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
import {
  colorPixels,
  daisyOf,
  enlarge,
  ORIENTATIONS,
  PATCH,
  PLACES,
  patchesOf,
  RADIUS,
  readLayers,
} from "./perceptron.js";
import { tellColor } from "./plane.js";

/** @import { Model, Traits, View } from "./page.js" */

/** @typedef {{ name: string, height: number, width: number, channels: number,
 *   rows: number, columns: number, scale: number, offset: number }} Layout */
/** @typedef {Layout & { L: number[], roots: Float32Array, truth: Int8Array,
 *   features: Record<string, Float32Array>,
 *   answers: Record<string, Float32Array> }} Photo */

const PARTS = ["patch", "DAISY", "semantic"];
const VIEWS = ["answer", "truth", "gray"];
const TRUTH = 4; // pixels that have one true color, each way
const SIDE = 132; // page pixels of a part's picture

/** @type {(model: Model, index: number) => Photo} */
function readPhoto(model, index) {
  /** @type {Layout} */
  const layout = model.get("photos")[index];
  const { height, width, channels, rows, columns, scale, offset } = layout;
  const blob = bytes(model.get("pixels"));
  let at = offset;
  const take = (/** @type {number} */ length) => {
    at += length;
    return blob.slice(at - length, at);
  };
  const whole = new Int16Array(take(2 * channels * rows * columns).buffer);
  const coarse = Float32Array.from(whole, (value) => scale * value);
  const L = Array.from(take(height * width), (byte) => byte / 2.55);
  const truth = new Int8Array(take((2 * height * width) / TRUTH ** 2).buffer);
  const gray = L.map((value) => value / 100);
  const features = {
    patch: patchesOf(gray, height, width),
    DAISY: daisyOf(gray, height, width),
    semantic: enlarge(coarse, rows, columns, height, width),
  };
  const roots = Float32Array.from(L, rootOf);
  return { ...layout, L, roots, truth, features, answers: {} };
}

/** @type {(features: Record<string, Float32Array>, set: string) => Float32Array} */
function join(features, set) {
  const chosen = set.split(" ").map((name) => features[name]);
  const joined = new Float32Array(chosen.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of chosen) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

// The numbers of one pixel, from maps that lie one after the other.
/** @type {(maps: Float32Array, pixels: number, at: number) => number[]} */
const numbersAt = (maps, pixels, at) =>
  Array.from({ length: maps.length / pixels }, (_, n) => maps[n * pixels + at]);

// A canvas of SIDE page pixels, sharp on any screen, in the panel's own ink.
/** @type {(canvas: HTMLCanvasElement) => { context: CanvasRenderingContext2D,
 *   ink: string }} */
function open(canvas) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.height = Math.round(SIDE * ratio);
  const context = context2d(canvas);
  context.scale(ratio, ratio);
  return { context, ink: getComputedStyle(canvas).color };
}

/** @type {(canvas: HTMLCanvasElement, patch: number[]) => void} */
function drawPatch(canvas, patch) {
  const { context } = open(canvas);
  const side = SIDE / PATCH;
  patch.forEach((value, i) => {
    context.fillStyle = cssColor(labToRgb(100 * value, 0, 0));
    const [x, y] = [(i % PATCH) * side, Math.floor(i / PATCH) * side];
    context.fillRect(x, y, side + 0.5, side + 0.5);
  });
}

/** @type {(canvas: HTMLCanvasElement, daisy: number[]) => void} */
function drawDaisy(canvas, daisy) {
  const { context, ink } = open(canvas);
  const unit = SIDE / (4 * RADIUS);
  const longest = Math.max(...daisy);
  context.strokeStyle = ink;
  context.lineWidth = 1.6;
  PLACES.forEach(([down, right], place) => {
    const [x, y] = [SIDE / 2 + right * unit, SIDE / 2 + down * unit];
    for (let n = 0; n < ORIENTATIONS; n++) {
      const turn = (2 * Math.PI * n) / ORIENTATIONS - Math.PI;
      const length = (daisy[place * ORIENTATIONS + n] / longest) * 6 * unit;
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + length * Math.cos(turn), y + length * Math.sin(turn));
      context.stroke();
    }
  });
}

/** @type {(canvas: HTMLCanvasElement, semantic: number[], most: number) => void} */
function drawSemantic(canvas, semantic, most) {
  const { context, ink } = open(canvas);
  const side = SIDE / semantic.length;
  context.fillStyle = ink;
  semantic.forEach((value, n) => {
    const long = within(value / (0.6 * most), -1, 1) * (SIDE / 2);
    context.fillRect(SIDE / 2, n * side, long, Math.max(1, side - 0.8));
  });
  context.fillRect(SIDE / 2 - 0.5, 0, 1, SIDE);
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {{ name: string, widths: number[], scales: number[] }[]} */
  const networks = model.get("networks");
  const whole = new Int16Array(bytes(model.get("weights")).slice().buffer);
  let read = 0;
  const layers = Object.fromEntries(
    networks.map(({ name, widths, scales }) => {
      const count = widths
        .slice(1)
        .reduce((sum, outputs, i) => sum + outputs * (widths[i] + 1), 0);
      read += count;
      const values = whole.subarray(read - count, read);
      return [name, readLayers(widths, scales, values)];
    }),
  );
  /** @type {Layout[]} */
  const layouts = model.get("photos");
  const attributes = { class: "picture", tabindex: "0", role: "application" };
  const picture = make("canvas", attributes);
  const choice = makeSelect(
    "Photo",
    layouts.map(({ name }) => name),
    (i) => set({ photo: i }),
  );
  const switches = makeButtons("The perceptron is shown", PARTS, flip);
  const views = makeButtons("Show", VIEWS, (i) => set({ view: VIEWS[i] }));
  const panels = PARTS.map((name) => {
    const canvas = make("canvas", { class: "part", "aria-hidden": "true" });
    const box = make("figure", {}, [make("figcaption", {}, [name]), canvas]);
    return { name, canvas, box };
  });
  const rows = [...networks.map(({ name }) => name), "truth"].map((name) => {
    const swatch = make("span", { class: "swatch" });
    const told = make("td");
    const off = make("td");
    const head = make("th", { scope: "row" }, [name.replaceAll(" ", " + ")]);
    const row = make("tr", {}, [head, make("td", {}, [swatch]), told, off]);
    return { name, swatch, told, off, row };
  });
  const table = make("table", { class: "marks" }, [
    make(
      "tbody",
      {},
      rows.map(({ row }) => row),
    ),
  ]);
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  let photo = readPhoto(model, model.get("photo"));
  const traits = ["photo", "cell", "parts", "view"];
  const { state, set, untie } = tie(model, traits, draw);

  // At least one part stays on.
  /** @type {(i: number) => void} */
  function flip(i) {
    const on = state().parts.split(" ");
    const next = PARTS.filter((name) => on.includes(name) !== (name === PARTS[i]));
    set({ parts: (next.length ? next : on).join(" "), view: "answer" });
  }

  function place() {
    const [column, row] = state().cell;
    const x = within(column, 0, photo.width - 1);
    const y = within(row, 0, photo.height - 1);
    return { x, y, at: y * photo.width + x };
  }

  // One pixel's answer by a choice of parts.
  /** @type {(name: string, at: number) => Float32Array} */
  function answerAt(name, at) {
    const pixels = photo.width * photo.height;
    const numbers = name
      .split(" ")
      .flatMap((part) => numbersAt(photo.features[part], pixels, at));
    return colorPixels(layers[name], numbers, 1);
  }

  /** @type {(parts: string, view: string) => void} */
  function drawPicture(parts, view) {
    const { width, height, roots, truth, answers } = photo;
    canvasSize();
    const image = new ImageData(width, height);
    image.data.fill(255);
    if (view === "answer") {
      answers[parts] ??= colorPixels(
        layers[parts],
        join(photo.features, parts),
        width * height,
      );
      const ab = answers[parts];
      paintRows(image.data, roots, width, (row) =>
        ab.subarray(2 * row * width, 2 * (row + 1) * width),
      );
    } else {
      const [r, c] = [height / TRUTH, width / TRUTH];
      const shown = view === "truth" ? truth : new Float32Array(2 * r * c);
      paintRows(image.data, roots, width, upsampler(shown, r, c, height, width));
    }
    const small = make("canvas", { width, height });
    context2d(small).putImageData(image, 0, 0);
    const context = context2d(picture);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, picture.width, picture.height);
    frame(context);
    const seen = view === "answer" ? `colored by ${parts}` : view;
    picture.setAttribute(
      "aria-label",
      `The photo, ${seen}. Click, or move with the arrow keys, to pick a pixel.`,
    );
  }

  function canvasSize() {
    picture.width = 4 * photo.width;
    picture.height = 4 * photo.height;
  }

  // A frame around the patch, black and white to be seen on any color.
  /** @type {(context: CanvasRenderingContext2D) => void} */
  function frame(context) {
    const { x, y } = place();
    const half = (PATCH - 1) / 2;
    const box = [4 * (x - half), 4 * (y - half), 4 * PATCH, 4 * PATCH];
    for (const [color, line] of [
      ["#000", 5],
      ["#fff", 2],
    ]) {
      context.strokeStyle = String(color);
      context.lineWidth = Number(line);
      context.strokeRect(box[0], box[1], box[2], box[3]);
    }
  }

  /** @type {(parts: string) => void} */
  function drawPixel(parts) {
    const { width, height, truth, features, L } = photo;
    const { x, y, at } = place();
    const pixels = width * height;
    const [patch, daisy, semantic] = PARTS.map((name) =>
      numbersAt(features[name], pixels, at),
    );
    drawPatch(panels[0].canvas, patch);
    drawDaisy(panels[1].canvas, daisy);
    const most = features.semantic.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    drawSemantic(panels[2].canvas, semantic, most);
    for (const { name, box } of panels) {
      box.classList.toggle("off", !parts.split(" ").includes(name));
    }
    const cell = Math.floor(y / TRUTH) * (width / TRUTH) + Math.floor(x / TRUTH);
    const [a, b] = [truth[2 * cell], truth[2 * cell + 1]];
    for (const { name, swatch, told, off, row } of rows) {
      const ab = name === "truth" ? [a, b] : answerAt(name, at);
      swatch.style.background = cssColor(labToRgb(L[at], ab[0], ab[1]));
      told.textContent = tellColor([ab[0], ab[1]]);
      const far = Math.hypot(ab[0] - a, ab[1] - b).toFixed(0);
      off.textContent = name === "truth" ? "" : `off by ${far}`;
      row.classList.toggle("chosen", name === parts);
    }
    readout.textContent =
      `Column ${x + 1} of ${width}, row ${y + 1} of ${height}, ` +
      `L ${L[at].toFixed(0)}. The frame is the patch.`;
  }

  /** @type {(changed: Traits) => void} */
  function draw(changed) {
    const { photo: index, parts, view } = state();
    if ("photo" in changed) photo = readPhoto(model, index);
    drawPicture(parts, view);
    drawPixel(parts);
    const on = parts.split(" ");
    switches.row.querySelectorAll("button").forEach((button, i) => {
      button.setAttribute("aria-pressed", String(on.includes(PARTS[i])));
    });
    views.press(VIEWS.indexOf(view));
    choice.value = String(index);
  }

  /** @type {(x: number, y: number) => void} */
  function pick(x, y) {
    const { width, height } = photo;
    set({ cell: [within(x, 0, width - 1), within(y, 0, height - 1)] });
  }

  onDrag(
    picture,
    (spot) =>
      distanceOn(picture, spot, [
        (place().x + 0.5) / photo.width,
        (place().y + 0.5) / photo.height,
      ]),
    (event) => {
      const [x, y] = placeOn(picture, event);
      pick(Math.floor(x * photo.width), Math.floor(y * photo.height));
    },
  );
  onArrows(picture, ([x, y], far) => {
    const step = far ? 10 : 1;
    pick(place().x + step * x, place().y - step * y);
  });
  const parts = make(
    "div",
    { class: "parts" },
    panels.map(({ box }) => box),
  );
  el.append(
    make("div", { class: "lab-figure descriptor-lab" }, [
      make("div", { class: "bar" }, [
        make("label", {}, ["Photo ", choice]),
        make("span", { class: "shown" }, ["Shown: ", switches.row, "(one must stay)"]),
        views.row,
      ]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane" }, [picture, readout]),
        make("div", { class: "pane" }, [parts, table]),
      ]),
    ]),
  );
  draw({});
  return settle(el, () => draw({}), untie);
}

export default { render };
