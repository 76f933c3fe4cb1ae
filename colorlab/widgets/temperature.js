// The temperature explorer: pick a point of a photo, drag T.

const PLANE = { size: 320, low: -118, high: 118 }; // ab units shown by the plane
const MARKS = [
  ["mean", "circle"],
  ["annealed mean", "diamond"],
  ["mode", "square"],
  ["truth", "cross"],
];

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

function readPhoto(model, index) {
  const photo = { ...model.get("photos")[index] };
  const blob = bytes(model.get("pixels"));
  const { offset, rows, columns, height, width, scale } = photo;
  const cells = rows * columns;
  let at = offset;
  const take = (length) => blob.subarray(at, (at += length));
  photo.cells = cells;
  photo.L = take(height * width);
  photo.truth = Float32Array.from(new Int8Array(take(cells * 2).slice().buffer));
  photo.centers = floats(model.get("centers"));
  photo.Q = photo.centers.length / 2;
  const head = floats(model.get("head"));
  const F = scale.length;
  photo.logits = lastLayer(
    take(F * cells),
    Float32Array.from(scale),
    head.subarray(0, photo.Q * F),
    head.subarray(photo.Q * F),
  );
  return photo;
}

function paintPhoto(canvas, photo, ab) {
  const { height, width, rows, columns, L } = photo;
  canvas.width = width;
  canvas.height = height;
  const large = upsample(ab, rows, columns, height, width);
  const image = new ImageData(width, height);
  for (let i = 0; i < L.length; i++) {
    const rgb = labToRgb(L[i] / 2.55, large[2 * i], large[2 * i + 1]);
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = Math.round(255 * rgb[c]);
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function ring(context, x, y) {
  for (const [color, width] of [["#000", 3.5], ["#fff", 1.5]]) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, 6, 0, 2 * Math.PI);
    context.stroke();
  }
}

function drawMark(context, shape, x, y, r) {
  context.beginPath();
  if (shape === "circle") context.arc(x, y, r, 0, 2 * Math.PI);
  if (shape === "square") context.rect(x - r, y - r, 2 * r, 2 * r);
  if (shape === "diamond") {
    context.moveTo(x, y - 1.4 * r);
    context.lineTo(x + 1.4 * r, y);
    context.lineTo(x, y + 1.4 * r);
    context.lineTo(x - 1.4 * r, y);
    context.closePath();
  }
  if (shape === "cross") {
    context.moveTo(x - r, y - r);
    context.lineTo(x + r, y + r);
    context.moveTo(x + r, y - r);
    context.lineTo(x - r, y + r);
  }
  context.lineWidth = 4.5;
  context.strokeStyle = "#fff";
  context.stroke();
  context.lineWidth = 2;
  context.strokeStyle = "#000";
  context.stroke();
}

function paintPlane(canvas, p, centers, L, points) {
  const density = Math.max(1, window.devicePixelRatio || 1);
  const { size, low, high } = PLANE;
  canvas.width = canvas.height = size * density;
  const context = canvas.getContext("2d");
  context.scale(density, density);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, size, size);
  const scale = size / (high - low);
  const place = (a, b) => [(a - low) * scale, (high - b) * scale];
  context.strokeStyle = "#bbb";
  context.lineWidth = 1;
  const [zeroX, zeroY] = place(0, 0);
  context.strokeRect(0.5, 0.5, size - 1, size - 1);
  context.beginPath();
  context.moveTo(zeroX, 0);
  context.lineTo(zeroX, size);
  context.moveTo(0, zeroY);
  context.lineTo(size, zeroY);
  context.stroke();
  const top = Math.max(...p);
  for (let q = 0; q < p.length; q++) {
    const [a, b] = [centers[2 * q], centers[2 * q + 1]];
    const [x, y] = place(a, b);
    const side = 10 * scale * Math.sqrt(p[q] / top);
    if (side < 0.5) {
      context.fillStyle = "#ccc";
      context.fillRect(x - 1, y - 1, 2, 2);
      continue;
    }
    const [red, green, blue] = labToRgb(L, a, b).map((v) => Math.round(255 * v));
    context.fillStyle = `rgb(${red},${green},${blue})`;
    context.fillRect(x - side / 2, y - side / 2, side, side);
    context.strokeStyle = "#555";
    context.lineWidth = 0.5;
    context.strokeRect(x - side / 2, y - side / 2, side, side);
  }
  context.fillStyle = "#333";
  context.font = "12px sans-serif";
  context.fillText("a: green \u2194 red", size - 104, size - 8);
  context.fillText("b: blue \u2195 yellow", 8, 16);
  for (const [name, shape] of MARKS) drawMark(context, shape, ...place(...points[name]), 5);
}

const show = (ab) => `a ${ab[0].toFixed(0)}, b ${ab[1].toFixed(0)}`.replaceAll("-", "\u2212");

