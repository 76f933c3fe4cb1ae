// A photo, layer by layer: what channels of the network answer to it.

import {
  context2d,
  distanceOn,
  make,
  makeSelect,
  makeSlider,
  onArrows,
  onDrag,
  placeOn,
  readFiles,
  settle,
  tie,
  within,
} from "./page.js";
import { openImages } from "./pictures.js";
import { rimmed } from "./plane.js";

/** @import { Pair, View } from "./page.js" */

/** @typedef {{ name: string, side: number, channels: number, shown: number[],
 *   cell: number, field: number }} Layer */
/** @typedef {{ column: number, row: number }} Cell */

const ACROSS = 4; // maps in a row of a sheet
const VIEW = 352; // page pixels of the side of a canvas
const GAP = 4; // page pixels between two maps

// A canvas of VIEW by `height` page pixels, and how much larger lines must be drawn.
/** @type {(canvas: HTMLCanvasElement, height: number) => { thick: number,
 *   context: CanvasRenderingContext2D }} */
function openCanvas(canvas, height) {
  const density = Math.max(1, window.devicePixelRatio || 1);
  canvas.width = VIEW * density;
  canvas.height = height * density;
  const context = context2d(canvas);
  context.scale(density, density);
  context.imageSmoothingEnabled = false;
  return { context, thick: VIEW / (canvas.clientWidth || VIEW) };
}

/** @type {(context: CanvasRenderingContext2D, x: number, y: number, side: number,
 *   width: number) => void} */
