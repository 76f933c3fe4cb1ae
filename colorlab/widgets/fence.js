// A fence that turns around the colors of a screen, and the grid points it leaves.

import { firstFences, gridPoints, hullFences } from "./bins.js";
import {
  animate,
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
  withMinus,
} from "./page.js";
import {
  centerOf,
  drawAxes,
  inks,
  nameAxes,
  numberAxes,
  openPlane,
  rimmed,
  square,
  write,
  writeOnGround,
} from "./plane.js";
import { drawShadow, outline } from "./shadow.js";

/** @import { Pair, View } from "./page.js" */
/** @import { Frame, Plane } from "./plane.js" */

/** @type {Frame} */
const FRAME = { size: 440, corner: [-125, -125], span: 250 };
const TURN = 3600; // directions
const PADDING = 10; // ab units: a bin
const FAR = 400; // ab units: beyond the frame
const DURATION = 6000; // milliseconds of a turn that runs by itself

/** @type {(plane: Plane, points: Pair[]) => void} */
function line({ context, place }, points) {
  context.beginPath();
  for (const point of points) context.lineTo(...place(...point));
}

// The fence across direction (u, v), as far out as `reach`, and all that is behind it.
/** @type {(plane: Plane, u: number, v: number, reach: number) => void} */
function drawFence(plane, u, v, reach) {
  const { context, place, ink } = plane;
  /** @type {(along: number, across: number) => Pair} */
  const at = (along, across) => [along * u - across * v, along * v + across * u];
  outline(plane, [at(reach, -FAR), at(reach, FAR), at(FAR, FAR), at(FAR, -FAR)]);
  context.globalAlpha = 0.16;
  context.fillStyle = ink("ink");
  context.fill();
  context.globalAlpha = 1;
  line(plane, [at(reach, -FAR), at(reach, FAR)]);
  rimmed(context, 2.5);
  line(plane, [[0, 0], at(reach, 0)]);
  for (const across of [-5, 5]) {
    const [x, y] = place(...at(reach - 7, across));
    context.moveTo(...place(...at(reach, 0)));
    context.lineTo(x, y);
  }
  rimmed(context, 1.5);
  const [x, y] = place(...at(0.55 * reach, 8));
  write(context, "u", x, y + 4);
}

// Kept grid points as dots, dropped ones as crosses, framed where they are behind the
// fence: one path a kind.
/** @type {(plane: Plane, points: Pair[], dropped: boolean[], outside: boolean[]) =>
 *   void} */
