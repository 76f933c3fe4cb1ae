// The colorization Turing test: each pair for a second, then a choice.

import { context2d, make, readFiles, settle } from "./page.js";
import { makeAddresses } from "./pictures.js";
import { makeReport, percent } from "./turingreport.js";

/** @import { Model, View } from "./page.js" */
/** @import { Pair, Trial } from "./turingreport.js" */

const SIDES = ["left", "right"];
const LATE = 250; // ms: a pair seen so much longer than planned comes again
const PAUSED = "Paused. Nothing is shown or asked until you go on.";
const HOW = matchMedia("(pointer: coarse)").matches
  ? "Tap it."
  : "Click it, or press the left or right arrow key.";

/** @type {(ms: number) => Promise<void>} */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** @type {() => Promise<number>} */
const frame = () => new Promise(requestAnimationFrame);

/** @type {<T>(items: T[]) => T[]} */
function shuffled(items) {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}

// Trials in random order; `side` is where the painted one stands.
/** @type {(pairs: Pair[]) => Trial[]} */
function deal(pairs) {
  return shuffled(pairs).map((pair) => ({ pair, side: Number(Math.random() < 0.5) }));
}

// Real and painted photos take turns in the bytes.
/** @type {(model: Model) => Pair[]} */
function readPairs(model) {
  const files = readFiles(model);
  /** @type {string[]} */
  const keys = [...model.get("practice"), ...model.get("names")];
  return keys.map((key, i) => ({
    key,
    name: key.replaceAll("-", " "),
    files: files.slice(2 * i, 2 * i + 2),
    bitmaps: [],
    urls: [],
  }));
}

/** @type {(pairs: Pair[]) => Promise<void>} */
async function decode(pairs) {
  for (const pair of pairs) {
    if (pair.bitmaps.length) continue;
    pair.bitmaps = await Promise.all(pair.files.map((file) => createImageBitmap(file)));
  }
}

/** @typedef {{ key: string, side: number, chosen: number, ms: number }} Answer */
/** @typedef {{ tries: number, practised: boolean, answers: Answer[], width: number,
 *   run: string }} Kept Whole tests that were taken; of the one that is taken now, what
 *   was answered, how wide the photos were (page pixels), and its name. */

// What lives as long as the browser's tab, also when the page is loaded again.
/** @type {(key: string) => { kept: Kept, keep: () => void }} */
function remember(key) {
  /** @type {Kept} */
  const kept = { tries: 0, practised: false, answers: [], width: 0, run: "" };
  try {
    Object.assign(kept, JSON.parse(sessionStorage.getItem(key) ?? "{}"));
  } catch {} // a browser that keeps nothing
  return {
    kept,
    keep() {
      try {
        sessionStorage.setItem(key, JSON.stringify(kept));
      } catch {}
    },
  };
}

// A trial that was answered, from what was kept of it.
/** @type {(pairs: Pair[], answer: Answer) => Trial[]} */
function restore(pairs, { key, ...answer }) {
  const fooled = answer.chosen !== answer.side;
  return pairs
    .filter((pair) => pair.key === key)
    .map((pair) => ({ pair, ...answer, fooled }));
}

/** @type {(i: number, size: [number, number], choose: (i: number) => void) =>
 *   { button: HTMLButtonElement, canvas: HTMLCanvasElement, tag: HTMLElement }} */
function makeSide(i, [width, height], choose) {
  const label = `${SIDES[i]} photo`;
  const canvas = make("canvas", { role: "img", "aria-label": label, width, height });
  const tag = make("span", { class: "tag" });
  const button = make("button", { type: "button", class: "side" }, [canvas, tag]);
  button.addEventListener("click", () => choose(i));
  return { button, canvas, tag };
}

