// A person's say: dots of color on the photo, chosen from what the network thinks
// likely at the ringed point, or any other color.

import { labToRgb } from "../../colorlab/widgets/color.js";
import {
  cssColor,
  make,
  makeButtons,
  onArrows,
  placeOn,
  within,
} from "../../colorlab/widgets/page.js";
import { tellColor } from "../../colorlab/widgets/plane.js";
import { turned } from "./breaker.js";
import { abOf, GIVE_UP } from "./hintfile.js";

/** @import { Dot, Offer } from "./blend.js" */
/** @import { Given, Made } from "./hintfile.js" */

/** @typedef {{ dots: Dot[], giveUp: number, made?: Made }} State With `made`, it
 *   holds the page's settings, too. */
/** @typedef {{ node: HTMLElement, layer: HTMLElement, now: () => State,
 *   at: (x: number, y: number) => void, offer: (L: number, offers: Offer[]) => void,
 *   load: (given: Given, before: Made, told: string) => void,
 *   hear: (event: KeyboardEvent) => void, reset: () => void,
 *   turn: (quarters: number) => void }} Hints */

/** @type {[string, number][]} */
const REACHES = [
  ["the whole photo: 0", 0],
  ["far: 1e-6", 1e-6],
  ["up to edges: 3e-5", GIVE_UP],
  ["a spot: 1e-3", 1e-3],
];
const LEAST = 0.005; // the share of a color that is offered
const STEP = 1 / 200; // of the photo's sides, by an arrow key
const SLOP = 3; // page pixels that a pointer moves before the dot follows

