// Two plausible colors of one pixel: drag them, their odds and T.

import { answersForTwo, distribution } from "./bins.js";
import { labToRgb, pullToShown } from "./color.js";
import {
  cssColor,
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
  openPlane,
  paintSlice,
  pointedAt,
  rimmed,
  tellColor,
  write,
} from "./plane.js";

/** @import { Pair, View } from "./page.js" */
/** @import { Frame } from "./plane.js" */

const [LOW, SPAN] = [-85, 190]; // ab units: all colors of L = 60
/** @type {Frame} */
const FRAME = { size: 340, corner: [LOW, LOW], span: SPAN };
const PIXELS = 170; // of the slice
const HIDING = 24; // page pixels from a handle: there a small mark is behind it
const LONGEST = 120; // chroma of a full bar
/** @type {[name: string, shape: string, r: number][]} */
const ANSWERS = [
  ["L2: the mean", "circle", 5],
  ["annealed mean", "diamond", 5],
  ["mode", "square", 7],
];
const TRIES = [
  { name: "7 to 3", given: { first: [60, 40], second: [-50, 50], share: 0.7 } },
  { name: "half and half", given: { first: [60, 40], second: [-50, 50], share: 0.5 } },
  {
    name: "opposite colors",
    given: { first: [30, 20], second: [-30, -20], share: 0.5 },
  },
];

/** @type {(canvas: HTMLCanvasElement, gamut: HTMLCanvasElement, colors: Pair[],
 *   share: number, answers: Pair[]) => void} */
function paintTwo(canvas, gamut, colors, share, [mean, annealed, mode]) {
  const plane = openPlane(canvas, FRAME);
  const { context, place, size } = plane;
  context.globalAlpha = 0.45;
  context.drawImage(gamut, 0, 0, size, size);
  context.globalAlpha = 1;
  drawAxes(plane);
  nameAxes(plane);
  const [x, y] = place(0, 0);
  write(context, "gray", x + 5, y + 25, "left"); // clear of marks at gray
  context.beginPath();
  context.moveTo(...place(...colors[0]));
  context.lineTo(...place(...colors[1]));
  rimmed(context, 1.5, [5, 4]);
  for (const color of share === 0.5 ? colors : [mode]) {
    drawMark(context, "square", ...place(...color), 18);
  }
  // Sizes differ, so that marks of one color nest; behind a handle they are larger.
  /** @type {(shape: string, color: Pair, small: number, large: number) => void} */
  const mark = (shape, [a, b], small, large) => {
    const far = colors.map((c) => Math.hypot(a - c[0], b - c[1]) * plane.scale);
    const hidden = Math.min(...far) < HIDING;
    drawMark(context, shape, ...place(a, b), hidden ? large : small);
  };
  mark("diamond", annealed, 11, 17);
  mark("circle", mean, 6, 28);
}

/** @type {(color: Pair) => string} */
const chroma = (color) => Math.hypot(...color).toFixed(0);

/** @type {(name: string, icon: HTMLElement) => { row: HTMLElement,
 *   show: (L: number, color: Pair, note?: string) => void }} */
function makeAnswer(name, icon) {
  const [swatch, numbers, bar] = ["swatch", "numbers", "chroma"].map((kind) =>
    make("div", { class: kind }),
  );
  const text = make("div", {}, [make("div", {}, [name]), numbers, bar]);
  return {
    row: make("div", { class: "answer" }, [swatch, icon, text]),
    show(L, color, note = "") {
      swatch.style.background = cssColor(labToRgb(L, ...color));
      numbers.textContent = `${tellColor(color)}: chroma ${chroma(color)}${note}`;
      bar.style.width = `${(100 * Math.hypot(...color)) / LONGEST}%`;
    },
  };
}

// A color on the plane that the pointer and the arrow keys move.
/** @type {(letter: string, canvas: HTMLElement, color: () => Pair,
 *   move: (color: Pair) => void) => HTMLElement} */