/** @type {(model: Model, trials: Trial[], kept: Kept) => object} */
function makeResult(model, trials, { run, tries, width }) {
  return {
    kind: model.get("kind"),
    format: model.get("format"),
    pairs: model.get("version"),
    run,
    round: tries,
    seconds: model.get("seconds"),
    width, // a phone's is half a laptop's
    answers: trials.map(({ pair, side, chosen, ms = 0 }) => ({
      photo: pair.key,
      painted: SIDES[side],
      chosen: SIDES[Number(chosen)],
      shown_ms: Math.round(ms),
    })),
  };
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  const pairs = readPairs(model);
  const drills = pairs.slice(0, model.get("practice").length);
  const tests = pairs.slice(drills.length);
  const seconds = model.get("seconds");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const { of, free } = makeAddresses();
  const { kept, keep } = remember(`colorlab-turing-${model.get("version")}`);
  let unsaved = false; // answers that closing the page would lose
  /** @type {HTMLElement | undefined} */
  let saved; // the download of the last result
  let paused = false;
  /** @type {(side?: number) => void} */
  let answer = () => {}; // resolves what the reader is asked for

  const status = make("p", { class: "status", role: "status" });
  const sides = SIDES.map((_, i) => makeSide(i, model.get("size"), choose));
  const buttons = sides.map(({ button }) => button);
  const stage = make("div", { class: "stage" }, buttons);
  const progress = make("progress", { "aria-label": "Pairs done" });
  const count = make("span", { class: "count" });
  const pause = make("button", { type: "button" }, ["Pause"]);
  const bar = make("div", { class: "bar" }, [progress, count, pause]);
  const next = make("button", { type: "button", class: "next" });
  const panel = make("div", { class: "panel" });
  const root = make(
    "div",
    {
      class: "lab-figure turing",
      tabindex: "-1",
      "data-lm-suppress-shortcuts": "true",
    },
    [status, stage, bar, next, panel],
  );

  /** @type {() => Promise<number | undefined>} */
  const asked = () =>
    new Promise((resolve) => {
      answer = resolve;
    });

  /** @type {(side: number) => void} */
  function choose(side) {
    if (root.dataset.phase === "choose") answer(side);
  }

  /** @type {(phase: string, text: string, button?: string) => void} */
  function setPhase(phase, text, button = "") {
    root.dataset.phase = phase;
    status.textContent = text;
    next.textContent = button;
    next.hidden = !button;
    // Between pairs it stands where one pauses else: in sight, also on a phone.
    if (["start", "done"].includes(phase)) root.insertBefore(next, panel);
    else if (next.parentNode !== bar) bar.append(next);
    pause.classList.toggle("idle", Boolean(button)); // it waits for the reader anyway
    const choosing = phase === "choose";
    sides.forEach((side, i) => {
      const label = choosing ? `The ${SIDES[i]} one was painted` : `${SIDES[i]} photo`;
      side.button.setAttribute("aria-disabled", String(!choosing));
      side.button.setAttribute("aria-label", label);
      if (phase === "told") return;
      side.tag.textContent = choosing ? ["\u25c0 left", "right \u25b6"][i] : "";
    });
    if (phase === "start" && !saved) return; // the page has just been opened
    const { activeElement } = document;
    if (button) next.focus({ preventScroll: true });
    else if (!root.contains(activeElement) || activeElement === next) {
      root.focus({ preventScroll: true });
    }
  }

  function blank() {
    for (const { canvas } of sides) {
      context2d(canvas).fillStyle = "#777";
      context2d(canvas).fillRect(0, 0, canvas.width, canvas.height);
    }
  }

  /** @type {(trial: Trial) => void} */
  function draw({ pair, side }) {
    sides.forEach(({ canvas }, i) => {
      context2d(canvas).drawImage(pair.bitmaps[Number(i === side)], 0, 0);
    });
  }

  /** @type {(done: number, all: number, label: string) => void} */
  function tellProgress(done, all, label) {
    progress.max = all;
    progress.value = done;
    count.textContent = `${label} ${Math.min(done + 1, all)} of ${all}`;
  }

  // Both changes are seen at the screen's next refresh, so that their distance is kept.
  /** @type {(trial: Trial) => Promise<number>} */
  async function expose(trial) {
    const from = await frame();
    draw(trial);
    let now = from;
    while (now - from < 1000 * seconds - 8) now = await frame();
    blank();
    return now - from;
  }

  async function unpaused() {
    if (paused) setPhase("paused", PAUSED);
    while (paused) await sleep(50);
  }

  // Tells whether the pair was seen too long, and shall come again.
  /** @type {(trial: Trial) => Promise<boolean>} */
  async function ask(trial) {
    blank();
    await unpaused();
    if (still) {
      setPhase("ready", "Ready?", "Show the pair");
      await asked();
    }
    do {
      await unpaused();
      setPhase("ready", "Look \u2026");
      await sleep(600 * seconds);
    } while (paused);
    setPhase("show", "Look \u2026");
    trial.ms = await expose(trial);
    if (trial.ms > 1000 * seconds + LATE && !trial.late) {
      trial.late = true;
      return true;
    }
    do {
      await unpaused();
      setPhase("choose", `Which one was painted? ${HOW}`);
      trial.chosen = await asked();
    } while (trial.chosen === undefined); // paused meanwhile
    trial.fooled = trial.chosen !== trial.side;
    return false;
  }

  /** @type {(trial: Trial) => Promise<void>} */
  async function tell(trial) {
    draw(trial);
    sides.forEach(({ tag }, i) => {
      tag.textContent = i === trial.side ? "painted" : "real";
    });
    const outcome = trial.fooled ? "Fooled" : "Correct";
    setPhase("told", `${outcome}: the ${SIDES[trial.side]} one was painted.`, "Next");
    await asked();
  }

  async function practise() {
    const trials = deal(drills);
    for (const [i, trial] of trials.entries()) {
      tellProgress(i, trials.length, "Practice");
      await ask(trial);
      if (trial.chosen === undefined) await ask(trial);
      await tell(trial);
    }
    progress.value = trials.length;
  }

  async function test() {
    const done = kept.answers.flatMap((answer) => restore(tests, answer));
    const answered = new Set(done.map(({ pair }) => pair));
    const queue = deal(tests.filter((pair) => !answered.has(pair)));
    for (let trial = queue.shift(); trial; trial = queue.shift()) {
      tellProgress(done.length, tests.length, "Pair");
      if (await ask(trial)) queue.push(trial);
      else {
        done.push(trial);
        const { pair, side, chosen = 0, ms = 0 } = trial;
        kept.width = Math.round(sides[0].canvas.getBoundingClientRect().width);
        kept.answers.push({ key: pair.key, side, chosen, ms });
        keep();
      }
    }
    const id = crypto.getRandomValues(new Uint32Array(2));
    kept.run = Array.from(id, (n) => n.toString(16).padStart(8, "0")).join("");
    kept.tries++;
    keep();
    return done;
  }

  async function play() {
    setPhase("ready", "The photos are being unpacked \u2026");
    await decode(pairs);
    if (kept.answers.length === tests.length) {
      kept.answers = [];
      kept.practised = false;
      keep();
    }
    unsaved = true;
    setPaused(false);
    if (drills.length && !kept.practised) {
      await practise();
      kept.practised = true;
      keep();
      blank();
      const told = `Now ${tests.length} pairs that count, without answers in between.`;
      setPhase("between", told, "Begin the test");
      await asked();
    }
    report(await test());
  }

  /** @type {(value: boolean) => void} */
  function setPaused(value) {
    paused = value;
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    const { phase = "" } = root.dataset;
    if (!paused || !next.hidden || !["ready", "choose"].includes(phase)) return;
    setPhase("paused", PAUSED);
    if (phase === "choose") answer();
  }

  /** @type {(trials: Trial[]) => HTMLElement} */
  function makeDownload(trials) {
    const text = JSON.stringify(makeResult(model, trials, kept), null, 1);
    const url = of(new Blob([text], { type: "application/json" }));
    const name = `turing-${JSON.parse(text).run.slice(0, 8)}.json`;
    const link = make("a", { class: "download", download: name, href: url }, [
      "Download the result file",
    ]);
    link.addEventListener("click", () => {
      unsaved = false;
    });
    return link;
  }

  /** @type {(trials: Trial[]) => void} */
  function report(trials) {
    for (const pair of tests) {
      if (!pair.urls.length) pair.urls = pair.files.map(of);
    }
    saved = makeDownload(trials);
    const again = make("button", { type: "button" }, ["Start over"]);
    again.addEventListener("click", open);
    const controls = make("div", { class: "bar" }, [saved, again]);
    panel.replaceChildren(...makeReport(trials, model.get("paper"), controls));
    const fooled = trials.filter((trial) => trial.fooled).length;
    setPhase(
      "done",
      `You took the painted photo for the real one in ${fooled} of ${trials.length} ` +
        `pairs: ${percent(fooled / trials.length)}.`,
    );
  }

  function open() {
    const again = " You know the photos now: a second result cannot be pooled.";
    const long = seconds === 1 ? "one second" : `${seconds} seconds`;
    const rules = [
      "Two versions of one photo appear side by side. One is real; in the other all " +
        "color was painted by the network.",
      `After ${long} both disappear. Then say which one was painted. ` +
        "Take your time: only looking is timed.",
      `First ${drills.length} for practice, with answers. Then ${tests.length} that ` +
        "count, without. About three minutes; you can pause.",
    ];
    const last = saved ? [make("p", {}, ["Your last result: ", saved])] : [];
    const list = rules.map((rule) => make("li", {}, [rule]));
    panel.replaceChildren(make("ol", {}, list), ...last);
    const question = "Can you tell painted from real?";
    const { length } = kept.answers;
    const under = length > 0 && length < tests.length;
    const told = `You have answered ${length} of ${tests.length} pairs.`;
    if (under) setPhase("start", told, "Go on");
    else setPhase("start", question + (kept.tries ? again : ""), "Start");
  }

  next.addEventListener("click", () => {
    if (root.dataset.phase === "start") play();
    else answer();
  });
  pause.addEventListener("click", () => setPaused(!paused));
  /** @type {(event: KeyboardEvent) => void} */
  const onKey = (event) => {
    const side = ["ArrowLeft", "ArrowRight"].indexOf(event.key);
    const { phase = "" } = root.dataset;
    if (side < 0 || ["start", "done"].includes(phase)) return;
    // After a click beside the figure, keys go to the page.
    const { target } = event;
    if (target !== document.body && !root.contains(/** @type {Node} */ (target)))
      return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) choose(side);
  };
  const left = new AbortController(); // ends listening where the view is taken away
  const { signal } = left;
  document.addEventListener("keydown", onKey, { capture: true, signal });
  const onHide = () => {
    if (document.hidden && next.hidden) setPaused(true);
  };
  document.addEventListener("visibilitychange", onHide, { signal });
  /** @type {(event: Event) => void} */
  const onLeave = (event) => {
    if (unsaved) event.preventDefault(); // the browser asks
  };
  window.addEventListener("beforeunload", onLeave, { signal });
  el.append(root);
  if (kept.answers.length < tests.length) open();
  else report(kept.answers.flatMap((answer) => restore(tests, answer)));
  return settle(el, undefined, () => left.abort(), free);
}

export default { render };