function frame(context, x, y, side, width) {
  context.beginPath();
  context.rect(x, y, side, side);
  rimmed(context, width);
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {string[]} */
  const names = model.get("names");
  /** @type {Layer[]} */
  const layers = model.get("layers");
  const { images, ready, free } = openImages(readFiles(model));
  const photo = make("canvas", { class: "plane", role: "img" });
  const close = make("canvas", { class: "plane", role: "img" });
  const sheet = make("canvas", {
    class: "plane sheet",
    tabindex: "0",
    role: "application",
  });
  const choice = makeSelect("Photo", names, (i) => set({ photo: i }));
  const range = { min: 0, max: layers.length - 1, step: 1 };
  const slider = makeSlider("layer", "Layer", range, (i) => set({ layer: i }));
  const [photoTitle, closeTitle, sheetTitle] = Array.from({ length: 3 }, () =>
    make("div", { class: "title" }),
  );
  const told = make("p", { class: "told", "aria-live": "polite" });
  const { state, set, untie } = tie(model, ["photo", "layer", "tile", "spot"], draw);

  const layerNow = () => layers[within(state().layer, 0, layers.length - 1)];
  const tileNow = () => within(state().tile, 0, layerNow().shown.length - 1);
  const sheetNow = () => images[names.length * (1 + state().layer) + state().photo];
  const rowsOf = (/** @type {Layer} */ { shown }) => Math.ceil(shown.length / ACROSS);
  // Page pixels of a map on the sheet, without the gap.
  const mapSide = (VIEW - GAP * (ACROSS - 1)) / ACROSS;
  const sheetHeight = () => rowsOf(layerNow()) * (mapSide + GAP) - GAP;

  /** @type {() => Cell} */
  function cellNow() {
    const { side } = layerNow();
    const [column, row] = state().spot.map((/** @type {number} */ share) =>
      within(Math.floor(share * side), 0, side - 1),
    );
    return { column, row };
  }

  /** @type {(tile: number) => Pair} */
  const corner = (tile) => [
    (tile % ACROSS) * (mapSide + GAP),
    Math.floor(tile / ACROSS) * (mapSide + GAP),
  ];

  function paintPhoto() {
    const { cell, field, side } = layerNow();
    const { column, row } = cellNow();
    const { context, thick } = openCanvas(photo, VIEW);
    const image = images[state().photo];
    if (image.complete) context.drawImage(image, 0, 0, VIEW, VIEW);
    const scale = VIEW / (cell * side);
    const seen = (/** @type {number} */ at) => (cell * (at + 0.5) - field / 2) * scale;
    frame(context, seen(column), seen(row), field * scale, thick);
    frame(
      context,
      cell * column * scale,
      cell * row * scale,
      cell * scale,
      1.5 * thick,
    );
  }

  function paintClose() {
    const { side } = layerNow();
    const { column, row } = cellNow();
    const tile = tileNow();
    const { context, thick } = openCanvas(close, VIEW);
    const image = sheetNow();
    const from = [(tile % ACROSS) * side, Math.floor(tile / ACROSS) * side];
    if (image.complete)
      context.drawImage(image, from[0], from[1], side, side, 0, 0, VIEW, VIEW);
    const cell = VIEW / side;
    frame(context, column * cell, row * cell, cell, 1.5 * thick);
  }

  function paintSheet() {
    const { side, shown } = layerNow();
    const { column, row } = cellNow();
    const { context, thick } = openCanvas(sheet, sheetHeight());
    const image = sheetNow();
    if (!image.complete) return;
    const cell = mapSide / side;
    shown.forEach((_, tile) => {
      const [x, y] = corner(tile);
      const from = [(tile % ACROSS) * side, Math.floor(tile / ACROSS) * side];
      context.drawImage(image, from[0], from[1], side, side, x, y, mapSide, mapSide);
      const size = Math.max(cell, 4);
      const middle = [x + (column + 0.5) * cell, y + (row + 0.5) * cell];
      frame(context, middle[0] - size / 2, middle[1] - size / 2, size, 0.5 * thick);
    });
    const [x, y] = corner(tileNow());
    frame(context, x + 1, y + 1, mapSide - 2, 2.5 * thick);
  }

  // How much of its strongest the picked channel answers in the picked cell, in 0..1.
  function answerNow() {
    const { side } = layerNow();
    const { column, row } = cellNow();
    const tile = tileNow();
    const image = sheetNow();
    if (!image.complete) return 0;
    const one = context2d(make("canvas", { width: 1, height: 1 }));
    const x = (tile % ACROSS) * side + column;
    const y = Math.floor(tile / ACROSS) * side + row;
    one.drawImage(image, x, y, 1, 1, 0, 0, 1, 1);
    return one.getImageData(0, 0, 1, 1).data[0] / 255;
  }

  function draw() {
    const layer = layerNow();
    const { name, side, channels, shown, cell, field } = layer;
    const tile = tileNow();
    paintPhoto();
    paintClose();
    paintSheet();
    slider.set(state().layer, name);
    slider.input.setAttribute("aria-valuetext", name);
    choice.value = String(state().photo);
    photoTitle.textContent = `the photo: ${names[state().photo]}`;
    closeTitle.textContent = `channel ${shown[tile]}`;
    sheetTitle.textContent =
      `${shown.length} of the ${channels} channels of ${name}, ` +
      `${side} \u00d7 ${side}`;
    const { column, row } = cellNow();
    const share = answerNow();
    told.replaceChildren(
      `Row ${row + 1}, column ${column + 1}, channel ${shown[tile]}: `,
      make("strong", {}, [`${Math.round(100 * share)}\u00a0%`]),
      " of its strongest answer to these photos. " +
        `The cell is ${cell} pixels wide and sees ${field} \u00d7 ${field}, ` +
        "the thin frame.",
    );
    const how = "Click, or move with the arrow keys.";
    sheet.setAttribute("aria-label", `Maps. ${told.textContent} ${how}`);
    photo.setAttribute("aria-label", "The photo, with the cell and what it sees.");
    close.setAttribute("aria-label", `The map of channel ${shown[tile]}, enlarged.`);
  }

  // The middle of a cell, in shares of the photo, and the map that it is on.
  /** @type {(tile: number, column: number, row: number) => void} */
  function pick(tile, column, row) {
    const { side } = layerNow();
    const share = (/** @type {number} */ at) => (within(at, 0, side - 1) + 0.5) / side;
    set({ tile, spot: [share(column), share(row)] });
  }

  for (const canvas of [photo, close]) {
    onDrag(
      canvas,
      (spot) => distanceOn(canvas, spot, state().spot),
      (event) => {
        const { side } = layerNow();
        const [x, y] = placeOn(canvas, event).map((share) => Math.floor(share * side));
        pick(tileNow(), x, y);
      },
    );
  }
  onDrag(
    sheet,
    (spot) => {
      const [x, y] = corner(tileNow());
      const [u, v] = state().spot;
      const place = [(x + u * mapSide) / VIEW, (y + v * mapSide) / sheetHeight()];
      return distanceOn(sheet, spot, /** @type {Pair} */ (place));
    },
    (event) => {
      const { side, shown } = layerNow();
      const [x, y] = placeOn(sheet, event);
      const [u, v] = [x * VIEW, y * sheetHeight()];
      const across = within(Math.floor(u / (mapSide + GAP)), 0, ACROSS - 1);
      const down = within(Math.floor(v / (mapSide + GAP)), 0, rowsOf(layerNow()) - 1);
      const tile = within(ACROSS * down + across, 0, shown.length - 1);
      const [left, top] = corner(tile);
      const at = (/** @type {number} */ from) => Math.floor((from / mapSide) * side);
      pick(tile, at(u - left), at(v - top));
    },
  );
  // From the last column of a map on to the first of the next.
  onArrows(sheet, ([x, y], far) => {
    const { side } = layerNow();
    const { column, row } = cellNow();
    const tile = tileNow();
    const step = far ? side : 1;
    const across = (tile % ACROSS) * side + column + step * x;
    const down = Math.floor(tile / ACROSS) * side + row - step * y;
    if (across < 0 || across >= ACROSS * side) return;
    if (down < 0 || down >= rowsOf(layerNow()) * side) return;
    const next = ACROSS * Math.floor(down / side) + Math.floor(across / side);
    pick(next, across % side, down % side);
  });
  /** @type {(title: HTMLElement, canvas: HTMLElement, kind: string) => HTMLElement} */
  const pane = (title, canvas, kind) =>
    make("div", { class: `pane ${kind}` }, [title, canvas]);
  const figure = make("div", { class: "lab-figure layer-maps", "aria-busy": "true" }, [
    make("div", { class: "bar" }, [make("label", {}, ["Photo ", choice]), slider.row]),
    make("div", { class: "panes" }, [
      make("div", { class: "two" }, [
        pane(photoTitle, photo, ""),
        pane(closeTitle, close, ""),
      ]),
      pane(sheetTitle, sheet, "all"),
    ]),
    told,
    make("div", { class: "scale" }, [
      make("span", {}, ["no answer"]),
      make("div", { class: "ramp" }),
      make("span", {}, ["its strongest"]),
    ]),
  ]);
  el.append(figure);
  ready.then(() => {
    figure.removeAttribute("aria-busy");
    draw();
  });
  draw();
  return settle(el, draw, untie, free);
}

export default { render };
