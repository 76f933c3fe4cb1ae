// The temperature explorer: pick a point of a photo, drag T.

const PLANE = { size: 320, corner: [-118, -118], span: 236 }; // page pixels, ab units
const LEAST = 0.4; // ab units: the side of the smallest square drawn
const VIEWS = ["colored", "truth", "gray", "uncertainty"];
const JUMPS = [["mode", 0], ["T = 0.38", 0.38], ["mean", 1]];
const MARKS = [
  ["mean", "circle", 6.5],
  ["annealed mean", "diamond", 11],
  ["mode", "square", 14],
  ["truth", "cross", 3.5],
];

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

// One gray a cell: black for 0 nats, white for all bins alike.
function paintMap(canvas, { rows, columns, height, width, Q }, nats) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  nats.forEach((value, cell) => {
    context.fillStyle = cssColor(Array(3).fill(value / Math.log(Q)));
    const [x, y] = [cell % columns, Math.floor(cell / columns)];
    context.fillRect((x * width) / columns, (y * height) / rows, width / columns, height / rows);
  });
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

function paintPlane(canvas, p, centers, L, points) {
  const plane = openPlane(canvas, PLANE.size, PLANE.corner, PLANE.span);
  const { context, place, ink } = plane;
  drawAxes(plane);
  const top = Math.max(...p);
  for (let q = 0; q < p.length; q++) {
    const center = [centers[2 * q], centers[2 * q + 1]];
    const side = 10 * Math.sqrt(p[q] / top); // ab units; areas are like probabilities
    if (side < LEAST) {
      const [x, y] = place(...center);
      context.fillStyle = ink("faint");
      context.fillRect(x - 1, y - 1, 2, 2);
      continue;
    }
    paintBin(plane, center, side, cssColor(labToRgb(L, ...center)));
  }
  nameAxes(plane);
  drawMarks(plane, MARKS, points);
}

const bins = (nats) => {
  const number = Math.exp(nats);
  return `${number.toFixed(number < 9.95 ? 1 : 0)} equally likely bins`;
};

// A color in words, as a patch, and how far it is from the truth.
function makeMark([name, shape]) {
  const icon = makeIcon(20, (context, middle) => drawMark(context, shape, middle, middle, 5));
  const [swatch, text] = [make("span", { class: "swatch" }), make("span")];
  const tell = (L, ab, truth) => {
    swatch.style.background = cssColor(labToRgb(L, ...ab));
    const far = Math.hypot(ab[0] - truth[0], ab[1] - truth[1]).toFixed(0);
    text.textContent = show(ab) + (name === "truth" ? "" : `; off by ${far}`);
  };
  return { parts: [icon, swatch, make("b", {}, [name]), text], tell };
}

const show = (ab) =>
  withMinus(`a ${ab[0].toFixed(0)}, b ${ab[1].toFixed(0)}`).replace(/\u22120(?!\d)/g, "0");

