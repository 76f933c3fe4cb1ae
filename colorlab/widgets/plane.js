// The ab plane: its sheet, axes, bins and marks.

import { gamutSlice, labToRgb } from "./color.js";
import { context2d, cssColor, make, within, withMinus } from "./page.js";

/** @import { Icon, Pair, Spot } from "./page.js" */

/** @typedef {CanvasRenderingContext2D} Context */
/** @typedef {(name: string) => string} Ink */
/** @typedef {{ size: number, corner: Pair, span: number }} Frame Size in page pixels,
 *   and a and b from the corner up, in Lab units. */
/** @typedef {{ context: Context, size: number, scale: number, ink: Ink,
 *   place: (a: number, b: number) => Pair }} Plane */
/** @typedef {[name: string, shape: string, r: number]} Mark */

const TEXT = "13px system-ui, sans-serif";
const SMALL = 11; // page pixels of the letters of a number
const LEAST_SEEN = 9.5; // page pixels of them where a plane is shown smaller
const ROUNDS = 400; // of circles that move apart
const LEAST = 0.4; // ab units: the side of the smallest square drawn

// The panel's colors as page.css names them, in the page's theme: none before the
// canvas is in the page, where settle has it painted again.
/** @type {(canvas: HTMLCanvasElement) => Ink} */
export function inks(canvas) {
  const style = getComputedStyle(canvas);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

// A square sheet for a frame.
/** @type {(canvas: HTMLCanvasElement, frame: Frame, ink?: Ink) => Plane} */
export function openPlane(canvas, { size, corner, span }, ink = inks(canvas)) {
  const density = Math.max(1, window.devicePixelRatio || 1);
  canvas.width = canvas.height = size * density;
  const context = context2d(canvas);
  context.scale(density, density);
  context.fillStyle = ink("sheet");
  context.fillRect(0, 0, size, size);
  const scale = size / span;
  return {
    context,
    size,
    scale,
    ink,
    place: (a, b) => [(a - corner[0]) * scale, size - (b - corner[1]) * scale],
  };
}

// Where on such a plane a pointer is, and how many page pixels it is from a color.
/** @type {(canvas: Element, spot: Spot, frame: Frame) => Pair} */
export function pointedAt(canvas, { clientX, clientY }, { corner, span }) {
  const box = canvas.getBoundingClientRect();
  return [
    corner[0] + (span * (clientX - box.left)) / box.width,
    corner[1] + span * (1 - (clientY - box.top) / box.height),
  ];
}

/** @type {(color: Pair, canvas: Element, spot: Spot, frame: Frame) => number} */
export function distanceTo(color, canvas, spot, frame) {
  const [a, b] = pointedAt(canvas, spot, frame);
  const scale = canvas.getBoundingClientRect().width / frame.span;
  return Math.hypot(a - color[0], b - color[1]) * scale;
}

/** @type {(plane: Plane) => void} */
export function drawAxes(plane) {
  const { context, size, place } = plane;
  const [x, y] = place(0, 0);
  context.strokeStyle = "#8a8a8a";
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, size);
  context.moveTo(0, y);
  context.lineTo(size, y);
  for (const number of [-100, -50, 50, 100]) {
    const [u, v] = place(number, number);
    context.moveTo(u, y - 4);
    context.lineTo(u, y + 4);
    context.moveTo(x - 4, v);
    context.lineTo(x + 4, v);
  }
  context.stroke();
  numberAxes(plane);
}

// Numbers stand between the rows of dots, below and to the right of their ticks.
/** @type {(plane: Plane, put?: typeof write) => void} */
export function numberAxes({ context, size, place }, put = write) {
  const [x, y] = place(0, 0);
  const shown = (context.canvas.clientWidth || size) / size;
  const font = `${Math.max(SMALL, LEAST_SEEN / shown)}px system-ui, sans-serif`;
  for (const number of [-100, -50, 50, 100]) {
    const [u, v] = place(number, number);
    const text = withMinus(String(number));
    put(context, text, Math.min(u, size - 16), y + 13, "center", font);
    put(context, text, x + 3, v + 13, "left", font);
  }
}

