// The gamut explorer: drag lightness, and switch the three rules on one by one. At step
// 0 there are no rules: any color can be picked, in steps of one unit.

const GAMUT = { size: 440, corner: [-125, -125], span: 250, pixels: 500 };
const STEPS = [
  ["1. A grid of 10", "Grid points from \u2212120 to 120, ten apart."],
  ["2. Inside the hull", "Keep those inside the hull (thick line) of all screen colors."],
  ["3. One bin of padding", "Widen the hull by one bin along a and b (dashed line)."],
];
const UNITS = ["grid points", "grid points in the hull", "bins"];

// What each step keeps, and the two outlines.
function followRules(gamut) {
  const fences = hullFences(gamut);
  const kept = [gridPoints([], 0), gridPoints(fences, 0), gridPoints(fences, 10)];
  const tips = fences.map(([, , , tip]) => [gamut[2 * tip], gamut[2 * tip + 1]]);
  const rim = tips.map(([a, b], n) => {
    const [u, v] = fences[n];
    return [a + 10 * Math.sign(u), b + 10 * Math.sign(v)];
  });
  const numbers = kept.map((points) => new Map(points.map((p, i) => [String(p), i])));
  return { kept, numbers, tips, rim };
}

// The colors of all lightnesses from above, as gray patches between the samples of
// the cube's faces.
function drawShadow({ context, place, ink }, gamut, levels) {
  context.fillStyle = context.strokeStyle = ink("shadow");
  context.lineWidth = 1;
  for (let n = 0; n < gamut.length / 2; n++) {
    const [row, column] = [Math.floor(n / levels) % levels, n % levels];
    if (row === levels - 1 || column === levels - 1) continue;
    const corners = [n, n + 1, n + levels + 1, n + levels];
    outline({ context, place }, corners.map((i) => [gamut[2 * i], gamut[2 * i + 1]]));
    context.fill();
    context.stroke();
  }
}

function outline({ context, place }, points) {
  context.beginPath();
  for (const [a, b] of points) context.lineTo(...place(a, b));
  context.closePath();
}

function dot(context, x, y, shape, ink) {
  context.beginPath();
  if (shape === "dropped") {
    context.moveTo(x - 2.5, y - 2.5);
    context.lineTo(x + 2.5, y + 2.5);
    context.moveTo(x + 2.5, y - 2.5);
    context.lineTo(x - 2.5, y + 2.5);
  } else context.arc(x, y, 2.7, 0, 2 * Math.PI);
  const [fill, stroke] = { kept: ["ink", "sheet"], padding: ["sheet", "ink"], dropped: ["sheet", "dropped"] }[shape];
  context.lineWidth = 1;
  context.strokeStyle = ink(stroke);
  context.fillStyle = ink(fill);
  if (shape !== "dropped") context.fill();
  context.stroke();
}

function drawRules(plane, rules, step) {
  const { context, place, ink } = plane;
  context.strokeStyle = ink("line");
  context.lineWidth = 0.7;
  if (step > 1) {
    for (const point of rules.kept[step - 1]) {
      square(plane, point, 10);
      context.stroke();
    }
    outline(plane, rules.tips);
    rimmed(context, 2.5);
  }
  if (step > 2) {
    outline(plane, rules.rim);
    context.setLineDash([7, 5]);
    context.strokeStyle = ink("ink");
    context.lineWidth = 2;
    context.stroke();
    context.setLineDash([]);
  }
  for (const point of rules.kept[0]) dot(context, ...place(...point), fate(rules, point, step), ink);
}

// What a step makes of a grid point: "kept", "padding" or "dropped".
function fate({ numbers }, point, step) {
  if (!numbers[step - 1].has(String(point))) return "dropped";
  return step === 3 && !numbers[1].has(String(point)) ? "padding" : "kept";
}

function tellFate(rules, point, step) {
  const number = rules.numbers[2].get(String(point));
  const outcome = {
    kept: step < 3 ? "kept so far" : `bin ${number} of ${rules.kept[2].length}`,
    padding: `bin ${number} of ${rules.kept[2].length}, thanks to the padding`,
    dropped: step === 2 && number !== undefined
      ? "dropped here, back in step 3"
      : "no bin: outside the outline",
  };
  return outcome[fate(rules, point, step)];
}

// An axis's name on the sheet, in place of the first dots of the row at b.
function label({ context, scale, place, ink }, text, b) {
  const y = place(0, b)[1], high = 10 * scale;
  context.font = "14px system-ui, sans-serif";
  context.fillStyle = ink("sheet");
  const dots = Math.ceil((context.measureText(text).width + 10) / high);
  context.fillRect(0, y - high / 2, dots * high, high);
  write(context, text, 6, y + 5, "left", context.font);
}

// Four hues of L = 65, placed as on the plane.
function drawSample(context) {
  for (const [i, j] of [[0, 0], [1, 0], [0, 1], [1, 1]]) {
    context.fillStyle = cssColor(labToRgb(65, 60 * i - 30, 30 - 60 * j));
    context.fillRect(1 + 9 * i, 3 + 7 * j, 9, 7);
  }
}

