// The convolution microscope: a photo, a kernel, and the nine products of an output.

import { makeCard, makeWeight, numberOf, setWeight } from "./card.js";
import { frame, grayOf, openSheet, paintCells, ROOM, reachOf } from "./cells.js";
import { cellAround, convolve, outputSide, sumOf, tapsOf } from "./convolution.js";
import {
  animate,
  bytes,
  distanceOn,
  floats,
  make,
  makeButtons,
  makeSelect,
  onArrows,
  onDrag,
  placeOn,
  settle,
  tie,
  within,
} from "./page.js";

/** @import { Steps, Tap } from "./convolution.js" */
/** @import { Pair, View } from "./page.js" */

const DURATION = 5000; // milliseconds of a slide over the whole photo
/** @type {[name: string, kernel: number[]][]} */
const KERNELS = [
  ["identity", [0, 0, 0, 0, 1, 0, 0, 0, 0]],
  ["blur", Array(9).fill(1 / 9)],
  ["edges \u2194", [-1, 0, 1, -1, 0, 1, -1, 0, 1]],
  ["edges \u2195", [-1, -1, -1, 0, 0, 0, 1, 1, 1]],
  ["Laplacian", [0, 1, 0, 1, -4, 1, 0, 1, 0]],
];

/** @type {(canvas: HTMLCanvasElement, side: number, pixels: Float64Array,
 *   steps: Steps, taps: Tap[]) => void} */
