// The prior's bench: smooth it, weigh its bins, see which pixels get louder.

const SIDE = 320, CORNER = [-115, -125], SPAN = 240; // page pixels; ab units
const CIVIDIS = [
  [0, 34, 78], [26, 56, 111], [67, 78, 108], [97, 101, 111], [125, 124, 120],
  [155, 148, 118], [188, 174, 108], [222, 201, 88], [254, 232, 56],
];
const GRAYS = [[0, 0, 0], [255, 255, 255]];
const RAREST = 1e-9, COMMONEST = 0.3; // shares: the ends of the log view
const EVEN = 1e-9; // a weight so near 1 changes nothing

const inLog = (value, low, high) => Math.log(value / low) / Math.log(high / low);
const weightShade = (w) => inLog(w, 0.1, 10); // 0.5 is a weight of 1
// Where a bin's color is looked for, the nearest to 65 first.
const LIGHTNESSES = Array.from({ length: 99 }, (_, i) => i + 1)
  .sort((one, other) => Math.abs(one - 65) - Math.abs(other - 65));
const number = (x) => withMinus(String(Number(x.toPrecision(3))));
const percent = (x) => `${(100 * x).toFixed(0)}\u00a0%`;

// The color at t, from 0 to 1, of a scale of evenly spaced stops.
function shade(stops, t) {
  const at = within(t, 0, 1) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
  return stops[i].map((low, c) => Math.round(low + (at - i) * (stops[i + 1][c] - low)));
}

function makeScale(stops) {
  const colors = stops.map((rgb) => `rgb(${rgb.join(" ")})`).join(", ");
  const bar = make("div", { class: "scale" });
  bar.style.background = `linear-gradient(to right, ${colors})`;
  const ticks = make("div", { class: "ticks" });
  const set = (...texts) => ticks.replaceChildren(...texts.map((text) => make("span", {}, [text])));
  return { nodes: [bar, ticks], set };
}

function paintBins(canvas, bench, stops, shades, picked) {
  const plane = openPlane(canvas, SIDE, CORNER, SPAN);
  const { context, place } = plane;
  const { centers, Q } = bench;
  for (let q = 0; q < Q; q++) {
    const center = [centers[2 * q], centers[2 * q + 1]];
    square(plane, center, 10);
    context.fillStyle = `rgb(${shade(stops, shades[q]).join(" ")})`;
    context.fill();
    context.lineWidth = 0.5;
    context.strokeStyle = "#808080";
    context.stroke();
    if (shades[q] > 0) continue;
    const [x, y] = place(...center);
    context.beginPath();
    for (const [u, v] of [[2, 2], [2, -2]]) {
      context.moveTo(x - u, y - v);
      context.lineTo(x + u, y + v);
    }
    context.lineWidth = 1;
    context.strokeStyle = "#ccc";
    context.stroke();
  }
  square(plane, [centers[2 * picked], centers[2 * picked + 1]], 10);
  rimmed(context);
}

