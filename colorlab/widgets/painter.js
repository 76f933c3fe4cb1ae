// The paint figure: strokes on a gray photo, and their color flowing over it.

import { labToRgb } from "./color.js";
import { colored, isSame, makeFlow, psnr, readPhotos } from "./coloring.js";
import { makeTemperature } from "./inspector.js";
import {
  context2d,
  cssColor,
  make,
  makeButtons,
  makeSelect,
  makeSlider,
  nameEnds,
  onArrows,
  onKeys,
  placeOn,
  settle,
  tie,
  within,
} from "./page.js";
import { rimmed } from "./plane.js";
import { colorOf, coveredBy, paintStrokes } from "./strokes.js";

/** @import { Layout, Photo } from "./coloring.js" */
/** @import { Pair, Traits, View } from "./page.js" */
/** @import { Painted, Stroke } from "./strokes.js" */

const VIEWS = ["strokes", "result", "network", "truth"];
const SCALES = [20, 6, 2, 0.6, 0.3, 0.1]; // of the variance: from weak to strong
const RADII = [1.5, 2.5, 5]; // pixels
const SHOWN_L = 62; // lightness of strokes and patches
const FRAME = 14; // milliseconds of work between two pictures
const SCREEN = 2; // pixels of the canvas for one of the photo
const SCROLLED =
  "A finger scrolls here. Choose a color, or \u201cfinger paints\u201d, and it paints.";
const STRIP = "Colors invented, painted by hand";
/** @type {[name: string, color: Pair][]} */
const PALETTE = [
  ["gray", [0, 0]],
  ["skin", [14, 18]],
  ["brown", [16, 28]],
  ["red", [52, 36]],
  ["orange", [32, 54]],
  ["yellow", [0, 60]],
  ["leaf green", [-18, 26]],
  ["grass green", [-34, 44]],
  ["turquoise", [-28, -8]],
  ["sky blue", [-6, -26]],
  ["deep blue", [14, -48]],
  ["violet", [36, -40]],
  ["pink", [38, 2]],
];

/** @type {(tell: (chosen: number) => void) => { row: HTMLElement,
 *   press: (chosen: number) => void }} */
function makePalette(tell) {
  const names = ["the photo\u2019s own", ...PALETTE.map(([name]) => name)];
  const { row, press } = makeButtons("Color of the brush", names, tell);
  row.className = "palette";
  [...row.children].forEach((button, i) => {
    if (!i) {
      button.classList.add("own");
      return;
    }
    const [name, [a, b]] = PALETTE[i - 1];
    button.textContent = "";
    button.setAttribute("aria-label", name);
    button.setAttribute("title", name);
    /** @type {HTMLElement} */ (button).style.background = cssColor(
      labToRgb(SHOWN_L, a, b),
    );
  });
  return { row, press };
}

/** @type {(context: CanvasRenderingContext2D, stroke: Stroke, color: Pair,
 *   photo: Photo) => void} */
function drawStroke(context, { points, radius }, color, { width, height }) {
  const scaled = points.map(([x, y]) => [SCREEN * x * width, SCREEN * y * height]);
  context.lineCap = context.lineJoin = "round";
  const wide = 2 * SCREEN * radius;
  for (const [style, line] of /** @type {[string, number][]} */ ([
    ["#000", wide + 3],
    ["#fff", wide + 1.5],
    [cssColor(labToRgb(SHOWN_L, ...color)), wide],
  ])) {
    context.beginPath();
    context.moveTo(scaled[0][0], scaled[0][1]);
    for (const [x, y] of scaled) context.lineTo(x, y);
    context.strokeStyle = style;
    context.lineWidth = line;
    context.stroke();
  }
}

// The result as a file, with a strip that says what it is.
/** @type {(image: ImageData, name: string) => void} */
function download(image, name) {
  const { width, height } = image;
  const strip = Math.ceil(Math.max(16, width / 16));
  const canvas = make("canvas", { width, height: height + strip });
  const context = context2d(canvas);
  context.putImageData(image, 0, 0);
  context.fillStyle = "#fff";
  context.fillRect(0, height, width, strip);
  context.fillStyle = "#000";
  context.font = `${0.7 * strip}px system-ui, sans-serif`;
  context.fillText(STRIP, 0.3 * strip, height + 0.75 * strip, width - 0.6 * strip);
  const stem = name.replaceAll(/\W+/g, "-");
  make("a", {
    href: canvas.toDataURL("image/png"),
    download: `${stem}-painted.png`,
  }).click();
}