function gamutLegend() {
  const names = { kept: "kept", padding: "kept as padding", dropped: "dropped" };
  const icons = Object.entries(names).map(([shape, name]) =>
    [makeIcon(20, (context, middle, ink) => dot(context, middle, middle, shape, ink)), name]);
  const colors = makeLegend([
    [makeIcon(20, drawSample), "color: on a screen at this L"],
    [make("i", { class: "elsewhere" }), "at another L only"],
  ]);
  return [colors, makeLegend(icons)];
}

function render({ model, el }) {
  const gamut = floats(model.get("gamut"));
  const rules = followRules(gamut);
  const shadow = make("canvas");
  const { size, corner, span, pixels } = GAMUT;
  const slice = make("canvas");
  const plane = make("canvas", { class: "plane", tabindex: "0", role: "application" });
  const lightness = makeSlider(
    "L", "Lightness L", { min: 0, max: 100, step: 1 }, (L) => update({ L }),
  );
  const steps = makeButtons("Rules", STEPS.map(([name]) => name), (i) => update({ step: i + 1 }));
  const [count, unit, told] = [make("strong"), make("span"), make("p", { class: "told" })];
  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
  const pick = make("p", { class: "pick", "aria-live": "polite" });
  const counter = make("p", { class: "counter", role: "status" }, [count, " ", unit]);
  const [colors, dots] = gamutLegend();
  const ofRules = [dots, steps.row, counter, told];
  const root = make("div", { class: "lab-figure gamut-explorer" }, [
    make("div", { class: "panes" }, [
      make("div", { class: "pane view" }, [plane, colors, dots]),
      make("div", { class: "pane controls" }, [
        lightness.row,
        steps.row,
        counter,
        told,
        make("div", { class: "picked" }, [swatch, pick]),
      ]),
    ]),
  ]);
  const state = { L: model.get("L"), step: model.get("step"), point: [20, 40] };

  function update(change) {
    Object.assign(state, change);
    if ("L" in change) paintSlice(state.L, corner[0], span, pixels, slice);
    paint();
    describe();
  }

  function repaint() {
    drawShadow(openPlane(shadow, size, corner, span, inks(plane)), gamut, model.get("levels"));
    paint();
  }

  function paint() {
    const open = openPlane(plane, size, corner, span);
    open.context.drawImage(shadow, 0, 0, size, size);
    open.context.drawImage(slice, 0, 0, size, size);
    drawAxes(open);
    if (state.step) drawRules(open, rules, state.step);
    label(open, "a: green \u2194 red", -110);
    label(open, "b: blue \u2195 yellow", 110);
    square(open, state.point, state.step ? 11 : 6);
    rimmed(open.context, 2.5);
  }

  function describe() {
    const { L, step, point } = state;
    lightness.set(L);
    for (const part of ofRules) part.classList.toggle("none", !step);
    if (step) tellRule(step);
    const shown = isShown(L, ...point);
    const rgb = labToRgb(L, ...point);
    swatch.classList.toggle("none", !shown);
    swatch.style.backgroundColor = shown ? cssColor(rgb) : "";
    const color = shown
      ? `R, G, B ${rgb.map((v) => Math.round(255 * v)).join(", ")} at L ${L}`
      : "no screen color at this L";
    const [a, b] = point;
    pick.textContent = withMinus(
      step
        ? `Center a ${a}, b ${b}: ${tellFate(rules, point, step)}; ${color}.`
        : `a ${a}, b ${b}: ${color}.`,
    );
    const also = step ? ` and ${rules.kept[step - 1].length} ${UNITS[step - 1]}` : "";
    plane.setAttribute(
      "aria-label",
      `The ab plane with the screen colors of L ${L}${also}. ` +
        `Arrow keys pick a ${step ? "grid point" : "color, with Shift in tens"}.`,
    );
  }

  function tellRule(step) {
    const kept = rules.kept[step - 1].length;
    const before = rules.kept[Math.max(0, step - 2)].length;
    const change = ["", `${before - kept} are dropped.`, `${kept - before} come back.`];
    steps.press(step - 1);
    count.textContent = kept;
    unit.textContent = UNITS[step - 1];
    told.textContent = `${STEPS[step - 1][1]} ${change[step - 1]}`;
  }

  function choose(point) {
    const apart = state.step ? 10 : 1;
    const [a, b] = point.map((v) => within(Math.round(v / apart) * apart, -120, 120) + 0);
    if (a !== state.point[0] || b !== state.point[1]) update({ point: [a, b] });
  }

  const follow = (event) => choose(pointedAt(plane, event, corner, span));
  onDrag(plane, (event) => distanceTo(state.point, plane, event, corner, span), follow);
  plane.addEventListener("pointermove", (event) => event.pointerType === "mouse" && follow(event));
  onArrows(plane, ([x, y], shift) => {
    const far = state.step || shift ? 10 : 1;
    choose([state.point[0] + far * x, state.point[1] + far * y]);
  });
  model.on("change:L", () => update({ L: model.get("L") }));
  model.on("change:step", () => update({ step: model.get("step") }));
  el.append(root);
  update({ L: state.L });
  return settle(el, repaint);
}

export default { render };
