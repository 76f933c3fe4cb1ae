// What the figures share of the page: elements, bytes, keys, pointers, the model.

/** @typedef {[number, number]} Pair */
/** @typedef {{ clientX: number, clientY: number }} Spot */
/** @typedef {{ [name: string]: any }} Traits */
/** @typedef {(event: string, listener: () => void) => void} Listening */
/**
 * @typedef {object} Model What anywidget gives a view, in Lab and in the static page.
 * @property {(name: string) => any} get
 * @property {(name: string, value: unknown) => void} set
 * @property {() => void} save_changes
 * @property {Listening} on
 * @property {Listening} off
 */
/** @typedef {{ model: Model, el: HTMLElement }} View */

/** @type {Record<string, Pair>} */
const ARROWS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** @typedef {Record<string, string | number>} Attributes */
/** @type {<K extends keyof HTMLElementTagNameMap>(tag: K, attributes?: Attributes,
 *   children?: (Node | string)[]) => HTMLElementTagNameMap[K]} */
export function make(tag, attributes = {}, children = []) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    node.setAttribute(key, String(value));
  }
  node.append(...children);
  return node;
}

/** @type {(canvas: HTMLCanvasElement) => CanvasRenderingContext2D} */
export function context2d(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("Your browser has not enough memory to draw this.");
  return context;
}

