// The receptive field: pick a cell of the output, go through the layers.

import { CELL, firstLayer, traceRows } from "./layers.js";
import {
  bytes,
  context2d,
  distanceOn,
  make,
  makeButtons,
  makeSlider,
  onArrows,
  onDrag,
  placeOn,
  settle,
  tie,
  within,
} from "./page.js";
import { openImages } from "./pictures.js";
import { rimmed, write } from "./plane.js";

/** @import { Layer } from "./layers.js" */
/** @import { Pair, View } from "./page.js" */

/** @typedef {{ context: CanvasRenderingContext2D, scale: number, width: number,
 *   height: number, place: (x: number, y: number) => Pair }} Sheet */
/** @typedef {{ from: Pair, to: Pair, first: number, cell: number, columns: number[],
 *   rows: number[] }} Found */

const VIEW = 352; // page pixels of the larger side of a canvas
const RIM = 68; // pixels of padding shown around the photo
const ZERO = "#777"; // L = 50, which the network reads as 0
const SINCE = ["layer", "block", "conv5"];

// What the cell of layer m that covers a pixel sees: of the photo, from pixel `from` to
// `to`, and of the map that layer `first` reads, `rows` and `columns`.
/** @type {(layers: Layer[], m: number, pixel: Pair, since: string) => Found} */
function look(layers, m, [x, y], since) {
  const first = firstLayer(layers, m, since);
  /** @type {(start: number, pixel: number) => number[]} */
  const trace = (start, pixel) =>
    traceRows(layers, start, m, Math.floor(pixel / layers[m].cell));
  const [columns, rows] = [trace(0, x), trace(0, y)];
  return {
    from: [columns[0], rows[0]],
    to: [columns[columns.length - 1] + 1, rows[rows.length - 1] + 1],
    first,
    cell: first ? layers[first - 1].cell : 1,
    columns: trace(first, x),
    rows: trace(first, y),
  };
}

/** @type {(list: number[]) => number} */
const span = (list) => list[list.length - 1] - list[0] + 1;

// What part of the square from `from` to `to` is on the photo, in 0..1.
/** @type {(found: Found, size: Pair) => number} */
function shareOnPhoto({ from, to }, size) {
  const part = (/** @type {number} */ i) =>
    Math.max(0, Math.min(size[i], to[i]) - Math.max(0, from[i])) / (to[i] - from[i]);
  return part(0) * part(1);
}

// A gray sheet of page pixels; `place` tells where a pixel of the photo is on it.
/** @type {(canvas: HTMLCanvasElement, corner: Pair, sides: Pair,
 *   photo: HTMLImageElement, size: Pair) => Sheet} */
function openSheet(canvas, corner, sides, photo, size) {
  const density = Math.max(1, window.devicePixelRatio || 1);
  const scale = VIEW / Math.max(...sides);
  const [width, height] = sides.map((side) => side * scale);
  canvas.width = width * density;
  canvas.height = height * density;
  const context = context2d(canvas);
  context.scale(density, density);
  context.fillStyle = ZERO;
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = false; // pixels are to be seen
  /** @type {(x: number, y: number) => Pair} */
  const place = (x, y) => [(x - corner[0]) * scale, (y - corner[1]) * scale];
  if (photo.complete) {
    context.drawImage(photo, ...place(0, 0), size[0] * scale, size[1] * scale);
  }
  return { context, place, scale, width, height };
}

/** @type {(sheet: Sheet, from: Pair, to: Pair) => void} */
function tracePath({ context, place, scale }, from, to) {
  context.beginPath();
  context.rect(...place(...from), (to[0] - from[0]) * scale, (to[1] - from[1]) * scale);
}

/** @type {(sheet: Sheet, from: Pair, to: Pair) => void} */
function dimOutside(sheet, from, to) {
  const { context, width, height } = sheet;
  tracePath(sheet, from, to);
  context.rect(0, 0, width, height);
  context.fillStyle = "rgb(0 0 0 / 50%)";
  context.fill("evenodd");
}

