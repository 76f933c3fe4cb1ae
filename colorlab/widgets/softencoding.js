// The soft encoding picker: drag a color, and its nearest bins share it.

const WHOLE = { size: 280, corner: [-120, -120], span: 240, pixels: 240 };
const CLOSE = { size: 400, span: 70 };
const FONT = "12px system-ui, sans-serif";
const LABEL = 28; // page pixels: a square in which a weight can be written
const REACH = 110; // how far, along a and b, a pointer is followed: see pullToShown
const KNOWN = [
  ["paper: \u03c3 5, k 5", { sigma: 5, k: 5 }],
  ["authors\u2019 code: \u03c3 5, k 10", { sigma: 5, k: 10 }],
  ["nearest bin: k 1", { k: 1 }],
];

const SIGNS = {
  color: (context, x, y) => drawMark(context, "cross", x, y, 6),
  mean: (context, x, y) => drawMark(context, "circle", x, y, 9),
  sigma: (context, x, y, r = 8) => {
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.setLineDash([4, 4]);
    rimmed(context, 1);
    context.setLineDash([]);
  },
};

function softLegend() {
  const names = { color: "color", mean: "decoded: the mean", sigma: "distance \u03c3" };
  return makeLegend(Object.entries(names).map(([sign, name]) =>
    [makeIcon(24, (context, middle) => SIGNS[sign](context, middle, middle)), name]));
}

// What a color becomes: its share of each near bin, their mean, and the errors.
function encode({ color, k, sigma }, centers) {
  const shares = softEncode(...color, centers, k, sigma);
  const at = (q) => [centers[2 * q], centers[2 * q + 1]];
  const mean = [0, 1].map((c) => shares.reduce((sum, [q, w]) => sum + w * at(q)[c], 0));
  const error = ([a, b]) => Math.hypot(a - color[0], b - color[1]);
  return { shares, mean, at, error: error(mean), rounding: error(at(shares[0][0])) };
}

// Areas are like the weights, and the nearest bin's square is the whole bin.
const side = (weight, { shares }) => 10 * Math.sqrt(weight / shares[0][1]);

// A number in the middle of its square, if it fits, or at the bin's edge. The color is
// in the nearest bin's square: there, on the side away from it.
function writeWeights({ context, place, scale }, { color }, found) {
  found.shares.forEach(([q, weight], i) => {
    const [x, y] = place(...found.at(q));
    const edge = found.at(q)[1] > color[1] ? 13 - 5 * scale : 5 * scale - 4;
    const fits = i > 0 && side(weight, found) * scale > LABEL;
    write(context, weight.toFixed(3), x, y + (fits ? 4 : edge), "center", FONT);
  });
}

function paintWhole(canvas, slice, centers, color, corner) {
  const plane = openPlane(canvas, WHOLE.size, WHOLE.corner, WHOLE.span);
  const { context, size, place, ink } = plane;
  context.drawImage(slice, 0, 0, size, size);
  drawAxes(plane);
  context.fillStyle = ink("ink");
  for (let q = 0; q < centers.length / 2; q++) {
    const [x, y] = place(centers[2 * q], centers[2 * q + 1]);
    context.fillRect(x - 1, y - 1, 2, 2);
  }
  square(plane, corner.map((v) => v + CLOSE.span / 2), CLOSE.span);
  rimmed(context, 1.5);
  SIGNS.color(context, ...place(...color));
  nameAxes(plane);
}

function paintClose(canvas, state, found, centers, L) {
  const plane = openPlane(canvas, CLOSE.size, state.corner, CLOSE.span);
  const { context, place, scale, ink } = plane;
  context.lineWidth = 1;
  for (let q = 0; q < centers.length / 2; q++) {
    square(plane, found.at(q), 10);
    context.strokeStyle = ink("faint");
    context.stroke();
  }
  for (const [q, weight] of found.shares) {
    square(plane, found.at(q), 10);
    context.strokeStyle = ink("line");
    context.lineWidth = 1.5;
    context.stroke();
    square(plane, found.at(q), side(weight, found));
    context.fillStyle = cssColor(labToRgb(L, ...found.at(q)));
    context.fill();
    context.lineWidth = 1;
    context.stroke();
  }
  SIGNS.sigma(context, ...place(...state.color), state.sigma * scale);
  writeWeights(plane, state, found);
  write(context, "close-up: a bin is 10 by 10 units", 6, 16, "left");
  SIGNS.mean(context, ...place(...found.mean));
  SIGNS.color(context, ...place(...state.color));
}

