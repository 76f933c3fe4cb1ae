// The photo page: a photo from the reader's machine, colored in a worker.

import { makeTemperature } from "../../colorlab/widgets/inspector.js";
import {
  make,
  makeButtons,
  onArrows,
  settle,
  within,
} from "../../colorlab/widgets/page.js";
import { makeBreaker, turned } from "./breaker.js";
import { decode, encode } from "./files.js";
import { makeFilms } from "./films.js";
import { MOST_BYTES, readHints, writeHints } from "./hintfile.js";
import { makeHints } from "./hints.js";
import { missing, startWorker } from "./loader.js";
import { keep, recall } from "./memory.js";
import { NETWORKS, tellNetwork, weigh } from "./networks.js";
import { makeStage, put } from "./stage.js";
import { makeStart } from "./start.js";
import { makeThoughts } from "./thoughts.js";

/** @import { Given, Made } from "./hintfile.js" */
/** @import { Engine, Tell } from "./loader.js" */
/** @import { Open } from "./start.js" */
/** @import { Found } from "./tasks.js" */

const SIZES = [128, 256]; // shorter side, in pixels, as the network sees the photo
const PARTS = 6; // squares along the shorter side that are covered one by one
const FORMATS = [
  ["PNG", "image/png", "png"],
  ["JPEG", "image/jpeg", "jpg"],
];
const COVERING = "Covering square by square";
const TOLD = "Colors invented by a neural network"; // below a downloaded picture
const HONEST =
  "These colors are invented. The network has seen many photos, and paints what is " +
  "usual; it knows nothing of what was there. If you show the picture to others, " +
  "say so.";

// What is done at the moment, in words and as a bar; and what went wrong.
function makeStatus() {
  const words = make("span", { role: "status" });
  const progress = make("progress", { "aria-label": "Progress", hidden: "" });
  const told = make("div", { class: "told" }, [make("div", {}, [words, progress])]);
  const alert = make("p", { class: "alert", role: "alert" });
  return {
    nodes: [told, alert],
    /** @type {Tell} */
    tell(text, share = null) {
      words.textContent = text;
      told.classList.toggle("busy", Boolean(text));
      progress.hidden = !text;
      if (share === null) progress.removeAttribute("value");
      else progress.value = share;
    },
    /** @type {(error: Error, more?: string) => void} */
    complain(error, more = "") {
      alert.textContent = error.message + more;
      alert.scrollIntoView({ block: "nearest" });
    },
    clear() {
      alert.textContent = "";
    },
  };
}

/** @type {(found: Found, name: string, moves: boolean) => string} */
function describe({ width, height, seen, original, transparent }, name, moves) {
  const parts = [
    `${name}: ${width} \u00d7 ${height} pixels, seen by the network at ` +
      `${seen[1]} \u00d7 ${seen[0]}.`,
  ];
  if (original.width !== width) {
    const view = `${original.width} \u00d7 ${original.height}`;
    parts.push(`Shown here at ${view}; the download has all pixels.`);
  }
  if (moves) parts.push("Of a moving picture, its first is taken.");
  if (transparent) {
    parts.push("What is transparent stays so; JPEG would make it black.");
  }
  return parts.join(" ");
}

/** @type {(blob: Blob, title: string) => boolean} */
const isHintFile = (blob, title) =>
  blob.type === "application/json" || title.toLowerCase().endsWith(".json");

// What came of a file of dots, and what the page could not take of it.
/** @type {(given: Given, title: string) => string} */
function describeHints({ dots, model, seen }, title) {
  const many = dots.length === 1 ? "One dot" : `${dots.length} dots`;
  const parts = [`${many} loaded from ${title}. Undo brings back what was here.`];
  if (model && !NETWORKS.includes(model))
    parts.push(`The file names the network ${model}, which this page has not.`);
  if (seen && !SIZES.includes(seen))
    parts.push(`It names ${seen} pixels, which this page does not offer.`);
  return parts.join(" ");
}

/** @type {(name: string, row: HTMLElement) => HTMLElement} */
const chosenBy = (name, row) => make("div", { class: "choice" }, [name, row]);

