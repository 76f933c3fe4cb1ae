// The plane on which chips are placed, moved and taken back.

import { nearestBin } from "./bins.js";
import { isShown, labToRgb } from "./color.js";
import { cssColor, make, onArrows } from "./page.js";
import {
  centerOf,
  distanceTo,
  drawAxes,
  drawMark,
  nameAxes,
  openPlane,
  paintBins,
  paintSlice,
  pointedAt,
  rimmed,
  square,
  tellColor,
  write,
} from "./plane.js";

/** @import { Pair, Spot } from "./page.js" */
/** @import { Frame, Plane } from "./plane.js" */

/** @typedef {{ L: number, chips: number[], slice?: HTMLCanvasElement,
 *   p?: Float32Array, truth?: Pair, cursor?: number }} Sight */
/**
 * @typedef {object} Moves What a reader does; `i` is a chip's number in the list.
 * @property {() => number[]} chips
 * @property {() => boolean} active Whether chips can be moved now.
 * @property {(q: number) => void} place
 * @property {(i: number, q: number) => void} move
 * @property {(i: number) => void} take
 * @property {(q: number) => void} point
 * @property {() => number} cursor
 */

/** @type {Frame} */
const FRAME = { size: 320, corner: [-118, -118], span: 236 }; // page pixels, ab units
const PIXELS = 236; // of the slice
const FONT = "bold 12px system-ui, sans-serif";
const RADIUS = 6; // page pixels of one chip
const FINGER = 22; // page pixels: a finger this near a chip moves it
const SLOP = 6; // page pixels that a pointer moves before it drags
const OUTSIDE = 12; // page pixels beyond the plane where a chip is taken back

/** @type {(count: number) => number} */
const radiusOf = (count) => Math.min(11, RADIUS + 1.2 * (count - 1));

// A chip, and on it how many lie there.
/** @type {(plane: Plane, center: Pair, count: number, L: number) => void} */
function drawChip({ context, place }, center, count, L) {
  const [x, y] = place(...center);
  context.beginPath();
  context.arc(x, y, radiusOf(count), 0, 2 * Math.PI);
  context.fillStyle = cssColor(labToRgb(L, ...center));
  context.fill();
  rimmed(context, 1.5);
  if (count > 1) write(context, String(count), x, y + 4, "center", FONT);
}

/** @type {(chips: number[]) => [number, number][]} */
export function countByBin(chips) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const q of chips) counts.set(q, (counts.get(q) ?? 0) + 1);
  return [...counts].sort(([one], [other]) => one - other);
}

// The colors of one lightness, as the plane shows them.
/** @type {(L: number) => HTMLCanvasElement} */
export const sliceOf = (L) => paintSlice(L, FRAME, PIXELS);

// The plane: under the chips the colors of this lightness, or a distribution.
/** @type {(canvas: HTMLCanvasElement, centers: Float32Array, sight: Sight) => void} */
export function paintBoard(canvas, centers, sight) {
  const { L, chips, slice, p, truth, cursor } = sight;
  const plane = openPlane(canvas, { ...FRAME, size: canvas.clientWidth || FRAME.size });
  const { context, size, place, ink } = plane;
  if (slice) context.drawImage(slice, 0, 0, size, size);
  drawAxes(plane);
  if (p) paintBins(plane, p, centers, L);
  else {
    context.fillStyle = ink("ink");
    for (let q = 0; q < centers.length / 2; q++) {
      const [x, y] = place(...centerOf(centers, q));
      context.fillRect(x - 0.5, y - 0.5, 1, 1);
    }
  }
  nameAxes(plane);
  for (const [q, count] of countByBin(chips)) {
    drawChip(plane, centerOf(centers, q), count, L);
  }
  if (cursor !== undefined) {
    square(plane, centerOf(centers, cursor), 10);
    rimmed(context, 1, [3, 3]);
  }
  if (truth) drawMark(context, "cross", ...place(...truth), 6);
}

// A bin in words, with a patch of its color at this lightness.
/** @type {(L: number, center: Pair, count: number) => (Node | string)[]} */
export function tellBin(L, center, count) {
  const swatch = make("span", { class: "swatch" });
  swatch.style.background = cssColor(labToRgb(L, ...center));
  const chips = `${count || "no"} chip${count > 1 ? "s" : ""} here`;
  const shown = isShown(L, ...center)
    ? ""
    : ". No screen shows it so light or dark: this is the nearest that yours can";
  return [swatch, make("span", {}, [`${tellColor(center)}: ${chips}${shown}`])];
}

/** @type {(canvas: HTMLCanvasElement, centers: Float32Array, moves: Moves) => void} */
export function connectBoard(canvas, centers, moves) {
  /** @type {{ spot: Spot, chip: number, finger: boolean, moved: boolean } |
   *   undefined} */
  let held;

  /** @type {(spot: Spot) => number} */
  const binAt = (spot) => nearestBin(...pointedAt(canvas, spot, FRAME), centers);

  // The number of the chip nearest to a spot; too far away: -1.
  /** @type {(spot: Spot, finger: boolean) => number} */
  function chipAt(spot, finger) {
    let [nearest, least] = [-1, Infinity];
    moves.chips().forEach((q, i) => {
      const apart = distanceTo(centerOf(centers, q), canvas, spot, FRAME);
      if (apart <= least) [nearest, least] = [i, apart];
    });
    return least <= (finger ? FINGER : RADIUS + 2) ? nearest : -1;
  }

  /** @type {(spot: Spot) => boolean} */
  function isOutside({ clientX, clientY }) {
    const { left, right, top, bottom } = canvas.getBoundingClientRect();
    const across = Math.max(left - clientX, clientX - right);
    return Math.max(across, top - clientY, clientY - bottom) > OUTSIDE;
  }

  canvas.style.touchAction = "pan-y pinch-zoom";
  /** @type {(event: TouchEvent) => void} */
  const keep = (event) => {
    if (moves.active() && chipAt(event.touches[0], true) >= 0) event.preventDefault();
  };
  canvas.addEventListener("touchstart", keep, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !moves.active()) return;
    const finger = event.pointerType === "touch";
    held = { spot: event, chip: chipAt(event, finger), finger, moved: false };
    if (held.chip >= 0 || !finger) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!held) return;
    const { clientX, clientY } = held.spot;
    held.moved ||= Math.hypot(event.clientX - clientX, event.clientY - clientY) > SLOP;
    if (held.moved && held.chip >= 0) moves.move(held.chip, binAt(event));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!held) return;
    const { chip, finger, moved } = held;
    held = undefined;
    if (moved && chip >= 0) {
      if (isOutside(event)) moves.take(chip);
    } else if (!moved || !finger) moves.place(binAt(event));
  });
  canvas.addEventListener("pointercancel", () => {
    held = undefined;
  });
  onArrows(canvas, ([x, y], far) => {
    if (!moves.active()) return;
    const step = far ? 50 : 10;
    const [a, b] = centerOf(centers, moves.cursor());
    moves.point(nearestBin(a + step * x, b + step * y, centers));
  });
  canvas.addEventListener("keydown", (event) => {
    const put = ["Enter", " ", "+"].includes(event.key) && !event.repeat;
    const away = ["Backspace", "Delete", "-"].includes(event.key);
    if (!(put || away) || !moves.active()) return;
    event.preventDefault();
    event.stopPropagation();
    if (put) moves.place(moves.cursor());
    else moves.take(moves.chips().lastIndexOf(moves.cursor()));
  });
}
