// A chart of curves over the steps of a run, with a cursor, as SVG.

import { make } from "./page.js";

/** @typedef {{ low: number, high: number, log: boolean }} Range */
/** @typedef {{ kind: string, steps: number[], values: (number | null)[] }} Curve */

const [WIDTH, HEIGHT] = [340, 140]; // page pixels, on a laptop
const [LEFT, RIGHT, TOP, BOTTOM] = [44, 10, 8, 22]; // around the curves
const [ACROSS, DOWN] = [WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
const FAR = 10; // times the median: larger values are drawn at the upper edge
const NICE = [1, 2, 2.5, 5, 10]; // leading digits of the distance of two ticks
const DIGITS = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";

// A distance of round numbers of which at most `most` reach a value.
/** @type {(value: number, most: number) => number} */
function niceStep(value, most) {
  const power = 10 ** Math.floor(Math.log10(value / most));
  return power * (NICE.find((digit) => power * digit * most >= value) ?? 10);
}

// A range for values: from 0 to a round number, but for a few that are far larger; or,
// if logarithmic, between powers of ten.
/** @type {(values: number[], log: boolean) => Range} */
export function rangeOf(values, log) {
  const sorted = [...values].sort((one, other) => one - other);
  const median = sorted[sorted.length >> 1];
  const near = log ? sorted : sorted.filter((value) => value <= FAR * median);
  const [least, most] = [near[0], near[near.length - 1]];
  if (!log) {
    const step = niceStep(most || 1, 4);
    return { low: 0, high: step * Math.ceil(most / step - 1e-9) || step, log };
  }
  const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most))];
  return { low: 10 ** low, high: 10 ** Math.max(high, low + 1), log };
}

// How far up a range a value is, in shares of it.
/** @type {(value: number, range: Range) => number} */
export function shareOf(value, { low, high, log }) {
  if (!log) return (value - low) / (high - low);
  return Math.log10(value / low) / Math.log10(high / low);
}

// The values at which a range has ticks: at most five.
/** @type {(range: Range) => number[]} */
export function ticksOf({ low, high, log }) {
  if (!log) {
    const step = niceStep(high, 4);
    return Array.from(
      { length: Math.floor(high / step + 1e-9) + 1 },
      (_, i) => i * step,
    );
  }
  const [first, last] = [low, high].map((end) => Math.round(Math.log10(end)));
  const step = Math.ceil((last - first) / 4);
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return powers.filter((p) => (last - p) % step === 0).map((p) => 10 ** p);
}

/** @type {(power: number) => string} */
export function powerOfTen(power) {
  if (power === 0) return "1";
  const digits = [...String(Math.abs(power))].map((digit) => DIGITS[Number(digit)]);
  return `10${power < 0 ? "\u207b" : ""}${digits.join("")}`;
}

/** @type {(value: number, log: boolean) => string} */
function tickText(value, log) {
  if (log) return powerOfTen(Math.round(Math.log10(value)));
  return String(Number(value.toPrecision(3)));
}

// The median of each value and those before it, `n` at most; null where there is none.
// Unlike a mean, it forgets one odd value at once.
/** @type {(values: (number | null)[], n: number) => (number | null)[]} */
export function runningMedian(values, n) {
  return values.map((value, i) => {
    if (value === null) return null;
    const near = values.slice(Math.max(0, i + 1 - n), i + 1).filter((v) => v !== null);
    near.sort((one, other) => one - other);
    return (near[(near.length - 1) >> 1] + near[near.length >> 1]) / 2;
  });
}

/** @type {(step: number, last: number) => number} */
const xOf = (step, last) => LEFT + (ACROSS * step) / last;
/** @type {(value: number, range: Range) => number} */
const yOf = (value, range) => TOP + DOWN * (1 - Math.min(1, shareOf(value, range)));

// The points of a curve, as SVG's polyline takes them; gaps are left out.
/** @type {(curve: Curve, last: number, range: Range) => string} */
export function pointsOf({ steps, values }, last, range) {
  return values
    .map((v, i) =>
      v === null ? "" : `${xOf(steps[i], last).toFixed(1)},${yOf(v, range).toFixed(1)}`,
    )
    .filter((point) => point)
    .join(" ");
}

// The step under a pointer, given its share of the chart's width.
/** @type {(share: number, last: number) => number} */
export const stepAt = (share, last) => ((share * WIDTH - LEFT) / ACROSS) * last;

// Where in the chart a step is, as a share of its width.
/** @type {(step: number, last: number) => number} */
export const placeOfStep = (step, last) => xOf(step, last) / WIDTH;

/** @type {(last: number, range: Range) => string} */
function axes(last, range) {
  const [right, floor] = [WIDTH - RIGHT, HEIGHT - BOTTOM];
  // Long numbers share a power of ten, which stands inside.
  const long = !range.log && range.high >= 1e5;
  const power = long ? Math.floor(Math.log10(range.high)) : 0;
  const unit = `<text class="unit" x="${LEFT + 6}" y="${TOP + 12}">`;
  const rows = ticksOf(range).map((value) => {
    const y = yOf(value, range).toFixed(1);
    const text = tickText(value / 10 ** power, range.log);
    return (
      `<line class="grid" x1="${LEFT}" x2="${right}" y1="${y}" y2="${y}"/>` +
      `<text x="${LEFT - 5}" y="${y}" dy="4" text-anchor="end">${text}</text>`
    );
  });
  const steps = ticksOf({ low: 0, high: last, log: false });
  const columns = steps.map((step) => {
    const x = xOf(step, last).toFixed(1);
    const end = step === last ? ` text-anchor="end" dx="8"` : ` text-anchor="middle"`;
    const text = step.toLocaleString("en-US");
    return `<text x="${x}" y="${floor + 16}"${end}>${text}</text>`;
  });
  if (power) rows.push(`${unit}\u00d7 ${powerOfTen(power)}</text>`);
  return rows.concat(columns).join("");
}

// A chart in which `draw` puts curves and `move` the cursor, at a step of `last`.
/** @type {(last: number) => { node: HTMLElement,
 *   draw: (curves: Curve[], range: Range) => void,
 *   move: (step: number) => void }} */
export function makeChart(last) {
  const node = make("div", { class: "chart", role: "img" });
  let at = 0;
  const move = (/** @type {number} */ step) => {
    at = step;
    const x = xOf(at, last).toFixed(1);
    for (const name of ["x1", "x2"]) {
      node.querySelector(".cursor")?.setAttribute(name, x);
    }
  };
  return {
    node,
    move,
    draw(curves, range) {
      const lines = curves.map((curve) => {
        const points = pointsOf(curve, last, range);
        return `<polyline class="${curve.kind}" points="${points}"/>`;
      });
      node.innerHTML =
        `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">` +
        `${axes(last, range)}${lines.join("")}` +
        `<line class="cursor" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/></svg>`;
      move(at);
    },
  };
}
