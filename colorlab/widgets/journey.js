// One pixel's journey: six stations from a gray photo to a colored one.

import { distribution, meanColor, upsampler } from "./bins.js";
import { labToRgb, paintRows, rootOf } from "./color.js";
import { likeliest } from "./inspector.js";
import {
  bytes,
  context2d,
  cssColor,
  floats,
  make,
  makeButtons,
  makeSlider,
  onArrows,
  settle,
  tie,
  within,
} from "./page.js";
import { drawMark, openPlane, paintBins, tellColor } from "./plane.js";

/** @import { Model, Pair, View } from "./page.js" */

/** @typedef {{ height: number, width: number, rows: number, columns: number,
 *   maps: Pair[], names: string[], cells: Pair[] }} Layout */
/** @typedef {Layout & { L: number[], roots: Float32Array, ab: Float32Array,
 *   images: Uint8Array[], centers: Float32Array, scores: Float32Array }} Photo */
/** @typedef {{ p: Float32Array, even: Float32Array, L: number, color: Pair, T: number,
 *   ab: Pair, x: number, y: number }} Pixel */

const FRAME = { size: 300, corner: /** @type {Pair} */ ([-118, -118]), span: 236 };
/** @type {[name: string, chapter: string, teaches: string][]} */
const STATIONS = [
  ["1 gray", "lab", "lightness and color"],
  ["2 layers", "network", "the network"],
  ["3 scores", "quantize", "the 313 bins"],
  ["4 temperature", "decode", "temperature"],
  ["5 one color", "decode", "one color from many"],
  ["6 joined", "colorize", "a photo in color"],
];

/** @type {(model: Model) => Photo} */
function readPhoto(model) {
  /** @type {Layout} */
  const layout = model.get("photo");
  const blob = bytes(model.get("stages"));
  let at = 0;
  const take = (/** @type {number} */ length) => {
    at += length;
    return blob.slice(at - length, at);
  };
  const L = Array.from(take(layout.height * layout.width), (byte) => byte / 2.55);
  const ab = new Int8Array(take(layout.rows * layout.columns * 2).buffer);
  return {
    ...layout,
    L,
    roots: Float32Array.from(L, rootOf),
    ab: Float32Array.from(ab),
    images: layout.maps.map(([rows, columns]) => take(rows * columns)),
    centers: floats(model.get("centers")),
    scores: floats(model.get("scores")),
  };
}

/** @type {(photo: Photo, followed: number, T: number) => Pixel} */
function readPixel(photo, followed, T) {
  const { cells, columns, rows, width, height, scores, centers, ab } = photo;
  const [column, row] = cells[followed];
  const [x, y] = [(column + 0.5) / columns, (row + 0.5) / rows];
  const Q = centers.length / 2;
  const at = 2 * (row * columns + column);
  const p = distribution(scores, followed, Q, T);
  return {
    p,
    even: distribution(scores, followed, Q, 1),
    L: photo.L[Math.floor(y * height) * width + Math.floor(x * width)],
    color: meanColor(p, centers),
    ab: [ab[at], ab[at + 1]],
    T,
    x,
    y,
  };
}

/** @type {(canvas: HTMLCanvasElement, pixel: Pixel) => void} */
function ring(canvas, { x, y }) {
  const r = canvas.width / 24;
  drawMark(context2d(canvas), "circle", x * canvas.width, y * canvas.height, r);
}

/** @type {(canvas: HTMLCanvasElement, photo: Photo, ab: Float32Array) => void} */
function paintPhoto(canvas, { height, width, rows, columns, roots }, ab) {
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  image.data.fill(255);
  paintRows(image.data, roots, width, upsampler(ab, rows, columns, height, width));
  context2d(canvas).putImageData(image, 0, 0);
}

// Cells of any color, `size` pixels wide, from a corner on.
/** @type {(canvas: HTMLCanvasElement, corner: Pair, size: number, columns: number,
 *   colors: string[]) => void} */
function paintCells(canvas, [left, top], size, columns, colors) {
  const context = context2d(canvas);
  colors.forEach((color, i) => {
    context.fillStyle = color;
    const [x, y] = [i % columns, Math.floor(i / columns)];
    context.fillRect(left + x * size, top + y * size, size + 0.5, size + 0.5);
  });
}

/** @type {(canvas: HTMLCanvasElement, photo: Photo) => void} */
function paintMaps(canvas, { maps, images, width, height }) {
  const gap = width / 24;
  canvas.width = 4 * width + 3 * gap; // four maps a row
  canvas.height = 2 * height + gap;
  images.forEach((image, n) => {
    const [, columns] = maps[n];
    const grays = Array.from(image, (byte) => cssColor(Array(3).fill(byte / 255)));
    const [left, top] = [(n % 4) * (width + gap), Math.floor(n / 4) * (height + gap)];
    paintCells(canvas, [left, top], width / columns, columns, grays);
  });
}

/** @type {(canvas: HTMLCanvasElement, photo: Photo, p: Float32Array, pixel: Pixel,
 *   mark: boolean) => void} */
function paintScores(canvas, { centers }, p, { L, color }, mark) {
  const plane = openPlane(canvas, FRAME);
  paintBins(plane, p, centers, L);
  if (mark) drawMark(plane.context, "diamond", ...plane.place(...color), 9);
}

