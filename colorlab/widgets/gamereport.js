// What is told after a round and at the end: losses as bars, and what to share.

import { labToRgb } from "./color.js";
import { compare, meanOf, shareText } from "./gamescore.js";
import { paintTruth } from "./gameview.js";
import { cssColor, make } from "./page.js";
import { tellColor } from "./plane.js";

/** @import { Pictures, Round } from "./gameview.js" */

/** @typedef {{ path: number[], mine: number, theirs: number, full: number,
 *   nothing: number, least: number }} Losses In nats: of the reader's chips at each
 *   window and at last, of the network's, of all its numbers, of the prior, and the
 *   floor. */

const VERDICTS = { "-1": "the network is closer", 0: "level", 1: "you are closer" };

/** @type {(sign: number) => string} */
const verdictOf = (sign) => VERDICTS[/** @type {0 | 1 | -1} */ (sign)];

/** @type {(i: number, count: number, losses: Losses, compare:
 *   (mine: number, theirs: number) => number) => string} */
export function tellRound(i, count, { mine, theirs }, compare) {
  return (
    `Round ${i + 1} of ${count}: you lose ${mine.toFixed(2)} nats, the network ` +
    `${theirs.toFixed(2)}: ${verdictOf(compare(mine, theirs))}.`
  );
}

// Losses as bars, the floor as a line through all of them.
/** @type {(rows: [name: string, nats: number, mine?: boolean][], least: number) =>
 *   HTMLElement} */
function makeBars(rows, least) {
  const most = Math.max(...rows.map(([, nats]) => nats));
  /** @type {typeof rows} */
  const all = [...rows, ["the floor", least]];
  const bars = all.map(([name, nats, mine]) => {
    const fill = make("span", { class: "fill" });
    fill.style.width = `${(100 * nats) / most}%`;
    const track = make("span", { class: "track" }, [fill]);
    track.style.setProperty("--floor", `${(100 * least) / most}%`);
    const parts = [make("span", {}, [name]), track, make("b", {}, [nats.toFixed(2)])];
    return make("div", { class: mine ? "loss mine" : "loss" }, parts);
  });
  return make("div", { class: "losses" }, bars);
}

const FLOOR =
  "The upright line is the floor: the truth itself is spread over five bins, so that " +
  "nobody can lose less.";

/** @type {(take: (of: (losses: Losses) => number) => number) =>
 *   [name: string, nats: number, mine?: boolean][]} */
const rowsOf = (take) => [
  ["you, ten chips", take(({ mine }) => mine), true],
  ["network, ten chips", take(({ theirs }) => theirs)],
  ["network, 313 numbers", take(({ full }) => full)],
  ["without looking", take(({ nothing }) => nothing)],
];

// `given`: what the reader and the network gave to the true bins.
/** @type {(round: Round, losses: Losses, windows: { side: number }[],
 *   given: number[]) => HTMLElement[]} */
export function makeLosses({ L, ab, lesson }, losses, windows, given) {
  const { path, least } = losses;
  const steps = path.map((nats, i) => `${windows[i].side} pixels: ${nats.toFixed(2)}`);
  const [mine, theirs] = given.map((share) => `${Math.round(100 * share)}\u00a0%`);
  const swatch = make("span", { class: "swatch" });
  swatch.style.background = cssColor(labToRgb(L, ...ab));
  return [
    make("div", { class: "picked" }, [
      swatch,
      make("span", {}, [
        `The cross is the truth: ${tellColor(ab)}. To its five bins you gave ` +
          `${mine}, the network ${theirs}.`,
      ]),
    ]),
    make("p", {}, [lesson]),
    makeBars(
      rowsOf((of) => of(losses)),
      least,
    ),
    make("p", { class: "fine" }, [
      `Cross-entropy in nats; less is better. ${FLOOR} `,
      `Your chips, window by window: ${steps.join(", ")}.`,
    ]),
  ];
}

/** @type {(round: Round, losses: Losses, opened: Promise<Pictures>) => HTMLElement} */
function makeRound(round, { mine, theirs }, opened) {
  const name = round.photo.replaceAll("-", " ");
  const canvas = make("canvas", { role: "img", "aria-label": name });
  opened.then((pictures) => paintTruth(canvas, pictures, round));
  const told = `you ${mine.toFixed(2)}, network ${theirs.toFixed(2)}: `;
  const verdict = make("b", {}, [verdictOf(compare(mine, theirs))]);
  const caption = make("figcaption", {}, [told, verdict]);
  return make("figure", {}, [canvas, caption]);
}

/** @type {(text: string) => HTMLElement[]} */
function makeShare(text) {
  const label = "Your result, to copy";
  const area = make("textarea", { readonly: "", rows: "6", "aria-label": label });
  area.value = text;
  const copy = make("button", { type: "button" }, ["Copy the text"]);
  copy.addEventListener("click", async () => {
    area.select();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      document.execCommand("copy"); // a page opened from a folder
    }
    copy.textContent = "Copied";
  });
  return [area, make("div", { class: "bar" }, [copy])];
}

/** @type {(game: { rounds: Round[], played: Losses[], windows: { side: number }[],
 *   pictures: Promise<Pictures>[], controls: HTMLElement }) =>
 *   { headline: string, nodes: HTMLElement[] }} */
export function makeReport({ rounds, played, windows, pictures, controls }) {
  const mean = (/** @type {(losses: Losses) => number} */ of) => meanOf(played.map(of));
  const won = played.filter(({ mine, theirs }) => compare(mine, theirs) > 0).length;
  const least = mean((losses) => losses.least);
  const steps = windows.map(({ side }, i) => {
    const nats = mean(({ path }) => path[i]);
    return /** @type {[string, number, boolean]} */ ([`${side} pixels`, nats, true]);
  });
  const nodes = [
    makeBars(rowsOf(mean), least),
    make("p", { class: "fine" }, [
      `Cross-entropy, mean of ${played.length} rounds, in nats; less is better. `,
      FLOOR,
    ]),
    make("p", {}, [make("strong", {}, ["What the windows were worth to you:"])]),
    makeBars(steps, least),
    make("p", {}, [make("strong", {}, ["For others:"])]),
    ...makeShare(shareText(played)),
    controls,
    make("p", { class: "fine" }, [
      "The file, for a class, holds where your chips were at each window; nothing " +
        "about you.",
    ]),
    make(
      "div",
      { class: "rounds" },
      rounds.map((round, i) => makeRound(round, played[i], pictures[i])),
    ),
  ];
  return {
    headline: `You were closer than the network in ${won} of ${played.length} rounds.`,
    nodes,
  };
}
