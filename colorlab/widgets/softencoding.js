// The soft encoding picker: drag a color, and its nearest bins share it.

import { softEncode } from "./bins.js";
import { isShown, labToRgb, pullToShown } from "./color.js";
import {
  cssColor,
  floats,
  make,
  makeButtons,
  makeLegend,
  makeSlider,
  onArrows,
  onDrag,
  settle,
  tie,
  within,
  withMinus,
} from "./page.js";
import {
  centerOf,
  distanceTo,
  drawAxes,
  drawMark,
  makeIcon,
  nameAxes,
  openPlane,
  paintSlice,
  pointedAt,
  rimmed,
  square,
  tellColor,
  write,
} from "./plane.js";

/** @import { Pair, View } from "./page.js" */
/** @import { Context, Frame, Plane } from "./plane.js" */

/** @typedef {{ color: Pair, shares: Pair[], mean: Pair, at: (q: number) => Pair,
 *   error: number, rounding: number }} Found */

/** @type {Frame} */
const WHOLE = { size: 280, corner: [-120, -120], span: 240 };
const PIXELS = 240; // of the slice
const CLOSE = { size: 400, span: 70 };
const FONT = "12px system-ui, sans-serif";
const LABEL = 28; // page pixels: a square in which a weight can be written
const REACH = 110; // how far, along a and b, a pointer is followed: see pullToShown
const KNOWN = [
  { name: "paper: \u03c3 5, k 5", given: { sigma: 5, k: 5 } },
  { name: "authors\u2019 code: \u03c3 5, k 10", given: { sigma: 5, k: 10 } },
  { name: "nearest bin: k 1", given: { k: 1 } },
];

/** @type {(context: Context, x: number, y: number) => void} */
const drawColor = (context, x, y) => drawMark(context, "cross", x, y, 6);
/** @type {(context: Context, x: number, y: number) => void} */
const drawMean = (context, x, y) => drawMark(context, "circle", x, y, 9);
/** @type {(context: Context, x: number, y: number, r?: number) => void} */
function drawSigma(context, x, y, r = 8) {
  context.beginPath();
  context.arc(x, y, r, 0, 2 * Math.PI);
  rimmed(context, 1, [4, 4]);
}

function softLegend() {
  const signs = [drawColor, drawMean, drawSigma];
  const names = ["color", "decoded: the mean", "distance \u03c3"];
  return makeLegend(
    signs.map((sign, i) => [
      makeIcon(24, (context, middle) => sign(context, middle, middle)),
      names[i],
    ]),
  );
}

// What a color becomes: its share of each near bin, their mean, and the errors.
/** @type {(color: Pair, k: number, sigma: number, centers: Float32Array) => Found} */
function encode(color, k, sigma, centers) {
  const shares = softEncode(...color, centers, k, sigma);
  const at = (/** @type {number} */ q) => centerOf(centers, q);
  const mean = /** @type {Pair} */ ([0, 0]);
  for (const [q, weight] of shares) {
    mean[0] += weight * at(q)[0];
    mean[1] += weight * at(q)[1];
  }
  const error = (/** @type {Pair} */ [a, b]) => Math.hypot(a - color[0], b - color[1]);
  const rounding = error(at(shares[0][0]));
  return { color, shares, mean, at, error: error(mean), rounding };
}

// Areas are like the weights, and the nearest bin's square is the whole bin.
/** @type {(weight: number, found: Found) => number} */
const side = (weight, { shares }) => 10 * Math.sqrt(weight / shares[0][1]);

// A number in the middle of its square, if it fits, or at the bin's edge. The color is
// in the nearest bin's square: there, on the side away from it.
/** @type {(plane: Plane, found: Found) => void} */
function writeWeights({ context, place, scale }, found) {
  found.shares.forEach(([q, weight], i) => {
    const [x, y] = place(...found.at(q));
    const edge = found.at(q)[1] > found.color[1] ? 13 - 5 * scale : 5 * scale - 4;
    const fits = i > 0 && side(weight, found) * scale > LABEL;
    write(context, weight.toFixed(3), x, y + (fits ? 4 : edge), "center", FONT);
  });
}

/** @type {(canvas: HTMLCanvasElement, slice: HTMLCanvasElement, centers: Float32Array,
 *   color: Pair, close: Frame) => void} */
function paintWhole(canvas, slice, centers, color, close) {
  const plane = openPlane(canvas, WHOLE);
  const { context, size, place, ink } = plane;
  context.drawImage(slice, 0, 0, size, size);
  drawAxes(plane);
  context.fillStyle = ink("ink");
  for (let q = 0; q < centers.length / 2; q++) {
    const [x, y] = place(...centerOf(centers, q));
    context.fillRect(x - 1, y - 1, 2, 2);
  }
  const [a, b] = close.corner;
  square(plane, [a + close.span / 2, b + close.span / 2], close.span);
  rimmed(context, 1.5);
  drawColor(context, ...place(...color));
  nameAxes(plane);
}

/** @type {(canvas: HTMLCanvasElement, frame: Frame, found: Found, Q: number,
 *   sigma: number, L: number) => void} */