/** @type {((canvas: HTMLCanvasElement, photo: Photo, pixel: Pixel) => void)[]} */
const PAINT = [
  (canvas, photo, pixel) => {
    paintPhoto(canvas, photo, new Float32Array(photo.ab.length));
    ring(canvas, pixel);
  },
  paintMaps,
  (canvas, photo, pixel) => paintScores(canvas, photo, pixel.even, pixel, false),
  (canvas, photo, pixel) => paintScores(canvas, photo, pixel.p, pixel, true),
  (canvas, photo, pixel) => {
    const { rows, columns, ab, height, width } = photo;
    [canvas.width, canvas.height] = [width, height];
    const colors = Array.from({ length: rows * columns }, (_, i) =>
      cssColor(labToRgb(60, ab[2 * i], ab[2 * i + 1])),
    );
    paintCells(canvas, [0, 0], width / columns, columns, colors);
    ring(canvas, pixel);
  },
  (canvas, photo, pixel) => {
    paintPhoto(canvas, photo, photo.ab);
    ring(canvas, pixel);
  },
];

const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(0)} %`;

// What is told at a station.
/** @type {((photo: Photo, name: string, pixel: Pixel) => string)[]} */
const TELL = [
  (_photo, name, { L }) =>
    `All that the photo knows of the ${name} is how light it is: L ${L.toFixed(0)} ` +
    "of 100. Its color is not in there.",
  () =>
    "Eight blocks of layers look for what may tell: edges first, then parts, then " +
    "things. Of each block, one channel out of many is shown.",
  ({ centers }, name, { even }) => {
    const { color, share } = likeliest(even, centers);
    return (
      `For the ${name} the network says how likely each of 313 colors is; a ` +
      `square\u2019s area shows it. The likeliest, ${tellColor(color)}, has only ` +
      `${percent(share)}.`
    );
  },
  ({ centers }, _name, { p, color, T }) => {
    const { share } = likeliest(p, centers);
    return (
      `At T = ${T.toFixed(2)} the likeliest bin has ${percent(share)}. The diamond ` +
      `is the mean of all, ${tellColor(color)}: the color to paint.`
    );
  },
  (_photo, name, { ab }) =>
    "So it goes for each cell of 4 by 4 pixels, at T = 0.38. This is all the color " +
    `there is, without lightness. The ${name} has ${tellColor(ab)}.`,
  (_photo, name, { L, ab }) => {
    const [R, G, B] = labToRgb(L, ...ab).map((v) => Math.round(255 * v));
    return (
      "Enlarged, and joined with the photo\u2019s own lightness, which has all the " +
      `detail. The ${name} is painted R ${R}, G ${G}, B ${B}. Nobody knows if it was ` +
      "so."
    );
  },
];

/** @type {(n: number) => Node[]} */
function linkTo(n) {
  const [, chapter, teaches] = STATIONS[n];
  const link = make("a", { href: `${chapter}.html` }, [`Chapter ${chapter}`]);
  const inBook = location.pathname.endsWith(".html");
  const text = document.createTextNode(
    `${inBook ? "" : `Chapter ${chapter}`}: ${teaches}`,
  );
  return inBook ? [link, text] : [text];
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const photo = readPhoto(model);
  const small = STATIONS.map(() => make("canvas", { "aria-hidden": "true" }));
  const doors = STATIONS.map(([name], n) => {
    const attributes = { type: "button", class: "station", "aria-pressed": "false" };
    const door = make("button", attributes, [small[n], make("span", {}, [name])]);
    door.addEventListener("click", () => set({ station: n }));
    return door;
  });
  const row = make("div", { class: "stations", role: "group" }, doors);
  row.setAttribute("aria-label", "Stations");
  const stage = make("canvas", { class: "stage", tabindex: "0", role: "application" });
  const told = make("p", { class: "told", "aria-live": "polite" });
  const chapter = make("p");
  const range = { min: 0.05, max: 1, step: 0.01 };
  const slider = makeSlider("T", "Temperature T", range, (T) => set({ T }));
  const follow = makeButtons("Follow", photo.names, (followed) => set({ followed }));
  const steps = makeButtons("Travel", ["\u2190 back", "on \u2192"], (n) =>
    travel(2 * n - 1),
  );
  const names = ["followed", "station", "T"];
  const { state, set, untie } = tie(model, names, draw);

  function travel(/** @type {number} */ by) {
    set({ station: within(state().station + by, 0, STATIONS.length - 1) });
  }

  function draw() {
    const { followed, station, T } = state();
    const pixel = readPixel(photo, followed, T);
    PAINT.forEach((paint, n) => {
      paint(small[n], photo, pixel);
    });
    PAINT[station](stage, photo, pixel);
    doors.forEach((door, n) => {
      door.setAttribute("aria-pressed", String(n === station));
    });
    told.textContent = TELL[station](photo, photo.names[followed], pixel);
    chapter.replaceChildren(...linkTo(station));
    slider.row.hidden = station !== 3;
    slider.set(T, T.toFixed(2));
    follow.press(followed);
    const label = `Station ${STATIONS[station][0]}. Arrow keys travel on and back.`;
    stage.setAttribute("aria-label", label);
  }

  onArrows(stage, ([x, y]) => travel(x || -y));
  const panes = [
    make("div", { class: "pane" }, [stage, slider.row]),
    make("div", { class: "pane" }, [told, chapter, steps.row, follow.row]),
  ];
  el.append(
    make("div", { class: "lab-figure journey" }, [
      row,
      make("div", { class: "panes" }, panes),
    ]),
  );
  draw();
  return settle(el, draw, untie);
}

export default { render };
