// The gamut from above, outlines round it, and the dots of the grid.

import { centerOf } from "./plane.js";

/** @import { Pair } from "./page.js" */
/** @import { Context, Ink, Plane } from "./plane.js" */

// The colors of all lightnesses from above, as gray patches between the samples of
// the cube's faces.
/** @type {(plane: Plane, gamut: Float32Array, levels: number) => void} */
export function drawShadow(plane, gamut, levels) {
  const { context, ink } = plane;
  context.fillStyle = context.strokeStyle = ink("shadow");
  context.lineWidth = 1;
  for (let n = 0; n < gamut.length / 2; n++) {
    const [row, column] = [Math.floor(n / levels) % levels, n % levels];
    if (row === levels - 1 || column === levels - 1) continue;
    const corners = [n, n + 1, n + levels + 1, n + levels];
    outline(
      plane,
      corners.map((i) => centerOf(gamut, i)),
    );
    context.fill();
    context.stroke();
  }
}

/** @type {(plane: Plane, points: Pair[]) => void} */
export function outline({ context, place }, points) {
  context.beginPath();
  for (const point of points) context.lineTo(...place(...point));
  context.closePath();
}

/** @type {(context: Context, x: number, y: number, shape: string, ink: Ink) => void} */
export function dot(context, x, y, shape, ink) {
  context.beginPath();
  context.lineWidth = 1;
  if (shape === "dropped") {
    context.moveTo(x - 2.5, y - 2.5);
    context.lineTo(x + 2.5, y + 2.5);
    context.moveTo(x + 2.5, y - 2.5);
    context.lineTo(x - 2.5, y + 2.5);
    context.strokeStyle = ink("dropped");
  } else {
    context.arc(x, y, 2.7, 0, 2 * Math.PI);
    context.fillStyle = ink(shape === "kept" ? "ink" : "sheet");
    context.strokeStyle = ink(shape === "kept" ? "sheet" : "ink");
    context.fill();
  }
  context.stroke();
}
