// The receptive field: pick a cell of the output, go through the layers.

const VIEW = 352; // page pixels of the larger side of a canvas
const RIM = 68; // pixels of padding shown around the photo
const CELL = 4; // pixels, each way, that an output stands for
const ZERO = "#777"; // L = 50, which the network reads as 0

// Rows of a layer's input that rows of its output read; rows beyond the map are zeros.
export function readRows({ kernel, stride, dilation, padding, transposed }, rows) {
  const read = new Set();
  for (const row of rows) {
    for (let tap = 0; tap < kernel; tap++) {
      const at = transposed
        ? (row + padding - tap) / stride
        : stride * row - padding + dilation * tap;
      if (Number.isInteger(at)) read.add(at);
    }
  }
  return [...read].sort((one, other) => one - other);
}

// Rows of the map that layer `from` reads which one row of layer `to` depends on.
export function traceRows(layers, from, to, row) {
  let rows = [row];
  for (let m = to; m >= from; m--) rows = readRows(layers[m], rows);
  return rows;
}

// The layer that one counts cells from: this one, its block's first, or conv5_1.
export function firstLayer(layers, m, since) {
  const block = since === "block" ? layers[m].name.split("_")[0] : "conv5";
  const first = layers.findIndex(({ name }) => name.split("_")[0] === block);
  return since === "layer" ? m : Math.min(m, first);
}

// What the cell of layer m that covers a pixel sees: of the photo, from pixel `from` to
// `to`, and of the map that layer `first` reads, `rows` and `columns`.
function look(layers, m, [x, y], since) {
  const first = firstLayer(layers, m, since);
  const trace = (start, pixel) =>
    traceRows(layers, start, m, Math.floor(pixel / layers[m].cell));
  const [columns, rows] = [trace(0, x), trace(0, y)];
  return {
    from: [columns[0], rows[0]],
    to: [columns.at(-1) + 1, rows.at(-1) + 1],
    first,
    cell: first ? layers[first - 1].cell : 1,
    columns: trace(first, x),
    rows: trace(first, y),
  };
}

const span = (list) => list.at(-1) - list[0] + 1;

// What part of the square from `from` to `to` is on the photo, in 0..1.
function shareOnPhoto({ from, to }, size) {
  const part = (i) =>
    Math.max(0, Math.min(size[i], to[i]) - Math.max(0, from[i])) / (to[i] - from[i]);
  return part(0) * part(1);
}

// A gray sheet of page pixels; `place` tells where a pixel of the photo is on it.
function openSheet(canvas, corner, sides, photo, size) {
  const density = Math.max(1, window.devicePixelRatio || 1);
  const scale = VIEW / Math.max(...sides);
  const [width, height] = sides.map((side) => side * scale);
  canvas.width = width * density;
  canvas.height = height * density;
  const context = canvas.getContext("2d");
  context.scale(density, density);
  context.fillStyle = ZERO;
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = false; // pixels are to be seen
  const place = (x, y) => [(x - corner[0]) * scale, (y - corner[1]) * scale];
  if (photo.complete) {
    context.drawImage(photo, ...place(0, 0), ...size.map((side) => side * scale));
  }
  return { context, place, scale, width, height };
}

function tracePath({ context, place, scale }, from, to) {
  context.beginPath();
  context.rect(...place(...from), (to[0] - from[0]) * scale, (to[1] - from[1]) * scale);
}

function dimOutside(sheet, from, to) {
  const { context, width, height } = sheet;
  tracePath(sheet, from, to);
  context.rect(0, 0, width, height);
  context.fillStyle = "rgb(0 0 0 / 50%)";
  context.fill("evenodd");
}

function paintWhole(canvas, photo, size, found, other, cell) {
  const sheet = openSheet(canvas, [-RIM, -RIM], size.map((side) => side + 2 * RIM), photo, size);
  const { context } = sheet;
  dimOutside(sheet, found.from, found.to);
  tracePath(sheet, [0, 0], size);
  context.lineWidth = 1;
  context.strokeStyle = "#fff";
  context.stroke();
  if (other) {
    tracePath(sheet, other.from, other.to);
    context.setLineDash([5, 5]);
    rimmed(context, 1);
    context.setLineDash([]);
  }
  tracePath(sheet, found.from, found.to);
  rimmed(context, 1.5);
  const corner = cell.map((i) => CELL * i);
  tracePath(sheet, corner, corner.map((v) => v + CELL));
  context.fillStyle = "#fff";
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = "#000";
  context.stroke();
  write(context, "beyond the photo: zeros", 12, 24, "left");
}

function paintClose(canvas, photo, size, { from, to, cell, columns, rows }) {
  const margin = Math.max(1, (to[0] - from[0]) / 40);
  const low = [Math.min(from[0], cell * columns[0]), Math.min(from[1], cell * rows[0])];
  const high = [to[0], to[1]].map((end, i) =>
    Math.max(end, cell * ([columns, rows][i].at(-1) + 1)));
  const side = Math.max(high[0] - low[0], high[1] - low[1]) + 2 * margin;
  const sheet = openSheet(canvas, low.map((v) => v - margin), [side, side], photo, size);
  const { context } = sheet;
  dimOutside(sheet, from, to);
  tracePath(sheet, from, to);
  rimmed(context, 1.5);
  for (const row of rows) {
    for (const column of columns) {
      const corner = [cell * (column + 0.15), cell * (row + 0.15)];
      tracePath(sheet, corner, corner.map((v) => v + 0.7 * cell));
      rimmed(context, 1);
    }
  }
}

