// The colorization Turing test: each pair for a second, then a choice.

const SIDES = ["left", "right"];
const LATE = 250; // ms: a pair seen so much longer than planned comes again
const PAUSED = "Paused. Nothing is shown or asked until you go on.";
const HOW = matchMedia("(pointer: coarse)").matches
  ? "Tap it."
  : "Click it, or press the left or right arrow key.";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const frame = () => new Promise(requestAnimationFrame);

function shuffled(items) {
  const left = [...items];
  return items.map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}

// Trials in random order; `side` is where the painted one stands.
function deal(pairs) {
  return shuffled(pairs).map((pair) => ({ pair, side: Number(Math.random() < 0.5) }));
}

// Real and painted photos take turns in the bytes.
function readPairs(model) {
  const blob = bytes(model.get("pixels"));
  let at = 0;
  const files = model.get("lengths").map(
    (length) => new Blob([blob.slice(at, (at += length))], { type: "image/jpeg" }),
  );
  return [...model.get("practice"), ...model.get("names")].map((name, i) => {
    const [real, painted] = [files[2 * i], files[2 * i + 1]];
    return { name: name.replaceAll("-", " "), key: name, files: [real, painted] };
  });
}

async function decode(pairs) {
  for (const pair of pairs) {
    pair.bitmaps ??= await Promise.all(pair.files.map((file) => createImageBitmap(file)));
  }
}

// A number that lives as long as the browser's tab; 0 at first, and where none is kept.
function remember(key) {
  const attempt = (run) => {
    try {
      return run();
    } catch {
      return null; // a browser that keeps nothing
    }
  };
  return {
    get: () => Number(attempt(() => sessionStorage.getItem(key))),
    set: (value) => attempt(() => sessionStorage.setItem(key, value)),
  };
}

