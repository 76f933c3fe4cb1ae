// One point's distribution on the ab plane, its answers as marks and as a table, and
// the temperature that they depend on.

import { labToRgb } from "./color.js";
import { cssColor, make, makeButtons, makeSlider } from "./page.js";
import {
  centerOf,
  drawAxes,
  drawMarks,
  makeMarkIcon,
  nameAxes,
  openPlane,
  paintBins,
  tellColor,
} from "./plane.js";

/** @import { Pair } from "./page.js" */
/** @import { Frame, Mark } from "./plane.js" */

/** @typedef {{ p: Float32Array, L: number, points: Record<string, Pair | null> }}
 *   Point */

/** @type {Frame} */
const FRAME = { size: 320, corner: [-118, -118], span: 236 }; // page pixels, ab units
/** @type {Mark[]} */
const MARKS = [
  ["mean", "circle", 6.5],
  ["annealed mean", "diamond", 11],
  ["mode", "square", 14],
  ["truth", "cross", 3.5],
];
/** @type {[string, number][]} */
const JUMPS = [
  ["mode", 0],
  ["T = 0.38", 0.38],
  ["mean", 1],
];

// T as a slider and as three buttons.
/** @type {(tell: (T: number) => void) => { row: HTMLElement,
 *   set: (T: number) => void }} */
export function makeTemperature(tell) {
  const range = { min: 0, max: 1, step: 0.01 };
  const slider = makeSlider("T", "Temperature T", range, tell);
  const names = JUMPS.map(([name]) => name);
  const jumps = makeButtons("Jump to", names, (i) => tell(JUMPS[i][1]));
  return {
    row: make("div", { class: "bar" }, [slider.row, jumps.row]),
    set(T) {
      slider.set(T, T === 0 ? "0 (mode)" : T.toFixed(2));
      jumps.press(JUMPS.findIndex(([, known]) => Math.abs(known - T) < 1e-6));
    },
  };
}

// A mark's name, its color as a patch and in words, and how far it is from the truth.
/** @type {(mark: Mark) => { row: HTMLElement,
 *   draw: (point: Point) => void }} */
function makeRow([name, shape]) {
  const swatch = make("span", { class: "swatch" });
  const numbers = make("td");
  const row = make("tr", {}, [
    make("td", {}, [makeMarkIcon(shape)]),
    make("td", {}, [swatch]),
    make("th", { scope: "row" }, [name]),
    numbers,
  ]);
  return {
    row,
    draw({ L, points }) {
      const { truth, [name]: color } = points;
      row.hidden = !color; // a gray photo has no true color
      if (!color) return;
      const off = truth && Math.hypot(color[0] - truth[0], color[1] - truth[1]);
      const told = name === "truth" || off === null ? "" : `; off by ${off.toFixed(0)}`;
      swatch.style.background = cssColor(labToRgb(L, ...color));
      numbers.textContent = tellColor(color) + told;
    },
  };
}

/** @type {(centers: Float32Array, marks?: Mark[]) => { plane: HTMLCanvasElement,
 *   table: HTMLElement, draw: (point: Point) => void }} */
export function makeInspector(centers, marks = MARKS) {
  const plane = make("canvas", { class: "plane", role: "img" });
  const rows = marks.map(makeRow);
  const body = make(
    "tbody",
    {},
    rows.map(({ row }) => row),
  );
  return {
    plane,
    table: make("table", { class: "marks" }, [body]),
    draw(point) {
      const sheet = openPlane(plane, FRAME);
      drawAxes(sheet);
      paintBins(sheet, point.p, centers, point.L);
      nameAxes(sheet);
      drawMarks(sheet, marks, point.points);
      for (const { draw } of rows) draw(point);
      const told = Object.entries(point.points).flatMap(([name, color]) =>
        color ? [`${name} ${tellColor(color)}`] : [],
      );
      const label = `The point\u2019s colors on the ab plane: ${told.join("; ")}.`;
      plane.setAttribute("aria-label", label);
    },
  };
}

// The likeliest bin's color, its share, and how many bins hold more than 1 %.
/** @type {(p: Float32Array, centers: Float32Array) => { color: Pair, share: number,
 *   many: number }} */
export function likeliest(p, centers) {
  const share = Math.max(...p);
  const many = p.filter((each) => each > 0.01).length;
  return { color: centerOf(centers, p.indexOf(share)), share, many };
}
