// Which of these runs is dead? One figure of each may be opened before the answer.

import { makeChart, rangeOf, runningMedian } from "./chart.js";
import { LATE, METRICS, paintSheet, readReel } from "./film.js";
import { make, settle, tie } from "./page.js";

/** @import { View } from "./page.js" */
/** @import { Metric, Reel, Run } from "./film.js" */

/** @typedef {Run & { why: string, steps: number[] }} Suspect */

const PICTURE = "picture";
/** @type {[figure: string, name: string, log: boolean][]} */
const FIGURES = [
  [PICTURE, "its pictures", false],
  ["loss", "loss", false],
  ...METRICS.slice(0, 2),
];
const ONCE = "One figure a run, until you have answered.";
const COUNTS = ["No", "One", "Two", "Three", "Four"];

/** @type {(suspect: Suspect, metric: Metric, log: boolean) => HTMLElement} */
function drawMetric({ steps, ...run }, metric, log) {
  const values = run[metric];
  const chart = makeChart(steps[steps.length - 1]);
  const range = rangeOf(
    values.filter((v) => v !== null),
    log,
  );
  const late = runningMedian(values, LATE);
  const curves = [
    { kind: "record", steps, values },
    { kind: "late", steps, values: late },
  ];
  chart.draw(curves, range);
  return chart.node;
}

/** @type {(view: View) => () => void} */
function render({ model, el }) {
  /** @type {Suspect[]} */
  const suspects = model.get("suspects");
  const dead = model.get("dead");
  const letters = suspects.map((_, i) => String.fromCharCode(65 + i));
  /** @type {Reel | undefined} */
  let reel;
  const { state, set, untie } = tie(model, ["opened", "answer"], draw);

  const cards = suspects.map((suspect, i) => {
    const stage = make("div", { class: "stage" });
    const buttons = FIGURES.map(([figure, name]) => {
      const button = make("button", { type: "button" }, [name]);
      button.addEventListener("click", () => open(i, figure));
      return button;
    });
    const group = { class: "group", role: "group", "aria-label": `Run ${letters[i]}` };
    const why = make("p", { class: "why" });
    const step = suspect.steps[suspect.steps.length - 1];
    const title = `Run ${letters[i]}, after step ${step}`;
    const node = make("section", { class: "card", "aria-label": title }, [
      make("div", { class: "title" }, [title]),
      make("div", group, buttons),
      stage,
      why,
    ]);
    return { node, stage, buttons, why };
  });
  const question = make("p", { class: "question" }, [
    `${COUNTS[letters.length] ?? letters.length} runs. One of them is dead: it will ` +
      "never learn. You may look at one figure of each, then say which.",
  ]);
  const answers = letters.map((letter, i) => {
    const button = make("button", { type: "button" }, [`I say ${letter}`]);
    button.addEventListener("click", () => {
      set({ answer: i });
      show(again, verdict);
    });
    return button;
  });
  const verdict = make("p", { class: "verdict", role: "status" });
  const again = make("button", { type: "button" }, ["play again"]);
  again.addEventListener("click", () => {
    set({ opened: suspects.map(() => ""), answer: -1 });
    show(cards[0].buttons[0], question);
  });

  // The button that was pressed is disabled or gone: the focus moves to the next.
  /** @type {(button: HTMLElement, text: HTMLElement) => void} */
  function show(button, text) {
    button.focus({ preventScroll: true });
    text.scrollIntoView({ block: "nearest" });
  }

  // Before the answer, one figure of each run; after it, any.
  /** @type {(i: number, figure: string) => void} */
  function open(i, figure) {
    const { opened } = state();
    const one = opened.map((/** @type {string} */ was, /** @type {number} */ j) =>
      i === j ? figure : was,
    );
    set({ opened: one });
  }

  /** @type {(i: number, figure: string) => HTMLElement} */
  function drawFigure(i, figure) {
    const found = FIGURES.find(([key]) => key === figure);
    if (!found) return make("p", {}, ["Which figure do you want to see?"]);
    const told = `${found[1]} of run ${letters[i]}`;
    if (figure === PICTURE) {
      const canvas = make("canvas", {
        role: "img",
        "aria-label": `Six photos: ${told}`,
      });
      if (reel) paintSheet(canvas, reel, i, 0);
      return canvas;
    }
    const node = drawMetric(suspects[i], /** @type {Metric} */ (figure), found[2]);
    node.setAttribute("aria-label", told);
    return node;
  }

  function draw() {
    const { opened, answer } = state();
    const over = answer >= 0;
    cards.forEach(({ node, stage, buttons, why }, i) => {
      stage.replaceChildren(drawFigure(i, opened[i]));
      buttons.forEach((button, j) => {
        const shown = opened[i] === FIGURES[j][0];
        button.setAttribute("aria-pressed", String(shown));
        button.disabled = !over && opened[i] !== "" && !shown;
        button.title = button.disabled ? ONCE : "";
      });
      node.classList.toggle("dead", over && i === dead);
      const told = opened[i] ? ONCE : "";
      why.textContent = over ? `${suspects[i].title}: ${suspects[i].why}` : told;
    });
    answers.forEach((button, i) => {
      button.disabled = over;
      button.setAttribute("aria-pressed", String(i === answer));
    });
    const right = answer === dead ? "Right" : `No, ${letters[dead]} is`;
    verdict.textContent = over
      ? `${right}. Each run now tells what it is, and you may open every figure.`
      : "";
    again.hidden = !over && opened.every((/** @type {string} */ name) => !name);
  }

  el.append(
    make("div", { class: "lab-figure dead-quiz" }, [
      question,
      make(
        "div",
        { class: "cards" },
        cards.map(({ node }) => node),
      ),
      make(
        "div",
        { class: "bar answers", role: "group", "aria-label": "Your answer" },
        [make("span", {}, ["Your answer:"]), ...answers],
      ),
      make("div", { class: "bar" }, [verdict, again]),
    ]),
  );
  draw();
  readReel(model).then((read) => {
    reel = read;
    draw();
  });
  return settle(el, undefined, untie);
}

export default { render };