const group = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const square2 = (side) => `${side} \u00d7 ${side}`;

function render({ model, el }) {
  const size = model.get("size");
  const networks = [model.get("dilated"), model.get("plain")];
  const last = networks[0].length - 1;
  const ends = size.map((side) => side / CELL - 1);
  const photo = make("img");
  const url = URL.createObjectURL(new Blob([bytes(model.get("photo"))], { type: "image/jpeg" }));
  const state = {
    cell: model.get("place").map((v, i) => Math.round(v * ends[i])),
    m: networks[0].findIndex(({ name }) => name === model.get("layer")),
    network: 0,
    since: 0,
  };
  const whole = make("canvas", { class: "plane whole", tabindex: "0", role: "application" });
  const close = make("canvas", { class: "plane close", role: "img" });
  const slider = makeSlider("layer", "Layer", { min: 0, max: last, step: 1 }, (m) => update({ m }));
  const dilation = makeButtons(
    "Dilation of blocks 5 and 6", ["dilation 2, as built", "dilation 1: none"],
    (network) => update({ network }),
  );
  const kinds = ["layer", "block", "conv5"];
  const since = makeButtons(
    "Framed cells", ["this layer", "its block", "since conv5_1"], (i) => update({ since: i }),
  );
  const [headline, framed] = [make("strong"), make("p", { class: "framed" })];
  const [rest, title] = [make("span"), make("div", { class: "title" })];

  function update(change) {
    Object.assign(state, change);
    const pixel = state.cell.map((i) => CELL * i + CELL / 2);
    const [found, other] = [state.network, 1 - state.network].map((i) =>
      look(networks[i], state.m, pixel, kinds[state.since]));
    const differs = span([found.from[0], found.to[0]]) !== span([other.from[0], other.to[0]]);
    paintWhole(whole, photo, size, found, differs && other, state.cell);
    paintClose(close, photo, size, found);
    describe(found, differs);
  }

  function describe(found, differs) {
    const [mine, others] = [state.network, 1 - state.network].map((i) => networks[i][state.m]);
    const { name, field } = mine;
    const read = found.rows.length * found.columns.length;
    const spanned = span(found.rows) * span(found.columns);
    const on = Math.round(100 * shareOnPhoto(found, size));
    const unlike = ` ${state.network ? "With dilation 2" : "Without dilation"}, with as many weights: `;
    slider.set(state.m, name);
    slider.row.querySelector("input").setAttribute("aria-valuetext", name);
    dilation.press(state.network);
    since.press(state.since);
    title.textContent = `close-up: what ${name} sees of it`;
    headline.textContent = `${name} sees ${square2(field)} = ${group(field ** 2)} pixels.`;
    rest.textContent =
      ` ${on}\u00a0% of them are on the photo.` +
      (differs ? `${unlike}${square2(others.field)} (dashed).` : "");
    framed.textContent =
      `Framed: of the map that ${networks[0][found.first].name} reads, ${read} of the ` +
      `${spanned} cells it spans (${Math.round((100 * read) / spanned)}\u00a0%). A cell is ` +
      `${found.cell} pixel${found.cell > 1 ? "s" : ""} wide.`;
    whole.setAttribute(
      "aria-label",
      `The photo. Cell in column ${state.cell[0] + 1} of ${ends[0] + 1}, row ${state.cell[1] + 1} ` +
        `of ${ends[1] + 1}; ${name} sees columns ${found.from[0]} to ${found.to[0] - 1} and rows ` +
        `${found.from[1]} to ${found.to[1] - 1} of the pixels. Click, or move with the arrow keys.`,
    );
    close.setAttribute("aria-label", `Close-up of what ${name} sees, with ${read} framed cells.`);
  }

  function move(cell) {
    update({ cell: cell.map((v, i) => within(v, 0, ends[i])) });
  }

  // The photo's pixel under a pointer.
  function pixelAt({ clientX, clientY }) {
    const box = whole.getBoundingClientRect();
    const scale = (size[0] + 2 * RIM) / box.width;
    return [(clientX - box.left) * scale - RIM, (clientY - box.top) * scale - RIM];
  }

  const distance = (event) => {
    const [x, y] = pixelAt(event);
    const scale = whole.getBoundingClientRect().width / (size[0] + 2 * RIM);
    return scale * Math.hypot(x - CELL * (state.cell[0] + 0.5), y - CELL * (state.cell[1] + 0.5));
  };
  onDrag(whole, distance, (event) => move(pixelAt(event).map((v) => Math.floor(v / CELL))));
  onArrows(whole, ([x, y], far) => {
    const step = far ? 10 : 1;
    move([state.cell[0] + step * x, state.cell[1] - step * y]);
  });
  photo.addEventListener("load", () => update({}));
  photo.src = url;
  el.append(
    make("div", { class: "lab-figure receptive-field" }, [
      make("div", { class: "bar" }, [slider.row, dilation.row]),
      make("p", { class: "seen", "aria-live": "polite" }, [headline, rest]),
      make("div", { class: "panes" }, [
        make("div", { class: "pane" }, [make("div", { class: "title" }, ["the photo"]), whole]),
        make("div", { class: "pane" }, [title, close]),
      ]),
      framed,
      make("div", { class: "bar" }, ["Frame what is read by ", since.row]),
    ]),
  );
  update({});
  const unsettle = settle(el, () => update({}));
  return () => {
    unsettle();
    URL.revokeObjectURL(url);
  };
}

export default { render };