/** @type {(canvas: HTMLCanvasElement, photo: HTMLImageElement, size: Pair,
 *   found: Found, other: Found | null, cell: Pair) => void} */
function paintWhole(canvas, photo, size, found, other, [column, row]) {
  const [width, height] = size;
  const sides = /** @type {Pair} */ ([width + 2 * RIM, height + 2 * RIM]);
  const sheet = openSheet(canvas, [-RIM, -RIM], sides, photo, size);
  const { context } = sheet;
  dimOutside(sheet, found.from, found.to);
  tracePath(sheet, [0, 0], size);
  context.lineWidth = 1;
  context.strokeStyle = "#fff";
  context.stroke();
  if (other) {
    tracePath(sheet, other.from, other.to);
    rimmed(context, 1, [5, 5]);
  }
  tracePath(sheet, found.from, found.to);
  rimmed(context, 1.5);
  const [x, y] = [CELL * column, CELL * row];
  tracePath(sheet, [x, y], [x + CELL, y + CELL]);
  context.fillStyle = "#fff";
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = "#000";
  context.stroke();
  write(context, "beyond the photo: zeros", 12, 24, "left");
}

/** @type {(canvas: HTMLCanvasElement, photo: HTMLImageElement, size: Pair,
 *   found: Found) => void} */
function paintClose(canvas, photo, size, { from, to, cell, columns, rows }) {
  const margin = Math.max(1, (to[0] - from[0]) / 40);
  const [across, down] = [columns, rows].map((list, i) => [
    Math.min(from[i], cell * list[0]),
    Math.max(to[i], cell * (list[list.length - 1] + 1)),
  ]);
  const side = Math.max(across[1] - across[0], down[1] - down[0]) + 2 * margin;
  const corner = /** @type {Pair} */ ([across[0] - margin, down[0] - margin]);
  const sheet = openSheet(canvas, corner, [side, side], photo, size);
  dimOutside(sheet, from, to);
  tracePath(sheet, from, to);
  rimmed(sheet.context, 1.5);
  for (const row of rows) {
    for (const column of columns) {
      const [x, y] = [cell * (column + 0.15), cell * (row + 0.15)];
      tracePath(sheet, [x, y], [x + 0.7 * cell, y + 0.7 * cell]);
      rimmed(sheet.context, 1);
    }
  }
}

