// The photo before and after, a curtain between them, and the point that is inspected.

import { makeCurtain } from "../../colorlab/widgets/curtain.js";
import { context2d, make, placeOn } from "../../colorlab/widgets/page.js";

const THIN = 8; // times as long as wide: no room for a curtain

// Put an image on a canvas of its size.
/** @type {(canvas: HTMLCanvasElement, image: ImageData) => void} */
export function put(canvas, image) {
  if (canvas.width !== image.width) canvas.width = image.width;
  if (canvas.height !== image.height) canvas.height = image.height;
  context2d(canvas).putImageData(image, 0, 0);
}

// A picture turned by quarters, clockwise.
/** @type {(canvas: HTMLCanvasElement, quarters: number) => HTMLCanvasElement} */
export function turnedPicture(canvas, quarters) {
  if (!quarters) return canvas;
  const { width, height } = canvas;
  const next = make("canvas", { width: height, height: width });
  const context = context2d(next);
  context.setTransform(0, 1, -1, 0, height, 0);
  context.drawImage(canvas, 0, 0);
  return turnedPicture(next, quarters - 1);
}

/** @type {(pick: (x: number, y: number, starts: boolean) => void) => {
 *   node: HTMLElement, after: HTMLCanvasElement, before: HTMLCanvasElement,
 *   draw: (share?: number) => void, name: (before: string) => void,
 *   fit: (width: number, height: number) => void,
 *   mark: (x: number, y: number) => void, turn: (quarters: number) => void,
 *   light: (map?: { shifts: number[], across: number, down: number }) => void }} */
export function makeStage(pick) {
  const label =
    "The colored photo. Click, or move with the arrow keys, to inspect a point.";
  const focus = { tabindex: "0", role: "application", "aria-label": label };
  const after = make("canvas", { class: "after", ...focus });
  const hidden = { "aria-hidden": "true" };
  const before = make("canvas", { class: "before", ...hidden });
  const [one, two] = ["one", "two"].map((side) =>
    make("span", { class: `tag ${side}`, ...hidden }),
  );
  two.textContent = "colored \u25b6";
  const ring = make("span", { class: "ring", ...hidden });
  const map = make("canvas", { class: "map", ...hidden });
  const parts = [after, before, map, one, two, ring];
  const node = make("div", { class: "stage curtain" }, parts);
  const title = "Curtain between before and after";
  const curtain = makeCurtain(node, before, title, false, draw);
  let share = 0.5;

  /** @type {(to?: number) => void} */
  function draw(to = share) {
    if (node.classList.contains("brushing")) return;
    share = to;
    one.hidden = share < 0.02;
    two.hidden = share > 0.98;
    curtain(share, ["before", "colored"]);
  }

  // A brush follows the finger, too; else that scrolls, or moves the curtain.
  const brushing = () => node.classList.contains("brushing");
  after.addEventListener("pointerdown", (event) => {
    if (brushing()) pick(...placeOn(node, event), true);
  });
  after.addEventListener("click", (event) => {
    if (!brushing()) pick(...placeOn(node, event), true);
  });
  after.addEventListener("pointermove", (event) => {
    const draws = event.pointerType === "mouse" || brushing();
    if (draws && event.buttons) pick(...placeOn(node, event), false);
  });

  /** @type {(width: number, height: number) => void} */
  function fit(width, height) {
    node.style.aspectRatio = `${width} / ${height}`;
    const long = Math.max(width / height, height / width);
    node.classList.toggle("thin", long > THIN);
    // Not blown up from a few pixels, and no higher than photo.css has it.
    node.style.setProperty("--widest", `${Math.max(240, 3 * width)}px`);
    node.style.setProperty("--ratio", String(width / height));
  }

  return {
    node,
    after,
    before,
    draw,
    fit,
    name(told) {
      one.textContent = `\u25c0 ${told}`;
    },
    // At once, with all that lies on it: the colors of the turned photo follow.
    turn(quarters) {
      for (const canvas of [after, before]) {
        const { width, height } = canvas;
        const seen = context2d(turnedPicture(canvas, quarters));
        const sides = quarters % 2 ? [height, width] : [width, height];
        put(canvas, seen.getImageData(0, 0, sides[0], sides[1]));
      }
      fit(after.width, after.height);
    },
    // Darken the photo but where the map is high; without one, nowhere. Where the map
    // ends too early, its next square is covered at the moment.
    light(given) {
      map.hidden = !given;
      if (!given) return;
      const { shifts, across, down } = given;
      const most = Math.max(...shifts, 1e-6);
      const shades = new ImageData(across, down);
      shifts.forEach((shift, i) => {
        shades.data[4 * i + 3] = 200 * (1 - Math.sqrt(shift / most)); // also small ones
      });
      if (shifts.length < across * down) {
        shades.data.set([119, 119, 119, 255], 4 * shifts.length);
      }
      put(map, shades);
    },
    mark(x, y) {
      ring.style.left = `${100 * x}%`;
      ring.style.top = `${100 * y}%`;
    },
  };
}
