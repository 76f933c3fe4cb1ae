// One pixel of two or three possible colors, and descent on two losses, step by step.

import { nearestBin } from "./bins.js";
import { makeChart, powerOfTen, rangeOf } from "./chart.js";
import { labToRgb, pullToShown } from "./color.js";
import { descendEntropy, descendSquared, targetOf, weighShares } from "./descent.js";
import {
  cssColor,
  floats,
  make,
  makeButtons,
  makeSlider,
  onArrows,
  settle,
  tie,
  within,
} from "./page.js";
import {
  drawAxes,
  drawMark,
  makeMarkIcon,
  nameAxes,
  numberAxes,
  openPlane,
  paintBins,
  pointedAt,
  rimmed,
  tellColor,
} from "./plane.js";
import { makePlay } from "./play.js";

/** @import { Pair, View } from "./page.js" */
/** @import { Frame, Plane } from "./plane.js" */

const LETTERS = ["A", "B", "C"];
const [LOW, SPAN] = [-112, 224]; // ab units: all bins
/** @type {Frame} */
const FRAME = { size: 360, corner: [LOW, LOW], span: SPAN };
const MOST = 200; // steps
const BEAT = 60; // milliseconds of a step, when it runs
const FAR = 1000; // ab units: no need to say how much farther
const SHIRTS = {
  colors: [
    [60, 40],
    [0, -50],
    [0, 60],
  ],
  weight: 1,
  steps: 0,
};
const TRIES = [
  { name: "red or blue", given: { ...SHIRTS, counts: [6, 4, 0] } },
  { name: "three shirts", given: { ...SHIRTS, counts: [4, 3, 3] } },
  {
    name: "gray wall, rarely brick",
    given: {
      ...SHIRTS,
      colors: [
        [0, 0],
        [40, 30],
        [0, 60],
      ],
      counts: [19, 1, 0],
    },
  },
];

/** @type {(share: number) => string} */
const percent = (share) => `${(100 * share).toFixed(0)}\u00a0%`;

// A loss in few digits: 0.67, 1404, or 1.2 × 10³⁰ where it has run away.
/** @type {(loss: number) => string} */
function tell(loss) {
  if (loss >= 1e6) {
    const [digits, power] = loss.toExponential(1).split("e");
    return `${digits}\u00a0\u00d7\u00a0${powerOfTen(Number(power))}`;
  }
  return loss.toFixed(loss < 100 ? 2 : 0);
}

// The line of the guess, from gray; and the guess, in its color.
/** @type {(plane: Plane, path: Pair[], L: number) => void} */
function drawPath({ context, place, size }, path, L) {
  /** @type {(point: Pair) => Pair} */
  const inside = (point) => {
    const [x, y] = place(...point);
    return [within(x, -size, 2 * size), within(y, -size, 2 * size)];
  };
  context.beginPath();
  for (const point of path) context.lineTo(...inside(point));
  rimmed(context, 1.2);
  for (const point of path.slice(0, -1)) {
    context.beginPath();
    context.arc(...inside(point), 2.2, 0, 2 * Math.PI);
    context.fillStyle = "#000";
    context.fill();
  }
  const last = path[path.length - 1];
  const [x, y] = inside(last);
  context.beginPath();
  context.arc(x, y, 8, 0, 2 * Math.PI);
  context.fillStyle = cssColor(labToRgb(L, ...last));
  context.fill();
  drawMark(context, "circle", x, y, 8);
}

// A color on the plane that the pointer and the arrow keys move: a ring, so that the
// square of its bin is seen.
/** @type {(letter: string, canvas: HTMLElement, color: () => Pair,
 *   move: (color: Pair) => void) => HTMLElement} */
function makeRing(letter, canvas, color, move) {
  const ring = make("button", { type: "button", class: "handle side" }, [
    make("span", {}, [letter]),
  ]);
  ring.addEventListener("pointerdown", (event) => {
    ring.setPointerCapture(event.pointerId);
  });
  ring.addEventListener("pointermove", (event) => {
    if (!ring.hasPointerCapture(event.pointerId)) return;
    move(pointedAt(canvas, event, FRAME));
  });
  onArrows(ring, ([x, y], far) => {
    const step = far ? 10 : 2;
    move([color()[0] + step * x, color()[1] + step * y]);
  });
  return ring;
}

const LETTER_SHARE = 0.028; // of the narrowest bar, that a letter takes

// Parts of a whole, side by side, each in its color.
/** @type {() => { node: HTMLElement,
 *   show: (parts: { share: number, name: string, color: string }[]) => void }} */
