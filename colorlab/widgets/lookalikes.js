// Pick a place of a photo and see the nearest ones; pick a unit and see its best.

import {
  bytes,
  context2d,
  distanceOn,
  make,
  makeButtons,
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
import { bestOf, cellAt, nearestOf, placeOf } from "./places.js";
import { rimmed } from "./plane.js";

/** @import { Place } from "./places.js" */
/** @import { Pair, View } from "./page.js" */

/** @typedef {{ name: string, units: number, field: number }} Block */
/** @typedef {{ button: HTMLButtonElement, canvas: HTMLCanvasElement,
 *   place: Place | undefined }} Tile */

const [SIDE, PLACE, STEP, ACROSS] = [256, 64, 32, 7]; // pixels of a photo; places
const [NEAR, BEST] = [5, 6];
const [VIEW, TILE] = [352, 72]; // page pixels

/** @type {(canvas: HTMLCanvasElement, side: number) => CanvasRenderingContext2D} */
function openCanvas(canvas, side) {
  const density = Math.max(1, window.devicePixelRatio || 1);
  canvas.width = canvas.height = side * density;
  const context = context2d(canvas);
  context.scale(density, density);
  return context;
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
  /** @type {string[]} */
  const spaces = model.get("spaces");
  /** @type {Block[]} */
  const blocks = model.get("blocks");
  const near = bytes(model.get("near"));
  const best = bytes(model.get("best"));
  const { images, ready, free } = openImages(readFiles(model));
  const attributes = { class: "plane", tabindex: "0", role: "application" };
  const picture = make("canvas", attributes);
  const choice = makeSelect("Photo", names, (photo) => set({ photo }));
  const layers = makeButtons(
    "Block",
    blocks.map(({ name }) => name),
    (block) => set({ block, unit: Math.min(state().unit, blocks[block].units - 1) }),
  );
  const range = { min: 0, max: blocks[0].units - 1, step: 1 };
  const slider = makeSlider("unit", "Unit", range, (unit) => set({ unit }));
  const rows = spaces.map(() => makeTiles(NEAR));
  const strip = makeTiles(BEST);
  const told = make("p", { class: "told", "aria-live": "polite" });
  const unitTold = make("p", { class: "told", "aria-live": "polite" });
  const traits = ["photo", "cell", "block", "unit"];
  const { state, set, untie } = tie(model, traits, draw);

  /** @type {(count: number) => Tile[]} */
  function makeTiles(count) {
    return Array.from({ length: count }, () => {
      const canvas = make("canvas");
      const button = make("button", { type: "button", class: "side" }, [canvas]);
      /** @type {Tile} */
      const tile = { button, canvas, place: undefined };
      button.addEventListener("click", () => {
        if (tile.place) set({ photo: tile.place.photo, cell: cellAt(tile.place) });
      });
      return tile;
    });
  }

  /** @type {(tile: Tile, place: Place | undefined, text: string) =>
   *   CanvasRenderingContext2D | undefined} */
  function paintTile(tile, place, text) {
    tile.place = place;
    tile.button.disabled = !place;
    tile.button.setAttribute("aria-label", text);
    const context = openCanvas(tile.canvas, TILE);
    const image = place && images[place.photo];
    if (!place || !image?.complete || !image.naturalWidth) return undefined;
    const scale = image.naturalWidth / SIDE;
    const [x, y, side] = [place.left, place.top, PLACE].map((at) => at * scale);
    context.drawImage(image, x, y, side, side, 0, 0, TILE, TILE);
    return context;
  }

  function paintPicture() {
    const context = openCanvas(picture, VIEW);
    const image = images[state().photo];
    if (image.complete && image.naturalWidth)
      context.drawImage(image, 0, 0, VIEW, VIEW);
    const scale = VIEW / SIDE;
    const [x, y] = state().cell.map((/** @type {number} */ at) => at * STEP * scale);
    frame(context, x + 1, y + 1, PLACE * scale - 2, 2);
  }

  function draw() {
    const { photo, cell, block, unit } = state();
    paintPicture();
    const [column, row] = cell;
    const from = photo * ACROSS * ACROSS + row * ACROSS + column;
    const count = names.length * ACROSS * ACROSS;
    const first = spaces.map((space, i) => {
      const places = nearestOf(near, i, from, count, NEAR).map(placeOf);
      rows[i].forEach((tile, n) => {
        const text = `By ${space}, number ${n + 1}: in ${names[places[n].photo]}`;
        paintTile(tile, places[n], text);
      });
      return `by ${space} in ${names[places[0].photo]}`;
    });
    told.textContent =
      `${names[photo]}, row ${row + 1}, column ${column + 1}. ` +
      `The nearest place of another photo: ${first.join(", ")}.`;
    picture.setAttribute(
      "aria-label",
      `${told.textContent} Tap, or move with the arrow keys.`,
    );
    choice.value = String(photo);
    drawUnit(blocks[block], block, unit);
  }

  /** @type {(layer: Block, block: number, unit: number) => void} */
  function drawUnit({ name, units, field }, block, unit) {
    const before = blocks.slice(0, block).reduce((sum, b) => sum + b.units, 0);
    const found = bestOf(best, before + within(unit, 0, units - 1), BEST);
    const silent = found[0].share === 0;
    strip.forEach((tile, n) => {
      const { photo, share } = found[n];
      const text = `Number ${n + 1}: in ${names[photo]}, ${Math.round(100 * share)} %`;
      const shown = share > 0 ? found[n] : undefined;
      const context = paintTile(tile, shown, shown ? text : "No answer");
      const scale = TILE / PLACE;
      const [x, y] = [found[n].x, found[n].y].map((at) => (at - field / 2) * scale);
      if (context && field < PLACE) frame(context, x, y, field * scale, 0.5);
    });
    const last = Math.round(100 * found[BEST - 1].share);
    unitTold.textContent = silent
      ? `Unit ${unit} of ${name} answers to none of these photos.`
      : `Unit ${unit} of ${name}, which has ${units}: strongest in ` +
        `${names[found[0].photo]}; in the sixth photo ${last}\u00a0% of that. ` +
        (field < PLACE
          ? `It sees ${field} \u00d7 ${field} pixels, the thin frame.`
          : `It sees ${field} \u00d7 ${field} pixels, more than is shown.`);
    layers.press(block);
    slider.input.max = String(units - 1);
    slider.set(unit);
    slider.input.style.setProperty("--share", `${(100 * unit) / (units - 1)}%`);
    slider.input.setAttribute("aria-valuetext", `unit ${unit} of ${name}`);
  }

  /** @type {(column: number, row: number) => void} */
  function pick(column, row) {
    set({ cell: [within(column, 0, ACROSS - 1), within(row, 0, ACROSS - 1)] });
  }

  // The middle of the place picked, in shares of the photo.
  const middle = () =>
    /** @type {Pair} */ (
      state().cell.map((/** @type {number} */ at) => (at * STEP + PLACE / 2) / SIDE)
    );
  onDrag(
    picture,
    (spot) => distanceOn(picture, spot, middle()),
    (event) => {
      const [x, y] = placeOn(picture, event).map((share) =>
        Math.round((share * SIDE - PLACE / 2) / STEP),
      );
      pick(x, y);
    },
  );
  onArrows(picture, ([x, y], far) => {
    const step = far ? ACROSS : 1;
    pick(state().cell[0] + step * x, state().cell[1] - step * y);
  });
  const strips = spaces.map((space, i) =>
    make("div", { class: "row", role: "group", "aria-label": `Nearest by ${space}` }, [
      make("div", { class: "title" }, [`nearest by ${space}`]),
      make(
        "div",
        { class: "tiles" },
        rows[i].map(({ button }) => button),
      ),
    ]),
  );
  const figure = make("div", { class: "lab-figure look-alikes", "aria-busy": "true" }, [
    make("div", { class: "panes" }, [
      make("div", { class: "pane photo" }, [
        make("label", {}, ["Photo ", choice]),
        picture,
      ]),
      make("div", { class: "pane near" }, strips),
    ]),
    told,
    make("div", { class: "bar" }, [layers.row, slider.row]),
    make(
      "div",
      { class: "tiles best", role: "group", "aria-label": "Best places" },
      strip.map(({ button }) => button),
    ),
    unitTold,
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
