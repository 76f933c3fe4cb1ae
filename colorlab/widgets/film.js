// Learning as a film: one slider over the steps of recorded runs.

import { upsampler } from "./bins.js";
import { makeChart, placeOfStep, rangeOf, runningMedian, stepAt } from "./chart.js";
import { paintRows, rootsOf } from "./color.js";
import {
  context2d,
  distanceOn,
  make,
  makeButtons,
  makeSelect,
  makeSlider,
  onDrag,
  placeOn,
  readFiles,
  settle,
  tie,
  within,
} from "./page.js";
import { readPixels } from "./pictures.js";
import { makePlay } from "./play.js";

/** @import { Model, View } from "./page.js" */

/** @typedef {(number | null)[]} Values */
/** @typedef {{ title: string, about: string, objective: string, loss: Values,
 *   held_out: Values, spread: Values, share: Values, top_bin: Values,
 *   warnings: [number, string, string][] }} Run */
/** @typedef {"loss" | "held_out" | "spread" | "share" | "top_bin"} Metric */
/** @typedef {{ side: number, truth: ImageData, roots: Float32Array[],
 *   colors: ImageData[] }} Reel */

const COLUMNS = 3; // of photos
const GAP = 4; // pixels between them
const GRAY = 128; // the byte of a or b = 0: see data/recipes/film.py
const BEAT = 400; // milliseconds of a sheet, when the film runs
export const LATE = 10; // records that are looked at together, as by `diagnose`
const VIEWS = ["the run", "the truth", "gray"];
/** @type {[metric: Metric, name: string, log: boolean][]} */
export const METRICS = [
  ["spread", "spread of hues", true],
  ["share", "chroma / true", false],
  ["top_bin", "top bin", false],
  ["held_out", "held-out loss", false],
];

/** @type {Record<string, string>} */
const MEANINGS = {
  spread: "0: all pixels have one hue",
  share: "1: as colorful as the truth",
  top_bin: "1: all pixels are in one bin",
  held_out: "of photos that it does not learn from",
};

// Columns of an image, as RGBA.
/** @type {(image: ImageData, left: number, width: number, top: number, height: number)
 *   => Uint8ClampedArray<ArrayBuffer>} */
export function cut(image, left, width, top, height) {
  const part = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 4 * ((top + y) * image.width + left);
    part.set(image.data.subarray(from, from + 4 * width), 4 * y * width);
  }
  return part;
}

// The files of a model: the photos side by side, then what each run said of them.
/** @type {(model: Model) => Promise<Reel>} */
export async function readReel(model) {
  const [truth, ...colors] = await Promise.all(readFiles(model).map(readPixels));
  const side = truth.height;
  const photos = Array.from({ length: truth.width / side }, (_, i) =>
    cut(truth, i * side, side, 0, side),
  );
  return { side, truth, colors, roots: photos.map(rootsOf) };
}

// What was said of a photo in a frame: ab of side x side cells.
/** @type {(colors: ImageData, photos: number, photo: number, frame: number) =>
 *   Float32Array} */
export function readColors(colors, photos, photo, frame) {
  const cells = colors.width / photos;
  const rgba = cut(colors, photo * cells, cells, frame * cells, cells);
  return Float32Array.from(
    { length: 2 * cells * cells },
    (_, i) => rgba[4 * (i >> 1) + (i & 1)] - GRAY,
  );
}

// All photos as a run colors them in a frame, or in another view.
/** @type {(canvas: HTMLCanvasElement, reel: Reel, run: number, frame: number,
 *   view?: string) => void} */
export function paintSheet(canvas, reel, run, frame, view = VIEWS[0]) {
  const { side, truth, roots, colors } = reel;
  const photos = roots.length;
  const rows = Math.ceil(photos / COLUMNS);
  canvas.width = COLUMNS * (side + GAP) - GAP;
  canvas.height = rows * (side + GAP) - GAP;
  const context = context2d(canvas);
  roots.forEach((photo, i) => {
    const x = (i % COLUMNS) * (side + GAP);
    const y = Math.floor(i / COLUMNS) * (side + GAP);
    const image = new ImageData(cut(truth, i * side, side, 0, side), side, side);
    if (view !== VIEWS[1]) {
      const ab = readColors(colors[run], photos, i, frame);
      const cells = Math.sqrt(ab.length / 2);
      if (view === VIEWS[2]) ab.fill(0);
      paintRows(image.data, photo, side, upsampler(ab, cells, cells, side, side));
    }
    context.putImageData(image, x, y);
  });
}

