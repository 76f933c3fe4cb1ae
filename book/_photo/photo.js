// The photo page: a photo from the reader's machine, colored in a worker. color.js,
// page.js and files.js stand before this file, and SAMPLES: name and title of the old
// photos.

const HERE = document.currentScript.src.replace(/[^/]*$/, "");
const PLANE = { size: 320, corner: [-118, -118], span: 236 }; // page pixels, ab units
const LEAST = 0.4; // ab units: the side of the smallest square drawn
const SIZES = [128, 256]; // shorter side, in pixels, as the network sees the photo
const JUMPS = [["mode", 0], ["T = 0.38", 0.38], ["mean", 1]];
const MARKS = [["mean", "circle", 6.5], ["annealed", "diamond", 11], ["mode", "square", 14], ["truth", "cross", 3.5]];
const THIN = 8; // times as long as wide: no room for a curtain
const FORMATS = [["PNG", "image/png", "png"], ["JPEG", "image/jpeg", "jpg"]];

// What a script that was loaded hands over, by its name.
const arrived = {};
window.colorlabPhoto = {
  engine: (parts) => { arrived.engine = parts; },
  sample: (name, photo) => { arrived[name] = photo; },
};

async function load(name) {
  if (arrived[name]) return arrived[name];
  await new Promise((resolve, reject) => {
    const script = make("script", { src: `${HERE}${name}.js` });
    script.onerror = () => reject(new Error(`The file ${name}.js could not be loaded. Is the book\u2019s folder whole, or the connection lost? Try again.`));
    document.head.append(script);
    script.onload = () => { script.remove(); resolve(); };
  });
  return arrived[name];
}

// A worker that answers: ask(task, given) promises the result, tell hears of progress. A
// bitmap is handed over: it is the worker's from then on.
async function startWorker(tell) {
  const { worker: source, ...given } = await load("engine");
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url);
  const waiting = new Map();
  let last = 0;
  worker.onmessage = ({ data: { id, told, result, error } }) => {
    if (told) return tell(told.text, told.share);
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    return error === undefined ? resolve(result) : reject(new Error(error));
  };
  worker.onerror = ({ message }) => {
    for (const { reject } of waiting.values()) reject(new Error(message || "The worker does not start."));
    waiting.clear();
  };
  const ask = (task, more = {}) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      worker.postMessage({ id: last, task, ...more }, more.bitmap ? [more.bitmap] : []);
    });
  return { ask, card: await ask("start", given) };
}

// What the page needs of a browser, in words; empty if it has all.
function missing() {
  const wanted = { Worker: "workers", WebAssembly: "WebAssembly", OffscreenCanvas: "offscreen canvases", createImageBitmap: "image bitmaps" };
  return Object.keys(wanted).filter((name) => !(name in window)).map((name) => wanted[name]);
}

function paintBins(canvas, { p, L, ...points }, centers) {
  const plane = openPlane(canvas, PLANE.size, PLANE.corner, PLANE.span);
  drawAxes(plane);
  const top = Math.max(...p);
  for (let q = 0; q < p.length; q++) {
    const center = [centers[2 * q], centers[2 * q + 1]];
    const side = Math.max(LEAST, 10 * Math.sqrt(p[q] / top)); // areas are like p
    paintBin(plane, center, side, cssColor(labToRgb(L, ...center)));
  }
  nameAxes(plane);
  drawMarks(plane, MARKS, points);
}

const show = (ab) => withMinus(`a ${ab[0].toFixed(0)}, b ${ab[1].toFixed(0)}`).replace(/\u22120(?!\d)/g, "0");