/** @type {(rgb: number[]) => string} */
const hex = (rgb) =>
  `#${rgb
    .map((c) =>
      Math.round(255 * c)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;

/** @type {(text: string, run: () => void) => HTMLButtonElement} */
function makePress(text, run) {
  const button = make("button", { type: "button" }, [text]);
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") !== "true") run();
  });
  return button;
}

// A button that can do nothing keeps the focus: keys go on from there.
/** @type {(button: HTMLButtonElement, on: boolean) => void} */
const enable = (button, on) => button.setAttribute("aria-disabled", String(!on));

/** @type {(dot: Dot) => string} */
function tellPlace({ x, y }) {
  const [left, top] = [x, y].map((share) => `${(100 * share).toFixed(0)}\u00a0%`);
  return `${left} from the left, ${top} from the top`;
}

// A button that chooses a file.
/** @type {(load: (file: File) => void) => HTMLElement[]} */
function makePicker(load) {
  const accept = { accept: ".json,application/json", hidden: "" };
  const input = make("input", { type: "file", ...accept });
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file) load(file);
    input.value = ""; // the same file may be chosen again
  });
  return [makePress("Load dots", () => input.click()), input];
}

// `change` hears that the dots have changed, and of other settings to take on; `go`
// that the ring is wanted elsewhere, `save` that the file is, `load` that one is given;
// `made` says what the page colors with.
/** @type {(tell: { change: (made?: Made) => void, made: () => Made, save: () => void,
 *   go: (x: number, y: number) => void, load: (file: File) => void }) => Hints} */
export function makeHints(tell) {
  /** @type {Dot[]} */
  let dots = [];
  let giveUp = GIVE_UP;
  /** @type {State[]} */
  let before = []; // to undo
  /** @type {State[]} */
  let after = []; // undone
  let [x, y] = [0.5, 0.5]; // of the ringed point
  /** @type {HTMLElement[]} */
  const knobs = [];

  const offers = make("div", {
    class: "group offers",
    role: "group",
    "aria-label": "Likely colors of the ringed point",
  });
  const any = make("input", { type: "color", "aria-label": "Any other color" });
  const undo = makePress("Undo", () => travel(before, after, "Undone."));
  const redo = makePress("Redo", () => travel(after, before, "Done again."));
  const remove = makePress("Delete this dot", () => drop(chosen()));
  const clear = makePress("Delete all", () => put([], true, "All dots are deleted."));
  const save = makePress("Save the dots", tell.save);
  const reaches = makeButtons(
    "How far a dot reaches: give_up",
    REACHES.map(([name]) => name),
    (i) => put(dots, true, "", REACHES[i][1]),
  );
  const reach = make("span");
  const said = make("p", { class: "said", "aria-live": "polite" });
  const told = make("p");
  const list = make("ol");
  const listed = make("details", { class: "listed" }, [
    make("summary", {}, ["The dots as a list"]),
    list,
  ]);
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

  /** @type {(next: Dot[], undoable?: boolean, words?: string, reach?: number) =>
   *   void} */
  function put(next, undoable = true, words = "", reach = giveUp) {
    if (undoable) before.push({ dots, giveUp });
    if (undoable) after = [];
    [dots, giveUp] = [next, reach];
    draw(words);
    tell.change();
  }

  // Undo, or do again: a state that holds settings leaves those of now behind.
  /** @type {(from: State[], to: State[], words: string) => void} */
  function travel(from, to, words) {
    const next = from.pop();
    if (!next) return;
    to.push({ dots, giveUp, made: next.made && tell.made() });
    ({ dots, giveUp } = next);
    draw(words);
    tell.change(next.made);
  }

  /** @type {(i: number) => void} */
  function drop(i) {
    if (i < 0) return;
    const rest = dots.filter((_, n) => n !== i);
    put(rest, true, `Dot ${i + 1} is deleted.`);
  }

  // Give the ringed point a color: a new dot, or the one that is there.
  /** @type {(color: [number, number], undoable?: boolean) => void} */
  function paint([a, b], undoable = true) {
    const i = chosen();
    const dot = { x, y, a, b };
    const next = i < 0 ? [...dots, dot] : dots.map((old, n) => (n === i ? dot : old));
    put(next, undoable, i < 0 ? `Dot ${next.length} is put.` : "");
  }

  /** @type {(i: number, to: [number, number], undoable: boolean) => void} */
  function move(i, to, undoable) {
    [x, y] = [within(to[0], 0, 1), within(to[1], 0, 1)];
    const moved = { ...dots[i], x, y };
    put(
      dots.map((dot, n) => (n === i ? moved : dot)),
      undoable,
      `Dot ${i + 1} is ${tellPlace(moved)}.`,
    );
    tell.go(x, y);
  }

  // A dot on the photo, which is dragged, moved by arrow keys, or deleted by a key.
  /** @type {(i: number) => HTMLElement} */
  function makeKnob(i) {
    const knob = make("button", { type: "button", class: "dot side" }, [make("span")]);
    knobs[i] = knob;
    /** @type {PointerEvent | undefined} */
    let held;
    let moved = false;
    const choose = () => {
      if (dots[i]) tell.go(dots[i].x, dots[i].y);
    };
    knob.addEventListener("pointerdown", (event) => {
      if (event.button || held) return;
      knob.setPointerCapture(event.pointerId);
      [held, moved] = [event, false];
      choose();
    });
    knob.addEventListener("pointermove", (event) => {
      if (held?.pointerId !== event.pointerId || !dots[i]) return;
      const way = [event.clientX - held.clientX, event.clientY - held.clientY];
      if (!moved && Math.hypot(...way) < SLOP) return;
      move(i, placeOn(layer, event), !moved);
      moved = true;
    });
    const end = () => {
      held = undefined;
    };
    knob.addEventListener("lostpointercapture", end);
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

  // An entry of the list: it leads to its dot, or deletes it.
  /** @type {(i: number) => HTMLElement} */
  function makeEntry(i) {
    const entry = make("li", {}, [
      makePress("", () => knobs[i].focus()),
      makePress("Delete", () => {
        drop(i);
        const left = list.children[Math.min(i, dots.length - 1)];
        const next = left?.querySelector("button") ?? listed.firstElementChild;
        /** @type {HTMLElement} */ (next).focus();
      }),
    ]);
    entry.lastElementChild?.setAttribute("aria-label", `Delete dot ${i + 1}`);
    return entry;
  }

  // What stays is not taken out of the page: it would lose the focus, or the finger.
  /** @type {(words?: string) => void} */
  function draw(words = "") {
    for (const [place, makeOne] of /** @type {const} */ ([
      [layer, makeKnob],
      [list, makeEntry],
    ])) {
      while (place.children.length > dots.length) place.lastElementChild?.remove();
      for (let i = place.children.length; i < dots.length; i++)
        place.append(makeOne(i));
    }
    dots.forEach((dot, i) => {
      const knob = knobs[i];
      const patch = /** @type {HTMLElement} */ (knob.firstChild);
      knob.style.left = `${100 * dot.x}%`;
      knob.style.top = `${100 * dot.y}%`;
      patch.style.background = cssColor(labToRgb(60, dot.a, dot.b));
      const name = `Dot ${i + 1}, ${tellColor([dot.a, dot.b])}`;
      const keys = "Arrow keys move it, Delete removes it.";
      knob.setAttribute("aria-label", `${name}: ${tellPlace(dot)}. ${keys}`);
      const link = /** @type {HTMLElement} */ (list.children[i].firstChild);
      link.replaceChildren(patch.cloneNode(), `${name}: ${tellPlace(dot)}`);
    });
    showColor();
    enable(undo, before.length > 0);
    enable(redo, after.length > 0);
    enable(remove, chosen() >= 0);
    enable(clear, dots.length > 0);
    enable(save, dots.length > 0);
    listed.hidden = !dots.length;
    const usual = REACHES.findIndex(([, value]) => value === giveUp);
    reaches.press(usual);
    reach.textContent = usual < 0 ? `${giveUp}, as the file says` : "";
    said.textContent = words;
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
      make("div", { class: "bar" }, [undo, redo, remove, clear]),
      make("div", { class: "bar" }, [
        make("span", {}, ["A dot reaches (", make("code", {}, ["give_up"]), ")"]),
        reaches.row,
        reach,
      ]),
      make("div", { class: "bar" }, [save, ...makePicker(tell.load)]),
      said,
      told,
      listed,
    ]),
    layer,
    now: () => ({ dots, giveUp }),
    at(toX, toY) {
      [x, y] = [toX, toY];
      enable(remove, chosen() >= 0);
      showColor();
    },
    // The dots of a file; `made` is what the page colored with before.
    load(given, made, words) {
      before.push({ dots, giveUp, made });
      after = [];
      ({ dots, giveUp } = given);
      draw(words);
    },
    // Ctrl with Z, and with Y or Shift and Z.
    hear(event) {
      const key = event.key.toLowerCase();
      if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      (key === "y" || event.shiftKey ? redo : undo).click();
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
    // With the photo, and those that undo would bring back.
    turn(quarters) {
      const states = [{ dots, giveUp }, ...before, ...after];
      for (const state of states) {
        state.dots = state.dots.map((dot) => {
          const [toX, toY] = turned([dot.x, dot.y], quarters);
          return { ...dot, x: toX, y: toY };
        });
      }
      ({ dots } = states[0]);
      [x, y] = turned([x, y], quarters);
      draw();
    },
    reset() {
      [dots, before, after, giveUp] = [[], [], [], GIVE_UP];
      draw();
    },
  };
}