// Letters of ink with a rim of the sheet: readable on any color.
/** @type {(context: Context, text: string, x: number, y: number,
 *   align?: CanvasTextAlign, font?: string) => void} */
export function write(context, text, x, y, align = "center", font = TEXT) {
  const ink = inks(context.canvas);
  context.font = font;
  context.textAlign = align;
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = ink("sheet");
  context.strokeText(text, x, y);
  context.fillStyle = ink("ink");
  context.fillText(text, x, y);
}

// Letters on a ground of the sheet: no mark crosses them.
/** @type {typeof write} */
export function writeOnGround(context, text, x, y, align = "center", font = TEXT) {
  context.font = font;
  context.textAlign = align;
  const box = context.measureText(text);
  const [left, top] = [box.actualBoundingBoxLeft + 2, box.actualBoundingBoxAscent + 1];
  const width = left + box.actualBoundingBoxRight + 2;
  context.fillStyle = inks(context.canvas)("sheet");
  context.fillRect(x - left, y - top, width, top + box.actualBoundingBoxDescent + 1);
  write(context, text, x, y, align, font);
}

/** @type {(plane: Plane, put?: typeof write) => void} */
export function nameAxes({ context, size }, put = write) {
  put(context, "a: green \u2194 red", 6, size - 14, "left"); // between rows of dots
  put(context, "b: blue \u2195 yellow", 6, 21, "left");
}

/** @type {(plane: Plane, center: Pair, side: number) => void} */
export function square({ context, scale, place }, [a, b], side) {
  const [x, y] = place(a, b);
  const pixels = side * scale;
  context.beginPath();
  context.rect(x - pixels / 2, y - pixels / 2, pixels, pixels);
}

// A bin of the plane, filled with a color of CSS.
/** @type {(plane: Plane, center: Pair, side: number, color: string) => void} */
function paintBin(plane, center, side, color) {
  const { context, ink } = plane;
  square(plane, center, side);
  context.fillStyle = color;
  context.fill();
  context.strokeStyle = ink("line");
  context.lineWidth = 0.5;
  context.stroke();
}

// Bin q of centers (Q, 2).
/** @type {(centers: ArrayLike<number>, q: number) => Pair} */
export const centerOf = (centers, q) => [centers[2 * q], centers[2 * q + 1]];

// The bins of a distribution in the colors of lightness L; areas are like p, and what
// is too small for a square is a dot.
/** @type {(plane: Plane, p: Float32Array, centers: ArrayLike<number>, L: number)
 *   => void} */
export function paintBins(plane, p, centers, L) {
  const { context, place, ink } = plane;
  const top = Math.max(...p);
  p.forEach((share, q) => {
    const center = centerOf(centers, q);
    const side = 10 * Math.sqrt(share / top); // ab units
    if (side >= LEAST) {
      paintBin(plane, center, side, cssColor(labToRgb(L, ...center)));
    } else {
      const [x, y] = place(...center);
      context.fillStyle = ink("faint");
      context.fillRect(x - 1, y - 1, 2, 2);
    }
  });
}

// The colors of one lightness on a frame, as `pixels` x `pixels`: see gamutSlice.
/** @type {(L: number, frame: Frame, pixels: number, canvas?: HTMLCanvasElement) =>
 *   HTMLCanvasElement} */
export function paintSlice(L, { corner, span }, pixels, canvas = make("canvas")) {
  canvas.width = canvas.height = pixels;
  const slice = gamutSlice(L, corner[0], corner[0] + span, pixels);
  context2d(canvas).putImageData(new ImageData(slice, pixels, pixels), 0, 0);
  return canvas;
}

// Whatever the path's surround: a line with a white rim, dashed or not.
/** @type {(context: Context, width?: number, dashes?: number[]) => void} */
export function rimmed(context, width = 2, dashes = []) {
  context.setLineDash(dashes);
  for (const [style, wide] of /** @type {[string, number][]} */ ([
    ["#fff", width + 2.5],
    ["#000", width],
  ])) {
    context.strokeStyle = style;
    context.lineWidth = wide;
    context.stroke();
  }
  context.setLineDash([]);
}