function paintClose(canvas, frame, found, Q, sigma, L) {
  const plane = openPlane(canvas, frame);
  const { context, place, scale, ink } = plane;
  context.lineWidth = 1;
  context.strokeStyle = ink("faint");
  for (let q = 0; q < Q; q++) {
    square(plane, found.at(q), 10);
    context.stroke();
  }
  context.strokeStyle = ink("line");
  for (const [q, weight] of found.shares) {
    square(plane, found.at(q), 10);
    context.lineWidth = 1.5;
    context.stroke();
    square(plane, found.at(q), side(weight, found));
    context.fillStyle = cssColor(labToRgb(L, ...found.at(q)));
    context.fill();
    context.lineWidth = 1;
    context.stroke();
  }
  const [x, y] = place(...found.color);
  drawSigma(context, x, y, sigma * scale);
  writeWeights(plane, found);
  write(context, "close-up: a bin is 10 by 10 units", 6, 16, "left");
  drawMean(context, ...place(...found.mean));
  drawColor(context, x, y);
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const centers = floats(model.get("centers"));
  const L = model.get("L");
  const slice = paintSlice(L, WHOLE, PIXELS);
  const [whole, close] = ["whole", "close"].map((name) =>
    make("canvas", { class: `plane ${name}`, tabindex: "0", role: "application" }),
  );
  const sliders = {
    sigma: makeSlider(
      "\u03c3",
      "Width sigma, in ab units",
      { min: 1, max: 15, step: 0.25 },
      (sigma) => set({ sigma }),
    ),
    k: makeSlider("k", "Number of nearest bins k", { min: 1, max: 10, step: 1 }, (k) =>
      set({ k }),
    ),
  };
  const names = KNOWN.map(({ name }) => name);
  const known = makeButtons("Jump to", names, (i) => set(KNOWN[i].given));
  const [error, rest] = [make("strong"), make("span")];
  const list = make("ol", {
    class: "shares",
    "aria-label": "Nearest bins and weights",
  });
  const { state, set, untie } = tie(model, ["color", "k", "sigma"], (changed) => {
    if ("color" in changed && !dragging) corner = centered();
    draw();
  });
  let dragging = false; // in the close-up, which stays meanwhile
  let corner = centered();
  const frame = () => ({ ...CLOSE, corner });

  // The close-up follows by whole bins.
  /** @type {() => Pair} */
  function centered() {
    const [a, b] = state().color;
    const to = (/** @type {number} */ v) => Math.round(v / 10) * 10 - CLOSE.span / 2;
    return [to(a), to(b)];
  }

  function draw() {
    const { color, k, sigma } = state();
    const found = encode(color, k, sigma, centers);
    paintWhole(whole, slice, centers, color, frame());
    paintClose(close, frame(), found, centers.length / 2, sigma, L);
    describe(found);
  }

  /** @type {(found: Found) => void} */
  function describe({ color, shares, mean, at, error: distance, rounding }) {
    const { k, sigma } = state();
    sliders.sigma.set(sigma);
    sliders.k.set(k);
    /** @type {(given: { sigma?: number, k: number }) => boolean} */
    const holds = (given) => given.k === k && (given.sigma ?? sigma) === sigma;
    known.press(KNOWN.findIndex(({ given }) => holds(given)));
    error.textContent = `Error ${distance.toFixed(2)} ab units`;
    rest.textContent =
      ` from the color (${tellColor(color, 1)}) to the mean (${tellColor(mean, 2)}). ` +
      `Rounding to the nearest bin: ${rounding.toFixed(2)}.`;
    const entries = shares.map(([q, weight]) => [
      `bin ${q} `,
      make("span", {}, [withMinus(`(${at(q).join(", ")})`)]),
      " ",
      make("b", {}, [weight.toFixed(3)]),
    ]);
    list.replaceChildren(...entries.map((entry) => make("li", {}, entry)));
    const how = "Drag it, or move it with the arrow keys.";
    const told = `color ${tellColor(color, 1)}. ${how}`;
    const sized = `${k} nearest bins, squares sized by weight`;
    whole.setAttribute("aria-label", `The whole ab plane: ${told}`);
    close.setAttribute("aria-label", `${sized}: ${told}`);
  }

  /** @type {(color: Pair) => void} */
  function move([a, b]) {
    const to = (/** @type {number} */ v) =>
      within(Math.round(10 * v) / 10, -REACH, REACH) + 0;
    const inside = /** @type {Pair} */ ([to(a), to(b)]);
    // Toward gray to a decimal, so that what is told is what is encoded.
    const pulled = pullToShown(L, ...inside).map((v) => Math.trunc(10 * v) / 10 + 0);
    set({ color: isShown(L, ...inside) ? inside : pulled });
  }

  /** @type {(canvas: HTMLCanvasElement, shown: () => Frame, stays: boolean) => void} */
  function connect(canvas, shown, stays) {
    /** @type {(event: MouseEvent) => void} */
    const follow = (event) => {
      const { corner: low, span } = shown();
      const [a, b] = pointedAt(canvas, event, shown());
      dragging = stays;
      move([within(a, low[0], low[0] + span), within(b, low[1], low[1] + span)]);
    };
    onDrag(
      canvas,
      (spot) => distanceTo(state().color, canvas, spot, shown()),
      follow,
      () => {
        dragging = false;
        corner = centered();
        draw();
      },
    );
    onArrows(canvas, ([x, y], far) => {
      const step = far ? 10 : 1;
      const [a, b] = state().color.map(Math.round); // a finger stops anywhere
      move([a + step * x, b + step * y]);
    });
  }

  connect(whole, () => WHOLE, false);
  connect(close, frame, true);
  el.append(
    make("div", { class: "lab-figure soft-encoding-picker" }, [
      make("div", { class: "bar" }, [sliders.sigma.row, sliders.k.row]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane left" }, [whole, softLegend()]),
        make("div", { class: "pane right" }, [close]),
      ]),
      known.row,
      make("p", { class: "error", "aria-live": "polite" }, [error, rest]),
      list,
    ]),
  );
  draw();
  return settle(el, draw, untie);
}

export default { render };