function render({ model, el }) {
  const pairs = readPairs(model);
  const drills = pairs.slice(0, model.get("practice").length);
  const tests = pairs.slice(drills.length);
  const seconds = model.get("seconds");
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const urls = [];
  const tab = remember(`colorlab-turing-${model.get("version")}`);
  let rounds = tab.get(); // also of before the page was loaded again
  let unsaved = false; // answers that leaving the page would lose
  let kept; // the download of the last result
  let paused = false;
  let answer; // resolves what the reader is asked for

  const status = make("p", { class: "status", role: "status" });
  const sides = SIDES.map((side, i) => {
    const canvas = make("canvas", { role: "img", "aria-label": `${side} photo` });
    [canvas.width, canvas.height] = model.get("size");
    const tag = make("span", { class: "tag" });
    const button = make("button", { type: "button", class: "side" }, [canvas, tag]);
    button.addEventListener("click", () => choose(i));
    return { button, canvas, tag };
  });
  const stage = make("div", { class: "stage" }, sides.map(({ button }) => button));
  const progress = make("progress", { "aria-label": "Pairs done" });
  const count = make("span", { class: "count" });
  const pause = make("button", { type: "button" }, ["Pause"]);
  const bar = make("div", { class: "bar" }, [progress, count, pause]);
  const next = make("button", { type: "button", class: "next" });
  const panel = make("div", { class: "panel" });
  const root = make(
    "div",
    { class: "lab-figure turing", tabindex: "-1", "data-lm-suppress-shortcuts": "true" },
    [status, stage, bar, next, panel],
  );

  const asked = () => new Promise((resolve) => (answer = resolve));

  function choose(side) {
    if (root.dataset.phase === "choose") answer(side);
  }

  function setPhase(phase, text, button = "") {
    root.dataset.phase = phase;
    status.textContent = text;
    next.textContent = button;
    next.hidden = !button;
    pause.classList.toggle("idle", Boolean(button)); // it waits for the reader anyway
    const choosing = phase === "choose";
    sides.forEach((side, i) => {
      side.button.setAttribute("aria-disabled", String(!choosing));
      side.button.setAttribute("aria-label", choosing ? `The ${SIDES[i]} one was painted` : `${SIDES[i]} photo`);
      if (phase !== "told") side.tag.textContent = choosing ? ["\u25c0 left", "right \u25b6"][i] : "";
    });
    if (phase === "start" && !kept) return; // the page has just been opened
    if (button) next.focus({ preventScroll: true });
    else if (!root.contains(document.activeElement) || document.activeElement === next)
      root.focus({ preventScroll: true });
  }

  function blank() {
    for (const { canvas } of sides) {
      canvas.getContext("2d").fillStyle = "#777";
      canvas.getContext("2d").fillRect(0, 0, canvas.width, canvas.height);
    }
  }

  function draw({ pair, side }) {
    sides.forEach(({ canvas }, i) =>
      canvas.getContext("2d").drawImage(pair.bitmaps[Number(i === side)], 0, 0),
    );
  }

  function tellProgress(done, all, label) {
    progress.max = all;
    progress.value = done;
    count.textContent = `${label} ${Math.min(done + 1, all)} of ${all}`;
  }

  // Both changes are seen at the screen's next refresh, so that their distance is kept.
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
    if (trial.ms > 1000 * seconds + LATE && !trial.late) return (trial.late = true);
    do {
      await unpaused();
      setPhase("choose", `Which one was painted? ${HOW}`);
      trial.chosen = await asked();
    } while (trial.chosen === undefined); // paused meanwhile
    trial.fooled = trial.chosen !== trial.side;
    return false;
  }

  async function tell(trial) {
    draw(trial);
    sides.forEach(({ tag }, i) => (tag.textContent = i === trial.side ? "painted" : "real"));
    const side = SIDES[trial.side];
    const right = trial.fooled ? `Fooled: the ${side} one was painted.` : `Correct: the ${side} one was painted.`;
    setPhase("told", right, "Next");
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
    const [queue, done] = [deal(tests), []];
    while (queue.length) {
      tellProgress(done.length, tests.length, "Pair");
      const trial = queue.shift();
      (await ask(trial)) ? queue.push(trial) : done.push(trial);
    }
    return done;
  }

  async function play() {
    setPhase("ready", "The photos are being unpacked \u2026");
    await decode(pairs);
    tab.set(++rounds);
    unsaved = true;
    setPaused(false);
    if (drills.length) {
      await practise();
      blank();
      setPhase("between", `Now ${tests.length} pairs that count, without answers in between.`, "Begin the test");
      await asked();
    }
    report(await test());
  }

  function setPaused(value) {
    paused = value;
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    const { phase } = root.dataset;
    if (!paused || !next.hidden || !["ready", "choose"].includes(phase)) return;
    setPhase("paused", PAUSED);
    if (phase === "choose") answer();
  }

  function result(trials) {
    const id = crypto.getRandomValues(new Uint32Array(2));
    return {
      kind: model.get("kind"),
      format: model.get("format"),
      pairs: model.get("version"),
      run: Array.from(id, (n) => n.toString(16).padStart(8, "0")).join(""),
      round: rounds,
      seconds,
      answers: trials.map(({ pair, side, chosen, ms }) => ({
        photo: pair.key, painted: SIDES[side], chosen: SIDES[chosen], shown_ms: Math.round(ms),
      })),
    };
  }

  function makeDownload(file) {
    const link = make("a", { class: "download", download: `turing-${file.run.slice(0, 8)}.json` }, [
      "Download the result file",
    ]);
    link.href = URL.createObjectURL(
      new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }),
    );
    link.addEventListener("click", () => (unsaved = false));
    urls.push(link.href);
    return link;
  }

  function report(trials) {
    for (const pair of tests) {
      pair.urls ??= pair.files.map((file) => URL.createObjectURL(file));
      urls.push(...pair.urls);
    }
    const fooled = trials.filter((trial) => trial.fooled);
    const [rate, ...ends] = rateInterval(fooled.length, trials.length);
    const paper = model.get("paper");
    kept = makeDownload(result(trials));
    const again = make("button", { type: "button" }, ["Start over"]);
    again.addEventListener("click", open);
    panel.replaceChildren(
      make("div", { class: "bars" }, [
        makeBar("you", rate, ends),
        makeBar("the paper", paper),
        makeBar("guessing", 0.5),
      ]),
      ...inWords(rate, ...ends, trials.length, paper).map((text) => make("p", {}, [text])),
      make("div", { class: "bar" }, [kept, again]),
      make("p", { class: "fine" }, [
        "The file holds which photos fooled you, on which side they stood and how long they were seen; nothing about you.",
      ]),
      makeGallery("Photos that fooled you", fooled, true),
      makeGallery("Photos that did not", trials.filter((trial) => !trial.fooled), false),
    );
    setPhase(
      "done",
      `You took the painted photo for the real one in ${fooled.length} of ${trials.length} pairs: ${percent(rate)}.`,
    );
  }

  function open() {
    const again = rounds ? " You know the photos now: a second result cannot be pooled." : "";
    panel.replaceChildren(
      make("ol", {}, [
        make("li", {}, ["Two versions of one photo appear side by side. One is real; in the other all color was painted by the network."]),
        make("li", {}, [`After ${seconds === 1 ? "one second" : `${seconds} seconds`} both disappear. Then say which one was painted. Take your time: only looking is timed.`]),
        make("li", {}, [`First ${drills.length} for practice, with answers. Then ${tests.length} that count, without. About three minutes; you can pause.`]),
      ]),
      ...(kept ? [make("p", {}, ["Your last result: ", kept])] : []),
    );
    setPhase("start", `Can you tell painted from real?${again}`, "Start");
  }

  next.addEventListener("click", () => (root.dataset.phase === "start" ? play() : answer()));
  pause.addEventListener("click", () => setPaused(!paused));
  const onKey = (event) => {
    const side = ["ArrowLeft", "ArrowRight"].indexOf(event.key);
    if (side < 0 || ["start", "done"].includes(root.dataset.phase)) return;
    // After a click beside the figure, keys go to the page.
    if (event.target !== document.body && !root.contains(event.target)) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) choose(side);
  };
  const onHide = () => document.hidden && next.hidden && setPaused(true);
  const onLeave = (event) => unsaved && event.preventDefault(); // the browser asks
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("visibilitychange", onHide);
  window.addEventListener("beforeunload", onLeave);
  el.append(root);
  open();
  const unsettle = settle(el);
  return () => {
    unsettle();
    document.removeEventListener("keydown", onKey, true);
    document.removeEventListener("visibilitychange", onHide);
    window.removeEventListener("beforeunload", onLeave);
    urls.forEach((url) => URL.revokeObjectURL(url));
  };
}

export default { render };
