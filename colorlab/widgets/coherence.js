// Pick a cell of a photo for its distribution over colors, and drag the smoothness:
// all cells decide together, in the page.

import { meanColor, upsampler } from "./bins.js";
import { labToRgb, paintRows, rootOf } from "./color.js";
import { makeInspector } from "./inspector.js";
import { countChanges, decide, makeProblem, measure } from "./mincut.js";
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
} from "./page.js";
import { centerOf, drawMark } from "./plane.js";

/** @import { Choice } from "./mincut.js" */
/** @import { Model, Traits, View } from "./page.js" */
/** @import { Mark } from "./plane.js" */

const VIEWS = ["colored", "labels", "gray", "truth"];
const FLOOR = 1e-4; // probability that all bins share, as in predict
const FLAT = 65; // lightness of the map of labels
const WORK = 60000; // cells asked between two pictures
/** @type {Mark[]} */
const MARKS = [
  ["mean", "circle", 6.5],
  ["together", "diamond", 11],
  ["mode", "square", 14],
  ["truth", "cross", 3.5],
];

// p (cells, Q) from the bytes of the likeliest bins, which share all but the floor.
/** @type {(places: Uint8Array, shares: Uint8Array, bins: number[], keep: number,
 *   Q: number) => Float64Array} */
export function readShares(places, shares, bins, keep, Q) {
  const p = new Float64Array((places.length / keep) * Q).fill(FLOOR / Q);
  for (let i = 0; i < places.length; i += keep) {
    let sum = 0;
    for (let n = i; n < i + keep; n++) sum += shares[n];
    for (let n = i; n < i + keep; n++) {
      p[(i / keep) * Q + bins[places[n]]] += ((1 - FLOOR) * shares[n]) / sum;
    }
  }
  return p;
}

/** @type {(model: Model) => { rows: number, columns: number, height: number,
 *   width: number, L: Float32Array, truth: Float32Array, p: Float64Array,
 *   centers: Float32Array, Q: number }} */