/** @type {(root: HTMLElement) => void} */
function render(root) {
  let T = 0.38;
  let chosen = 0; // of NETWORKS
  let size = 0; // none before the network says its own
  let name = "";
  let [x, y] = [0.75, 0.4]; // of the point, in shares of the photo
  let before = 0;
  let labeled = true;
  /** @type {Blob | undefined} */
  let photo;
  /** @type {Found | undefined} */
  let found;
  const { nodes: told, tell, complain, clear } = makeStatus();
  const note = make("p", { class: "note" });
  const start = makeStart((blob, title, sample) => {
    if (isHintFile(blob, title)) loadHints(blob, title);
    else open(blob, title, sample);
  }, complain);
  const stage = makeStage(point);
  const panes = make("div", { class: "panes" });
  /** @type {ReturnType<typeof makeThoughts> | undefined} */
  let thoughts;
  const temperature = makeTemperature(setT);
  const breaker = makeBreaker({
    change() {
      stopCovering();
      stage.light();
      wanted = { open: true, paint: true, inspect: true };
      refresh();
    },
    turn,
    undo: () => work("Coloring", reopen),
    brush() {
      stage.node.classList.toggle("brushing", breaker.brushing());
      stage.draw();
    },
    map() {
      const job = covering ? undefined : Symbol();
      if (job) work(COVERING, (engine) => cover(engine, job));
      else stopCovering();
      covering = job; // after what any work stops
      breaker.cover(Boolean(job));
    },
  });
  const films = makeFilms(() => breaker.changed());
  const picture = () => films.expose(breaker.shown());
  const hints = makeHints({
    change(made) {
      wanted.paint = true;
      if (made) work("Coloring", (engine) => adopt(engine, made));
      else refresh();
    },
    go: point,
    save: saveHints,
    load: (file) => loadHints(file, file.name),
    made: () => ({ model: NETWORKS[chosen], T, seen: size }),
  });
  stage.node.append(hints.layer);
  const befores = makeButtons("Before", ["gray", "original"], setBefore);
  const beforeBar = chosenBy("Left of the curtain:", befores.row);
  const networks = makeButtons("The network", NETWORKS.map(tellNetwork), (i) =>
    work(`Loading the network (${weigh(NETWORKS[i])}, once)`, async (engine) => {
      await choose(engine, i);
      await again(engine);
    }),
  );
  const names = SIZES.map((side) => `${side} pixels`);
  const sizes = makeButtons("The network looks at", names, (i) => {
    size = SIZES[i];
    sizes.press(i);
    work("Coloring", again);
  });
  const saves = FORMATS.map(([kind, type, suffix]) => {
    const button = make("button", { type: "button" }, [`Download ${kind}`]);
    button.addEventListener("click", () => save(type, suffix));
    return button;
  });
  const labels = makeButtons("Strip", ["with a strip: invented", "alone"], (i) => {
    labeled = i === 0;
    labels.press(i);
  });
  const result = make("div", { class: "result", hidden: "" }, [
    note,
    make("div", { class: "bar" }, [
      chosenBy("Colored by", networks.row),
      chosenBy("It looks at a shorter side of", sizes.row),
      beforeBar,
    ]),
    stage.node,
    breaker.node, // beside the photo: one sees what one breaks
    films.node,
    temperature.row,
    hints.node,
    make("div", { class: "bar" }, [...saves, labels.row]),
    panes, // beside a tall photo: see photo.css
    make("p", { class: "honest" }, [HONEST]),
  ]);
  /** @type {Promise<Engine> | undefined} */
  let ready;
  let jobs = 0;
  /** @type {Promise<void>} */
  let queue = Promise.resolve();
  let wanted = { open: false, paint: false, inspect: false };
  /** @type {Promise<void> | undefined} */
  let drawing;
  let swapping = false; // until the worker's photo is the page's again
  /** @type {symbol | undefined} */
  let covering; // square by square, until the reader wants something else

  /** @type {() => Promise<Engine>} */
  async function getEngine() {
    ready ??= startWorker(tell).catch((error) => {
      ready = undefined;
      throw error;
    });
    const engine = await ready;
    if (!thoughts) await choose(engine, 0);
    return engine;
  }

  // Have the worker take a network. The photo is to be opened again.
  /** @type {(engine: Engine, i: number) => Promise<void>} */
  async function choose(engine, i) {
    const card = await engine.use(NETWORKS[i]);
    if (!thoughts) {
      thoughts = makeThoughts(card.centers);
      panes.replaceChildren(...thoughts.nodes);
    }
    networks.press(i);
    chosen = i;
    size ||= card.size;
    T = card.T;
    temperature.set(T);
  }

  // Nothing is told where nothing is done: of a job, or of a drawing that no job began.
  function rest() {
    if (!jobs && !drawing) tell("");
  }

  // One piece of work at a time, in the order asked for; a failed start is tried again.
  /** @type {(text: string, run: (engine: Engine) => Promise<void>) => Promise<void>} */
  async function work(text, run) {
    stopCovering();
    jobs++;
    clear();
    tell(text);
    try {
      const engine = await getEngine();
      const turn = queue.then(() => run(engine));
      queue = turn.catch(() => {});
      await turn;
    } catch (error) {
      const old = photo ? ` Below is still \u201c${name}\u201d.` : "";
      complain(/** @type {Error} */ (error), old);
    } finally {
      jobs--;
      rest();
      refresh(); // of the old photo, where the new one was refused
    }
  }

  /** @type {Open} */
  function open(blob, title, sample) {
    const first = thoughts
      ? "Reading the photo"
      : `Loading the network (${weigh(NETWORKS[0])}, once)`;
    work(first, async (engine) => {
      await use(engine, blob, title);
      start.press(sample);
      note.scrollIntoView({ block: "start" });
      if (found) keep(blob, found.original, title, sample);
    });
  }

  /** @type {(engine: Engine) => Promise<void>} */
  async function reopen(engine) {
    if (photo) await use(engine, photo, name);
  }

  // By another network, or at another size: the photo, broken as it is.
  /** @type {(engine: Engine) => Promise<void>} */
  async function again(engine) {
    if (!breaker.broken()) return reopen(engine);
    wanted = { open: true, paint: true, inspect: true };
    await refresh();
  }

  /** @type {(engine: Engine, blob: Blob, title: string) => Promise<void>} */
  async function use(engine, blob, title) {
    const { bitmap, moves } = await decode(blob);
    swapping = true;
    await drawing;
    /** @type {Found} */
    const seen = await engine.ask("open", { bitmap, size }).finally(() => {
      swapping = false;
    });
    if (blob !== photo) {
      hints.reset();
      before = 0;
      x = ((seen.widest % seen.columns) + 0.5) / seen.columns;
      y = (Math.floor(seen.widest / seen.columns) + 0.5) / seen.rows;
    } else turn((4 - breaker.quarters()) % 4);
    [found, photo, name] = [seen, blob, title];
    stage.fit(seen.width, seen.height);
    stage.node.classList.toggle("clear", seen.transparent);
    result.classList.toggle("tall", seen.height > seen.width);
    beforeBar.hidden = !seen.colored;
    sizes.press(SIZES.indexOf(size));
    setBefore(before);
    note.textContent = describe(seen, title, moves);
    result.hidden = false;
    breaker.take(seen.original);
    films.reset(seen.colored);
    stage.node.classList.remove("brushing");
    stage.light();
    wanted = { open: false, paint: true, inspect: true };
    await refresh();
    stage.draw();
  }

  /** @type {(to: number) => void} */
  function setT(to) {
    stopCovering();
    T = to;
    temperature.set(T);
    wanted = { ...wanted, paint: true, inspect: true };
    refresh();
  }

  /** @type {(i: number) => void} */
  function setBefore(i) {
    if (!found) return;
    before = i;
    befores.press(i);
    put(stage.before, i ? found.original : found.gray);
    stage.name(i ? "original" : "gray");
  }

  /** @type {(toX: number, toY: number, starts?: boolean) => void} */
  function point(toX, toY, starts = true) {
    stopCovering();
    [x, y] = [within(toX, 0, 1), within(toY, 0, 1)];
    hints.at(x, y);
    stage.light();
    if (breaker.brushing()) breaker.draw(x, y, starts);
    wanted.inspect = true;
    refresh();
  }

  /** @type {(grid: Found) => { column: number, row: number }} */
  const cellOf = ({ columns, rows }) => ({
    column: Math.min(columns - 1, Math.floor(x * columns)),
    row: Math.min(rows - 1, Math.floor(y * rows)),
  });

  // The ring and the dots stay on what they are on.
  /** @type {(quarters: number) => void} */
  function turn(quarters) {
    stage.turn(quarters);
    [x, y] = turned([x, y], quarters);
    hints.turn(quarters);
  }

  function stopCovering() {
    if (!covering) return;
    covering = undefined;
    breaker.cover(false);
    stage.light();
  }

  // What the ringed color depends on, square by square: between two, all else is done.
  /** @type {(engine: Engine, job: symbol) => Promise<void>} */
  async function cover({ ask }, job) {
    if (!found) return;
    breaker.tell("");
    const asked = { ...cellOf(found), T, parts: PARTS };
    /** @type {number[]} */
    const shifts = [];
    let many = 1;
    while (covering === job && shifts.length < many) {
      const given = { ...asked, square: shifts.length };
      const { shift, across, down } = await ask("depend", given);
      if (covering !== job) return;
      many = across * down;
      shifts.push(shift);
      stage.light({ shifts, across, down });
      tell(COVERING, shifts.length / many);
    }
    if (!shifts.length) return; // stopped before it began
    covering = undefined;
    breaker.cover(false);
    breaker.tell(
      "The brighter a square, the more covering it moved the ringed color: by up to " +
        `${Math.max(...shifts).toFixed(0)} units. Choose another point: the photo is ` +
        "light again.",
    );
  }

  // Draw what is wanted; what is wanted meanwhile is drawn after.
  function refresh() {
    drawing ??= drawWanted()
      .catch(complain)
      .finally(() => {
        drawing = undefined;
        rest();
      });
    return drawing;
  }

  async function drawWanted() {
    const any = () => wanted.open || wanted.paint || wanted.inspect;
    while (ready && found && !swapping && any()) {
      const { ask } = await ready;
      const { open: opens, paint } = wanted;
      wanted = { open: false, paint: false, inspect: false };
      const quarters = breaker.quarters();
      // Nobody has turned it since.
      const stands = () => quarters === breaker.quarters();
      if (opens) {
        const bitmap = await createImageBitmap(picture());
        found = /** @type {Found} */ (await ask("open", { bitmap, size }));
        if (!stands()) continue;
        stage.fit(found.width, found.height);
        result.classList.toggle("tall", found.height > found.width);
        put(stage.before, before ? found.original : found.gray);
      }
      const { column, row } = cellOf(found);
      stage.mark((column + 0.5) / found.columns, (row + 0.5) / found.rows);
      const now = T;
      const given = { T: now, hints: hints.now() };
      const painted = paint && (await ask("paint", given)).image;
      if (painted && stands()) put(stage.after, painted);
      const thought = await ask("inspect", { column, row, T: now });
      thoughts?.draw(thought);
      hints.offer(thought.L, thought.offers);
    }
  }

  /** @type {(type: string, suffix: string) => Promise<void>} */
  function save(type, suffix) {
    return work("Painting at full size", async (engine) => {
      if (!photo) return;
      const broken = breaker.broken() && (await createImageBitmap(picture()));
      const bitmap = broken || (await decode(photo)).bitmap;
      const told = labeled ? TOLD : "";
      const given = { bitmap, T, told, hints: hints.now() };
      const painted = await engine.ask("save", given);
      tell("Writing the file");
      handOver(await encode(painted.bitmap, type), `colored.${suffix}`);
    });
  }

  /** @type {(file: Blob, ending: string) => void} */
  function handOver(file, ending) {
    const stem = name.replace(/\.[a-z0-9]{1,5}$/i, "");
    const href = URL.createObjectURL(file);
    make("a", { href, download: `${stem}-${ending}` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60000);
  }

  function saveHints() {
    if (!found) return;
    const { width, height } = found;
    const { dots, giveUp } = hints.now();
    const made = { model: NETWORKS[chosen], T, seen: size };
    const text = writeHints(dots, width, height, giveUp, made);
    handOver(new Blob([text], { type: "application/json" }), "hints.json");
  }

  // Color with other settings, as far as the page has them.
  /** @type {(engine: Engine, made: Partial<Made>) => Promise<void>} */
  async function adopt(engine, { model, T: toT = T, seen }) {
    const i = NETWORKS.indexOf(model ?? "");
    const other = i >= 0 && i !== chosen;
    if (other) await choose(engine, i);
    const anew = other || (seen !== size && SIZES.includes(seen ?? 0));
    if (anew) size = SIZES.includes(seen ?? 0) ? Number(seen) : size;
    setT(toT);
    if (anew) await again(engine);
  }

  // Dots from a file. What is wrong with it is said, and what is here stays.
  /** @type {(file: Blob, title: string) => Promise<void>} */
  function loadHints(file, title) {
    return work("Reading the dots", async (engine) => {
      try {
        if (!found) throw new Error("Choose the photo first, then its dots.");
        if (file.size > MOST_BYTES)
          throw new Error("This file is too large to be one of dots.");
        const given = readHints(await file.text(), found.width, found.height);
        const before = { model: NETWORKS[chosen], T, seen: size };
        await adopt(engine, given);
        hints.load(given, before, describeHints(given, title));
        wanted.paint = true;
      } catch (error) {
        const old = hints.now().dots.length ? " Your dots are as they were." : "";
        complain(/** @type {Error} */ (error), old);
      }
    });
  }

  onArrows(stage.after, ([right, up], far) => {
    if (!found) return;
    const { column, row } = cellOf(found);
    const step = far ? 10 : 1;
    point(
      (column + 0.5 + step * right) / found.columns,
      (row + 0.5 - step * up) / found.rows,
    );
  });
  result.addEventListener("keydown", hints.hear);
  setT(T);
  labels.press(0);
  root.replaceChildren(start.node, ...told, result);
  root.className = "lab-figure photo-lab";
  settle(root, () => thoughts?.redraw());
  const lacking = missing().join(", ");
  if (lacking) {
    const told = `Your browser lacks ${lacking}, which this page needs.`;
    complain(new Error(`${told} A newer one will do.`));
  }
  const kept = recall();
  if (kept) open(kept.blob, kept.name, kept.sample);
}

const place = document.getElementById("photo-lab");
if (place) render(place);
