// The RGB cube becomes the solid of Lab: turn it, cut it, look at its shadow.

import { gamutSlice } from "./color.js";
import {
  animate,
  context2d,
  make,
  makeButtons,
  makeSlider,
  onArrows,
  settle,
  tie,
  within,
  withMinus,
} from "./page.js";
import { inks, rimmed, write } from "./plane.js";
import { below, cubeFaces, seen, surface } from "./surface.js";

/** @import { Pair, Spot, View } from "./page.js" */
/** @import { Triple } from "./surface.js" */

const VIEW = 440; // page pixels of the side of the canvas
const SCALE = 1.55; // page pixels of a Lab unit
const SQUARES = 9; // of a face, each way
const FLOOR = -40; // the height of the plane on which the shadow falls
const REACH = 110; // ab units of the axes on the floor
const NAMED = 130; // where their names are: beyond the frame of a cut
const PIXELS = 220; // of the cut, each way
const DEGREE = Math.PI / 180;
const LEAST = 10; // degrees: it is always seen from above
const DURATION = 1500; // milliseconds from the cube to Lab
/** @type {[name: string, view: { yaw: number, pitch: number }][]} */
const VIEWS = [
  ["from above", { yaw: 0, pitch: 90 }],
  ["from the side", { yaw: 0, pitch: LEAST }],
];

