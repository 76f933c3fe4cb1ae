// What the figures share of the page itself: elements, bytes, keys, planes.

const ARROWS = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
};

function make(tag, attributes = {}, children = []) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function bytes(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

// A copy, since a view need not start at a multiple of four.
function floats(view) {
  return new Float32Array(bytes(view).slice().buffer);
}

const withMinus = (text) => text.replaceAll("-", "\u2212");
const within = (value, low, high) => Math.min(high, Math.max(low, value));
const cssColor = (rgb) => `rgb(${rgb.map((v) => Math.round(255 * v)).join(" ")})`;

// A labeled range input and its value. JupyterLab swallows the arrow keys of a plain
// one: move it ourselves.
function makeSlider(name, label, range, tell) {
  const input = make("input", { type: "range", "aria-label": label, ...range });
  const shown = make("output", { class: "value" });
  input.addEventListener("keydown", (event) => {
    const [x, y] = ARROWS[event.key] ?? [0, 0];
    if (!(x + y)) return;
    event.preventDefault();
    event.stopPropagation();
    input.value = Number(input.value) + (x + y) * Number(input.step);
    input.dispatchEvent(new Event("input"));
  });
  input.addEventListener("input", () => tell(Number(input.value)));
  const set = (value, text = value) => {
    input.value = value;
    const share = (input.value - range.min) / (range.max - range.min);
    input.style.setProperty("--share", `${100 * share}%`);
    shown.textContent = text;
  };
  return { row: make("label", { class: "slider" }, [name, input, shown]), set };
}

function makeButtons(label, names, tell) {
  const buttons = names.map((name, i) => {
    const button = make("button", { type: "button", "aria-pressed": "false" }, [name]);
    button.addEventListener("click", () => tell(i));
    return button;
  });
  const press = (chosen) =>
    buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(i === chosen)));
  return { row: make("div", { class: "group", role: "group", "aria-label": label }, buttons), press };
}

// The panel's colors as page.css names them, in the page's theme: none before the
// canvas is in the page, where settle has it painted again.
function inks(canvas) {
  const style = getComputedStyle(canvas);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

// A square sheet of `size` page pixels that shows a and b from the corner [a, b] up.
function openPlane(canvas, size, [left, bottom], span, ink = inks(canvas)) {
  const density = Math.max(1, window.devicePixelRatio || 1);
  canvas.width = canvas.height = size * density;
  const context = canvas.getContext("2d");
  context.scale(density, density);
  context.fillStyle = ink("sheet");
  context.fillRect(0, 0, size, size);
  const scale = size / span;
  const place = (a, b) => [(a - left) * scale, size - (b - bottom) * scale];
  return { context, size, scale, place, ink };
}

// Where on such a plane a pointer is.
function pointedAt(canvas, { clientX, clientY }, [left, bottom], span) {
  const box = canvas.getBoundingClientRect();
  return [
    left + (span * (clientX - box.left)) / box.width,
    bottom + span * (1 - (clientY - box.top) / box.height),
  ];
}

// How many page pixels a pointer is from a point of such a plane.
function distanceTo(point, canvas, event, corner, span) {
  const [a, b] = pointedAt(canvas, event, corner, span);
  const scale = canvas.getBoundingClientRect().width / span;
  return Math.hypot(a - point[0], b - point[1]) * scale;
}

// Numbers stand between the rows of dots, below and to the right of their ticks.
function drawAxes({ context, size, place }) {
  const [x, y] = place(0, 0);
  context.strokeStyle = "#8a8a8a";
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, size);
  context.moveTo(0, y);
  context.lineTo(size, y);
  const ticks = [-100, -50, 50, 100].map((v) => [v, place(v, v)]);
  for (const [, [u, v]] of ticks) {
    context.moveTo(u, y - 4);
    context.lineTo(u, y + 4);
    context.moveTo(x - 4, v);
    context.lineTo(x + 4, v);
  }
  context.stroke();
  for (const [number, [u, v]] of ticks) {
    const text = withMinus(String(number));
    write(context, text, Math.min(u, size - 14), y + 12, "center", SMALL);
    write(context, text, x + 3, v + 12, "left", SMALL);
  }
}

const SMALL = "11px system-ui, sans-serif";

// Letters of ink with a rim of the sheet: readable on any color.
function write(context, text, x, y, align = "center", font = "13px system-ui, sans-serif") {
  context.font = font;
  context.textAlign = align;
  context.lineJoin = "round";
  context.lineWidth = 4;
  const ink = inks(context.canvas);
  context.strokeStyle = ink("sheet");
  context.strokeText(text, x, y);
  context.fillStyle = ink("ink");
  context.fillText(text, x, y);
}

function nameAxes({ context, size }) {
  write(context, "a: green \u2194 red", 6, size - 13, "left"); // between rows of dots
  write(context, "b: blue \u2195 yellow", 6, 22, "left");
}