function makeShares() {
  const node = make("div", { class: "shares" });
  return {
    node,
    show(parts) {
      node.replaceChildren(
        ...parts.map(({ share, name, color }) => {
          const words = [name, name.split(" ")[0], ""];
          const fits = words.find((word) => share > LETTER_SHARE * word.length);
          const kind = color ? "color" : "others";
          const part = make("span", { title: name, class: kind }, [fits ?? ""]);
          part.style.flexGrow = String(share);
          part.style.background = color;
          part.hidden = share < 0.001;
          return part;
        }),
      );
    },
  };
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const L = model.get("L");
  const centers = floats(model.get("centers"));
  const canvas = make("canvas", { class: "plane", role: "img" });
  const rings = LETTERS.map((letter, i) =>
    makeRing(
      letter,
      canvas,
      () => state().colors[i],
      ([a, b]) => {
        const to = (/** @type {number} */ v) => within(Math.round(v), LOW, LOW + SPAN);
        const colors = [...state().colors];
        colors[i] = pullToShown(L, to(a), to(b));
        set({ colors });
      },
    ),
  );
  const photos = LETTERS.map((letter, i) => {
    const range = { min: 0, max: 20, step: 1 };
    return makeSlider(letter, `Photos in which ${letter} is true`, range, (n) => {
      const counts = [...state().counts];
      counts[i] = n;
      if (counts.some((each) => each > 0)) set({ counts });
      else draw();
    });
  });
  const heard = makeSlider(
    "B counts",
    "How often each photo with B counts",
    { min: 1, max: 40, step: 1 },
    (weight) => set({ weight }),
  );
  const rates = makeSlider(
    "rate",
    "Learning rate",
    { min: 0.05, max: 4, step: 0.05 },
    (rate) => set({ rate }),
  );
  const time = makeSlider(
    "step",
    "Steps of descent",
    { min: 0, max: MOST, step: 1 },
    (steps) => {
      stop();
      set({ steps });
    },
  );
  const { button: play, stop } = makePlay("run", BEAT, begin, () => {
    const steps = Math.min(MOST, state().steps + 1);
    set({ steps });
    return steps === MOST;
  });
  const once = make("button", { type: "button" }, ["1 step"]);
  once.addEventListener("click", () => {
    stop();
    set({ steps: Math.min(MOST, state().steps + 1) });
  });
  const again = make("button", { type: "button" }, ["back to gray"]);
  again.addEventListener("click", () => {
    stop();
    set({ steps: 0 });
  });
  const tries = makeButtons(
    "Try",
    TRIES.map(({ name }) => name),
    (i) => {
      stop();
      set(TRIES[i].given);
    },
  );
  const swatch = make("div", { class: "swatch" });
  const guess = make("p", { class: "guess" });
  const [asked, answered] = [makeShares(), makeShares()];
  const told = make("p", { class: "told" });
  const charts = [makeChart(MOST), makeChart(MOST)];
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  const traits = ["colors", "counts", "weight", "rate", "steps"];
  const { state, set, untie } = tie(model, traits, draw);

  function begin() {
    if (state().steps === MOST) set({ steps: 0 });
  }

  /** @type {(i: number, losses: number[], floor: number, name: string) => void} */
  function drawChart(i, losses, floor, name) {
    const steps = losses.map((_, n) => n);
    const curves = [
      { kind: "healthy", steps: [0, MOST], values: [floor, floor] },
      { kind: "late", steps, values: losses },
    ];
    const last = losses[losses.length - 1];
    const most = Math.max(floor, ...losses);
    // A loss that runs away rises to the last: cut off, it would seem to settle.
    const seen = last === most ? [last] : [losses[0], floor, ...losses];
    charts[i].draw(curves, rangeOf(seen, false));
    charts[i].move(steps.length - 1);
    const label = `${name} by step: ${tell(last)} now, ${tell(floor)} at best`;
    charts[i].node.setAttribute("aria-label", label);
  }

  function draw() {
    const { colors, counts, weight, rate, steps } = state();
    const shares = weighShares(counts, weight);
    const { path, losses } = descendSquared(colors, shares, rate, steps);
    const target = targetOf(colors, shares, centers);
    const found = descendEntropy(target, rate, steps);
    const plane = openPlane(canvas, FRAME);
    drawAxes(plane);
    paintBins(plane, found.p, centers, L);
    numberAxes(plane);
    drawPath(plane, path, L);
    nameAxes(plane);
    colors.forEach((/** @type {Pair} */ [a, b], /** @type {number} */ i) => {
      const { style } = rings[i];
      style.left = `${(100 * (a - LOW)) / SPAN}%`;
      style.top = `${100 - (100 * (b - LOW)) / SPAN}%`;
      rings[i].classList.toggle("never", !counts[i]);
      const times = `true in ${counts[i]} photos`;
      const label = `Color ${LETTERS[i]}, ${tellColor([a, b])}, ${times}.`;
      rings[i].setAttribute("aria-label", `${label} Arrow keys move it.`);
      const own = cssColor(labToRgb(L, a, b));
      photos[i].row.style.setProperty("--own", own);
      photos[i].set(counts[i], String(counts[i]));
    });
    heard.set(weight, `${weight} \u00d7`);
    rates.set(rate, rate.toFixed(2));
    time.set(steps);
    describe({ shares, path, losses, target, found });
  }

  /** @type {(made: { shares: number[], path: Pair[], losses: number[],
   *   target: Float64Array, found: { p: Float32Array, losses: number[] } }) => void} */
  function describe({ shares, path, losses, target, found }) {
    const { colors, steps } = state();
    const best = descendSquared(colors, shares, 1, 1); // one whole step: the mean
    const mean = best.path[1];
    const last = path[path.length - 1];
    const gone = Math.hypot(...last) > FAR;
    swatch.style.background = cssColor(labToRgb(L, ...last));
    const chroma = Math.hypot(...last).toFixed(0);
    guess.textContent = gone
      ? "It has left the plane, farther than 1,000."
      : `${tellColor(last)}: chroma ${chroma}. Best: ${tellColor(mean)}.`;
    const bins = colors.map((/** @type {Pair} */ [a, b]) => nearestBin(a, b, centers));
    const own = [...new Set(bins)];
    /** @type {(p: ArrayLike<number>) => { share: number, name: string,
     *   color: string }[]} */
    const parts = (p) =>
      own.map((q) => ({
        share: p[q],
        name: `${LETTERS.filter((_, i) => bins[i] === q).join("")} ${percent(p[q])}`,
        color: cssColor(labToRgb(L, centers[2 * q], centers[2 * q + 1])),
      }));
    asked.show(parts(target));
    const rest = 1 - own.reduce((sum, q) => sum + found.p[q], 0);
    answered.show([
      ...parts(found.p),
      { share: rest, name: `others ${percent(rest)}`, color: "" },
    ]);
    const floor = target.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
    drawChart(0, losses, best.losses[1], "squared error");
    drawChart(1, found.losses, floor, "cross-entropy");
    const named = parts(found.p).map(({ name }) => name);
    told.textContent = `${named.join(", ")}, all others ${percent(rest)}.`;
    const n = steps === 1 ? "1 step" : `${steps} steps`;
    readout.textContent =
      `After ${n}: squared error ${tell(losses[steps])}, at best ` +
      `${tell(best.losses[1])}; cross-entropy ${tell(found.losses[steps])} nats, ` +
      `at best ${tell(floor)}.`;
    canvas.setAttribute(
      "aria-label",
      `The ab plane after ${n}: the guess of the squared error at ` +
        `${tellColor(last)}; bins of the cross-entropy: ${told.textContent}`,
    );
  }

  /** @type {(shape: string, name: string, rest: Node[]) => HTMLElement} */
  const answer = (shape, name, rest) =>
    make("div", { class: "answer" }, [
      make("div", { class: "title" }, [makeMarkIcon(shape, 20, 6), name]),
      ...rest,
    ]);
  el.append(
    make("div", { class: "lab-figure loss-playground" }, [
      make("div", { class: "bar" }, [tries.row]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane view" }, [
          make("div", { class: "field" }, [canvas, ...rings]),
          make("div", { class: "bar" }, [play, once, again]),
          time.row,
          rates.row,
          make("div", { class: "title" }, ["photos that look like this one, with"]),
          ...photos.map(({ row }) => row),
          heard.row,
        ]),
        make("div", { class: "pane" }, [
          answer("circle", "squared error: one color", [
            make("div", { class: "entry" }, [swatch, guess]),
            charts[0].node,
          ]),
          answer("square", "cross-entropy: a share for each bin", [
            make("div", { class: "entry" }, [make("span", {}, ["asked"]), asked.node]),
            make("div", { class: "entry" }, [
              make("span", {}, ["said"]),
              answered.node,
            ]),
            charts[1].node,
          ]),
          readout,
        ]),
      ]),
    ]),
  );
  draw();
  return settle(el, draw, stop, untie);
}

export default { render };