function makeHandle(letter, canvas, color, move) {
  const handle = make("button", { type: "button", class: "handle side" }, [letter]);
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    move(pointedAt(canvas, event, FRAME));
  });
  onArrows(handle, ([x, y], far) => {
    const step = far ? 10 : 2;
    move([color()[0] + step * x, color()[1] + step * y]);
  });
  return handle;
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const L = model.get("L");
  const gamut = paintSlice(L, FRAME, PIXELS);
  const canvas = make("canvas", { class: "plane", role: "img" });
  const handles = ["first", "second"].map((name, i) =>
    makeHandle(
      "AB"[i],
      canvas,
      () => state()[name],
      ([a, b]) => {
        const to = (/** @type {number} */ v) => within(Math.round(v), LOW, LOW + SPAN);
        set({ [name]: pullToShown(L, to(a), to(b)) });
      },
    ),
  );
  const given = ["A", "B"].map((letter) =>
    makeAnswer(`color ${letter}`, make("span", { class: "letter" }, [letter])),
  );
  const answers = ANSWERS.map(([name, shape, r]) =>
    makeAnswer(name, makeMarkIcon(shape, 22, r)),
  );
  const odds = { min: 0, max: 1, step: 0.01 };
  const shareSlider = makeSlider("share of A", "Share of color A", odds, (share) =>
    set({ share }),
  );
  const range = { min: 0.01, max: 1, step: 0.01 };
  const temperature = makeSlider("T", "Temperature T", range, (T) => set({ T }));
  const names = TRIES.map(({ name }) => name);
  const tries = makeButtons("Try", names, (i) => set(TRIES[i].given));
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  const traits = ["first", "second", "share", "T"];
  const { state, set, untie } = tie(model, traits, draw);

  function draw() {
    const { first, second, share, T } = state();
    const colors = [first, second];
    const found = answersForTwo(first, second, share, T);
    paintTwo(canvas, gamut, colors, share, found);
    colors.forEach(([a, b], i) => {
      const { style } = handles[i];
      style.left = `${(100 * (a - LOW)) / SPAN}%`;
      style.top = `${100 - (100 * (b - LOW)) / SPAN}%`;
      style.background = cssColor(labToRgb(L, a, b));
      const label = `Color ${"AB"[i]}, ${tellColor([a, b])}. Arrow keys move it.`;
      handles[i].setAttribute("aria-label", label);
      given[i].show(L, [a, b]);
    });
    answers.forEach((answer, i) => {
      answer.show(L, found[i], i === 2 && share === 0.5 ? " (a tie: A or B)" : "");
    });
    shareSlider.set(share, share.toFixed(2));
    temperature.set(T, T.toFixed(2));
    const now = String([first, second, share]);
    tries.press(TRIES.findIndex(({ given: it }) => String(Object.values(it)) === now));
    const logits = Float32Array.from([share, 1 - share], Math.log);
    const [before, after] = [1, T].map((t) =>
      (100 * distribution(logits, 0, 2, t)[0]).toFixed(0),
    );
    readout.textContent =
      `L2 asks for chroma ${chroma(found[0])}, where A has ${chroma(first)} and ` +
      `B ${chroma(second)}. T = ${T.toFixed(2)} turns A\u2019s share of ` +
      `${before}\u00a0% into ${after}\u00a0%: the annealed mean has chroma ` +
      `${chroma(found[1])}.`;
    const told = ANSWERS.map(([name], i) => `${name} at ${tellColor(found[i])}`);
    canvas.setAttribute(
      "aria-label",
      `The ab plane: A at ${tellColor(first)}, B at ${tellColor(second)}; ` +
        told.join("; "),
    );
  }

  const rows = [...given, ...answers].map(({ row }) => row);
  const controls = [shareSlider.row, temperature.row, tries.row];
  el.append(
    make("div", { class: "lab-figure two-colors" }, [
      make("div", { class: "panes" }, [
        make("div", { class: "pane" }, [
          make("div", { class: "field" }, [canvas, ...handles]),
          make("div", { class: "controls" }, controls),
        ]),
        make("div", { class: "pane" }, [...rows, readout]),
      ]),
    ]),
  );
  draw();
  return settle(el, draw, untie);
}

export default { render };