/** @type {(view: ArrayBufferView<ArrayBuffer>) => Uint8Array<ArrayBuffer>} */
export function bytes(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

// A copy, since a view need not start at a multiple of four.
/** @type {(view: ArrayBufferView<ArrayBuffer>) => Float32Array} */
export function floats(view) {
  return new Float32Array(bytes(view).slice().buffer);
}

const PNG = 0x89; // the first byte of such a file

// The files, one after the other in the model's `pixels`, as long as `lengths` says.
/** @type {(model: Model) => Blob[]} */
export function readFiles(model) {
  const blob = bytes(model.get("pixels"));
  let end = 0;
  return model.get("lengths").map((/** @type {number} */ length) => {
    end += length;
    const file = blob.slice(end - length, end);
    return new Blob([file], { type: file[0] === PNG ? "image/png" : "image/jpeg" });
  });
}

export const withMinus = (/** @type {string} */ text) => text.replaceAll("-", "\u2212");
/** @type {(value: number, low: number, high: number) => number} */
export const within = (value, low, high) => Math.min(high, Math.max(low, value));
/** @type {(rgb: number[]) => string} */
export const cssColor = (rgb) =>
  `rgb(${rgb.map((v) => Math.round(255 * v)).join(" ")})`;

// Tie a figure to its model: `draw` hears which of these traits have changed, here, in
// another view or in Python. `state` reads them, `set` sets some, `untie` ends it.
/** @type {(model: Model, names: string[], draw: (changed: Traits) => void) =>
 *   { state: () => Traits, set: (change: Traits) => void, untie: () => void }} */
export function tie(model, names, draw) {
  let setting = false; // several at once are drawn once
  const listeners = names.map((name) => {
    const hear = () => {
      if (!setting) draw({ [name]: model.get(name) });
    };
    return { event: `change:${name}`, hear };
  });
  for (const { event, hear } of listeners) model.on(event, hear);
  return {
    state: () => Object.fromEntries(names.map((name) => [name, model.get(name)])),
    set(change) {
      setting = true;
      for (const [name, value] of Object.entries(change)) model.set(name, value);
      setting = false;
      draw(change);
      model.save_changes();
    },
    untie() {
      for (const { event, hear } of listeners) model.off(event, hear);
    },
  };
}

// A labeled range input and its value. JupyterLab swallows the arrow keys of a plain
// one: move it ourselves.
/** @type {(name: string, label: string, range: { min: number, max: number,
 *   step: number }, tell: (value: number) => void) => { row: HTMLElement,
 *   input: HTMLInputElement, set: (value: number, text?: string) => void }} */
export function makeSlider(name, label, range, tell) {
  const input = make("input", { type: "range", "aria-label": label, ...range });
  const shown = make("output", { class: "value" });
  onArrows(input, ([x, y]) => {
    input.value = String(Number(input.value) + (x + y) * Number(input.step));
    input.dispatchEvent(new Event("input"));
  });
  input.addEventListener("input", () => tell(Number(input.value)));
  // A finger that begins here and scrolls the page has changed nothing.
  let before = input.value;
  input.addEventListener("pointerdown", () => {
    before = input.value;
  });
  input.addEventListener("pointercancel", () => {
    if (input.value === before) return;
    input.value = before;
    input.dispatchEvent(new Event("input"));
  });
  return {
    row: make("label", { class: "slider" }, [name, input, shown]),
    input,
    set(value, text = String(value)) {
      input.value = String(value);
      const share = (Number(input.value) - range.min) / (range.max - range.min);
      input.style.setProperty("--share", `${100 * share}%`);
      shown.textContent = text;
    },
  };
}

// Words below a slider: what its left and right ends mean.
/** @type {(row: Element, left: string, right: string) => void} */
export function nameEnds(row, left, right) {
  row.classList.add("named");
  const words = [left, right].map((word) => make("span", {}, [word]));
  row.append(make("span", { class: "ends", "aria-hidden": "true" }, words));
}

/** @type {(label: string, names: string[], tell: (i: number) => void) =>
 *   { row: HTMLElement, press: (chosen: number) => void }} */
export function makeButtons(label, names, tell) {
  const buttons = names.map((name, i) => {
    const button = make("button", { type: "button", "aria-pressed": "false" }, [name]);
    button.addEventListener("click", () => tell(i));
    return button;
  });
  const attributes = { class: "group", role: "group", "aria-label": label };
  return {
    row: make("div", attributes, buttons),
    press(chosen) {
      buttons.forEach((button, i) => {
        button.setAttribute("aria-pressed", String(i === chosen));
      });
    },
  };
}

/** @type {(label: string, names: string[], tell: (i: number) => void) =>
 *   HTMLSelectElement} */
export function makeSelect(label, names, tell) {
  const options = names.map((name, i) => make("option", { value: i }, [name]));
  const select = make("select", { "aria-label": label }, options);
  select.addEventListener("change", () => tell(Number(select.value)));
  return select;
}

/** @type {(entries: (Node | string)[][]) => HTMLElement} */
export function makeLegend(entries) {
  const parts = entries.map((entry) => make("span", {}, entry));
  return make("div", { class: "legend" }, parts);
}

// Where on a node a pointer is, in shares of its width and height, from the top left.
/** @type {(node: Element, spot: Spot) => Pair} */
export function placeOn(node, { clientX, clientY }) {
  const box = node.getBoundingClientRect();
  return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
}

// How many page pixels a pointer is from a place of a node.
/** @type {(node: Element, spot: Spot, place: Pair) => number} */
export function distanceOn(node, { clientX, clientY }, [x, y]) {
  const { left, top, width, height } = node.getBoundingClientRect();
  return Math.hypot(clientX - left - x * width, clientY - top - y * height);
}

const NEAR = 32; // page pixels: a finger this near what can be dragged drags it
const SLOP = 6; // page pixels that a finger moves before its direction counts

/** @type {(from: Spot, to: Spot) => boolean} */
function isSideways(from, to) {
  const across = Math.abs(to.clientX - from.clientX);
  return across > SLOP && across > Math.abs(to.clientY - from.clientY);
}

// Dragging by mouse from anywhere; by finger from near what is dragged, `distance`
// page pixels away, or sideways, so that the page still scrolls. A tap moves it.
/** @type {(node: HTMLElement, distance: (spot: Spot) => number,
 *   tell: (event: MouseEvent) => void, done?: () => void) => void} */
export function onDrag(node, distance, tell, done = () => {}) {
  let dragging = false;
  /** @type {PointerEvent | undefined} */
  let finger;
  /** @type {(event: TouchEvent) => void} */
  const touch = (event) => {
    if (distance(event.touches[0]) < NEAR) event.preventDefault();
  };
  node.style.touchAction = "pan-y pinch-zoom";
  node.addEventListener("touchstart", touch, { passive: false });
  node.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    finger = event.pointerType === "touch" ? event : undefined;
    dragging = !finger || distance(event) < NEAR;
    if (!dragging) return;
    node.setPointerCapture(event.pointerId);
    tell(event);
  });
  node.addEventListener("pointermove", (event) => {
    dragging ||= finger !== undefined && isSideways(finger, event);
    if (dragging) tell(event);
  });
  const end = () => {
    if (dragging) done();
    dragging = false;
    finger = undefined;
  };
  node.addEventListener("pointerup", end);
  node.addEventListener("pointercancel", end);
  node.addEventListener("click", (event) => {
    if (/** @type {PointerEvent} */ (event).pointerType !== "touch") return;
    tell(event);
    done();
  });
}