function drawDots({ context, place, ink }, points, dropped, outside) {
  const [dots, crosses, frames] = [new Path2D(), new Path2D(), new Path2D()];
  points.forEach((point, i) => {
    const [x, y] = place(...point);
    if (outside[i]) frames.rect(x - 6, y - 6, 12, 12);
    if (dropped[i]) {
      for (const rise of [-2.5, 2.5]) {
        crosses.moveTo(x - 2.5, y - rise);
        crosses.lineTo(x + 2.5, y + rise);
      }
    } else {
      dots.moveTo(x + 2.7, y);
      dots.arc(x, y, 2.7, 0, 2 * Math.PI);
    }
  });
  context.lineWidth = 1;
  context.strokeStyle = ink("dropped");
  context.stroke(crosses);
  context.strokeStyle = ink("ink");
  context.stroke(frames);
  context.strokeStyle = ink("sheet");
  context.fillStyle = ink("ink");
  context.fill(dots);
  context.stroke(dots);
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const gamut = floats(model.get("gamut"));
  const fences = hullFences(gamut, TURN);
  const points = gridPoints([], 0);
  const first = [0, PADDING].map((padding) => firstFences(points, fences, padding));
  const shadow = make("canvas");
  const canvas = make("canvas", { class: "plane", tabindex: "0", role: "application" });
  const range = { min: 0, max: TURN, step: 10 };
  const slider = makeSlider("turn", "Direction of the fence", range, turnTo);
  const actions = makeButtons(
    "The fence",
    ["turn once around", "push out by the square", "start again"],
    (i) => [run, push, restart][i](),
  );
  const [count, unit] = [make("strong"), make("span")];
  const counter = make("p", { class: "counter", role: "status" }, [count, " ", unit]);
  const told = make("p", { class: "told", "aria-live": "polite" });
  const { state, set, untie } = tie(model, ["angle", "tried", "padded"], draw);
  let stop = () => {};
  let held = 0; // tenths of a degree from the finger to the fence

  // The direction of the fence, and how far out it stands.
  /** @type {() => [number, number, number]} */
  function fenceNow() {
    const { angle, padded } = state();
    const [u, v, far] = fences[angle % TURN];
    const square = padded ? PADDING * (Math.abs(u) + Math.abs(v)) : 0;
    return [u, v, far + square];
  }

  /** @type {(angle: number) => void} */
  function turnTo(angle) {
    stop();
    set({ angle, tried: Math.max(angle, state().tried) });
  }

  function run() {
    stop();
    set({ angle: 0, tried: 0 });
    stop = animate(DURATION, (share) => {
      const angle = Math.round(share * TURN);
      set({ angle, tried: angle });
    });
  }

  function push() {
    set({ padded: !state().padded });
  }

  function restart() {
    stop();
    set({ angle: 0, tried: 0, padded: false });
  }

  function draw() {
    const { angle, tried, padded } = state();
    const plane = openPlane(canvas, FRAME);
    const { context, place } = plane;
    const [, , far, tip] = fences[angle % TURN];
    const [u, v, reach] = fenceNow();
    const padding = padded ? PADDING : 0;
    const firstOf = first[Number(padded)];
    context.drawImage(shadow, 0, 0, FRAME.size, FRAME.size);
    drawAxes(plane);
    // What the fences so far enclose on their sides.
    const rim = fences.slice(0, tried + 1).map(([x, y, , t]) => {
      const [a, b] = centerOf(gamut, t);
      return `${a + padding * Math.sign(x)} ${b + padding * Math.sign(y)}`;
    });
    const corners = [...new Set(rim)].map((text) => text.split(" ").map(Number));
    if (tried < TURN - 1) line(plane, /** @type {Pair[]} */ (corners));
    else outline(plane, /** @type {Pair[]} */ (corners));
    rimmed(context, 2);
    drawFence(plane, u, v, reach);
    const outside = points.map(([a, b]) => u * a + v * b > reach);
    const dropped = points.map((_, i) => firstOf[i] <= tried);
    drawDots(plane, points, dropped, outside);
    numberAxes(plane, writeOnGround);
    const left = dropped.filter((it) => !it).length;
    const now = outside.filter(Boolean).length;
    const touched = centerOf(gamut, tip);
    if (padded) {
      square(plane, touched, 2 * PADDING);
      rimmed(context, 1.5);
    }
    context.beginPath();
    context.arc(...place(...touched), 4, 0, 2 * Math.PI);
    rimmed(context, 2);
    nameAxes(plane, writeOnGround);
    describe({ u, v, far, reach, left, now });
  }

  /** @type {(found: { u: number, v: number, far: number, reach: number, left: number,
   *   now: number }) => void} */
  function describe({ u, v, far, reach, left, now }) {
    const { angle, tried, padded } = state();
    const degrees = (angle / 10).toFixed(0);
    const whole = tried >= TURN - 1;
    slider.set(angle, `${degrees}\u00b0`);
    slider.input.setAttribute("aria-valuetext", `${degrees} degrees`);
    actions.press(padded ? 1 : -1);
    count.textContent = String(left);
    unit.textContent = !whole
      ? "grid points left so far"
      : padded
        ? "grid points left: the bins"
        : "grid points left: those in the hull";
    const extra = padded
      ? `, and 10 (|u_a| + |u_b|) = ${(reach - far).toFixed(1)} farther for the square`
      : "";
    told.textContent = withMinus(
      `u = (${u.toFixed(2)}, ${v.toFixed(2)}). The fence stands where the farthest ` +
        `color is, ${far.toFixed(1)} along u${extra}. ` +
        `${now} grid points are behind it.`,
    );
    canvas.setAttribute(
      "aria-label",
      `The ab plane with a fence at ${degrees} degrees; ${left} grid points are ` +
        "left. Drag the fence around, or turn it with the arrow keys.",
    );
  }

  function repaint() {
    const sheet = openPlane(shadow, FRAME, inks(canvas));
    drawShadow(sheet, gamut, model.get("levels"));
    draw();
  }

  onDrag(
    canvas,
    // From the fence, which is a line from edge to edge.
    (spot) => {
      const [u, v, reach] = fenceNow();
      const [x, y] = placeOn(canvas, spot).map((share) => (share - 0.5) * FRAME.span);
      return (Math.abs(u * x - v * y - reach) * canvas.clientWidth) / FRAME.span;
    },
    (event) => {
      const [x, y] = placeOn(canvas, event);
      const degrees = (Math.atan2(0.5 - y, x - 0.5) * 180) / Math.PI;
      const before = state().angle;
      // A finger turns the fence from where it takes hold, a mouse brings it there.
      const { type, pointerType } = /** @type {PointerEvent} */ (event);
      const takes = type === "pointerdown" && pointerType === "touch";
      if (takes) held = before - Math.round(degrees * 10);
      const angle = (Math.round(degrees * 10) + held + 2 * TURN) % TURN;
      const wraps = Math.abs(angle - before) > TURN / 2; // the turn has two ends
      turnTo(wraps ? (before > TURN / 2 ? TURN : 0) : angle);
    },
    () => {
      held = 0;
    },
  );
  onArrows(canvas, ([x, y], far) => {
    turnTo(within(state().angle + (x + y) * (far ? 100 : 10), 0, TURN));
  });
  el.append(
    make("div", { class: "lab-figure turning-fence" }, [
      make("div", { class: "bar" }, [slider.row]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane view" }, [canvas]),
        make("div", { class: "pane controls" }, [counter, actions.row, told]),
      ]),
    ]),
  );
  draw();
  return settle(el, repaint, () => stop(), untie);
}

export default { render };
