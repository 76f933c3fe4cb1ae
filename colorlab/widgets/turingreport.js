// What the reader of the Turing test is told at its end.

import { make } from "./page.js";

/** @typedef {{ key: string, name: string, files: Blob[], bitmaps: ImageBitmap[],
 *   urls: string[] }} Pair Of each two, the first is real and the second painted. */
/** @typedef {{ pair: Pair, side: number, chosen?: number, ms?: number, late?: boolean,
 *   fooled?: boolean }} Trial */

const Z = 1.959963984540054; // standard errors on each side hold 95 %

/** @type {(rate: number) => string} */
export const percent = (rate) => `${Math.round(100 * rate)}\u00a0%`;

// As colorlab.evaluate.turing.rate_interval: Wilson's.
/** @type {(successes: number, trials: number) => number[]} */
export function rateInterval(successes, trials) {
  const rate = successes / trials;
  const share = Z ** 2 / trials;
  const middle = (rate + share / 2) / (1 + share);
  const half = (Z * Math.sqrt((rate * (1 - rate) + share / 4) / trials)) / (1 + share);
  return [rate, Math.min(rate, middle - half), Math.max(rate, middle + half)];
}

/** @type {(low: number, high: number, trials: number, paper: number) => string[]} */
function inWords(low, high, trials, paper) {
  let coin = "That cannot be told from guessing.";
  if (high < 0.5) coin = "You tell the two apart better than a coin would.";
  if (low > 0.5) {
    coin =
      "You are wrong more often than a coin: you do see a difference, but take the " +
      "painted photo for the real one.";
  }
  let beside = "Your interval holds the paper\u2019s";
  if (high < paper) beside = "It is less than the paper\u2019s";
  if (low > paper) beside = "It is more than the paper\u2019s";
  return [
    `With ${trials} pairs, any true rate from ${percent(low)} to ${percent(high)} is ` +
      `plausible. ${coin}`,
    `${beside} ${percent(paper)}, which is of another network, other photos and many ` +
      "people: no contest, but the same question. The photos below say more than the " +
      "number.",
  ];
}

/** @type {(name: string, rate: number, ends?: number[]) => HTMLElement} */
function makeBar(name, rate, ends) {
  const fill = make("span", { class: "fill" });
  fill.style.width = `${100 * rate}%`;
  const track = make("span", { class: "track" }, [fill]);
  if (ends) {
    const line = make("span", { class: "ends" });
    line.style.left = `${100 * ends[0]}%`;
    line.style.width = `${100 * (ends[1] - ends[0])}%`;
    track.append(line);
  }
  const told = percent(rate) + (ends ? ` (${ends.map(percent).join(" to ")})` : "");
  const parts = [make("span", {}, [name]), track, make("b", {}, [told])];
  return make("div", { class: "rate" }, parts);
}

/** @type {(title: string, trials: Trial[], open: boolean) => HTMLElement} */
function makeGallery(title, trials, open) {
  const items = trials.map(({ pair }) => {
    const sides = ["real", "painted"].map((kind, i) =>
      make("span", {}, [
        make("img", { src: pair.urls[i], alt: `${pair.name}, ${kind}` }),
        make("small", {}, [kind]),
      ]),
    );
    return make("figure", {}, [...sides, make("figcaption", {}, [pair.name])]);
  });
  const summary = make("summary", {}, [`${title} (${trials.length})`]);
  const gallery = make("div", { class: "gallery" }, items);
  const fold = make("details", {}, [summary, gallery]);
  fold.open = open;
  return fold;
}

/** @type {(trials: Trial[], paper: number, controls: HTMLElement) => HTMLElement[]} */
export function makeReport(trials, paper, controls) {
  const fooled = trials.filter((trial) => trial.fooled);
  const [rate, low, high] = rateInterval(fooled.length, trials.length);
  const bars = [
    makeBar("you", rate, [low, high]),
    makeBar("the paper", paper),
    makeBar("guessing", 0.5),
  ];
  const fine =
    "The file holds which photos fooled you, on which side they stood and how long " +
    "they were seen; nothing about you.";
  const others = trials.filter((trial) => !trial.fooled);
  return [
    make("div", { class: "bars" }, bars),
    ...inWords(low, high, trials.length, paper).map((text) => make("p", {}, [text])),
    controls,
    make("p", { class: "fine" }, [fine]),
    makeGallery("Photos that fooled you", fooled, true),
    makeGallery("Photos that did not", others, false),
  ];
}
