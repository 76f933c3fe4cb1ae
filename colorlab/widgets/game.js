// You are the network: ten chips on the ab plane, while the window grows.

import { softEncode } from "./bins.js";
import { connectBoard, paintBoard, sliceOf, tellBin } from "./gameboard.js";
import { makeLosses, makeReport, tellRound } from "./gamereport.js";
import {
  compare,
  countChips,
  crossEntropy,
  leastLoss,
  shareChips,
  spreadChips,
} from "./gamescore.js";
import { openPictures, paintTruth, paintWindow, shareSeen } from "./gameview.js";
import { floats, make, readFiles, settle } from "./page.js";
import { makeAddresses } from "./pictures.js";
import { centerOf } from "./plane.js";

/** @import { Losses } from "./gamereport.js" */
/** @import { Rule } from "./gamescore.js" */
/** @import { Pictures, Round } from "./gameview.js" */
/** @import { Model, View } from "./page.js" */

/** @typedef {{ name: string, side: number }} Window */
/** @typedef {{ photo: string, chips: number[][] }} Answer Bins, for each window. */
/** @typedef {{ tries: number, run: string, answers: Answer[], windows: number[][],
 *   chips: number[], told: boolean }} Kept Whole games that were played, the last
 *   one's name, and of the one played now: rounds answered, the chips of windows left
 *   behind in this round, those that lie there now, and whether the truth is told. */

const HOW = " Dashed in the photo: the window before.";
const MOVE = matchMedia("(pointer: coarse)").matches
  ? "Tap the plane to place a chip; draw a chip to move it, or off the plane."
  : "Click the plane to place a chip; drag a chip to move it, or off the plane. " +
    "Keys: arrows, Enter and Delete.";