// What is seen in views that do not depend on strokes.
/** @type {(photo: Photo, view: string) => ImageData | undefined} */
function seen(photo, view) {
  if (view === "network") return colored(photo, photo.said);
  if (view === "truth") return colored(photo, photo.truth);
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {Layout[]} */
  const layouts = model.get("photos");
  const photos = readPhotos(model);
  const flow = makeFlow();
  const picture = make("canvas", {
    class: "picture",
    tabindex: "0",
    role: "application",
  });
  const sheet = make("canvas"); // the picture in its own pixels
  const names = layouts.map(({ name }) => name);
  const choice = makeSelect("Photo", names, (i) => set({ photo: i }));
  const views = makeButtons("Show", VIEWS, (i) => set({ view: VIEWS[i] }));
  const palette = makePalette((i) => {
    brush.color = i ? PALETTE[i - 1][1] : null;
    setPainting(true);
    tellBrush();
  });
  const radii = makeButtons("Width of the brush", ["fine", "medium", "broad"], (i) => {
    brush.radius = RADII[i];
    setPainting(true);
    tellBrush();
  });
  // A finger on the photo scrolls the page until the reader takes a brush.
  const fingers = makeButtons("A finger", ["finger scrolls", "finger paints"], (i) =>
    setPainting(i === 1),
  );
  let painting = false; // with a finger; a mouse always does
  const temperature = makeTemperature((T) => set({ T, ...seeColors() }));
  const strong = { min: 0, max: SCALES.length - 1, step: 1 };
  const scale = makeSlider(
    "stop at grays",
    "How strongly gray stops color",
    strong,
    (i) => set({ variance_scale: SCALES[i], ...seeColors() }),
  );
  const stop = makeSlider(
    "stop at edges",
    "How strongly edges stop color",
    { min: 0, max: 8, step: 1 },
    (value) => set({ edge_stop: value, ...seeColors() }),
  );
  nameEnds(
    temperature.row.children[0],
    "the likeliest stroke\u2019s color",
    "all strokes mixed",
  );
  nameEnds(scale.row, "color flows on", "any change stops it");
  nameEnds(stop.row, "edges do not count", "edges are walls");
  const undo = make("button", { type: "button" }, ["undo"]);
  const clear = make("button", { type: "button" }, ["clear"]);
  const save = make("button", { type: "button" }, ["download"]);
  const readout = make("p", { class: "readout", "aria-live": "polite" });
  const hint = make("p", { class: "hint", role: "status" });
  /** @type {{ color: Pair | null, radius: number }} */
  const brush = { color: null, radius: RADII[1] };
  /** @type {Stroke | undefined} */
  let live; // while it is being painted
  /** @type {Photo | undefined} */
  let photo;
  /** @type {Painted} */
  let painted = { labels: new Uint8Array(), colors: [] };
  /** @type {ImageData | undefined} */
  let result;
  /** @type {Pair} */
  let cursor = [0.5, 0.5];
  let steering = false; // by keys
  let timer = 0;
  /** @type {Generator<void, Float32Array> | undefined} */
  let work;
  let stale = false;
  const traits = ["photo", "strokes", "view", "T", "variance_scale", "edge_stop"];
  const { state, set, untie } = tie(model, traits, draw);

  const seeColors = () =>
    ["network", "truth"].includes(state().view) ? { view: "result" } : {};
  /** @type {() => Stroke[]} */
  const strokes = () => [
    ...(state().strokes[state().photo] ?? []),
    ...(live ? [live] : []),
  ];

  // Work in pieces, so that the page stays awake; what comes meanwhile waits.
  function refresh() {
    stale = true;
    if (!work) timer ||= requestAnimationFrame(go);
  }

  function go() {
    timer = 0;
    if (!photo) return;
    const { T, variance_scale, edge_stop } = state();
    if (!work) {
      stale = false;
      const { width, height, truth } = photo;
      const now = paintStrokes(strokes(), width, height, truth);
      if (!isSame(now, painted)) painted = now;
      work = flow(photo, painted, T, variance_scale, edge_stop);
    }
    const start = performance.now();
    while (work && performance.now() - start < FRAME) {
      const { done, value } = work.next();
      if (!done) continue;
      work = undefined;
      result = colored(photo, value);
    }
    if (!work) show();
    if (work || stale) timer = requestAnimationFrame(go);
  }

  // The picture of the view, its strokes, the cursor; and in words.
  function show() {
    if (!photo || !result) return;
    const { view } = state();
    const image = seen(photo, view) ?? result;
    sheet.width = photo.width;
    sheet.height = photo.height;
    context2d(sheet).putImageData(image, 0, 0);
    picture.width = SCREEN * photo.width;
    picture.height = SCREEN * photo.height;
    const context = context2d(picture);
    context.drawImage(sheet, 0, 0, picture.width, picture.height);
    if (view === "strokes") {
      for (const stroke of strokes()) {
        const pixels = coveredBy(stroke, photo.width, photo.height);
        drawStroke(context, stroke, colorOf(stroke, pixels, photo.truth), photo);
      }
    }
    if (steering) drawCursor(context);
    if (!live) tell();
  }

  /** @type {(context: CanvasRenderingContext2D) => void} */
  function drawCursor(context) {
    const [x, y] = [cursor[0] * picture.width, cursor[1] * picture.height];
    context.beginPath();
    context.arc(x, y, SCREEN * Math.max(4, brush.radius + 1.5), 0, 2 * Math.PI);
    rimmed(context, 2, live ? [] : [5, 4]);
  }

  function tell() {
    if (!photo || !result || !painted.labels.length) return; // nothing computed yet
    const count = strokes().length;
    const share = painted.labels.reduce((sum, label) => sum + Number(label > 0), 0);
    const dull = psnr(photo, colored(photo, new Float32Array(photo.truth.length)));
    const said = psnr(photo, colored(photo, photo.said));
    const words = count === 1 ? "1 stroke" : `${count} strokes`;
    const percent = ((100 * share) / painted.labels.length).toFixed(1);
    const mine = count ? psnr(photo, result).toFixed(1) : "";
    readout.textContent =
      (count
        ? `${words} on ${percent}\u00a0% of the pixels: ${mine} dB. `
        : "Paint a stroke on the photo. ") +
      `The network, without a stroke: ${said.toFixed(1)} dB. ` +
      `Gray: ${dull.toFixed(1)} dB. More is nearer to the photo\u2019s own colors.`;
  }

  function tellBrush() {
    palette.press(1 + PALETTE.findIndex(([, color]) => color === brush.color));
    radii.press(RADII.indexOf(brush.radius));
    show();
  }

  /** @type {(changed: Traits) => void} */
  function draw(changed) {
    const { photo: index, view, T, variance_scale, edge_stop } = state();
    if ("photo" in changed) {
      photo = result = live = undefined;
      painted = { labels: new Uint8Array(), colors: [] };
      picture.width = SCREEN * layouts[index].width;
      picture.height = SCREEN * layouts[index].height;
      photos[index].then((read) => {
        if (index !== state().photo) return;
        photo = read;
        result = colored(read, new Float32Array(read.truth.length));
        show();
        refresh();
      });
    }
    views.press(VIEWS.indexOf(view));
    temperature.set(T);
    scale.set(SCALES.indexOf(variance_scale), `factor ${variance_scale}`);
    stop.set(edge_stop, `\u03b2 ${edge_stop}`);
    choice.value = String(index);
    // Not disabled: that would take the focus from whoever presses it.
    for (const button of [undo, clear])
      button.setAttribute("aria-disabled", String(!strokes().length));
    const how =
      "Drag to paint. By keys: arrows move the brush, Enter puts it down and lifts it.";
    picture.setAttribute("aria-label", `${names[index]}, ${view}. ${how}`);
    if (Object.keys(changed).every((name) => name === "view")) show();
    else refresh();
  }

  // Strokes are replaced as a whole, so that Python and other views hear of it.
  /** @type {(change: (strokes: Stroke[]) => Stroke[]) => void} */
  function change(make) {
    const { strokes: all, photo: index } = state();
    const next = layouts.map((_, i) => all[i] ?? []);
    next[index] = make(next[index]);
    set({ strokes: next, ...seeColors() });
  }

  /** @type {(to: Pair) => void} */
  function begin(to) {
    if (["network", "truth"].includes(state().view)) set({ view: "strokes" });
    live = { ...brush, points: [to] };
    refresh();
  }

  /** @type {(to: Pair) => void} */
  function extend(to) {
    live?.points.push(to);
    refresh();
  }

  function end() {
    if (!live) return;
    const done = live;
    live = undefined;
    change((strokes) => [...strokes, done]);
  }

  /** @type {(to: boolean) => void} */
  function setPainting(to) {
    painting = to;
    if (to) hint.textContent = "";
    fingers.press(Number(to));
    picture.style.touchAction = to ? "pinch-zoom" : "manipulation";
  }

  /** @type {(event: MouseEvent) => Pair} */
  const spot = (event) => {
    const [x, y] = placeOn(picture, event);
    return [within(x, 0, 1), within(y, 0, 1)];
  };
  picture.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    if (event.pointerType === "touch" && !painting) return;
    picture.setPointerCapture(event.pointerId);
    end();
    steering = false;
    begin(spot(event));
  });
  picture.addEventListener("pointermove", (event) => {
    if (picture.hasPointerCapture(event.pointerId)) extend(spot(event));
  });
  picture.addEventListener("pointerup", end);
  picture.addEventListener("click", (event) => {
    const { pointerType } = /** @type {PointerEvent} */ (event);
    if (pointerType !== "touch" || painting) return;
    begin(spot(event)); // a tap is a dot
    end();
  });
  const away = new IntersectionObserver(([{ isIntersecting }]) => {
    if (!isIntersecting) setPainting(false); // whoever comes back wants to scroll
  });
  away.observe(picture);
  picture.addEventListener("pointercancel", (event) => {
    if (event.pointerType === "touch" && !painting) hint.textContent = SCROLLED;
    live = undefined; // two fingers move the page
    refresh();
  });
  onArrows(picture, ([x, y], far) => {
    if (!photo) return;
    const step = far ? 20 : 4;
    cursor = [
      within(cursor[0] + (x * step) / photo.width, 0, 1),
      within(cursor[1] - (y * step) / photo.height, 0, 1),
    ];
    steering = true;
    if (live) extend(cursor);
    show();
  });
  const put = () => {
    steering = true;
    if (live) end();
    else begin(cursor);
  };
  const takeBack = () => {
    if (!strokes().length) return;
    live = undefined;
    change((strokes) => strokes.slice(0, -1));
  };
  onKeys(picture, { Enter: put, " ": put, Backspace: takeBack }, (act) => act());
  picture.addEventListener("blur", () => {
    end();
    steering = false;
    show();
  });
  undo.addEventListener("click", takeBack);
  clear.addEventListener("click", () => {
    if (strokes().length) change(() => []);
  });
  save.addEventListener("click", () => {
    if (photo && result) download(result, photo.name);
  });
  el.append(
    make("div", { class: "lab-figure painter" }, [
      make("div", { class: "bar" }, [
        make("label", {}, ["Photo ", choice]),
        views.row,
        ...(navigator.maxTouchPoints ? [fingers.row] : []),
      ]),
      make("div", { class: "canvas" }, [picture, hint]),
      palette.row,
      make("div", { class: "bar" }, [
        make("div", { class: "group" }, [undo, clear, save]),
        radii.row,
      ]),
      temperature.row,
      make("div", { class: "bar" }, [scale.row, stop.row]),
      readout,
    ]),
  );
  setPainting(false);
  tellBrush();
  draw({ photo: state().photo });
  return settle(
    el,
    show,
    () => cancelAnimationFrame(timer),
    () => away.disconnect(),
    untie,
  );
}

export default { render };