function readPhoto(model) {
  const { rows, columns, keep, finer, bins } = model.get("grid");
  const centers = floats(model.get("centers"));
  const blob = bytes(model.get("pixels"));
  let at = 0;
  const take = (/** @type {number} */ length) => {
    at += length;
    return blob.slice(at - length, at);
  };
  const cells = rows * columns;
  const [height, width, Q] = [finer * rows, finer * columns, centers.length / 2];
  const L = Float32Array.from(take(height * width), (byte) => byte / 2.55);
  const truth = Float32Array.from(new Int8Array(take(2 * cells).buffer));
  const [places, shares] = [take(keep * cells), take(keep * cells)];
  const p = readShares(places, shares, bins, keep, Q);
  return { rows, columns, height, width, L, truth, p, centers, Q };
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const photo = readPhoto(model);
  const { rows, columns, height, width, L, truth, p, centers, Q } = photo;
  const { problem, bins } = makeProblem(p, centers, columns);
  const roots = L.map(rootOf);
  const attributes = { class: "picture", tabindex: "0", role: "application" };
  const picture = make("canvas", attributes);
  const range = { min: 0, max: model.get("most"), step: 0.005 };
  const slider = makeSlider("smoothness", "Smoothness", range, (smoothness) => {
    const { view } = state();
    set({ smoothness, view: view === "labels" ? "labels" : "colored" });
  });
  const views = makeButtons("Show", VIEWS, (i) => set({ view: VIEWS[i] }));
  const inspector = makeInspector(centers, MARKS);
  const score = make("p", { class: "score", role: "status" });
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  const { state, set, untie } = tie(model, ["smoothness", "cell", "view"], draw);
  /** @type {Choice} */
  let choice;
  const alone = [...decide(problem, 0)][0];
  /** @type {Generator<Choice, void> | undefined} */
  let deciding;
  let frame = 0;

  // Some expansions, and the rest in the next frames.
  function goOn() {
    for (let done = 0; deciding && done < WORK; done += rows * columns) {
      const { value } = deciding.next();
      if (value) choice = value;
      else deciding = undefined;
    }
    if (deciding) frame = requestAnimationFrame(again);
  }

  function again() {
    goOn();
    show();
  }

  function place() {
    const column = within(state().cell[0], 0, columns - 1);
    const row = within(state().cell[1], 0, rows - 1);
    const [x, y] = [(column + 0.5) / columns, (row + 0.5) / rows];
    return { column, row, x, y, cell: row * columns + column };
  }

  /** @type {(labels: Uint16Array) => Float32Array} */
  const toColors = (labels) =>
    Float32Array.from({ length: 2 * labels.length }, (_, i) => {
      return centers[2 * bins[labels[i >> 1]] + (i & 1)];
    });

  // Colors of one lightness, and a line wherever two cells differ.
  /** @type {(scale: number) => void} */
  function drawLabels(scale) {
    const context = context2d(picture);
    const { labels } = choice;
    const side = (scale * width) / columns;
    const lines = new Path2D();
    labels.forEach((label, i) => {
      const [x, y] = [(i % columns) * side, Math.floor(i / columns) * side];
      context.fillStyle = cssColor(labToRgb(FLAT, ...centerOf(centers, bins[label])));
      context.fillRect(x, y, side, side);
      if ((i + 1) % columns && label !== labels[i + 1]) {
        lines.moveTo(x + side, y);
        lines.lineTo(x + side, y + side);
      }
      if (i + columns < labels.length && label !== labels[i + columns]) {
        lines.moveTo(x, y + side);
        lines.lineTo(x + side, y + side);
      }
    });
    context.lineWidth = 1.5;
    context.strokeStyle = "#000";
    context.stroke(lines);
  }

  function drawPicture() {
    const { view } = state();
    const scale = Math.max(1, Math.round(480 / width)); // so that lines are clear
    picture.width = scale * width;
    picture.height = scale * height;
    if (view === "labels") drawLabels(scale);
    else {
      const none = new Float32Array(truth.length);
      const ab = view === "gray" ? none : view === "truth" ? truth : null;
      const colors = ab ?? toColors(choice.labels);
      const image = new ImageData(width, height);
      image.data.fill(255);
      const rowOf = upsampler(colors, rows, columns, height, width);
      paintRows(image.data, roots, width, rowOf);
      const plain = make("canvas", { width, height });
      context2d(plain).putImageData(image, 0, 0);
      context2d(picture).drawImage(plain, 0, 0, picture.width, picture.height);
    }
    const { x, y } = place();
    drawMark(context2d(picture), "circle", x * picture.width, y * picture.height, 8);
    const seen = {
      colored: "The photo in the colors chosen",
      labels: "The map of the bins chosen, with a line between different ones",
      gray: "The photo in gray",
      truth: "The photo in its true colors",
    }[/** @type {"colored" | "labels" | "gray" | "truth"} */ (view)];
    const how = "Tap, or move with the arrow keys, to pick a point.";
    picture.setAttribute("aria-label", `${seen}. ${how}`);
  }

  function drawPoint() {
    const { column, row, cell } = place();
    const own = Float32Array.from(p.subarray(cell * Q, (cell + 1) * Q));
    const top = own.indexOf(Math.max(...own));
    const chosen = bins[choice.labels[cell]];
    const points = {
      mean: meanColor(own, centers),
      together: centerOf(centers, chosen),
      mode: centerOf(centers, top),
      truth: centerOf(truth, cell),
    };
    const finer = width / columns;
    const pixel = row * finer * width + column * finer;
    inspector.draw({ p: own, L: L[pixel], points });
    const percent = (/** @type {number} */ q) => `${(100 * own[q]).toFixed(0)}\u00a0%`;
    const gave =
      chosen === top
        ? "Together, the cell keeps it."
        : `Together, it takes one of ${percent(chosen)}: ` +
          `${Math.log(own[top] / own[chosen]).toFixed(2)} nats given up.`;
    readout.textContent =
      `Row ${row + 1}, column ${column + 1}: the likeliest bin has ${percent(top)}. ` +
      gave;
  }

  function show() {
    drawPicture();
    drawPoint();
    const total = (/** @type {Choice} */ { own, steps }) => own + steps;
    const number = (/** @type {number} */ value) => value.toFixed(0);
    const { smoothness } = state();
    const before = measure(problem, alone.labels, smoothness);
    score.replaceChildren(
      make("strong", {}, [
        `${countChanges(choice.labels, columns)} label changes, energy ` +
          `${number(total(choice))} nats`,
      ]),
      `: ${number(choice.own)} for unlikely colors, ${number(choice.steps)} for ` +
        `steps. Each for itself: ${countChanges(alone.labels, columns)} changes, ` +
        `energy ${number(total(before))}.`,
      deciding ? " Deciding \u2026" : "",
    );
    score.setAttribute("aria-busy", String(Boolean(deciding)));
  }

  /** @type {(changed: Traits) => void} */
  function draw(changed) {
    const { smoothness, view } = state();
    if (!choice || "smoothness" in changed) {
      cancelAnimationFrame(frame);
      choice = alone;
      deciding = decide(problem, smoothness);
      goOn();
    }
    slider.set(smoothness, smoothness.toFixed(3));
    views.press(VIEWS.indexOf(view));
    show();
  }

  /** @type {(column: number, row: number) => void} */
  function pick(column, row) {
    set({ cell: [within(column, 0, columns - 1), within(row, 0, rows - 1)] });
  }

  onDrag(
    picture,
    (spot) => distanceOn(picture, spot, [place().x, place().y]),
    (event) => {
      const [x, y] = placeOn(picture, event);
      pick(Math.floor(x * columns), Math.floor(y * rows));
    },
  );
  onArrows(picture, ([x, y], far) => {
    const step = far ? 5 : 1;
    pick(place().column + step * x, place().row - step * y);
  });
  el.append(
    make("div", { class: "lab-figure coherence" }, [
      make("div", { class: "bar" }, [slider.row, views.row]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane" }, [picture, score]),
        make("div", { class: "pane" }, [inspector.plane, inspector.table, readout]),
      ]),
    ]),
  );
  draw({});
  return settle(el, show, () => cancelAnimationFrame(frame), untie);
}

export default { render };