function paintPhoto(canvas, side, pixels, { padding, dilation }, taps) {
  const sheet = openSheet(canvas, side, ROOM);
  const { context, cell, thick, place } = sheet;
  const zero = grayOf(0, 1);
  context.fillStyle = `rgb(${zero} ${zero} ${zero})`;
  const padded = (side + 2 * padding) * cell;
  context.fillRect(...place(-padding, -padding), padded, padded);
  paintCells(sheet, side, pixels.length, (i) => grayOf(pixels[i], 0.5));
  context.strokeStyle = "#fff";
  context.lineWidth = thick;
  context.strokeRect(...place(0, 0), side * cell, side * cell);
  if (dilation === 1) frame(sheet, [taps[0].x, taps[0].y], 3);
  else for (const { x, y } of taps) frame(sheet, [x, y], 1);
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {string[]} */
  const names = model.get("names");
  /** @type {number} */
  const side = model.get("side");
  const all = Float64Array.from(
    new Int8Array(bytes(model.get("pixels")).slice().buffer),
    (hundredths) => hundredths / 100,
  );
  const [weights, biases] = [floats(model.get("kernels")), floats(model.get("biases"))];
  const channels = biases.length;
  const photo = make("canvas", { class: "plane", role: "img" });
  const output = make("canvas", {
    class: "plane output",
    tabindex: "0",
    role: "application",
  });
  const choice = makeSelect("Photo", names, (i) => set({ photo: i }));
  const presets = makeButtons(
    "Kernel",
    KERNELS.map(([name]) => name),
    (i) => set({ kernel: [...KERNELS[i][1]], bias: 0, relu: false }),
  );
  const options = ["choose", ...Array.from({ length: channels }, (_, c) => `${c}`)];
  const channel = makeSelect("Channel of the network's first layer", options, (i) => {
    if (i) set(ofNetwork(i - 1));
  });
  const steps = /** @type {const} */ (["stride", "dilation", "padding"]).map((name) => {
    const least = name === "padding" ? 0 : 1;
    const values = Array.from({ length: 4 - least }, (_, i) => `${i + least}`);
    const row = makeButtons(name, values, (i) => set({ [name]: i + least }));
    return { name, least, ...row };
  });
  const relu = makeButtons("Then ReLU", ["then ReLU"], () =>
    set({ relu: !state().relu }),
  );
  const play = makeButtons("Slide", ["slide"], () =>
    slid === null ? slide() : stop(),
  );
  const cards = Array.from({ length: 9 }, (_, i) =>
    makeCard(i, (value) => {
      const kernel = [...state().kernel];
      kernel[i] = value;
      set({ kernel });
    }),
  );
  const bias = makeWeight("Bias", (value) => set({ bias: value }));
  const title = make("div", { class: "title" });
  const ends = ["low", "zero", "high"].map(() => make("span"));
  const told = make("p", { class: "told", "aria-live": "polite" });
  const traits = ["photo", "kernel", "bias", "relu", "cell"];
  traits.push("stride", "dilation", "padding");
  const { state, set, untie } = tie(model, traits, draw);
  /** @type {Pair | null} */
  let hovered = null; // what the mouse is over, until it leaves
  /** @type {number | null} */
  let slid = null; // outputs so far, while the window slides
  let halt = () => {};
  /** @type {Float64Array} */
  let map = new Float64Array();
  let reach = 1;

  /** @type {(c: number) => object} */
  function ofNetwork(c) {
    const kernel = Array.from(weights.subarray(9 * c, 9 * c + 9));
    const asBuilt = { relu: true, stride: 1, dilation: 1, padding: 1 };
    return { kernel, bias: biases[c], ...asBuilt };
  }

  /** @type {(kernel: number[], c: number) => boolean} */
  const isKernel = (kernel, c) => kernel.every((w, i) => w === weights[9 * c + i]);

  /** @type {() => Pair} */
  function current() {
    const columns = outputSide(side, now());
    if (slid !== null) {
      const last = Math.min(slid, columns ** 2) - 1;
      return [last % columns, Math.floor(last / columns)];
    }
    const [column, row] = hovered ?? state().cell;
    return [within(column, 0, columns - 1), within(row, 0, columns - 1)];
  }

  const now = () => /** @type {Steps} */ (state());
  const pixelsOf = () =>
    all.subarray(state().photo * side ** 2, (state().photo + 1) * side ** 2);

  function draw() {
    const { kernel, bias: constant, relu: bent } = state();
    map = convolve(pixelsOf(), side, kernel, constant, now());
    if (bent) map = map.map((y) => Math.max(0, y));
    const columns = outputSide(side, now());
    reach = reachOf(map);
    ends[0].textContent = bent ? "0" : numberOf(-reach);
    ends[1].textContent = bent ? "" : "0";
    ends[2].textContent = numberOf(reach);
    title.textContent = `its map, ${columns} \u00d7 ${columns}`;
    choice.value = String(state().photo);
    presets.press(
      constant ? -1 : KERNELS.findIndex(([, its]) => String(its) === String(kernel)),
    );
    const c = Array.from(biases).findIndex(
      (its, i) => its === constant && isKernel(kernel, i),
    );
    channel.value = String(c + 1);
    for (const { name, least, press } of steps) press(state()[name] - least);
    relu.press(bent ? 0 : -1);
    setWeight(bias, constant);
    for (const [i, { input }] of cards.entries()) setWeight(input, kernel[i]);
    drawCell();
  }

  // What depends on the cell alone.
  function drawCell() {
    const { kernel, bias: constant, relu: bent } = state();
    const cell = current();
    const taps = tapsOf(pixelsOf(), side, now(), cell);
    const columns = outputSide(side, now());
    paintPhoto(photo, side, pixelsOf(), now(), taps);
    const sheet = openSheet(output, side, ROOM);
    paintCells(sheet, columns, Math.min(slid ?? Infinity, map.length), (i) =>
      bent ? grayOf(2 * (map[i] / reach) - 1, 1) : grayOf(map[i], reach),
    );
    frame(sheet, cell, 1);
    for (const [i, { show }] of cards.entries()) show(taps[i], kernel[i]);
    tell(cell, taps, sumOf(taps, kernel, 0), constant, bent);
  }

  /** @type {(cell: Pair, taps: Tap[], sum: number, constant: number, bent: boolean)
   *   => void} */
  function tell([column, row], taps, sum, constant, bent) {
    const zeros = taps.filter(({ beyond }) => beyond).length;
    const answer = bent ? Math.max(0, sum + constant) : sum + constant;
    const parts = [` The nine products add up to ${numberOf(sum)}`];
    if (constant) parts.push(`, with the bias ${numberOf(sum + constant)}`);
    if (bent && sum + constant < 0) parts.push("; ReLU makes it 0");
    parts.push(".");
    if (zeros) parts.push(` ${zeros} of the nine are zeros of the padding.`);
    const where = `Row ${row + 1}, column ${column + 1}: `;
    told.replaceChildren(where, make("strong", {}, [numberOf(answer)]), ".", ...parts);
    output.setAttribute(
      "aria-label",
      `The map. ${told.textContent} Click, or move with the arrow keys.`,
    );
    photo.setAttribute("aria-label", `The photo, with the window of that number.`);
  }

  function stop() {
    halt();
    slid = null;
    play.press(-1);
    draw();
  }

  function slide() {
    play.press(0);
    slid = 1;
    halt = animate(DURATION, (share) => {
      slid = Math.max(1, Math.round(share * map.length));
      if (share === 1) stop();
      else drawCell();
    });
  }

  // Which output a place on the photo, or on the map, stands for.
  /** @type {(node: HTMLElement, event: MouseEvent) => Pair} */
  function cellAt(node, event) {
    const [x, y] = placeOn(node, event).map((share) =>
      Math.floor(share * (side + 2 * ROOM) - ROOM),
    );
    if (node === photo) return cellAround(side, now(), [x, y]);
    const last = outputSide(side, now()) - 1;
    return [within(x, 0, last), within(y, 0, last)];
  }

  /** @type {(cell: Pair) => void} */
  function pick(cell) {
    if (slid !== null) stop();
    hovered = null;
    set({ cell });
  }

  for (const node of [photo, output]) {
    onDrag(
      node,
      (spot) => {
        const [first, , , , middle] = tapsOf(all, side, now(), current());
        const [x, y] = node === photo ? [middle.x, middle.y] : current();
        const share = (/** @type {number} */ at) =>
          (at + ROOM + 0.5) / (side + 2 * ROOM);
        return first ? distanceOn(node, spot, [share(x), share(y)]) : Infinity;
      },
      (event) => pick(cellAt(node, event)),
    );
    node.addEventListener("pointermove", (event) => {
      if (event.pointerType === "touch" || event.buttons || slid !== null) return;
      hovered = cellAt(node, event);
      drawCell();
    });
    node.addEventListener("pointerleave", () => {
      if (!hovered) return;
      hovered = null;
      drawCell();
    });
  }
  onArrows(output, ([x, y], far) => {
    const last = outputSide(side, now()) - 1;
    const [column, row] = current();
    const step = far ? 10 : 1;
    pick([within(column + step * x, 0, last), within(row - step * y, 0, last)]);
  });
  /** @type {(name: string, node: HTMLElement) => HTMLElement} */
  const named = (name, node) => make("div", { class: "named" }, [name, node]);
  const scale = make("div", { class: "scale" }, [
    make("div", { class: "ramp" }),
    make("div", { class: "ticks" }, ends),
  ]);
  const titled = make("div", { class: "title" }, ["the photo"]);
  el.append(
    make("div", { class: "lab-figure microscope" }, [
      make("div", { class: "bar" }, [
        make("label", {}, ["Photo ", choice]),
        presets.row,
        make("label", {}, ["first layer, channel ", channel]),
      ]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane" }, [titled, photo]),
        make("div", { class: "pane" }, [title, output]),
      ]),
      make("div", { class: "desk" }, [
        make(
          "div",
          { class: "nine", role: "group", "aria-label": "Pixel times weight" },
          cards.map(({ node }) => node),
        ),
        make("div", { class: "controls" }, [
          told,
          scale,
          ...steps.map(({ name, row }) => named(name, row)),
          make("div", { class: "bar" }, [
            make("label", { class: "bias" }, ["bias ", bias]),
            relu.row,
            play.row,
          ]),
        ]),
      ]),
    ]),
  );
  draw();
  return settle(el, draw, () => halt(), untie);
}

export default { render };