// JupyterLab swallows the arrow keys of a plain range input: move it ourselves.
function keepArrowKeys(slider) {
  const direction = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
  slider.addEventListener("keydown", (event) => {
    const step = direction[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    slider.value = Number(slider.value) + step * Number(slider.step);
    slider.dispatchEvent(new Event("input"));
  });
}

function legend() {
  return make(
    "div",
    { class: "legend" },
    MARKS.map(([name, shape]) => {
      const icon = make("canvas", { width: 20, height: 20, "aria-hidden": "true" });
      drawMark(icon.getContext("2d"), shape, 10, 10, 5);
      return make("span", {}, [icon, name]);
    }),
  );
}

function render({ model, el }) {
  const photos = model.get("photos");
  const picture = make("canvas", {
    class: "picture",
    tabindex: "0",
    role: "application",
    "aria-label": "Colored photo. Click, or move with the arrow keys, to pick a point.",
  });
  const plane = make("canvas", { class: "plane", role: "img" });
  const choice = make(
    "select",
    { "aria-label": "Photo" },
    photos.map(({ name }, i) => make("option", { value: i }, [name])),
  );
  const slider = make("input", {
    type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Temperature T",
  });
  const shownT = make("output", { class: "value" });
  const jumps = [["mode", 0], ["T = 0.38", 0.38], ["mean", 1]].map(([name, T]) => {
    const button = make("button", { type: "button" }, [name]);
    button.addEventListener("click", () => setT(T));
    return button;
  });
  const views = ["colored", "truth", "gray"].map((view) => {
    const button = make("button", { type: "button", "aria-pressed": "false" }, [view]);
    button.addEventListener("click", () => update({ view }));
    return button;
  });
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  const root = make("div", { class: "temperature-explorer" }, [
    make("div", { class: "bar" }, [
      make("label", {}, ["Photo ", choice]),
      make("span", { class: "group", role: "group", "aria-label": "Show" }, views),
    ]),
    make("div", { class: "panes" }, [
      make("div", { class: "pane" }, [picture]),
      make("div", { class: "pane" }, [plane, legend()]),
    ]),
    make("div", { class: "bar" }, [
      make("label", { class: "temperature" }, ["T ", slider, shownT]),
      make("span", { class: "group", role: "group", "aria-label": "Jump to" }, jumps),
    ]),
    readout,
  ]);
  const state = { T: model.get("T"), view: "colored", index: -1, photo: null, x: 0, y: 0 };

  function setT(T) {
    slider.value = T;
    update({ T });
  }

  function update(change) {
    Object.assign(state, change);
    if ("index" in change) {
      state.photo = readPhoto(model, state.index);
      state.x = Math.round(state.photo.x * (state.photo.columns - 1));
      state.y = Math.round(state.photo.y * (state.photo.rows - 1));
    }
    const { photo, T, view } = state;
    const { centers, Q, rows, columns, width, height, logits, truth, cells } = photo;
    const ab =
      view === "truth" ? truth
      : view === "gray" ? new Float32Array(2 * cells)
      : annealedMean(logits, centers, T);
    paintPhoto(picture, photo, ab);
    const [u, v] = [((state.x + 0.5) * width) / columns, ((state.y + 0.5) * height) / rows];
    ring(picture.getContext("2d"), u, v);
    const cell = state.y * columns + state.x;
    const p = distribution(logits, cell, Q, T);
    const points = {
      mean: meanColor(distribution(logits, cell, Q, 1), centers),
      "annealed mean": meanColor(p, centers),
      mode: meanColor(distribution(logits, cell, Q, 0), centers),
      truth: [truth[2 * cell], truth[2 * cell + 1]],
    };
    const L = photo.L[Math.floor(v) * width + Math.floor(u)] / 2.55;
    paintPlane(plane, p, centers, L, points);
    const used = p.filter((value) => value > 0.01).length;
    const told = MARKS.map(([name]) => `${name} ${show(points[name])}`).join("; ");
    plane.setAttribute("aria-label", `The point's colors on the ab plane: ${told}.`);
    shownT.textContent = T === 0 ? "0 (mode)" : T.toFixed(2);
    readout.textContent =
      `Column ${state.x + 1} of ${columns}, row ${state.y + 1} of ${rows}, ` +
      `L ${L.toFixed(0)}: ${told}. At this T, ${used} of ${Q} bins hold over 1 % each.`;
    views.forEach((button) =>
      button.setAttribute("aria-pressed", String(button.textContent === view)),
    );
  }

  function pick(event) {
    const box = picture.getBoundingClientRect();
    const { rows, columns } = state.photo;
    const inside = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share * count)));
    update({
      x: inside((event.clientX - box.left) / box.width, columns),
      y: inside((event.clientY - box.top) / box.height, rows),
    });
  }

  picture.addEventListener("pointerdown", pick);
  picture.addEventListener("pointermove", (event) => event.buttons && pick(event));
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const { rows, columns } = state.photo;
    update({
      x: Math.min(columns - 1, Math.max(0, state.x + step[0])),
      y: Math.min(rows - 1, Math.max(0, state.y + step[1])),
    });
  });
  slider.addEventListener("input", () => update({ T: Number(slider.value) }));
  choice.addEventListener("change", () => update({ index: Number(choice.value) }));
  keepArrowKeys(slider);
  model.on("change:T", () => setT(model.get("T")));
  el.append(root);
  slider.value = state.T;
  update({ index: 0 });
  replaceStill(el);
}

// In the built page, the still picture of the cell before steps aside. A view may be
// drawn before it is put into the page: then it waits.
function replaceStill(el) {
  if (!el.isConnected) {
    requestAnimationFrame(() => replaceStill(el));
    return;
  }
  const still = el.closest("div.cell")?.previousElementSibling;
  if (still?.classList.contains("tag_still")) still.classList.add("replaced");
}

export default { render };