function render({ model, el }) {
  const photos = model.get("photos");
  const picture = make("canvas", {
    class: "picture",
    tabindex: "0",
    role: "application",
  });
  const plane = make("canvas", { class: "plane", role: "img" });
  const choice = make(
    "select",
    { "aria-label": "Photo" },
    photos.map(({ name }, i) => make("option", { value: i }, [name])),
  );
  const temperature = makeSlider(
    "T", "Temperature T", { min: 0, max: 1, step: 0.01 }, (T) => setT(T),
  );
  const jumps = makeButtons("Jump to", JUMPS.map(([name]) => name), (i) => setT(JUMPS[i][1]));
  const views = makeButtons("Show", VIEWS, (i) => update({ view: VIEWS[i] }));
  const marks = MARKS.map(makeMark);
  const legend = makeLegend(marks.map(({ parts }) => parts));
  const most = Math.log(floats(model.get("centers")).length / 2);
  const mean = make("span");
  const scale = make("div", { class: "scale" }, [
    make("div", { class: "ends" }, [
      make("span", {}, ["0 nats: sure of one bin"]),
      make("span", {}, [`${most.toFixed(2)} nats: all bins alike`]),
    ]),
    make("div", { class: "ramp" }),
    mean,
  ]);
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  const root = make("div", { class: "lab-figure temperature-explorer" }, [
    make("div", { class: "bar" }, [make("label", {}, ["Photo ", choice]), views.row]),
    make("div", { class: "panes" }, [
      make("div", { class: "pane" }, [
        picture, make("div", { class: "bar" }, [temperature.row, jumps.row]), scale, readout,
      ]),
      make("div", { class: "pane" }, [plane, legend]),
    ]),
  ]);
  const state = { T: model.get("T"), view: "colored", index: -1, photo: null, x: 0, y: 0 };

  function update(change) {
    Object.assign(state, change);
    if ("index" in change) {
      state.photo = readPhoto(model, state.index);
      state.x = Math.round(state.photo.x * (state.photo.columns - 1));
      state.y = Math.round(state.photo.y * (state.photo.rows - 1));
    }
    const { photo, T, view } = state;
    const { centers, Q, rows, columns, width, height, logits, truth, cells } = photo;
    scale.hidden = view !== "uncertainty";
    if (view === "uncertainty") {
      const nats = entropies(logits, Q, T);
      paintMap(picture, photo, nats);
      const average = nats.reduce((sum, value) => sum + value, 0) / cells;
      mean.textContent = `Mean of the photo: ${average.toFixed(2)} nats, as of ${bins(average)}.`;
    } else {
      const ab =
        view === "truth" ? truth
        : view === "gray" ? new Float32Array(2 * cells)
        : annealedMean(logits, centers, T);
      paintPhoto(picture, photo, ab);
    }
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
    const undecided = entropy(p);
    MARKS.forEach(([name], i) => marks[i].tell(L, points[name], points.truth));
    const told = MARKS.map(([name]) => `${name} ${show(points[name])}`).join("; ");
    plane.setAttribute("aria-label", `The point's colors on the ab plane: ${told}.`);
    temperature.set(T, T === 0 ? "0 (mode)" : T.toFixed(2));
    jumps.press(JUMPS.findIndex(([, known]) => known === T));
    views.press(VIEWS.indexOf(view));
    picture.setAttribute(
      "aria-label",
      `${view === "uncertainty" ? "Map of uncertainty: the lighter, the less sure" : `The photo, ${view}`}. ` +
        "Click, or move with the arrow keys, to pick a point.",
    );
    readout.textContent =
      `Column ${state.x + 1} of ${columns}, row ${state.y + 1} of ${rows}, ` +
      `L ${L.toFixed(0)}. At this T, as undecided as among ${bins(undecided)}: ` +
      `entropy ${undecided.toFixed(2)} nats.`;
  }

  // The views "truth" and "gray" do not depend on T.
  function setT(T) {
    update({ T, view: state.view === "uncertainty" ? state.view : "colored" });
  }

  function pick(x, y) {
    const { rows, columns } = state.photo;
    update({ x: within(x, 0, columns - 1), y: within(y, 0, rows - 1) });
  }

  function follow(event) {
    const box = picture.getBoundingClientRect();
    const { rows, columns } = state.photo;
    pick(
      Math.floor(((event.clientX - box.left) / box.width) * columns),
      Math.floor(((event.clientY - box.top) / box.height) * rows),
    );
  }

  // How many page pixels a pointer is from the picked point.
  function distance({ clientX, clientY }) {
    const box = picture.getBoundingClientRect();
    const { rows, columns } = state.photo;
    return Math.hypot(
      clientX - box.left - ((state.x + 0.5) * box.width) / columns,
      clientY - box.top - ((state.y + 0.5) * box.height) / rows,
    );
  }

  onDrag(picture, distance, follow);
  onArrows(picture, ([x, y]) => pick(state.x + x, state.y - y));
  choice.addEventListener("change", () => update({ index: Number(choice.value) }));
  model.on("change:T", () => update({ T: model.get("T") }));
  el.append(root);
  update({ index: 0 });
  return settle(el, () => update({}));
}

export default { render };