function paintWeights(canvas, { bins, width, height }, w) {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  bins.forEach((q, i) => image.data.set([...shade(GRAYS, weightShade(w[q])), 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function readBench(model) {
  const [width, height] = model.get("size");
  const centers = floats(model.get("centers"));
  return {
    width, height, centers,
    Q: centers.length / 2,
    p: new Float64Array(bytes(model.get("p")).slice().buffer),
    bins: new Uint16Array(bytes(model.get("bins")).slice().buffer),
  };
}

function nearestTo(centers, [a, b]) {
  let best = 0, least = Infinity;
  for (let q = 0; q < centers.length / 2; q++) {
    const far = (a - centers[2 * q]) ** 2 + (b - centers[2 * q + 1]) ** 2;
    if (far < least) [best, least] = [q, far];
  }
  return best;
}

function render({ model, el }) {
  const bench = readBench(model);
  const { width, height, centers, bins, p, Q } = bench;
  const state = {
    lam: model.get("lam"), sigma: model.get("sigma"), log: true, picked: 0,
    spot: [Math.floor(width / 2), Math.floor(height / 2)],
  };
  state.picked = bins[state.spot[1] * width + state.spot[0]];
  const url = URL.createObjectURL(new Blob([bytes(model.get("jpeg")).slice()], { type: "image/jpeg" }));
  const [priorMap, weightMap] = ["Prior", "Weights"].map((name) =>
    make("canvas", { class: "plane", role: "img", tabindex: "0", "aria-label": name }),
  );
  const photo = make("img", { src: url, alt: "The photo.", width, height });
  const loud = make("canvas", { role: "img" });
  const spots = [0, 1].map(() => make("div", { class: "spot" }));
  const frames = [photo, loud].map((node, i) =>
    make("div", { class: "frame", tabindex: "0", role: "group" }, [node, spots[i]]),
  );
  const scales = { prior: makeScale(CIVIDIS), w: makeScale(GRAYS), v: makeScale(GRAYS) };
  scales.w.set("quiet \u2264 0.1", "1", "\u2265 10 loud");
  scales.v.set("\u2264 0.1", "1", "\u2265 10");
  const lam = makeSlider(
    "\u03bb lambda", "Lambda", { min: 0, max: 1, step: 0.01 }, (value) => update({ lam: value }),
  );
  const sigma = makeSlider(
    "\u03c3 sigma", "Sigma, in ab units", { min: 1, max: 15, step: 0.5 }, (value) => update({ sigma: value }),
  );
  const view = makeButtons("Scale of the prior", ["log", "linear"], (i) => update({ log: i === 0 }));
  const [mean, told, about] = ["mean", "told", "readout"].map((kind) =>
    make("p", { class: kind, "aria-live": "polite" }),
  );

  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });

  // The library refuses lambda = 0 with an empty bin, and so do we: null.
  function weigh() {
    state.tilde = smoothPrior(p, centers, state.sigma);
    const empty = state.lam === 0 ? state.tilde.filter((share) => !(1 / share < Infinity)).length : 0;
    state.w = empty ? null : rebalanceWeights(state.tilde, state.lam);
    return empty;
  }

  function tellWeights(empty) {
    const { w, tilde } = state;
    if (!w) {
      mean.textContent = `No weights: \u03bb must be above 0, as ${empty} bins are empty.`;
      told.textContent = "Raise \u03bb, or smooth more.";
      return;
    }
    const share = (test) => bins.reduce((sum, q) => sum + test(w[q]), 0) / bins.length;
    const strong = (shares) => make("strong", {}, [expected(w, shares).toFixed(3)]);
    mean.replaceChildren(
      "Expected weight under the smoothed prior: ", strong(tilde),
      " \u00b7 over the pixels that were counted: ", strong(p),
    );
    const [gain, lose] = [share((v) => v > 1 + EVEN), share((v) => v < 1 - EVEN)];
    told.textContent =
      `In this photo ${percent(gain)} of the pixels gain, ${percent(lose)} lose; mean v ${number(share((v) => v))}.`;
    loud.setAttribute("aria-label", `Map of the weight v of each pixel. ${told.textContent}`);
  }

  function tellPicked() {
    const { picked: q, w, tilde } = state;
    const [a, b] = [centers[2 * q], centers[2 * q + 1]];
    const L = LIGHTNESSES.find((lightness) => isShown(lightness, a, b));
    swatch.classList.toggle("none", L === undefined);
    swatch.style.backgroundColor = L === undefined ? "" : cssColor(labToRgb(L, a, b));
    const place = withMinus(`(${centers[2 * q]}, ${centers[2 * q + 1]})`);
    about.textContent =
      `Framed bin ${place}: share ${number(p[q])} counted, ${number(tilde[q])} smoothed; ` +
      (w ? `weight ${number(w[q])}. ` : "no weight. ") +
      (L === undefined ? "No screen has its color." : `Its color is shown at L ${L}.`);
    priorMap.setAttribute("aria-label", `Prior on the ab plane, ${state.log ? "log" : "linear"} scale. ${about.textContent}`);
    weightMap.setAttribute("aria-label", `Weights on the ab plane. ${about.textContent}`);
  }

  function update(change) {
    Object.assign(state, change);
    const empty = "lam" in change || "sigma" in change ? weigh() : 0;
    if ("lam" in change || "sigma" in change) tellWeights(empty);
    const { tilde, w, log, picked, spot } = state;
    const most = Math.max(...tilde);
    const shares = tilde.map((x) => (log ? inLog(x, RAREST, COMMONEST) : x / most));
    paintBins(priorMap, bench, CIVIDIS, shares, picked);
    paintBins(weightMap, bench, GRAYS, w ? w.map((x) => Math.max(1e-3, weightShade(x))) : new Float64Array(Q), picked);
    paintWeights(loud, bench, w ?? new Float64Array(Q));
    scales.prior.set(...(log ? ["\u2264 10\u207b\u2079 (\u00d7)", "log", "0.3"] : ["0", "linear", number(most)]));
    spots.forEach((node) => {
      node.hidden = !spot;
      if (!spot) return;
      node.style.left = `${(100 * (spot[0] + 0.5)) / width}%`;
      node.style.top = `${(100 * (spot[1] + 0.5)) / height}%`;
    });
    tellPicked();
    lam.set(state.lam.toFixed(2));
    sigma.set(state.sigma.toFixed(1));
    view.press(log ? 0 : 1);
  }

  function pickPixel(x, y) {
    const spot = [within(x, 0, width - 1), within(y, 0, height - 1)];
    update({ spot, picked: bins[spot[1] * width + spot[0]] });
  }

  const pickBin = (ab) => update({ spot: null, picked: nearestTo(centers, ab) });
  const pickedCenter = () => [centers[2 * state.picked], centers[2 * state.picked + 1]];
  for (const canvas of [priorMap, weightMap]) {
    onDrag(
      canvas,
      (event) => distanceTo(pickedCenter(), canvas, event, CORNER, SPAN),
      (event) => pickBin(pointedAt(canvas, event, CORNER, SPAN)),
    );
    onArrows(canvas, ([x, y]) => {
      const [a, b] = pickedCenter();
      pickBin([a + 10 * x, b + 10 * y]);
    });
  }
  frames.forEach((frame, i) => {
    frame.setAttribute("aria-label", `${["Photo", "Weights of its pixels"][i]}. Click, or move with the arrow keys, to pick a pixel.`);
    const follow = ({ clientX, clientY }) => {
      const box = frame.getBoundingClientRect();
      pickPixel(
        Math.floor(((clientX - box.left) / box.width) * width),
        Math.floor(((clientY - box.top) / box.height) * height),
      );
    };
    const distance = ({ clientX, clientY }) => {
      if (!state.spot) return Infinity;
      const box = frame.getBoundingClientRect();
      const [x, y] = state.spot.map((v) => v + 0.5);
      return Math.hypot(
        clientX - box.left - (x * box.width) / width, clientY - box.top - (y * box.height) / height,
      );
    };
    onDrag(frame, distance, follow);
    onArrows(frame, ([x, y], fast) => {
      const [u, v] = state.spot ?? [0, 0], step = fast ? 10 : 1;
      pickPixel(u + step * x, v - step * y);
    });
  });
  const pane = (kind, title, ...nodes) =>
    make("div", { class: `pane ${kind}` }, [make("div", { class: "title" }, title), ...nodes]);
  el.append(
    make("div", { class: "lab-figure prior-bench" }, [
      make("div", { class: "controls" }, [lam.row, sigma.row]),
      make("div", { class: "panes" }, [
        pane("map", ["smoothed prior", view.row], priorMap, ...scales.prior.nodes),
        pane("map", ["weight w"], weightMap, ...scales.w.nodes),
        make("div", { class: "photos" }, [
          pane("", ["a photo"], frames[0]),
          pane("", ["its weights v"], frames[1], ...scales.v.nodes),
        ]),
      ]),
      told,
      mean,
      make("div", { class: "framed" }, [swatch, about]),
      make("p", { class: "axes" }, ["Both maps: a to the right, green to red; b upward, blue to yellow."]),
    ]),
  );
  update({ lam: state.lam, sigma: state.sigma });
  const unsettle = settle(el, () => update({}));
  return () => {
    unsettle();
    URL.revokeObjectURL(url);
  };
}

export default { render };