/** @type {(value: number | null, digits: number) => string} */
const told = (value, digits) => (value === null ? "none" : value.toFixed(digits));

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {Run[]} */
  const runs = model.get("runs");
  /** @type {number[]} */
  const steps = model.get("steps");
  /** @type {number[]} */
  const recorded = model.get("recorded");
  const batch = model.get("batch_size");
  const last = recorded[recorded.length - 1];
  /** @type {Reel | undefined} */
  let reel;

  const choice = makeSelect(
    "Run",
    runs.map(({ title }) => title),
    (run) => set({ run }),
  );
  const views = makeButtons("Show", VIEWS, (i) => set({ view: VIEWS[i] }));
  const picture = make("canvas", { class: "picture", role: "img" });
  const range = { min: 0, max: steps.length - 1, step: 1 };
  const slider = makeSlider("step", "Step", range, (frame) => {
    stop();
    set({ frame });
  });
  const { button: play, stop } = makePlay("play", BEAT, begin, () => {
    const frame = state().frame + 1;
    set({ frame, view: VIEWS[0] });
    return frame >= steps.length - 1;
  });
  const about = make("p", { class: "about" });
  const charts = [makeChart(last), makeChart(last)];
  const figures = makeSelect(
    "Figure",
    METRICS.map(([, name]) => name),
    (i) => set({ metric: METRICS[i][0] }),
  );
  const meaning = make("span", { class: "key" });
  const readout = make("p", { class: "readout" });
  const verdict = make("p", { class: "verdict", "aria-live": "polite" });
  const traits = ["run", "frame", "view", "metric"];
  const { state, set, untie } = tie(model, traits, draw);

  function begin() {
    if (state().frame === steps.length - 1) set({ frame: 0 });
  }

  // The frame whose step is nearest to the pointer.
  /** @type {(share: number) => void} */
  function seek(share) {
    stop();
    const step = stepAt(share, last);
    const far = steps.map((each) => Math.abs(each - step));
    set({ frame: far.indexOf(Math.min(...far)) });
  }

  // Of the run, and dashed of the healthy one, where both count in the same units.
  /** @type {(i: number, metric: Metric, log: boolean) => void} */
  function drawChart(i, metric, log) {
    const run = runs[state().run];
    const ofLoss = metric === "loss" || metric === "held_out";
    const others = ofLoss && run.objective !== runs[0].objective ? [] : [runs[0]];
    const curves = others
      .filter((other) => other !== run)
      .map((other) => ({
        kind: "healthy",
        values: runningMedian(other[metric], LATE),
      }));
    const late = metric === "held_out" ? 1 : LATE;
    curves.push({ kind: "record", values: run[metric] });
    curves.push({ kind: "late", values: runningMedian(run[metric], late) });
    const all = curves.flatMap(({ values }) => values).filter((v) => v !== null);
    const full = curves.map((curve) => ({ ...curve, steps: recorded }));
    charts[i].draw(full, rangeOf(all, log));
  }

  function drawFrame() {
    const { run: index, frame, view } = state();
    const run = runs[index];
    const step = steps[frame];
    const at = recorded.indexOf(step);
    const near = run.spread.slice(Math.max(0, at + 1 - LATE), at + 1);
    const spread = near.reduce((sum, v) => Number(sum) + Number(v), 0);
    const name = view === VIEWS[0] ? `${run.title}, after step ${step}` : view;
    picture.setAttribute("aria-label", `Six photos: ${name}`);
    if (reel) paintSheet(picture, reel, index, frame, view);
    slider.set(frame, step.toLocaleString("en-US"));
    slider.input.setAttribute("aria-valuetext", `step ${step}`);
    for (const chart of charts) chart.move(step);
    readout.textContent =
      `After step ${step.toLocaleString("en-US")}, that is ` +
      `${(batch * step).toLocaleString("en-US")} photos: loss ` +
      `${told(run.loss[at], 2)}, held-out loss ${told(run.held_out[at], 2)}; ` +
      `spread of hues ` +
      `${(Number(spread) / near.length).toPrecision(2)} (mean of ${LATE}); chroma ` +
      `${told(run.share[at], 2)} of the true; ` +
      `${Math.round(100 * (run.top_bin[at] ?? 0))}\u00a0% of the pixels in one bin.`;
    const warning = run.warnings.filter(([since]) => since <= step).at(-1);
    verdict.textContent = warning?.[1]
      ? `colorlab train warns: ${warning[1]}: ${warning[2]}.`
      : "colorlab train warns of nothing.";
    charts.forEach(({ node }, i) => {
      const metric = i ? METRICS.find(([key]) => key === state().metric) : null;
      const what = metric ? metric[1] : "loss";
      node.setAttribute("aria-label", `${what} of ${run.title}, to step ${last}`);
    });
  }

  /** @type {(changed: { [name: string]: unknown }) => void} */
  function draw(changed) {
    const { run, metric, view } = state();
    if (!("frame" in changed) || "run" in changed) {
      about.textContent = runs[run].about;
      drawChart(0, "loss", false);
      const found = METRICS.find(([key]) => key === metric) ?? METRICS[0];
      drawChart(1, found[0], found[2]);
      choice.value = String(run);
      figures.value = String(METRICS.indexOf(found));
      meaning.textContent = MEANINGS[found[0]];
    }
    views.press(VIEWS.indexOf(view));
    drawFrame();
  }

  for (const { node } of charts) {
    onDrag(
      node,
      (spot) => {
        const x = placeOfStep(steps[state().frame], last);
        return distanceOn(node, spot, [x, placeOn(node, spot)[1]]);
      },
      (event) => seek(within(placeOn(node, event)[0], 0, 1)),
    );
  }
  const caption = make("div", { class: "title" }, [
    "loss",
    make("span", { class: "key" }, [
      "thin: each record; thick: median of ten; " +
        "dashed: the healthy run, \u201cleft alone\u201d",
    ]),
  ]);
  el.append(
    make("div", { class: "lab-figure learning-film" }, [
      make("div", { class: "bar" }, [make("label", {}, ["Run ", choice]), views.row]),
      about,
      make("div", { class: "panes" }, [
        make("div", { class: "pane" }, [
          picture,
          make("div", { class: "controls" }, [play, slider.row]),
          verdict,
        ]),
        make("div", { class: "pane" }, [
          caption,
          charts[0].node,
          make("div", { class: "title" }, [figures, meaning]),
          charts[1].node,
        ]),
      ]),
      readout,
    ]),
  );
  draw({});
  readReel(model).then((read) => {
    reel = read;
    drawFrame();
  });
  return settle(el, undefined, stop, untie);
}

export default { render };
