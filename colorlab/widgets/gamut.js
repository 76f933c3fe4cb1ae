// The gamut explorer: drag lightness, and switch the three rules on one by one. At step
// 0 there are no rules: any color can be picked, in steps of one unit.

import { gridPoints, hullFences } from "./bins.js";
import { isShown, labToRgb } from "./color.js";
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
  inks,
  makeIcon,
  openPlane,
  paintSlice,
  pointedAt,
  rimmed,
  square,
  write,
} from "./plane.js";
import { dot, drawShadow, outline } from "./shadow.js";

/** @import { Pair, Traits, View } from "./page.js" */
/** @import { Context, Frame, Plane } from "./plane.js" */

/** @typedef {{ kept: Pair[][], numbers: Map<string, number>[], tips: Pair[],
 *   rim: Pair[] }} Rules */

/** @type {Frame} */
const FRAME = { size: 440, corner: [-125, -125], span: 250 };
const PIXELS = 500; // of the slice
const STEPS = [
  ["1. A grid of 10", "Grid points from \u2212120 to 120, ten apart."],
  [
    "2. Inside the hull",
    "Keep those inside the hull (thick line) of all screen colors.",
  ],
  ["3. One bin of padding", "Widen the hull by one bin along a and b (dashed line)."],
];
const UNITS = ["grid points", "grid points in the hull", "bins"];

// What each step keeps, and the two outlines.
/** @type {(gamut: Float32Array) => Rules} */
function followRules(gamut) {
  const fences = hullFences(gamut);
  const kept = [gridPoints([], 0), gridPoints(fences, 0), gridPoints(fences, 10)];
  const tips = fences.map(([, , , tip]) => centerOf(gamut, tip));
  const rim = tips.map(([a, b], n) => {
    const [u, v] = fences[n];
    return /** @type {Pair} */ ([a + 10 * Math.sign(u), b + 10 * Math.sign(v)]);
  });
  const numbers = kept.map((points) => new Map(points.map((p, i) => [String(p), i])));
  return { kept, numbers, tips, rim };
}

/** @type {(plane: Plane, rules: Rules, step: number) => void} */
function drawRules(plane, rules, step) {
  const { context, place, ink } = plane;
  context.strokeStyle = ink("line");
  context.lineWidth = 0.7;
  if (step > 1) {
    for (const point of rules.kept[step - 1]) {
      square(plane, point, 10);
      context.stroke();
    }
    outline(plane, rules.tips);
    rimmed(context, 2.5);
  }
  if (step > 2) {
    outline(plane, rules.rim);
    context.setLineDash([7, 5]);
    context.strokeStyle = ink("ink");
    context.lineWidth = 2;
    context.stroke();
    context.setLineDash([]);
  }
  for (const point of rules.kept[0]) {
    dot(context, ...place(...point), fate(rules, point, step), ink);
  }
}

// What a step makes of a grid point: "kept", "padding" or "dropped".
/** @type {(rules: Rules, point: Pair, step: number) => string} */
function fate({ numbers }, point, step) {
  if (!numbers[step - 1].has(String(point))) return "dropped";
  return step === 3 && !numbers[1].has(String(point)) ? "padding" : "kept";
}

/** @type {(rules: Rules, point: Pair, step: number) => string} */
function tellFate(rules, point, step) {
  const number = rules.numbers[2].get(String(point));
  const bin = `bin ${number} of ${rules.kept[2].length}`;
  const outcome = fate(rules, point, step);
  if (outcome === "kept") return step < 3 ? "kept so far" : bin;
  if (outcome === "padding") return `${bin}, thanks to the padding`;
  return step === 2 && number !== undefined
    ? "dropped here, back in step 3"
    : "no bin: outside the outline";
}

// An axis's name on the sheet, in place of the first dots of the row at b.
/** @type {(plane: Plane, text: string, b: number) => void} */
function label({ context, scale, place, ink }, text, b) {
  const y = place(0, b)[1];
  const high = 10 * scale;
  context.font = "14px system-ui, sans-serif";
  context.fillStyle = ink("sheet");
  const dots = Math.ceil((context.measureText(text).width + 10) / high);
  context.fillRect(0, y - high / 2, dots * high, high);
  write(context, text, 6, y + 5, "left", context.font);
}

// Four hues of L = 65, placed as on the plane.
/** @type {(context: Context) => void} */
function drawSample(context) {
  for (let n = 0; n < 4; n++) {
    const [i, j] = [n % 2, n >> 1];
    context.fillStyle = cssColor(labToRgb(65, 60 * i - 30, 30 - 60 * j));
    context.fillRect(1 + 9 * i, 3 + 7 * j, 9, 7);
  }
}