/** @type {(area: number) => string} */
const inUnits = (area) => `${Math.round(area).toLocaleString("en-US")} square units`;

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const faces = cubeFaces(SQUARES);
  const slice = make("canvas", { width: PIXELS, height: PIXELS });
  const canvas = make("canvas", { class: "plane", tabindex: "0", role: "application" });
  const share = { min: 0, max: 1, step: 0.01 };
  const morph = makeSlider(
    "cube to Lab",
    "From the RGB cube to Lab",
    share,
    (value) => {
      stop();
      set({ morph: value, L: value < 1 ? 100 : state().L });
    },
  );
  const range = { min: 0, max: 100, step: 1 };
  const cut = makeSlider("cut at L", "Lightness of the cut", range, (L) => {
    stop();
    set({ L, morph: 1 });
  });
  const actions = makeButtons(
    "View",
    ["cube \u2192 Lab", ...VIEWS.map(([name]) => name)],
    (i) => (i ? set(VIEWS[i - 1][1]) : run()),
  );
  const told = make("p", { class: "told", "aria-live": "polite" });
  const { state, set, untie } = tie(model, ["morph", "L", "yaw", "pitch"], draw);
  let stop = () => {};

  function run() {
    stop();
    stop = animate(DURATION, (share) => set({ morph: share, L: 100 }));
  }

  // A place of the solid on the canvas.
  /** @type {(place: Triple) => Pair} */
  function place(at) {
    const { yaw, pitch } = state();
    const [x, up] = seen(at, yaw * DEGREE, pitch * DEGREE);
    // A solid that is seen from the side stands above its floor.
    const middle = VIEW / 2 - 22 * Math.cos(pitch * DEGREE);
    return [VIEW / 2 + SCALE * x, middle - SCALE * up];
  }

  /** @type {(context: CanvasRenderingContext2D, corners: Triple[], color: string)
   *   => void} */
  function fill(context, corners, color) {
    if (corners.length < 3) return;
    context.beginPath();
    for (const corner of corners) context.lineTo(...place(corner));
    context.closePath();
    context.fillStyle = context.strokeStyle = color;
    context.fill();
    context.lineWidth = 0.7; // no seams
    context.stroke();
  }

  /** @type {(context: CanvasRenderingContext2D) => void} */
  function drawFloor(context) {
    context.strokeStyle = "#8a8a8a";
    context.lineWidth = 1;
    context.beginPath();
    /** @type {[Triple, Triple][]} */
    const axes = [
      [
        [-REACH, 0, FLOOR],
        [REACH, 0, FLOOR],
      ],
      [
        [0, -REACH, FLOOR],
        [0, REACH, FLOOR],
      ],
    ];
    for (const [from, to] of axes) {
      context.moveTo(...place(from));
      context.lineTo(...place(to));
    }
    context.stroke();
  }

  /** @type {(context: CanvasRenderingContext2D) => void} */
  function nameAxes(context) {
    const whole = state().morph === 1;
    /** @type {[string, Triple][]} */
    const names = whole
      ? [
          ["a: red", [NAMED, 0, FLOOR]],
          ["green", [-NAMED, 0, FLOOR]],
          ["b: yellow", [0, NAMED, FLOOR]],
          ["blue", [0, -NAMED, FLOOR]],
        ]
      : [];
    for (const [text, at] of names) {
      const [x, y] = place(at);
      write(context, text, within(x, 24, VIEW - 24), within(y, 14, VIEW - 6));
    }
  }

  // The colors of the cut, laid on its plane; gives their area in ab units.
  /** @type {(context: CanvasRenderingContext2D) => number} */
  function drawCut(context) {
    const { L } = state();
    const rows = gamutSlice(L, -REACH, REACH, PIXELS);
    context2d(slice).putImageData(new ImageData(rows, PIXELS, PIXELS), 0, 0);
    const corner = place([-REACH, REACH, L]);
    const across = place([REACH, REACH, L]);
    const down = place([-REACH, -REACH, L]);
    context.save();
    context.transform(
      (across[0] - corner[0]) / PIXELS,
      (across[1] - corner[1]) / PIXELS,
      (down[0] - corner[0]) / PIXELS,
      (down[1] - corner[1]) / PIXELS,
      ...corner,
    );
    context.drawImage(slice, 0, 0);
    context.restore();
    context.beginPath();
    for (const [a, b] of [
      [-REACH, -REACH],
      [REACH, -REACH],
      [REACH, REACH],
      [-REACH, REACH],
    ]) {
      context.lineTo(...place([a, b, L]));
    }
    context.closePath();
    rimmed(context, 1);
    let count = 0;
    for (let i = 3; i < rows.length; i += 4) count += Number(rows[i] > 0);
    return count * ((2 * REACH) / PIXELS) ** 2;
  }

  function draw() {
    const { morph: share, L, yaw, pitch } = state();
    const density = Math.max(1, window.devicePixelRatio || 1);
    canvas.width = canvas.height = VIEW * density;
    const context = context2d(canvas);
    const ink = inks(canvas);
    context.scale(density, density);
    context.fillStyle = ink("sheet");
    context.fillRect(0, 0, VIEW, VIEW);
    const patches = surface(faces, share);
    drawFloor(context);
    for (const { corners } of patches) {
      const flat = corners.map(([a, b]) => /** @type {Triple} */ ([a, b, FLOOR]));
      fill(context, flat, ink("shadow"));
    }
    const [turn, rise] = [yaw * DEGREE, pitch * DEGREE];
    const isCut = share === 1 && L < 100;
    const near = patches.map(({ corners, rgb }) => ({
      corners: isCut ? below(corners, L) : corners,
      color: `rgb(${rgb.map(Math.round).join(" ")})`,
      depth: corners.reduce((sum, corner) => sum + seen(corner, turn, rise)[2], 0),
    }));
    near.sort((one, other) => one.depth - other.depth);
    for (const { corners, color } of near) fill(context, corners, color);
    const area = isCut ? drawCut(context) : null;
    nameAxes(context);
    describe(area);
  }

  /** @type {(area: number | null) => void} */
  function describe(area) {
    const { morph: share, L, yaw, pitch } = state();
    morph.set(share, share.toFixed(2));
    cut.set(L, L.toFixed(0));
    actions.press(
      1 + VIEWS.findIndex(([, view]) => view.yaw === yaw && view.pitch === pitch) || -1,
    );
    const body =
      share === 0 ? "The RGB cube" : share < 1 ? "Between" : "The solid of Lab";
    const [around, above] = [yaw, pitch].map((angle) => `${angle.toFixed(0)}\u00b0`);
    const where = `${body}, turned by ${around}, seen from ${above} above`;
    const rest =
      area === null
        ? "Black is below, white above; the gray shape is its shadow on the floor."
        : `The cut at L ${L.toFixed(0)} covers ${inUnits(area)} of ab.`;
    told.textContent = withMinus(`${where}. ${rest}`);
    canvas.setAttribute(
      "aria-label",
      `${told.textContent} Drag it, or turn it with the arrow keys.`,
    );
  }

  /** @type {(yaw: number, pitch: number) => void} */
  function turnBy(yaw, pitch) {
    const now = state();
    set({
      yaw: (now.yaw + yaw + 360) % 360,
      pitch: within(now.pitch + pitch, LEAST, 90),
    });
  }

  // Dragging turns; by finger only sideways, so that the page still scrolls.
  /** @type {Spot | null} */
  let from = null;
  canvas.style.touchAction = "pan-y pinch-zoom";
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = event;
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [x, y] = [event.clientX - from.clientX, event.clientY - from.clientY];
    from = event;
    turnBy(x / 2, event.pointerType === "touch" ? 0 : y / 2);
  });
  const end = () => {
    from = null;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  onArrows(canvas, ([x, y], far) => turnBy((far ? 30 : 5) * x, (far ? 30 : 5) * y));
  el.append(
    make("div", { class: "lab-figure color-solid" }, [
      make("div", { class: "bar" }, [morph.row, cut.row]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane view" }, [
          canvas,
          make("p", { class: "hint" }, ["Drag sideways to turn; buttons tilt."]),
        ]),
        make("div", { class: "pane controls" }, [actions.row, told]),
      ]),
    ]),
  );
  draw();
  return settle(el, draw, () => stop(), untie);
}

export default { render };
