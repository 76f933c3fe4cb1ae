// A person's say: dots of color on the photo, chosen from what the network thinks
// likely at the ringed point, or any other color.

import { labToRgb, rgbToLab } from "../../colorlab/widgets/color.js";
import {
  cssColor,
  make,
  onArrows,
  placeOn,
  within,
} from "../../colorlab/widgets/page.js";
import { tellColor } from "../../colorlab/widgets/plane.js";

/** @import { Dot, Offer } from "./blend.js" */

/** @typedef {{ width: number, height: number, model: string, T: number,
 *   seen: number }} Settings What the dots were made with. */
/** @typedef {{ node: HTMLElement, layer: HTMLElement, dots: () => Dot[],
 *   at: (x: number, y: number) => void, offer: (L: number, offers: Offer[]) => void,
 *   reset: () => void }} Hints */

const FORMAT = "colorlab hints 1"; // as colorlab.cli.hintfile reads it
const LEAST = 0.005; // the share of a color that is offered
const STEP = 1 / 200; // of the photo's sides, by an arrow key

/** @type {(rgb: number[]) => string} */
const hex = (rgb) =>
  `#${rgb
    .map((c) =>
      Math.round(255 * c)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;

// The ab of "#rrggbb".
/** @type {(text: string) => [number, number]} */
function abOf(text) {
  const [r, g, b] = [1, 3, 5].map((i) => Number.parseInt(text.slice(i, i + 2), 16));
  const lab = rgbToLab(r, g, b);
  return [lab[1], lab[2]];
}

// The file that `colorlab colorize --hints` takes.
/** @type {(dots: Dot[], settings: Settings) => string} */
export function writeHints(dots, { width, height, model, T, seen }) {
  const content = {
    format: FORMAT,
    size: [width, height],
    units: "relative",
    model,
    T: Math.max(T, 1e-6),
    seen,
    dots: dots.map(({ x, y, a, b }) => ({ x, y, ab: [a, b] })),
  };
  return `${JSON.stringify(content, null, 1)}\n`;
}

/** @type {(text: string, run: () => void) => HTMLButtonElement} */
function makePress(text, run) {
  const button = make("button", { type: "button" }, [text]);
  button.addEventListener("click", run);
  return button;
}

// `change` hears that the dots have changed, `go` that the ring is wanted elsewhere,
// and `save` that the file is.
/** @type {(tell: { change: () => void, go: (x: number, y: number) => void,
 *   save: () => void }) => Hints} */
export function makeHints(tell) {
  /** @type {Dot[]} */
  let dots = [];
  /** @type {Dot[][]} */
  let before = []; // older ones, to undo
  let [x, y] = [0.5, 0.5]; // of the ringed point
  /** @type {HTMLElement[]} */
  const knobs = [];

  const offers = make("div", {
    class: "group offers",
    role: "group",
    "aria-label": "Likely colors of the ringed point",
  });
  const any = make("input", { type: "color", "aria-label": "Any other color" });
  const undo = makePress("Undo", () => {
    dots = before.pop() ?? dots;
    draw();
    tell.change();
  });
  const remove = makePress("Delete this dot", () => drop(chosen()));
  const clear = makePress("Delete all", () => put([]));
  const save = makePress("Save the dots", tell.save);
  const told = make("p", { "aria-live": "polite" });
  const layer = make("div", { class: "dots" });
  let lightness = 50; // of the ringed point
  let usual = [0, 0]; // its color, if there is no dot
  let picking = false; // while colors are tried, undo goes back to before the first
  any.addEventListener("input", () => {
    paint(abOf(any.value), !picking);
    picking = true;
  });
  any.addEventListener("change", () => {
    picking = false;
  });

  const chosen = () => dots.findIndex((dot) => dot.x === x && dot.y === y);

  // "Any color" starts from the ringed dot's, or the network's.
  function showColor() {
    if (picking) return; // it is the reader's
    const dot = dots[chosen()];
    const [a, b] = dot ? [dot.a, dot.b] : usual;
    any.value = hex(labToRgb(lightness, a, b));
  }

  /** @type {(next: Dot[], undoable?: boolean) => void} */
  function put(next, undoable = true) {
    if (undoable) before.push(dots);
    dots = next;
    draw();
    tell.change();
  }

  /** @type {(i: number) => void} */
  function drop(i) {
    if (i >= 0) put(dots.filter((_, n) => n !== i));
  }

  // Give the ringed point a color: a new dot, or the one that is there.
  /** @type {(color: [number, number], undoable?: boolean) => void} */
  function paint([a, b], undoable = true) {
    const i = chosen();
    const dot = { x, y, a, b };
    const next = i < 0 ? [...dots, dot] : dots.map((old, n) => (n === i ? dot : old));
    put(next, undoable);
  }

  /** @type {(i: number, to: [number, number], undoable: boolean) => void} */
  function move(i, to, undoable) {
    [x, y] = [within(to[0], 0, 1), within(to[1], 0, 1)];
    const moved = { ...dots[i], x, y };
    put(
      dots.map((dot, n) => (n === i ? moved : dot)),
      undoable,
    );
    tell.go(x, y);
  }

  // A dot on the photo, which is dragged, moved by arrow keys, or deleted by a key.
  /** @type {(i: number) => HTMLElement} */
  function makeKnob(i) {
    const knob = make("button", { type: "button", class: "dot side" }, [make("span")]);
    let [held, moved] = [false, false];
    const choose = () => tell.go(dots[i].x, dots[i].y);
    knob.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      knob.setPointerCapture(event.pointerId);
      [held, moved] = [true, false];
      choose();
    });
    knob.addEventListener("pointermove", (event) => {
      if (!held || (!moved && Math.hypot(event.movementX, event.movementY) < 1)) return;
      move(i, placeOn(layer, event), !moved);
      moved = true;
    });
    const end = () => {
      held = false;
    };
    knob.addEventListener("pointerup", end);
    knob.addEventListener("pointercancel", end);
    knob.addEventListener("focus", choose);
    knob.addEventListener("keydown", (event) => {
      if (event.key !== "Delete" && event.key !== "Backspace") return;
      event.preventDefault();
      drop(i);
      (knobs[Math.min(i, dots.length - 1)] ?? offers.querySelector("button"))?.focus();
    });
    onArrows(knob, ([right, up], far) => {
      const step = STEP * (far ? 10 : 1);
      move(i, [dots[i].x + step * right, dots[i].y - step * up], true);
    });
    return knob;
  }

  function draw() {
    while (knobs.length < dots.length) knobs.push(makeKnob(knobs.length));
    layer.replaceChildren(...knobs.slice(0, dots.length));
    dots.forEach((dot, i) => {
      const knob = knobs[i];
      knob.style.left = `${100 * dot.x}%`;
      knob.style.top = `${100 * dot.y}%`;
      /** @type {HTMLElement} */ (knob.firstChild).style.background = cssColor(
        labToRgb(60, dot.a, dot.b),
      );
      const keys = "Arrow keys move it, Delete removes it.";
      const color = tellColor([dot.a, dot.b]);
      knob.setAttribute("aria-label", `Dot ${i + 1}, ${color}. ${keys}`);
    });
    showColor();
    undo.disabled = !before.length;
    remove.disabled = chosen() < 0;
    clear.disabled = save.disabled = !dots.length;
    const many = dots.length === 1 ? "One dot" : `${dots.length} dots`;
    told.textContent = dots.length
      ? `${many}. Drag one to move it. The saved file gives this picture at ` +
        "full size: colorlab colorize PHOTO --hints FILE -o OUT"
      : "No dots yet: the colors are the network\u2019s alone.";
  }

  draw();
  return {
    node: make("div", { class: "hints" }, [
      make("p", { class: "title" }, ["Do you know better? Color the ringed point:"]),
      make("div", { class: "bar" }, [offers, make("label", {}, ["any color ", any])]),
      make("div", { class: "bar" }, [undo, remove, clear, save]),
      told,
    ]),
    layer,
    dots: () => dots,
    at(toX, toY) {
      [x, y] = [toX, toY];
      remove.disabled = chosen() < 0;
      showColor();
    },
    // Likely colors, as they look at the point's lightness.
    offer(L, likely) {
      const shown = likely.filter(({ share }) => share >= LEAST);
      const buttons = shown.map(({ color, share }) => {
        const rgb = labToRgb(L, ...color);
        const percent = `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}\u00a0%`;
        const button = makePress(percent, () => paint(color));
        const swatch = make("span", { class: "swatch" });
        swatch.style.background = cssColor(rgb);
        button.prepend(swatch);
        button.setAttribute("aria-label", `${tellColor(color)}, ${percent} likely`);
        return button;
      });
      offers.replaceChildren(...buttons);
      lightness = L;
      if (shown.length) usual = shown[0].color;
      showColor();
    },
    reset() {
      [dots, before] = [[], []];
      draw();
    },
  };
}