function put(canvas, image) {
  if (canvas.width !== image.width) canvas.width = image.width;
  if (canvas.height !== image.height) canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function makeStart(open, complain) {
  const input = make("input", { type: "file", accept: "image/*", hidden: "" });
  const button = make("button", { type: "button", class: "main" }, ["Choose a photo"]);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (input.files.length) open(input.files[0], input.files[0].name);
    input.value = ""; // the same file may be chosen again
  });
  const samples = Object.entries(SAMPLES).map(([name, title]) => {
    const image = make("img", { src: `${HERE}${name}.jpg`, alt: "", width: 150, height: 100 });
    const choice = make("button", { type: "button", "aria-pressed": "false" }, [image, title]);
    choice.addEventListener("click", async () => {
      try {
        const bytes = Uint8Array.from(atob(await load(name)), (letter) => letter.charCodeAt(0));
        open(new Blob([bytes], { type: "image/jpeg" }), title, name);
      } catch (error) {
        complain(error);
      }
    });
    return choice;
  });
  const drop = make("div", { class: "drop" }, [button, make("p", {}, ["or drop one anywhere on this page."]), input]);
  const node = make("div", {}, [
    drop,
    make("p", {}, ["Or take an old one:"]),
    make("div", { class: "samples" }, samples),
  ]);
  const held = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (!held(event)) return;
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    if (!held(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) open(file, file.name);
  });
  const names = Object.keys(SAMPLES);
  const press = (chosen) =>
    samples.forEach((choice, i) => choice.setAttribute("aria-pressed", String(names[i] === chosen)));
  return { node, press };
}

// The photo before and after, a curtain between them, and the point that is inspected.
function makeStage(pick) {
  const after = make("canvas", {
    class: "after", tabindex: "0", role: "application",
    "aria-label": "The colored photo. Click, or move with the arrow keys, to inspect a point.",
  });
  const before = make("canvas", { class: "before", "aria-hidden": "true" });
  const tags = ["one", "two"].map((side) => make("span", { class: `tag ${side}`, "aria-hidden": "true" }));
  tags[1].textContent = "colored \u25b6";
  const rail = make("div", {
    class: "rail", role: "slider", tabindex: "0", "aria-label": "Curtain between before and after",
    "aria-valuemin": "0", "aria-valuemax": "100",
  }, [make("span", { class: "knob", "aria-hidden": "true" }, ["\u2194"])]);
  const ring = make("span", { class: "ring", "aria-hidden": "true" });
  const node = make("div", { class: "stage" }, [after, before, ...tags, ring, rail]);
  let share = 0.5;

  function draw(to = share) {
    share = within(to, 0, 1);
    before.style.clipPath = `inset(0 ${100 - 100 * share}% 0 0)`;
    rail.style.left = `${100 * share}%`;
    tags[0].hidden = share < 0.02;
    tags[1].hidden = share > 0.98;
    const percent = Math.round(100 * share);
    rail.setAttribute("aria-valuenow", percent);
    rail.setAttribute("aria-valuetext", `${percent} % before, ${100 - percent} % colored`);
  }

  const place = ({ clientX, clientY }) => {
    const box = node.getBoundingClientRect();
    return [(clientX - box.left) / box.width, (clientY - box.top) / box.height];
  };
  rail.addEventListener("pointerdown", (event) => rail.setPointerCapture(event.pointerId));
  rail.addEventListener("pointermove", (event) => {
    if (rail.hasPointerCapture(event.pointerId)) draw(place(event)[0]);
  });
  onArrows(rail, ([x, y], fast) => draw(share + (x + y) * (fast ? 0.1 : 0.02)));
  onEnds(rail, draw);
  after.addEventListener("click", (event) => pick(...place(event)));
  after.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" && event.buttons) pick(...place(event));
  });
  return {
    node, after, before, draw, tags,
    fit(width, height) {
      node.style.aspectRatio = `${width} / ${height}`;
      node.classList.toggle("thin", Math.max(width / height, height / width) > THIN);
      // Neither blown up from a few pixels, nor higher than the screen.
      node.style.maxWidth = `min(${Math.max(240, 3 * width)}px, ${(80 * width) / height}vh)`;
    },
    mark(x, y) {
      ring.style.left = `${100 * x}%`;
      ring.style.top = `${100 * y}%`;
    },
  };
}

