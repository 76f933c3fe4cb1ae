// Break it: the photo is turned, darkened, blurred, covered or scribbled on, and the
// colors follow.

import {
  context2d,
  make,
  makeButtons,
  makeSlider,
} from "../../colorlab/widgets/page.js";
import { turnedPicture } from "./stage.js";

const BRUSHES = ["look", "cover", "erase", "scribble"];
const [SQUARE, DISK, LINE] = [1 / 5, 1 / 14, 1 / 60]; // shares of the shorter side
const MOST = 640; // pixels of the longer side: what is broken need not be fine
const BLUR = 0.05; // of the shorter side, at 100 %

/** @import { Pair } from "../../colorlab/widgets/page.js" */

/** @typedef {{ node: HTMLElement, take: (image: ImageData) => void,
 *   shown: () => HTMLCanvasElement, broken: () => boolean, brushing: () => boolean,
 *   draw: (x: number, y: number, starts: boolean) => void, quarters: () => number,
 *   cover: (on: boolean) => void, tell: (text: string) => void,
 *   changed: () => void }} Breaker */

// Where a place of a picture is after quarter turns, clockwise; in shares of its sides.
/** @type {(place: Pair, quarters: number) => Pair} */
export function turned([x, y], quarters) {
  return quarters > 0 ? turned([1 - y, x], quarters - 1) : [x, y];
}

// `change` hears that the picture has changed, `turn` by how many quarters it will be
// turned, `undo` that the photo is wanted again, `brush` that another is chosen, and
// `map` that the ringed color's is asked for, or shall stop.
/** @type {(tell: { change: () => void, turn: (quarters: number) => void,
 *   undo: () => void, brush: () => void, map: () => void }) => Breaker} */
export function makeBreaker(tell) {
  let work = make("canvas"); // turned and drawn on; light and blur come after
  let [light, blur, brush, broken] = [0, 0, 0, false];
  let quarters = 0; // that the picture is turned by
  /** @type {[number, number] | undefined} */
  let last;

  const told = make("p", { "aria-live": "polite" });

  function changed() {
    broken = true;
    told.textContent = "";
    tell.change();
  }

  /** @type {(times: number) => void} */
  function turn(times) {
    work = turnedPicture(work, times);
    quarters = (quarters + times) % 4;
    tell.turn(times);
    changed();
  }

  const map = press("What matters?", () => tell.map());
  const moves = make("div", { class: "group" }, [
    press("Turn", () => turn(1)),
    press("Upside down", () => turn(2)),
    press("Undo all", () => tell.undo()),
    map,
  ]);
  const brushes = makeButtons("Brush", BRUSHES, (i) => {
    brush = i;
    brushes.press(i);
    tell.brush();
  });
  const lights = makeSlider("light", "Light", { min: -80, max: 80, step: 5 }, (to) => {
    light = to;
    lights.set(to);
    changed();
  });
  const blurs = makeSlider("blur", "Blur", { min: 0, max: 100, step: 5 }, (to) => {
    blur = to;
    blurs.set(to);
    changed();
  });

  /** @type {(text: string, run: () => void) => HTMLElement} */
  function press(text, run) {
    const button = make("button", { type: "button" }, [text]);
    button.addEventListener("click", run);
    return button;
  }

  // Where the pointer is, in shares; `starts` where a stroke begins.
  /** @type {(x: number, y: number, starts: boolean) => void} */
  function draw(x, y, starts) {
    const context = context2d(work);
    const [u, v] = [x * work.width, y * work.height];
    const short = Math.min(work.width, work.height);
    const [from, to] = [starts || !last ? [u, v] : last, [u, v]];
    context.fillStyle = context.strokeStyle =
      BRUSHES[brush] === "scribble" ? "#fff" : "#777";
    context.lineCap = "round";
    if (BRUSHES[brush] === "cover") {
      const side = SQUARE * short;
      context.fillRect(u - side / 2, v - side / 2, side, side);
    } else {
      context.lineWidth = 2 * short * (BRUSHES[brush] === "erase" ? DISK : LINE);
      context.beginPath();
      context.moveTo(from[0], from[1]);
      context.lineTo(to[0], to[1] + 0.01); // a point is a line, too
      context.stroke();
    }
    last = [u, v];
    changed();
  }

  const node = make("details", { class: "breaker" }, [
    make("summary", {}, ["Break it: the colors follow"]),
    make("div", { class: "bar" }, [brushes.row]),
    make("div", { class: "bar" }, [lights.row, blurs.row]),
    make("div", { class: "bar" }, [moves]),
    told,
  ]);
  // The photo stands above: what opens below the window's edge comes up to it.
  node.addEventListener("toggle", () => {
    if (node.open) node.scrollIntoView({ block: "nearest" });
  });

  return {
    node,
    take(image) {
      const full = make("canvas", { width: image.width, height: image.height });
      context2d(full).putImageData(image, 0, 0);
      const scale = Math.min(1, MOST / Math.max(image.width, image.height));
      const [wide, high] = [image.width, image.height].map((side) =>
        Math.max(1, Math.round(side * scale)),
      );
      work = make("canvas", { width: wide, height: high });
      context2d(work).drawImage(full, 0, 0, wide, high);
      [light, blur, brush, broken, quarters] = [0, 0, 0, false, 0];
      lights.set(0);
      blurs.set(0);
      brushes.press(0);
      told.textContent = "";
    },
    cover(on) {
      map.style.minWidth = `${map.offsetWidth}px`; // "Stop" stands where one pressed
      map.textContent = on ? "Stop" : "What matters?";
    },
    tell(text) {
      told.textContent = text;
    },
    // As some browsers' canvases know no filters: blurred by scaling down and up again,
    // lighter by white laid over, darker by black.
    shown() {
      const { width, height } = work;
      const radius = 1 + (blur / 100) * BLUR * Math.min(width, height);
      const [w, h] = [width, height].map((side) =>
        Math.max(1, Math.round(side / radius)),
      );
      const small = make("canvas", { width: w, height: h });
      context2d(small).drawImage(work, 0, 0, w, h);
      const out = make("canvas", { width, height });
      const context = context2d(out);
      context.drawImage(small, 0, 0, width, height);
      context.globalAlpha = Math.abs(light) / 100;
      context.fillStyle = light > 0 ? "#fff" : "#000";
      context.fillRect(0, 0, width, height);
      return out;
    },
    broken: () => broken,
    quarters: () => quarters,
    brushing: () => brush > 0,
    draw,
    changed,
  };
}
