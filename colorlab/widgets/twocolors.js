// Two plausible colors of one pixel: drag them, their odds and T.

const SIDE = 340, LOW = -85, SPAN = 190; // page pixels; ab units: all colors of L = 60
const HIDING = 24; // page pixels from a handle: there a small mark is behind it
const LONGEST = 120; // chroma of a full bar
const ANSWERS = [["L2: the mean", "circle"], ["annealed mean", "diamond"], ["mode", "square"]];
const TRIES = [
  ["7 to 3", { colors: [[60, 40], [-50, 50]], share: 0.7 }],
  ["half and half", { colors: [[60, 40], [-50, 50]], share: 0.5 }],
  ["opposite colors", { colors: [[30, 20], [-30, -20]], share: 0.5 }],
];

function paintTwo(canvas, gamut, { colors, share }, [mean, annealed, mode]) {
  const plane = openPlane(canvas, SIDE, [LOW, LOW], SPAN);
  const { context, place } = plane;
  context.globalAlpha = 0.45;
  context.drawImage(gamut, 0, 0, SIDE, SIDE);
  context.globalAlpha = 1;
  drawAxes(plane);
  nameAxes(plane);
  const [x, y] = place(0, 0);
  write(context, "gray", x + 5, y + 25, "left"); // clear of marks at gray
  context.beginPath();
  context.moveTo(...place(...colors[0]));
  context.lineTo(...place(...colors[1]));
  context.setLineDash([5, 4]);
  rimmed(context, 1.5);
  context.setLineDash([]);
  const modes = share === 0.5 ? colors : [mode];
  modes.forEach((color) => drawMark(context, "square", ...place(...color), 18));
  // Sizes differ, so that marks of one color nest; behind a handle they are larger.
  const mark = (shape, [a, b], small, large) => {
    const hidden = colors.some((c) => Math.hypot(a - c[0], b - c[1]) * plane.scale < HIDING);
    drawMark(context, shape, ...place(a, b), hidden ? large : small);
  };
  mark("diamond", annealed, 11, 17);
  mark("circle", mean, 6, 28);
}

const chroma = ([a, b]) => Math.hypot(a, b).toFixed(0);
const tell = ([a, b]) =>
  withMinus(`a ${a.toFixed(0)}, b ${b.toFixed(0)}`).replace(/\u22120(?!\d)/g, "0");

function makeAnswer(name, icon) {
  const [swatch, numbers, bar] = ["swatch", "numbers", "chroma"].map((kind) =>
    make("div", { class: kind }),
  );
  const text = make("div", {}, [make("div", {}, [name]), numbers, bar]);
  const show = (L, color, note = "") => {
    swatch.style.background = cssColor(labToRgb(L, ...color));
    numbers.textContent = `${tell(color)}: chroma ${chroma(color)}${note}`;
    bar.style.width = `${(100 * Math.hypot(...color)) / LONGEST}%`;
  };
  return { row: make("div", { class: "answer" }, [swatch, icon, text]), show };
}

// A color on the plane that the pointer and the arrow keys move.
function makeHandle(letter, canvas, move) {
  const handle = make("button", { type: "button", class: "handle" }, [letter]);
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    move(pointedAt(canvas, event, [LOW, LOW], SPAN));
  });
  return handle;
}

function render({ model, el }) {
  const L = model.get("L");
  const gamut = paintSlice(L, LOW, SPAN, 170);
  const state = {
    colors: [model.get("first"), model.get("second")],
    share: model.get("share"),
    T: model.get("T"),
  };
  const canvas = make("canvas", { class: "plane", role: "img" });
  const handles = ["A", "B"].map((letter, i) => {
    const handle = makeHandle(letter, canvas, (color) => moveTo(i, color));
    onArrows(handle, ([x, y], fast) => {
      const [a, b] = state.colors[i], step = fast ? 10 : 2;
      moveTo(i, [a + step * x, b + step * y]);
    });
    return handle;
  });
  const given = ["A", "B"].map((letter) =>
    makeAnswer(`color ${letter}`, make("span", { class: "letter" }, [letter])),
  );
  const answers = ANSWERS.map(([name, shape]) => makeAnswer(name, makeIcon(22, (context, middle) =>
    drawMark(context, shape, middle, middle, shape === "square" ? 7 : 5))));
  const share = makeSlider(
    "share of A", "Share of color A", { min: 0, max: 1, step: 0.01 },
    (value) => update({ share: value }),
  );
  const T = makeSlider(
    "T", "Temperature T", { min: 0.01, max: 1, step: 0.01 }, (value) => update({ T: value }),
  );
  const tries = makeButtons("Try", TRIES.map(([name]) => name), (i) => update(TRIES[i][1]));
  const readout = make("p", { class: "readout", "aria-live": "polite" });

  function moveTo(i, [a, b]) {
    const inside = [a, b].map((v) => within(Math.round(v), LOW, LOW + SPAN));
    update({ colors: state.colors.map((c, j) => (j === i ? pullToShown(L, ...inside) : c)) });
  }

  function update(change) {
    Object.assign(state, change);
    const { colors } = state;
    const found = answersForTwo(...colors, state.share, state.T);
    paintTwo(canvas, gamut, state, found);
    handles.forEach((handle, i) => {
      const [a, b] = colors[i];
      handle.style.left = `${(100 * (a - LOW)) / SPAN}%`;
      handle.style.top = `${100 - (100 * (b - LOW)) / SPAN}%`;
      handle.style.background = cssColor(labToRgb(L, a, b));
      handle.setAttribute("aria-label", `Color ${"AB"[i]}, ${tell(colors[i])}. Arrow keys move it.`);
      given[i].show(L, colors[i]);
    });
    const tie = state.share === 0.5;
    answers.forEach((answer, i) =>
      answer.show(L, found[i], i === 2 && tie ? " (a tie: A or B)" : ""),
    );
    share.set(state.share.toFixed(2));
    T.set(state.T.toFixed(2));
    tries.press(TRIES.findIndex(([, { colors: c, share: p }]) =>
      p === state.share && String(c) === String(colors),
    ));
    const [before, after] = [1, state.T].map((t) =>
      (100 * distribution(Float32Array.from([state.share, 1 - state.share], Math.log), 0, 2, t)[0]).toFixed(0),
    );
    const told = `L2 asks for chroma ${chroma(found[0])}, where A has ${chroma(colors[0])} and B ${chroma(colors[1])}.`;
    readout.textContent =
      `${told} T = ${state.T.toFixed(2)} turns A\u2019s share of ${before}\u00a0% into ` +
      `${after}\u00a0%: the annealed mean has chroma ${chroma(found[1])}.`;
    canvas.setAttribute(
      "aria-label",
      `The ab plane: A at ${tell(colors[0])}, B at ${tell(colors[1])}; ` +
        ANSWERS.map(([name], i) => `${name} at ${tell(found[i])}`).join("; "),
    );
  }

  el.append(
    make("div", { class: "lab-figure two-colors" }, [
      make("div", { class: "panes" }, [
        make("div", { class: "pane" }, [
          make("div", { class: "field" }, [canvas, ...handles]),
          make("div", { class: "controls" }, [share.row, T.row, tries.row]),
        ]),
        make("div", { class: "pane" }, [...[...given, ...answers].map(({ row }) => row), readout]),
      ]),
    ]),
  );
  update({});
  return settle(el, () => update({}));
}

export default { render };