// A finger drawn sideways from anywhere on a node, whose touch-action leaves the page
// to scroll up and down; a mouse and a tap do something else there.
/** @type {(node: HTMLElement, tell: (event: MouseEvent) => void) => void} */
export function onSwipe(node, tell) {
  /** @type {PointerEvent | undefined} */
  let finger;
  let drawing = false;
  node.addEventListener("pointerdown", (event) => {
    finger = event.pointerType === "touch" ? event : undefined;
    drawing = false;
  });
  node.addEventListener("pointermove", (event) => {
    if (!finger) return;
    drawing ||= isSideways(finger, event);
    if (drawing) tell(event);
  });
  const end = () => {
    finger = undefined;
  };
  node.addEventListener("pointerup", end);
  node.addEventListener("pointercancel", end);
}

// Keys on a focused node, by name: tells the table's value, and whether with Shift.
/** @type {<T>(node: HTMLElement, table: Record<string, T>,
 *   tell: (value: T, shift: boolean) => void) => void} */
export function onKeys(node, table, tell) {
  node.addEventListener("keydown", (event) => {
    if (!Object.hasOwn(table, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    tell(table[event.key], event.shiftKey);
  });
}

// Arrow keys on a focused node: tells the step, by tens with Shift.
/** @type {(node: HTMLElement, tell: (step: Pair, far: boolean) => void) => void} */
export function onArrows(node, tell) {
  onKeys(node, ARROWS, tell);
}

// Home and End on a focused curtain: tells 0 or 1.
/** @type {(node: HTMLElement, tell: (share: number) => void) => void} */
export function onEnds(node, tell) {
  onKeys(node, { Home: 0, End: 1 }, tell);
}

// Tells a share of `duration` milliseconds, frame by frame, to the last, 1. Gives what
// stops it.
/** @type {(duration: number, tell: (share: number) => void) => () => void} */
export function animate(duration, tell) {
  let running = true;
  /** @type {number | undefined} */
  let start;
  /** @type {(now: number) => void} */
  const step = (now) => {
    start ??= now;
    const share = Math.min(1, (now - start) / duration);
    if (running) tell(share);
    if (running && share < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
  return () => {
    running = false;
  };
}

// A canvas that is painted again with the figure: see settle.
/** @typedef {HTMLCanvasElement & { paint: () => void }} Icon */

// What is to be done once a figure is in the page; a view may be drawn before. The
// still picture of the cell before steps aside, and `paint` paints in the page's theme,
// now and whenever the reader changes it. Gives what undoes that, and what else `leave`
// undoes.
/** @type {(el: HTMLElement, paint?: () => void, ...leave: (() => void)[]) =>
 *   () => void} */
export function settle(el, paint = () => {}, ...leave) {
  const repaint = () => {
    for (const icon of el.querySelectorAll("canvas.icon")) {
      /** @type {Icon} */ (icon).paint();
    }
    paint();
  };
  const themes = new MutationObserver(repaint);
  /** @type {Element | null | undefined} */
  let still;
  let waiting = 0;
  const start = () => {
    if (!el.isConnected) {
      waiting = requestAnimationFrame(start);
      return;
    }
    still = el.closest("div.cell")?.previousElementSibling;
    if (still?.classList.contains("tag_still")) still.classList.add("replaced");
    const { documentElement, body } = document;
    themes.observe(documentElement, { attributeFilter: ["data-theme"] });
    themes.observe(body, { attributeFilter: ["data-jp-theme-light"] });
    repaint();
  };
  start();
  return () => {
    cancelAnimationFrame(waiting);
    themes.disconnect();
    still?.classList.remove("replaced");
    for (const end of leave) end();
  };
}