// The point's distribution on the ab plane, and its answers as a table.
function makeInspector() {
  const plane = make("canvas", { class: "plane", role: "img" });
  const rows = MARKS.map(([name, shape]) => {
    const icon = makeIcon(20, (context, middle) => drawMark(context, shape, middle, middle, 5));
    const swatch = make("span", { class: "swatch" }), numbers = make("td");
    const row = make("tr", {}, [make("td", {}, [icon]), make("th", { scope: "row" }, [name === "truth" ? "original" : name]), make("td", {}, [swatch]), numbers]);
    return { name, row, swatch, numbers };
  });
  // Of a gray photo there is no original color.
  const told = make("p", { "aria-live": "polite" });
  const node = make("div", { class: "panes" }, [
    make("div", { class: "pane plot" }, [plane]),
    make("div", { class: "pane words" }, [
      make("p", {}, ["What the network thinks of the ringed point. Choose another."]),
      told, make("table", {}, [make("tbody", {}, rows.map(({ row }) => row))]),
    ]),
  ]);
  let shown;
  function draw(...given) {
    shown = given;
    const [found, centers] = given;
    paintBins(plane, found, centers);
    for (const { name, row, swatch, numbers } of rows) {
      row.hidden = !found[name];
      if (row.hidden) continue;
      swatch.style.background = cssColor(labToRgb(found.L, ...found[name]));
      numbers.textContent = show(found[name]);
    }
    const top = found.p.indexOf(Math.max(...found.p));
    const many = found.p.filter((share) => share > 0.01).length;
    const likeliest = show([centers[2 * top], centers[2 * top + 1]]);
    told.textContent =
      `Lightness ${found.L.toFixed(0)}. At this T, ${many} of ${found.p.length} colors ` +
      `${many === 1 ? "holds over 1\u00a0%" : "hold over 1\u00a0% each"}; the likeliest, ${likeliest}, holds ${(100 * found.p[top]).toFixed(0)}\u00a0%.`;
    plane.setAttribute("aria-label", `Chances of the point\u2019s colors on the ab plane. ${told.textContent}`);
  }
  return { node, draw, redraw: () => shown && draw(...shown) };
}