function square({ context, scale, place }, [a, b], side) {
  const [x, y] = place(a, b);
  context.beginPath();
  context.rect(x - (side * scale) / 2, y - (side * scale) / 2, side * scale, side * scale);
}

// A bin of the plane, filled with a color of CSS.
function paintBin(plane, center, side, color) {
  const { context, ink } = plane;
  square(plane, center, side);
  context.fillStyle = color;
  context.fill();
  context.strokeStyle = ink("line");
  context.lineWidth = 0.5;
  context.stroke();
}

// The colors of one lightness, as gamutSlice gives them.
function paintSlice(L, low, span, pixels, canvas = make("canvas")) {
  canvas.width = canvas.height = pixels;
  const image = new ImageData(gamutSlice(L, low, low + span, pixels), pixels, pixels);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// Whatever the path's surround: a line with a white rim.
function rimmed(context, width = 2) {
  for (const [style, wide] of [["#fff", width + 2.5], ["#000", width]]) {
    context.strokeStyle = style;
    context.lineWidth = wide;
    context.stroke();
  }
}

function drawMark(context, shape, x, y, r) {
  context.beginPath();
  if (shape === "circle") context.arc(x, y, r, 0, 2 * Math.PI);
  if (shape === "square") context.rect(x - r, y - r, 2 * r, 2 * r);
  if (shape === "diamond") {
    for (const [u, v] of [[0, -1], [1, 0], [0, 1], [-1, 0]]) {
      context.lineTo(x + 1.4 * r * u, y + 1.4 * r * v);
    }
    context.closePath();
  }
  if (shape === "cross") {
    for (const v of [-r, r]) {
      context.moveTo(x - r, y - v);
      context.lineTo(x + r, y + v);
    }
  }
  rimmed(context);
}

// Marks are [name, shape, r], their points by name, of which some may be missing. Sizes
// differ and the largest comes first, so that marks of one color nest.
function drawMarks({ context, place }, marks, points) {
  for (const [name, shape, r] of [...marks].sort((one, other) => other[2] - one[2])) {
    if (points[name]) drawMark(context, shape, ...place(...points[name]), r);
  }
}

// An icon of `size` page pixels that `draw` fills, given a context, the middle and inks.
function makeIcon(size, draw) {
  const icon = make("canvas", { class: "icon", "aria-hidden": "true" });
  icon.paint = () => {
    icon.width = icon.height = 2 * size;
    icon.getContext("2d").scale(2, 2);
    draw(icon.getContext("2d"), size / 2, inks(icon));
  };
  icon.paint();
  return icon;
}

function makeLegend(entries) {
  return make("div", { class: "legend" }, entries.map((parts) => make("span", {}, parts)));
}

const NEAR = 32; // page pixels: a finger this near what can be dragged drags it

// Dragging by mouse from anywhere; by finger from near what is dragged, `distance`
// page pixels away, so that the page still scrolls. A tap moves it.
function onDrag(canvas, distance, tell, done = () => {}) {
  let dragging = false;
  canvas.addEventListener("touchstart", (event) => {
    if (distance(event.touches[0]) < NEAR) event.preventDefault();
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    dragging = event.pointerType !== "touch" || distance(event) < NEAR;
    if (!dragging) return;
    canvas.setPointerCapture(event.pointerId);
    tell(event);
  });
  canvas.addEventListener("pointermove", (event) => dragging && tell(event));
  for (const kind of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(kind, () => {
      if (dragging) done();
      dragging = false;
    });
  }
  canvas.addEventListener("click", (event) => {
    if (event.pointerType !== "touch") return;
    tell(event);
    done();
  });
}

// Arrow keys on a focused plane: tells the step, by tens with Shift.
function onArrows(canvas, tell) {
  canvas.addEventListener("keydown", (event) => {
    const step = ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    tell(step, event.shiftKey);
  });
}

// Home and End on a focused curtain: tells 0 or 1.
function onEnds(rail, tell) {
  rail.addEventListener("keydown", (event) => {
    const end = { Home: 0, End: 1 }[event.key];
    if (end === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    tell(end);
  });
}

// What is to be done once a figure is in the page; a view may be drawn before. The still
// picture of the cell before steps aside, and `paint` paints in the page's theme, now and
// whenever the reader changes it. Gives what undoes that.
function settle(el, paint = () => {}) {
  const repaint = () => {
    el.querySelectorAll("canvas.icon").forEach((icon) => icon.paint());
    paint();
  };
  const watch = new MutationObserver(repaint);
  const start = () => {
    if (!el.isConnected) return requestAnimationFrame(start);
    const still = el.closest("div.cell")?.previousElementSibling;
    if (still?.classList.contains("tag_still")) still.classList.add("replaced");
    for (const [node, name] of [["documentElement", "data-theme"], ["body", "data-jp-theme-light"]]) {
      watch.observe(document[node], { attributeFilter: [name] });
    }
    repaint();
  };
  start();
  return () => watch.disconnect();
}
