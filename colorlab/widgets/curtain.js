// A curtain over a stage; and the figure of two colorings of a photo behind it.

import {
  make,
  makeSelect,
  onArrows,
  onDrag,
  onEnds,
  onSwipe,
  placeOn,
  readFiles,
  settle,
  tie,
  within,
} from "./page.js";
import { makeAddresses } from "./pictures.js";

/** @import { View } from "./page.js" */

// The curtain's rail on a stage. `over` is cut off at the curtain; tell hears where it
// is moved, in shares of the width from the left. Dragged by itself, by a mouse also
// `anywhere` on the stage, by a finger drawn sideways there. `set` puts
// it there, between what the names tell.
/** @type {(stage: HTMLElement, over: HTMLElement, label: string, anywhere: boolean,
 *   tell: (share: number) => void) => (share: number, names: string[]) => void} */
export function makeCurtain(stage, over, label, anywhere, tell) {
  const knob = make("span", { class: "knob", "aria-hidden": "true" }, ["\u2194"]);
  const attributes = {
    class: "rail",
    role: "slider",
    tabindex: "0",
    "aria-label": label,
  };
  const ends = { "aria-valuemin": "0", "aria-valuemax": "100" };
  const rail = make("div", { ...attributes, ...ends }, [knob]);
  let now = 0.5;
  const move = (/** @type {number} */ share) => tell(within(share, 0, 1));
  const follow = (/** @type {MouseEvent} */ event) => move(placeOn(stage, event)[0]);
  onDrag(
    anywhere ? stage : rail,
    (spot) => Math.abs(placeOn(stage, spot)[0] - now) * stage.clientWidth,
    follow,
  );
  if (!anywhere) onSwipe(stage, follow);
  onArrows(rail, ([x, y], far) => move(now + (x + y) * (far ? 0.1 : 0.02)));
  onEnds(rail, move);
  stage.append(rail);
  return (share, [left, right]) => {
    now = share;
    const percent = Math.round(100 * share);
    over.style.clipPath = `inset(0 ${100 - 100 * share}% 0 0)`;
    rail.style.left = `${100 * share}%`;
    rail.setAttribute("aria-valuenow", String(percent));
    const told = `${percent} % ${left}, ${100 - percent} % ${right}`;
    rail.setAttribute("aria-valuetext", told);
  };
}

/** @type {(kind: string) => { image: HTMLImageElement, tag: HTMLElement,
 *   node: HTMLElement }} */
function makeLayer(kind) {
  const image = make("img", { draggable: "false" });
  const tag = make("span", { class: "tag" });
  return { image, tag, node: make("div", { class: kind }, [image, tag]) };
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {string[]} */
  const names = model.get("names");
  /** @type {string[]} */
  const photos = model.get("photos");
  const { of, free } = makeAddresses();
  const urls = readFiles(model).map(of);
  const layers = [makeLayer("over"), makeLayer("under")];
  const stage = make("div", { class: "stage" }, [layers[1].node, layers[0].node]);
  stage.style.aspectRatio = model.get("size").join(" / ");
  stage.style.maxWidth = `${model.get("size")[0]}px`; // not blown up
  const choices = ["left", "right"].map((side, i) =>
    makeSelect(`Coloring on the ${side}`, names, (index) => choose(i, names[index])),
  );
  const swap = make("button", { type: "button" }, ["\u21c4 swap"]);
  swap.addEventListener("click", () => show(shown().reverse()));
  const photo = makeSelect("Photo", photos, (index) => set({ photo: index }));
  const traits = ["left", "right", "share", "photo"];
  const { state, set, untie } = tie(model, traits, draw);
  const draws = makeCurtain(stage, layers[0].node, "Curtain", true, (share) =>
    set({ share }),
  );

  const shown = () => [state().left, state().right];
  const show = (/** @type {string[]} */ [left, right]) => set({ left, right });

  // The other side's picture is never chosen twice: the two change places.
  /** @type {(i: number, name: string) => void} */
  function choose(i, name) {
    const before = shown();
    const after = before.map((old, j) => (j === i ? name : old));
    if (after[0] === after[1]) after[1 - i] = before[i];
    show(after);
  }

  function draw() {
    shown().forEach((name, i) => {
      const { image, tag } = layers[i];
      const index = state().photo * names.length + names.indexOf(name);
      if (image.src !== urls[index]) image.src = urls[index];
      image.alt = `The photo, coloring: ${name}`;
      const short = name.split(":")[0]; // the list below has all of it
      tag.textContent = i ? `${short}\u00a0\u25b6` : `\u25c0\u00a0${short}`;
      choices[i].value = String(names.indexOf(name));
    });
    photo.value = String(state().photo);
    draws(state().share, shown());
  }

  const labels = choices.map((choice, i) =>
    make("label", {}, [["Left ", "Right "][i], choice]),
  );
  if (photos.length > 1) labels.unshift(make("label", {}, ["Photo ", photo]));
  el.append(
    make("div", { class: "lab-figure curtain" }, [
      make("div", { class: "bar" }, [...labels, swap]),
      stage,
    ]),
  );
  draw();
  return settle(el, undefined, untie, free);
}

export default { render };