function render(root) {
  const state = { T: JUMPS[1][1], size: null, blob: null, name: "", x: 0.75, y: 0.4, before: 0, found: null };
  const words = make("span", { role: "status" });
  const progress = make("progress", { "aria-label": "Progress", hidden: "" });
  const told = make("div", { class: "told" }, [words, progress]);
  const alert = make("p", { class: "alert", role: "alert" });
  const note = make("p", { class: "note" });
  const start = makeStart(open, complain);
  const stage = makeStage((x, y) => choose(x, y));
  const inspector = makeInspector();
  const temperature = makeSlider(
    "T", "Temperature T", { min: 0, max: 1, step: 0.01 }, (T) => setT(T),
  );
  const jumps = makeButtons("Jump to", JUMPS.map(([name]) => name), (i) => setT(JUMPS[i][1]));
  const befores = makeButtons("Before", ["gray", "original"], (i) => setBefore(i));
  const beforeLabel = make("div", { class: "bar" }, ["Left of the curtain:", befores.row]);
  const sizes = makeButtons("The network looks at", SIZES.map((size) => `${size} pixels`), (i) => {
    state.size = SIZES[i];
    color();
  });
  const saves = FORMATS.map(([name, type, suffix]) => {
    const button = make("button", { type: "button" }, [`Download ${name}`]);
    button.addEventListener("click", () => save(type, suffix));
    return button;
  });
  const result = make("div", { class: "result", hidden: "" }, [
    note, stage.node,
    make("div", { class: "bar" }, [temperature.row, jumps.row]),
    inspector.node,
    beforeLabel,
    make("div", { class: "bar" }, ["The network looks at a shorter side of", sizes.row]),
    make("div", { class: "bar" }, saves),
    make("p", { class: "honest" }, [
      "These colors are invented. The network has seen many photos, and paints what is usual; it knows nothing of what was there. If you show the picture to others, say so.",
    ]),
  ]);
  let engine, ready, jobs = 0, queue = Promise.resolve(), wanted = {}, drawing, swapping = false;

  function tell(text, share = null) {
    words.textContent = text;
    told.classList.toggle("busy", Boolean(text));
    progress.hidden = !text;
    if (share === null) progress.removeAttribute("value");
    else progress.value = share;
  }

  function complain(error) {
    alert.textContent = error.message;
    alert.scrollIntoView({ block: "nearest" });
  }

  // One piece of work at a time, in the order asked for; a failed start is tried again.
  async function work(text, run) {
    jobs++;
    alert.textContent = "";
    tell(text);
    try {
      ready ??= startWorker(tell).catch((error) => {
        ready = undefined;
        throw error;
      });
      engine = await ready;
      if (!state.size) {
        state.size = engine.card.size;
        setT(engine.card.T);
      }
      const turn = queue.then(run);
      queue = turn.catch(() => {});
      await turn;
    } catch (error) {
      complain(error);
    } finally {
      if (--jobs === 0) tell("");
      refresh(); // of the old photo, where the new one was refused
    }
  }

  function open(blob, name, sample) {
    const first = engine ? "Reading the photo" : "Loading the network (2 MB, once)";
    return work(first, async () => {
      await use(blob, name);
      start.press(sample);
      note.scrollIntoView({ block: "start" });
    });
  }

  function color() {
    return work("Coloring", () => use(state.blob, state.name));
  }

  async function use(blob, name) {
    const { bitmap, moves } = await decode(blob);
    swapping = true; // until the worker's photo is the page's again
    await drawing;
    const found = await engine.ask("open", { bitmap, size: state.size }).finally(() => {
      swapping = false;
    });
    if (blob !== state.blob) Object.assign(state, { x: 0.75, y: 0.4, before: 0 });
    Object.assign(state, { found, blob, name });
    const { width, height, seen, original, colored, transparent } = found;
    stage.fit(width, height);
    stage.node.classList.toggle("clear", transparent);
    beforeLabel.hidden = !colored;
    sizes.press(SIZES.indexOf(state.size));
    setBefore(state.before);
    const scaled = original.width === width ? "" : ` Shown here at ${original.width} \u00d7 ${original.height}; the download has all pixels.`;
    note.textContent =
      `${name}: ${width} \u00d7 ${height} pixels, seen by the network at ${seen[1]} \u00d7 ${seen[0]}.` +
      scaled + (moves ? " Of a moving picture, its first is taken." : "") +
      (transparent ? " What is transparent stays so; JPEG would make it black." : "");
    result.hidden = false;
    wanted = { paint: true, inspect: true };
    await refresh();
    stage.draw();
  }

  function setT(T) {
    state.T = T;
    jumps.press(JUMPS.findIndex(([, known]) => Math.abs(known - T) < 1e-6));
    temperature.set(T, T === 0 ? "0 (mode)" : T.toFixed(2));
    wanted = { paint: true, inspect: true };
    refresh();
  }

  function setBefore(i) {
    state.before = i;
    befores.press(i);
    put(stage.before, i ? state.found.original : state.found.gray);
    stage.tags[0].textContent = i ? "\u25c0 original" : "\u25c0 gray";
  }

  function choose(x, y) {
    Object.assign(state, { x: within(x, 0, 1), y: within(y, 0, 1) });
    wanted.inspect = true;
    refresh();
  }

  const cellOf = ({ columns, rows }) => ({
    column: Math.min(columns - 1, Math.floor(state.x * columns)),
    row: Math.min(rows - 1, Math.floor(state.y * rows)),
  });

  // Draw what is wanted; what is wanted meanwhile is drawn after.
  function refresh() {
    drawing ??= drawWanted().catch(complain).finally(() => {
      drawing = undefined;
    });
    return drawing;
  }

  async function drawWanted() {
    while (state.found && !swapping && (wanted.paint || wanted.inspect)) {
      const { paint } = wanted, { T, found } = state;
      wanted = {};
      const { column, row } = cellOf(found);
      stage.mark((column + 0.5) / found.columns, (row + 0.5) / found.rows);
      if (paint) put(stage.after, (await engine.ask("paint", { T })).image);
      inspector.draw(await engine.ask("inspect", { column, row, T }), engine.card.centers);
    }
  }

  function save(type, suffix) {
    return work("Painting at full size", async () => {
      const { bitmap } = await decode(state.blob);
      const painted = await engine.ask("save", { bitmap, T: state.T });
      tell("Writing the file");
      const file = await encode(painted.bitmap, type);
      const name = `${state.name.replace(/\.[a-z0-9]{1,5}$/i, "")}-colored.${suffix}`;
      const link = make("a", { href: URL.createObjectURL(file), download: name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    });
  }

  onArrows(stage.after, ([x, y], fast) => {
    if (!state.found) return;
    const { columns, rows } = state.found, { column, row } = cellOf(state.found), step = fast ? 10 : 1;
    choose((column + 0.5 + step * x) / columns, (row + 0.5 - step * y) / rows);
  });
  setT(state.T);
  root.replaceChildren(
    start.node,
    told, alert, result,
  );
  root.className = "lab-figure photo-lab";
  settle(root, inspector.redraw);
  const lacking = missing();
  if (lacking.length) complain(new Error(`Your browser lacks ${lacking.join(", ")}, which this page needs. A newer one will do.`));
}

const place = document.getElementById("photo-lab");
if (place) render(place);