function gamutLegend() {
  const names = { kept: "kept", padding: "kept as padding", dropped: "dropped" };
  const icons = Object.entries(names).map(([shape, name]) => {
    const icon = makeIcon(20, (context, middle) =>
      dot(context, middle, middle, shape, inks(context.canvas)),
    );
    return [icon, name];
  });
  const colors = makeLegend([
    [makeIcon(20, drawSample), "color: on a screen at this L"],
    [make("i", { class: "elsewhere" }), "at another L only"],
  ]);
  return [colors, makeLegend(icons)];
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const gamut = floats(model.get("gamut"));
  const rules = followRules(gamut);
  const [shadow, slice] = [make("canvas"), make("canvas")];
  const plane = make("canvas", { class: "plane", tabindex: "0", role: "application" });
  const range = { min: 0, max: 100, step: 1 };
  const lightness = makeSlider("L", "Lightness L", range, (L) => set({ L }));
  const names = STEPS.map(([name]) => name);
  const steps = makeButtons("Rules", names, (i) => set({ step: i + 1 }));
  const [count, unit] = [make("strong"), make("span")];
  const told = make("p", { class: "told" });
  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
  const pick = make("p", { class: "pick", "aria-live": "polite" });
  const counter = make("p", { class: "counter", role: "status" }, [count, " ", unit]);
  const [colors, dots] = gamutLegend();
  const ofRules = [dots, steps.row, counter, told];
  const { state, set, untie } = tie(model, ["L", "step", "point"], draw);

  /** @type {(changed: Traits) => void} */
  function draw(changed) {
    if ("L" in changed) paintSlice(state().L, FRAME, PIXELS, slice);
    paint();
    describe();
  }

  function repaint() {
    const sheet = openPlane(shadow, FRAME, inks(plane));
    drawShadow(sheet, gamut, model.get("levels"));
    paint();
  }

  function paint() {
    const { step, point } = state();
    const sheet = openPlane(plane, FRAME);
    sheet.context.drawImage(shadow, 0, 0, FRAME.size, FRAME.size);
    sheet.context.drawImage(slice, 0, 0, FRAME.size, FRAME.size);
    drawAxes(sheet);
    if (step) drawRules(sheet, rules, step);
    label(sheet, "a: green \u2194 red", -110);
    label(sheet, "b: blue \u2195 yellow", 110);
    square(sheet, point, step ? 11 : 6);
    rimmed(sheet.context, 2.5);
  }

  function describe() {
    const { L, step, point } = state();
    const [a, b] = point;
    lightness.set(L);
    for (const part of ofRules) part.classList.toggle("none", !step);
    if (step) tellRule(step);
    const shown = isShown(L, a, b);
    const rgb = labToRgb(L, a, b, false); // also beyond what a screen has
    swatch.classList.toggle("none", !shown);
    swatch.style.backgroundColor = shown ? cssColor(rgb) : "";
    const needed = rgb.map((v) => Math.round(255 * v) + 0).join(", ");
    const color = shown
      ? `R, G, B ${needed} at L ${L}`
      : `no screen color at this L, where R, G, B would be ${needed}`;
    pick.textContent = withMinus(
      step
        ? `Center a ${a}, b ${b}: ${tellFate(rules, point, step)}; ${color}.`
        : `a ${a}, b ${b}: ${color}.`,
    );
    const also = step ? ` and ${rules.kept[step - 1].length} ${UNITS[step - 1]}` : "";
    plane.setAttribute(
      "aria-label",
      `The ab plane with the screen colors of L ${L}${also}. ` +
        `Arrow keys pick a ${step ? "grid point" : "color, with Shift in tens"}.`,
    );
  }

  /** @type {(step: number) => void} */
  function tellRule(step) {
    const kept = rules.kept[step - 1].length;
    const before = rules.kept[Math.max(0, step - 2)].length;
    const change = ["", `${before - kept} are dropped.`, `${kept - before} come back.`];
    steps.press(step - 1);
    count.textContent = String(kept);
    unit.textContent = UNITS[step - 1];
    told.textContent = `${STEPS[step - 1][1]} ${change[step - 1]}`;
  }

  /** @type {(point: Pair) => void} */
  function choose(point) {
    const apart = state().step ? 10 : 1;
    const near = point.map((v) => within(Math.round(v / apart) * apart, -120, 120) + 0);
    if (String(near) !== String(state().point)) set({ point: near });
  }

  const follow = (/** @type {MouseEvent} */ event) =>
    choose(pointedAt(plane, event, FRAME));
  onDrag(plane, (spot) => distanceTo(state().point, plane, spot, FRAME), follow);
  onArrows(plane, ([x, y], shift) => {
    const { step, point } = state();
    const far = step || shift ? 10 : 1;
    choose([point[0] + far * x, point[1] + far * y]);
  });
  el.append(
    make("div", { class: "lab-figure gamut-explorer" }, [
      make("div", { class: "panes" }, [
        make("div", { class: "pane view" }, [plane, colors, dots]),
        make("div", { class: "pane controls" }, [
          lightness.row,
          steps.row,
          counter,
          told,
          make("div", { class: "picked" }, [swatch, pick]),
        ]),
      ]),
    ]),
  );
  draw({ L: state().L });
  return settle(el, repaint, untie);
}

export default { render };
