// Tap a point of a gray photo: the places of another that look like it, and the
// distribution over colors that they vote for.

import { distribution, meanColor, nearestBin } from "./bins.js";
import { paintRows, rootOf } from "./color.js";
import { makeInspector } from "./inspector.js";
import {
  colorByMatches,
  findMatches,
  lookOf,
  moveStatistics,
  psnr,
} from "./matching.js";
import {
  bytes,
  context2d,
  distanceOn,
  floats,
  make,
  makeButtons,
  makeSelect,
  makeSlider,
  onArrows,
  onDrag,
  placeOn,
  settle,
  tie,
  within,
} from "./page.js";
import { centerOf, drawMark, rimmed, spreadApart } from "./plane.js";

/** @import { Looks } from "./matching.js" */
/** @import { Model, Pair, Traits, View } from "./page.js" */

/** @typedef {{ name: string, offset: number, height: number, width: number,
 *   places: number[] }} Layout */
/** @typedef {Layout & { L: Float64Array, ab: Float32Array,
 *   roots: Float32Array }} Photo */

const VIEWS = ["gray", "colored", "truth"];
const T = 0.38; // of the annealed mean
const [BEST, RING, RIM] = [9, 4, 2.5]; // pixels of the canvas

/** @type {(model: Model, index: number) => Photo} */
function readPhoto(model, index) {
  /** @type {Layout} */
  const layout = model.get("photos")[index];
  const pixels = layout.height * layout.width;
  const blob = bytes(model.get("pixels")).slice(layout.offset);
  const L = Float64Array.from(blob.subarray(0, pixels), (byte) => byte / 255);
  const ab = Float32Array.from(new Int8Array(blob.buffer, pixels, 2 * pixels));
  return { ...layout, L, ab, roots: Float32Array.from(L, (l) => rootOf(100 * l)) };
}

/** @type {(photo: Photo, ab?: Float32Array) => ImageData} */
function toImage({ height, width, roots }, ab) {
  const image = new ImageData(width, height);
  image.data.fill(255);
  const none = new Float32Array(2 * width);
  paintRows(image.data, roots, width, (y) =>
    ab ? ab.subarray(2 * width * y, 2 * width * (y + 1)) : none,
  );
  return image;
}

// A photo on a canvas of about its size on the page, so that lines of marks are clear.
/** @type {(canvas: HTMLCanvasElement, image: ImageData) => number} */
function paint(canvas, image) {
  const plain = make("canvas", { width: image.width, height: image.height });
  context2d(plain).putImageData(image, 0, 0);
  const scale = Math.max(
    1,
    Math.round(Math.max(240, canvas.clientWidth) / image.width),
  );
  canvas.width = scale * image.width;
  canvas.height = scale * image.height;
  context2d(canvas).drawImage(plain, 0, 0, canvas.width, canvas.height);
  return scale;
}