function render({ model, el }) {
  const centers = floats(model.get("centers"));
  const L = model.get("L");
  const { pixels, corner, span } = WHOLE;
  const slice = paintSlice(L, corner[0], span, pixels);
  const view = (name) =>
    make("canvas", { class: `plane ${name}`, tabindex: "0", role: "application" });
  const [whole, close] = [view("whole"), view("close")];
  const sliders = {
    sigma: makeSlider("\u03c3", "Width sigma, in ab units", { min: 1, max: 15, step: 0.25 },
      (sigma) => update({ sigma })),
    k: makeSlider("k", "Number of nearest bins k", { min: 1, max: 10, step: 1 },
      (k) => update({ k })),
  };
  const known = makeButtons("Jump to", KNOWN.map(([name]) => name), (i) => update(KNOWN[i][1]));
  const [error, rest] = [make("strong"), make("span")];
  const list = make("ol", { class: "shares", "aria-label": "Nearest bins and weights" });
  const root = make("div", { class: "lab-figure soft-encoding-picker" }, [
    make("div", { class: "panes" }, [
      make("div", { class: "pane left" }, [whole, softLegend()]),
      make("div", { class: "pane right" }, [close]),
    ]),
    make("div", { class: "bar" }, [sliders.sigma.row, sliders.k.row]),
    known.row,
    make("p", { class: "error", "aria-live": "polite" }, [error, rest]),
    list,
  ]);
  const state = {
    color: model.get("color"), k: model.get("k"), sigma: model.get("sigma"), corner: null,
  };

  function update(change) {
    Object.assign(state, change);
    const found = encode(state, centers);
    paintWhole(whole, slice, centers, state.color, state.corner);
    paintClose(close, state, found, centers, L);
    describe(found);
  }

  function describe({ shares, mean, at, error: distance, rounding }) {
    const { color, k, sigma } = state;
    const pair = (ab, digits) => `a ${ab[0].toFixed(digits)}, b ${ab[1].toFixed(digits)}`;
    sliders.sigma.set(sigma);
    sliders.k.set(k);
    known.press(KNOWN.findIndex(([, wanted]) =>
      Object.entries(wanted).every(([name, value]) => state[name] === value)));
    error.textContent = `Error ${distance.toFixed(2)} ab units`;
    rest.textContent = withMinus(
      ` from the color (${pair(color, 1)}) to the mean (${pair(mean, 2)}). ` +
        `Rounding to the nearest bin: ${rounding.toFixed(2)}.`,
    );
    list.replaceChildren(...shares.map(([q, weight]) => make("li", {}, [
      `bin ${q} `, make("span", {}, [withMinus(`(${at(q).join(", ")})`)]), " ",
      make("b", {}, [weight.toFixed(3)]),
    ])));
    const told = withMinus(`color ${pair(color, 1)}. Drag it, or move it with the arrow keys.`);
    whole.setAttribute("aria-label", `The whole ab plane: ${told}`);
    close.setAttribute("aria-label", `${k} nearest bins, squares sized by weight: ${told}`);
  }

  // The close-up follows by whole bins, and not while the color is dragged in it.
  function center() {
    return state.color.map((v) => Math.round(v / 10) * 10 - CLOSE.span / 2);
  }

  function move([a, b], follow) {
    const inside = [a, b].map((v) => within(Math.round(10 * v) / 10, -REACH, REACH) + 0);
    // Toward gray to a decimal, so that what is told is what is encoded.
    const pulled = pullToShown(L, ...inside).map((v) => Math.trunc(10 * v) / 10 + 0);
    state.color = isShown(L, ...inside) ? inside : pulled;
    update(follow ? { corner: center() } : {});
  }

  function connect(canvas, shown, follow) {
    const at = (event) => pointedAt(canvas, event, shown().corner, shown().span);
    const distance = (event) =>
      distanceTo(state.color, canvas, event, shown().corner, shown().span);
    const stay = ([a, b]) => [[a, 0], [b, 1]].map(([v, i]) =>
      within(v, shown().corner[i], shown().corner[i] + shown().span));
    onDrag(canvas, distance, (event) => move(stay(at(event)), follow), () => update({ corner: center() }));
    onArrows(canvas, ([x, y], far) => {
      const step = far ? 10 : 1;
      const [a, b] = state.color.map(Math.round); // a finger stops between whole numbers
      move([a + step * x, b + step * y], true);
    });
  }

  connect(whole, () => WHOLE, true);
  connect(close, () => ({ corner: state.corner, span: CLOSE.span }), false);
  for (const name of ["color", "k", "sigma"]) {
    model.on(`change:${name}`, () => {
      state[name] = model.get(name);
      update({ corner: center() });
    });
  }
  el.append(root);
  update({ corner: center() });
  return settle(el, () => update({}));
}

export default { render };