/** @type {(context: Context, shape: string, x: number, y: number, r: number)
 *   => void} */
export function drawMark(context, shape, x, y, r) {
  context.beginPath();
  if (shape === "circle") context.arc(x, y, r, 0, 2 * Math.PI);
  if (shape === "square") context.rect(x - r, y - r, 2 * r, 2 * r);
  if (shape === "diamond") {
    context.moveTo(x, y - 1.4 * r);
    context.lineTo(x + 1.4 * r, y);
    context.lineTo(x, y + 1.4 * r);
    context.lineTo(x - 1.4 * r, y);
    context.closePath();
  }
  if (shape === "triangle") {
    context.moveTo(x, y - 1.2 * r);
    context.lineTo(x + 1.1 * r, y + 0.8 * r);
    context.lineTo(x - 1.1 * r, y + 0.8 * r);
    context.closePath();
  }
  if (shape === "cross") {
    for (const v of [-r, r]) {
      context.moveTo(x - r, y - v);
      context.lineTo(x + r, y + v);
    }
  }
  rimmed(context);
}

// Circles of these radii, moved as little as needed until none touches another, within
// width x height. The first stays where it is.
/** @type {(points: Pair[], radii: number[], width: number, height: number) =>
 *   Pair[]} */
export function spreadApart(points, radii, width, height) {
  /** @type {Pair[]} */
  const places = points.map(([x, y]) => [x, y]);
  for (let round = 0; round < ROUNDS; round++) {
    let moved = false;
    for (let i = 1; i < places.length; i++) {
      for (let j = 0; j < i; j++) {
        const [dx, dy] = [places[i][0] - places[j][0], places[i][1] - places[j][1]];
        const far = Math.hypot(dx, dy);
        const lack = radii[i] + radii[j] - far;
        if (lack <= 0.01) continue;
        moved = true;
        // Places that are one part in directions of their own.
        const turn = far > 1e-6 ? Math.atan2(dy, dx) : 2.4 * i;
        const [own, other] = j ? [0.5, 0.5] : [1, 0];
        const [u, v] = [lack * Math.cos(turn), lack * Math.sin(turn)];
        places[i] = [places[i][0] + own * u, places[i][1] + own * v];
        places[j] = [places[j][0] - other * u, places[j][1] - other * v];
      }
      const [x, y] = places[i];
      const r = radii[i];
      places[i] = [within(x, r, width - r), within(y, r, height - r)];
    }
    if (!moved) break;
  }
  return places;
}

// Of the points, some may be missing. Sizes differ and the largest comes first, so that
// marks of one color nest.
/** @type {(plane: Plane, marks: Mark[], points: Record<string, Pair | null>) =>
 *   void} */
export function drawMarks({ context, place }, marks, points) {
  for (const [name, shape, r] of [...marks].sort((one, other) => other[2] - one[2])) {
    const point = points[name];
    if (point) drawMark(context, shape, ...place(...point), r);
  }
}

// An icon of `size` page pixels that `draw` fills, given a context and the middle.
/** @type {(size: number, draw: (context: Context, middle: number) => void) => Icon} */
export function makeIcon(size, draw) {
  const canvas = make("canvas", { class: "icon", "aria-hidden": "true" });
  const paint = () => {
    canvas.width = canvas.height = 2 * size;
    context2d(canvas).scale(2, 2);
    draw(context2d(canvas), size / 2);
  };
  paint();
  return Object.assign(canvas, { paint });
}

/** @type {(shape: string, size?: number, r?: number) => Icon} */
export const makeMarkIcon = (shape, size = 20, r = 5) =>
  makeIcon(size, (context, middle) => drawMark(context, shape, middle, middle, r));

// A color in words: "a 20, b -40", with a real minus and no "-0".
/** @type {(ab: Pair, digits?: number) => string} */
export function tellColor([a, b], digits = 0) {
  const number = (/** @type {number} */ value) => {
    const text = value.toFixed(digits);
    return withMinus(Number(text) === 0 ? text.replace("-", "") : text);
  };
  return `a ${number(a)}, b ${number(b)}`;
}