/** @type {(number: number) => string} */
const group = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");
/** @type {(side: number) => string} */
const squareOf = (side) => `${side} \u00d7 ${side}`;

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const size = model.get("size");
  /** @type {Layer[][]} */
  const networks = [model.get("dilated"), model.get("plain")];
  const names = networks[0].map(({ name }) => name);
  const ends = size.map((/** @type {number} */ side) => side / CELL - 1);
  const file = new Blob([bytes(model.get("photo"))], { type: "image/jpeg" });
  const { images, ready, free } = openImages([file]);
  const [photo] = images;
  const whole = make("canvas", {
    class: "plane whole",
    tabindex: "0",
    role: "application",
  });
  const close = make("canvas", { class: "plane close", role: "img" });
  const range = { min: 0, max: names.length - 1, step: 1 };
  const slider = makeSlider("layer", "Layer", range, (m) => set({ layer: names[m] }));
  const dilation = makeButtons(
    "Dilation of blocks 5 and 6",
    ["dilation 2, as built", "dilation 1: none"],
    (i) => set({ dilation: 2 - i }),
  );
  const since = makeButtons(
    "Framed cells",
    ["this layer", "its block", "since conv5_1"],
    (i) => set({ since: SINCE[i] }),
  );
  const [headline, framed] = [make("strong"), make("p", { class: "framed" })];
  const [rest, title] = [make("span"), make("div", { class: "title" })];
  const traits = ["cell", "layer", "dilation", "since"];
  const { state, set, untie } = tie(model, traits, draw);

  function draw() {
    const { cell, layer, dilation: chosen, since: from } = state();
    const m = names.indexOf(layer);
    const [x, y] = cell.map((/** @type {number} */ i) => CELL * i + CELL / 2);
    const [mine, others] = chosen === 2 ? networks : [networks[1], networks[0]];
    const [found, other] = [mine, others].map((it) => look(it, m, [x, y], from));
    const differs = mine[m].field !== others[m].field;
    paintWhole(whole, photo, size, found, differs ? other : null, cell);
    paintClose(close, photo, size, found);
    slider.set(m, layer);
    slider.input.setAttribute("aria-valuetext", layer);
    dilation.press(2 - chosen);
    since.press(SINCE.indexOf(from));
    describe(found, mine[m], differs ? others[m].field : 0);
  }

  /** @type {(found: Found, layer: Layer, otherField: number) => void} */
  function describe(found, { name, field }, otherField) {
    const { cell, dilation: chosen } = state();
    const { from, to, rows, columns, first } = found;
    const read = rows.length * columns.length;
    const spanned = span(rows) * span(columns);
    const on = Math.round(100 * shareOnPhoto(found, size));
    const unlike = chosen === 2 ? "Without dilation" : "With dilation 2";
    title.textContent = `close-up: what ${name} sees of it`;
    const pixels = `${squareOf(field)} = ${group(field ** 2)} pixels`;
    headline.textContent = `${name} sees ${pixels}.`;
    rest.textContent =
      ` ${on}\u00a0% of them are on the photo.` +
      (otherField
        ? ` ${unlike}, with as many weights: ${squareOf(otherField)} (dashed).`
        : "");
    framed.textContent =
      `Framed: of the map that ${names[first]} reads, ${read} of the ` +
      `${spanned} cells it spans (${Math.round((100 * read) / spanned)}\u00a0%). ` +
      `A cell is ${found.cell} pixel${found.cell > 1 ? "s" : ""} wide.`;
    whole.setAttribute(
      "aria-label",
      `The photo. Cell in column ${cell[0] + 1} of ${ends[0] + 1}, ` +
        `row ${cell[1] + 1} of ${ends[1] + 1}; ${name} sees ` +
        `columns ${from[0]} to ${to[0] - 1} and ` +
        `rows ${from[1]} to ${to[1] - 1} of the pixels. ` +
        "Click, or move with the arrow keys.",
    );
    close.setAttribute(
      "aria-label",
      `Close-up of what ${name} sees, with ${read} framed cells.`,
    );
  }

  /** @type {(column: number, row: number) => void} */
  function move(column, row) {
    set({ cell: [within(column, 0, ends[0]), within(row, 0, ends[1])] });
  }

  // The canvas shows the photo with a rim.
  const [width, height] = size.map((/** @type {number} */ side) => side + 2 * RIM);
  /** @type {(share: number, side: number) => number} */
  const cellAt = (share, side) => Math.floor((share * side - RIM) / CELL);
  onDrag(
    whole,
    (spot) => {
      const [x, y] = state().cell.map(
        (/** @type {number} */ i) => RIM + CELL * (i + 0.5),
      );
      return distanceOn(whole, spot, [x / width, y / height]);
    },
    (event) => {
      const [x, y] = placeOn(whole, event);
      move(cellAt(x, width), cellAt(y, height));
    },
  );
  onArrows(whole, ([x, y], far) => {
    const step = far ? 10 : 1;
    move(state().cell[0] + step * x, state().cell[1] - step * y);
  });
  ready.then(draw);
  const wholeTitle = make("div", { class: "title" }, ["the photo"]);
  el.append(
    make("div", { class: "lab-figure receptive-field" }, [
      make("div", { class: "bar" }, [slider.row, dilation.row]),
      make("p", { class: "seen", "aria-live": "polite" }, [headline, rest]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane" }, [wholeTitle, whole]),
        make("div", { class: "pane" }, [title, close]),
      ]),
      framed,
      make("div", { class: "bar" }, ["Frame what is read by ", since.row]),
    ]),
  );
  draw();
  return settle(el, draw, untie, free);
}

export default { render };