// A ring for each place, beside it where rings would overlap, with a line to it then;
// the best one's is larger.
/** @type {(context: CanvasRenderingContext2D, spots: Pair[]) => void} */
function drawRings(context, spots) {
  const { width, height } = context.canvas;
  const radii = spots.map((_, i) => (i ? RING : BEST) + RIM);
  const places = spreadApart(spots, radii, width, height);
  places.forEach((place, i) => {
    const [dx, dy] = [spots[i][0] - place[0], spots[i][1] - place[1]];
    const far = Math.hypot(dx, dy);
    const r = i ? RING : BEST;
    if (far <= r) return;
    context.beginPath();
    context.moveTo(place[0] + (dx * r) / far, place[1] + (dy * r) / far);
    context.lineTo(...spots[i]);
    rimmed(context, 1);
  });
  places.forEach((place, i) => {
    drawMark(context, "circle", ...place, i ? RING : BEST);
  });
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {Layout[]} */
  const layouts = model.get("photos");
  const names = layouts.map(({ name }) => name);
  const centers = floats(model.get("centers"));
  const attributes = { class: "picture", tabindex: "0", role: "application" };
  const picture = make("canvas", attributes);
  const other = make("canvas", { class: "picture example", role: "img" });
  const choices = [
    makeSelect("Photo to color", names, (photo) => set({ photo })),
    makeSelect("Example", names, (example) => set({ example })),
  ];
  const swap = make("button", { type: "button" }, ["swap the two"]);
  swap.addEventListener("click", () => {
    set({ photo: state().example, example: state().photo });
  });
  const range = { min: 1, max: model.get("most"), step: 1 };
  const number = makeSlider("matches", "Number of matches", range, (k) => set({ k }));
  const views = makeButtons("Show", VIEWS, (i) => set({ view: VIEWS[i] }));
  const inspector = makeInspector(centers);
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  const traits = ["photo", "example", "spot", "k", "view"];
  const { state, set, untie } = tie(model, traits, draw);
  let photo = readPhoto(model, model.get("photo"));
  let example = readPhoto(model, model.get("example"));
  /** @type {{ own: Looks, known: Looks, images: Record<string, ImageData>,
   *   told: string }} */
  let made;

  function prepare() {
    const { k } = state();
    const own = lookOf(photo.L, photo.width);
    const known = lookOf(moveStatistics(example.L, photo.L), example.width);
    const colors = colorByMatches(own, known, example.places, example.ab, k);
    const images = {
      gray: toImage(photo),
      colored: toImage(photo, colors),
      truth: toImage(photo, photo.ab),
    };
    const [plain, found] = [images.gray, images.colored].map((image) =>
      psnr(image.data, images.truth.data).toFixed(1),
    );
    const told = `The whole photo, colored: PSNR ${found} dB; gray: ${plain} dB.`;
    made = { own, known, images, told };
  }

  function place() {
    const [x, y] = state().spot;
    const column = within(Math.floor(x * photo.width), 0, photo.width - 1);
    const row = within(Math.floor(y * photo.height), 0, photo.height - 1);
    return { column, row, at: row * photo.width + column };
  }

  /** @type {(column: number, row: number) => void} */
  function pick(column, row) {
    const x = (within(column, 0, photo.width - 1) + 0.5) / photo.width;
    const y = (within(row, 0, photo.height - 1) + 0.5) / photo.height;
    set({ spot: [x, y] });
  }

  /** @type {(found: number[]) => void} */
  function drawPhotos(found) {
    const { view } = state();
    const { column, row } = place();
    const scale = paint(picture, made.images[view]);
    const at = [(column + 0.5) * scale, (row + 0.5) * scale];
    drawMark(context2d(picture), "circle", at[0], at[1], 8);
    const larger = paint(other, toImage(example, example.ab));
    const spots = found.map((spot) => {
      const [row, column] = [Math.floor(spot / example.width), spot % example.width];
      return /** @type {Pair} */ ([(column + 0.5) * larger, (row + 0.5) * larger]);
    });
    drawRings(context2d(other), spots);
    const how = "Tap, or move with the arrow keys, to pick a point.";
    const what = view === "gray" ? "in gray" : view;
    picture.setAttribute("aria-label", `${photo.name}, ${what}. ${how}`);
    const told = found.length === 1 ? "the place that looks" : "the places that look";
    other.setAttribute(
      "aria-label",
      `The example, ${example.name}, with a ring around ${told} most like the point.`,
    );
  }

  /** @type {(changed: Traits) => void} */
  function draw(changed) {
    const { photo: index, example: other, k, view } = state();
    if ("photo" in changed) photo = readPhoto(model, index);
    if ("example" in changed) example = readPhoto(model, other);
    if (!made || ["photo", "example", "k"].some((name) => name in changed)) prepare();
    const { at, column, row } = place();
    const found = findMatches(made.own, at, made.known, example.places, k);
    drawPhotos(found);
    const p = new Float32Array(centers.length / 2);
    for (const spot of found)
      p[nearestBin(...centerOf(example.ab, spot), centers)] += 1;
    for (let q = 0; q < p.length; q++) p[q] /= k;
    const logits = Float32Array.from(p, Math.log);
    const [annealed, top] = [T, 0].map((t) => distribution(logits, 0, p.length, t));
    const points = {
      mean: meanColor(p, centers),
      "annealed mean": meanColor(annealed, centers),
      mode: meanColor(top, centers),
      truth: centerOf(photo.ab, at),
    };
    inspector.draw({ p, L: 100 * photo.L[at], points });
    const bins = p.filter((share) => share > 0).length;
    const votes = k === 1 ? "1 match votes" : `${k} matches vote`;
    readout.textContent =
      `Row ${row + 1}, column ${column + 1}: L ${(100 * photo.L[at]).toFixed(0)}, ` +
      `deviation ${(100 * made.own.s[at]).toFixed(1)}. ` +
      `${votes} for ${bins} of the bins. ${made.told}`;
    number.set(k);
    views.press(VIEWS.indexOf(view));
    choices[0].value = String(index);
    choices[1].value = String(other);
  }

  onDrag(
    picture,
    (spot) => distanceOn(picture, spot, state().spot),
    (event) => {
      const [x, y] = placeOn(picture, event);
      pick(Math.floor(x * photo.width), Math.floor(y * photo.height));
    },
  );
  onArrows(picture, ([x, y], far) => {
    const step = far ? 10 : 1;
    pick(place().column + step * x, place().row - step * y);
  });
  const columns = ["Photo ", "Example "].map((name, i) =>
    make("div", { class: "photo" }, [
      make("label", {}, [name, choices[i]]),
      [picture, other][i],
    ]),
  );
  el.append(
    make("div", { class: "lab-figure matches" }, [
      make("div", { class: "photos" }, columns),
      make("div", { class: "bar" }, [views.row, swap, number.row]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane" }, [inspector.plane]),
        make("div", { class: "pane" }, [inspector.table, readout]),
      ]),
    ]),
  );
  draw({});
  return settle(el, () => draw({}), untie);
}

export default { render };