// What lives as long as the browser's tab, also when the page is loaded again.
/** @type {(key: string) => { kept: Kept, keep: () => void }} */
function remember(key) {
  const none = { answers: [], windows: [], chips: [], told: false };
  /** @type {Kept} */
  const kept = { tries: 0, run: "", ...none };
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

/** @type {(model: Model, kept: Kept) => object} */
function makeResult(model, { run, tries, answers }) {
  return {
    kind: model.get("kind"),
    format: model.get("format"),
    rounds: model.get("version"),
    run,
    round: tries,
    answers,
  };
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {Round[]} */
  const rounds = model.get("rounds");
  /** @type {Window[]} */
  const windows = model.get("windows");
  /** @type {Rule} */
  const rule = model.get("rule");
  const files = readFiles(model);
  const centers = floats(model.get("centers"));
  const prior = floats(model.get("prior"));
  const probabilities = floats(model.get("probabilities"));
  const Q = prior.length;
  const { kept, keep } = remember(`colorlab-game-${model.get("version")}`);
  /** @type {Map<number, Promise<Pictures>>} */
  const opened = new Map();
  const { of, free } = makeAddresses();
  let cursor = 0;
  /** @type {{ L: number, slice?: HTMLCanvasElement }} */
  let shown = { L: -1 };
  let drawing = 0; // a photo that is opened late is not drawn over a newer one

  const status = make("p", { class: "status", role: "status", tabindex: "-1" });
  const view = make("canvas", { class: "view", role: "img" });
  const plane = make("canvas", { class: "plane mine", tabindex: "0" });
  const theirs = make("canvas", { class: "plane theirs", role: "img" });
  const titles = [0, 1, 2].map(() => make("div", { class: "title" }));
  const panes = [view, plane, theirs].map((canvas, i) =>
    make("div", { class: "pane" }, [titles[i], canvas]),
  );
  const picked = make("div", { class: "picked", "aria-live": "polite" });
  const tray = make("div", { class: "tray", role: "img" });
  const back = makeButton("Take one back", () => take());
  const clear = makeButton("Take all back", () => set([]));
  const hands = make("div", { class: "bar" }, [tray, back, clear]);
  const next = makeButton("", advance);
  next.className = "next";
  const under = make("div", { class: "under" });
  const how = make("p", { class: "fine how" }, [MOVE + HOW]);
  const board = make("div", { class: "board" }, [
    make("div", { class: "panes" }, panes),
    picked,
    hands,
  ]);
  const bar = make("div", { class: "bar" }, [next]);
  const root = make(
    "div",
    { class: "lab-figure game", "data-lm-suppress-shortcuts": "true" },
    [status, board, under, bar, how],
  );

  /** @type {(text: string, tell: () => void) => HTMLButtonElement} */
  function makeButton(text, tell) {
    const button = make("button", { type: "button" }, [text]);
    button.addEventListener("click", tell);
    return button;
  }

  const at = () => kept.answers.length - Number(kept.told); // the round
  const isDone = () => kept.answers.length === rounds.length && !kept.told;
  const distributionOf = (/** @type {number} */ i) =>
    probabilities.subarray(i * Q, (i + 1) * Q);

  /** @type {(i: number) => Promise<Pictures>} */
  function open(i) {
    const found = opened.get(i) ?? openPictures(files[i], rounds[i]);
    opened.set(i, found);
    return found;
  }

  // What a list of chips stands for.
  /** @type {(chips: number[]) => Float64Array} */
  const spread = (chips) =>
    spreadChips(countChips(chips, Q), prior, centers, rule.sigma, rule.priorShare);

  /** @type {(i: number, chips: number[][]) => Losses} */
  function lossesOf(i, chips) {
    const { ab } = rounds[i];
    const { neighbors, sigma } = rule;
    const lose = (/** @type {ArrayLike<number>} */ p) =>
      crossEntropy(p, ...ab, centers, neighbors, sigma);
    const path = chips.map((each) => lose(spread(each)));
    return {
      path,
      mine: path[path.length - 1],
      theirs: lose(spread(shareChips(distributionOf(i), rule.chips))),
      full: lose(distributionOf(i)),
      nothing: lose(prior),
      least: leastLoss(...ab, centers, neighbors, sigma),
    };
  }

  // The share of a distribution that lies on the bins of the truth.
  /** @type {(p: Float32Array, round: Round) => number} */
  function giveTruth(p, { ab }) {
    const target = softEncode(...ab, centers, rule.neighbors, rule.sigma);
    return target.reduce((sum, [q]) => sum + p[q], 0);
  }

  // Chips

  /** @type {(chips: number[]) => void} */
  function set(chips) {
    kept.chips = chips;
    keep();
    drawPlane();
  }

  /** @type {(q: number) => void} */
  function place(q) {
    cursor = q;
    if (kept.chips.length < rule.chips) set([...kept.chips, q]);
    else drawPlane("All ten chips are on the plane: move one, or take one back.");
  }

  // Without a number: a chip of the framed bin, or the last one.
  /** @type {(i?: number) => void} */
  function take(i = kept.chips.lastIndexOf(cursor)) {
    if (!kept.chips.length) return;
    const gone = i < 0 ? kept.chips.length - 1 : i;
    set(kept.chips.filter((_, n) => n !== gone));
  }

  connectBoard(plane, centers, {
    chips: () => kept.chips,
    active: () => root.dataset.phase === "place",
    cursor: () => cursor,
    place,
    move(i, q) {
      cursor = q;
      set(kept.chips.map((old, n) => (n === i ? q : old)));
    },
    take(i) {
      if (i >= 0) take(i);
    },
    point(q) {
      cursor = q;
      drawPlane();
    },
  });

  // Drawing

  /** @type {(note?: string) => void} */
  function drawPlane(note = "") {
    const { L } = rounds[at()];
    const { chips } = kept;
    if (L !== shown.L) shown = { L, slice: sliceOf(L) };
    paintBoard(plane, centers, { L, chips, slice: shown.slice, cursor });
    const left = rule.chips - chips.length;
    const here = chips.filter((q) => q === cursor).length;
    const center = centerOf(centers, cursor);
    picked.replaceChildren(...(note ? [note] : tellBin(L, center, here)));
    const token = (/** @type {unknown} */ _, /** @type {number} */ i) =>
      make("span", { class: i < left ? "left" : "" });
    tray.replaceChildren(...Array.from({ length: rule.chips }, token));
    tray.setAttribute("aria-label", `${left} of ${rule.chips} chips left`);
    for (const button of [back, clear]) {
      button.setAttribute("aria-disabled", String(!chips.length));
    }
    const last = kept.windows.length === windows.length - 1;
    next.textContent = last ? "Show the truth" : "See more of the photo";
    const missing = last && left > 0;
    next.setAttribute("aria-disabled", String(missing));
    if (missing) next.textContent += ` (${left} chips left to place)`;
    const lying = tellList(chips);
    plane.setAttribute("aria-label", `The ab plane. Chips: ${lying}. ${MOVE}`);
  }

  /** @type {(chips: number[]) => string} */
  function tellList(chips) {
    const told = chips.map((q) => `(${centerOf(centers, q).join(", ")})`);
    return told.length ? told.join(" ") : "none";
  }

  function drawPlacing() {
    const i = at();
    const round = rounds[i];
    const stage = kept.windows.length;
    const { name, side } = windows[stage];
    const before = stage ? windows[stage - 1].side : 0;
    const share = shareSeen(round, side);
    const percent = Math.round(100 * share);
    const part = percent ? `${percent}\u00a0%` : "less than 1\u00a0%";
    status.textContent =
      `Round ${i + 1} of ${rounds.length}, window ${stage + 1} of ${windows.length}. ` +
      "What color has the ringed spot? Bet ten chips.";
    const much = percent === 100 ? "all" : part;
    titles[0].textContent = `${side} \u00d7 ${side} pixels: ${much} of the photo`;
    titles[1].textContent = "your chips";
    view.setAttribute(
      "aria-label",
      `A gray window of ${side} by ${side} pixels round the ringed spot, which is as ` +
        `much as layer ${name} sees.`,
    );
    drawing++;
    const mine = drawing;
    open(i).then((pictures) => {
      if (mine === drawing) paintWindow(view, pictures, round, side, before);
    });
    drawPlane();
  }

  function drawTold() {
    const i = at();
    const round = rounds[i];
    const { chips } = kept.answers[i];
    const last = chips[chips.length - 1];
    const bets = shareChips(distributionOf(i), rule.chips);
    const losses = lossesOf(i, chips);
    status.textContent = tellRound(i, rounds.length, losses, compare);
    const { L, ab: truth } = round;
    titles[0].textContent = "the truth";
    titles[1].textContent = "your ten chips";
    titles[2].textContent = "the network\u2019s ten chips";
    const mine = Float32Array.from(spread(last));
    paintBoard(plane, centers, { L, chips: last, p: mine, truth });
    paintBoard(theirs, centers, { L, chips: bets, p: distributionOf(i), truth });
    plane.setAttribute("aria-label", `Your chips: ${tellList(last)}.`);
    theirs.setAttribute("aria-label", `The network\u2019s chips: ${tellList(bets)}.`);
    const name = round.photo.replaceAll("-", " ");
    view.setAttribute("aria-label", `The photo in color: ${name}.`);
    drawing++;
    const now = drawing;
    open(i).then((pictures) => {
      if (now === drawing) paintTruth(view, pictures, round);
    });
    next.textContent = i + 1 < rounds.length ? "Next round" : "See your result";
    next.setAttribute("aria-disabled", "false");
    const given = [mine, distributionOf(i)].map((p) => giveTruth(p, round));
    under.replaceChildren(...makeLosses(round, losses, windows, given));
  }

  function drawStart() {
    const sides = windows.map(({ side }) => side);
    const rules = [
      "A spot of a gray photo is ringed. You see a few pixels round it, and bet " +
        `${rule.chips} chips on colors that it may have: one place if you are sure, ` +
        "several if you are not.",
      `Then you see more: ${sides.join(", ")} pixels each way. That is how far four ` +
        "layers of the network see; the last is wider than the photo, and from a " +
        "spot near an edge misses only the far end. Each time you may place, move " +
        "and take back chips.",
      "At last the truth appears, and the network\u2019s ten chips. Who is closer " +
        "loses less.",
    ];
    const list = rules.map((rule) => make("li", {}, [rule]));
    status.textContent = `You are the network. ${rounds.length} rounds.`;
    next.textContent = "Start";
    under.replaceChildren(make("ol", {}, list));
  }

  function drawDone() {
    const played = kept.answers.map(({ chips }, i) => lossesOf(i, chips));
    const text = JSON.stringify(makeResult(model, kept), null, 1);
    const url = of(new Blob([text], { type: "application/json" }));
    const attributes = { class: "download", href: url };
    const download = `game-${kept.run.slice(0, 8)}.json`;
    const save = make("a", { ...attributes, download }, ["Download the result file"]);
    const again = makeButton("Play again", () => {
      Object.assign(kept, { answers: [], windows: [], chips: [], told: false });
      keep();
      draw();
      next.focus();
    });
    const pictures = rounds.map((_, i) => open(i));
    const controls = make("div", { class: "bar" }, [save, again]);
    const report = makeReport({ rounds, played, windows, pictures, controls });
    status.textContent = report.headline;
    under.replaceChildren(...report.nodes);
  }

  function phase() {
    if (isDone()) return "done";
    if (kept.told) return "told";
    const { length } = [...kept.windows, ...kept.chips, ...kept.answers];
    return length || begun ? "place" : "start";
  }

  function draw() {
    const now = phase();
    root.dataset.phase = now;
    board.hidden = now === "start" || now === "done";
    panes[2].hidden = now !== "told";
    picked.hidden = hands.hidden = how.hidden = now !== "place";
    under.hidden = now === "place";
    bar.hidden = now === "done";
    plane.setAttribute("role", now === "place" ? "application" : "img");
    ({ start: drawStart, place: drawPlacing, told: drawTold, done: drawDone })[now]();
  }

  let begun = false;
  function advance() {
    if (next.getAttribute("aria-disabled") === "true") return;
    if (root.dataset.phase === "start") begun = true;
    else if (kept.told) {
      Object.assign(kept, { windows: [], chips: [], told: false });
      if (isDone()) {
        const id = crypto.getRandomValues(new Uint32Array(2));
        kept.run = Array.from(id, (n) => n.toString(16).padStart(8, "0")).join("");
        kept.tries++;
      }
      cursor = gray;
    } else {
      kept.windows.push([...kept.chips]);
      if (kept.windows.length === windows.length) {
        const { photo } = rounds[at()];
        kept.answers.push({ photo, chips: kept.windows });
        kept.told = true;
      }
    }
    keep();
    draw();
    if (root.getBoundingClientRect().top < 0) root.scrollIntoView();
    const { phase: now } = root.dataset;
    const last = now === "done" ? status : next;
    (now === "place" ? plane : last).focus({ preventScroll: true });
  }

  const gray =
    Array.from(prior.keys()).find((q) => !centers[2 * q] && !centers[2 * q + 1]) ?? 0;
  cursor = gray;
  el.append(root);
  return settle(el, draw, free);
}

export default { render };
