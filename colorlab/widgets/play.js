// A button that plays a figure by itself, and pauses it.

import { make } from "./page.js";

// A step each `beat` milliseconds, until `step` says that it was the last. `begin`
// hears that playing begins; `stop` ends it.
/** @type {(name: string, beat: number, begin: () => void, step: () => boolean) =>
 *   { button: HTMLElement, stop: () => void }} */
export function makePlay(name, beat, begin, step) {
  const button = make("button", { type: "button", class: "play" });
  let timer = 0;
  /** @type {(to: number) => void} */
  const run = (to) => {
    clearInterval(timer);
    timer = to;
    button.textContent = timer ? "\u275a\u275a pause" : `\u25b6 ${name}`;
  };
  const stop = () => run(0);
  const next = () => {
    if (step()) stop();
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    begin();
    run(window.setInterval(next, beat));
  });
  stop();
  return { button, stop };
}
