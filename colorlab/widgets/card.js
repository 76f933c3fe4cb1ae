// A pixel times a weight that one can edit.

import { grayOf } from "./cells.js";
import { make, withMinus } from "./page.js";

/** @import { Tap } from "./convolution.js" */

const MIDDLE = 118; // of the bytes of gray: dark letters on what is lighter

/** @type {(x: number) => string} */
export const numberOf = (x) => withMinus(String(Number(x.toFixed(3)) || 0));

// A field for a number. The keys up and down step it, by tenths with Shift.
/** @type {(label: string, tell: (value: number) => void) => HTMLInputElement} */
export function makeWeight(label, tell) {
  const attributes = { type: "number", step: "any", "aria-label": label };
  const input = make("input", attributes);
  const take = () => {
    if (input.value !== "") tell(Number(input.value));
  };
  input.addEventListener("input", take);
  input.addEventListener("keydown", (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const step = event.shiftKey ? 0.1 : 1;
    input.value = String(Number((Number(input.value) + way * step).toFixed(3)));
    take();
  });
  return input;
}

// What is being typed stays as it is.
/** @type {(input: HTMLInputElement, value: number) => void} */
export function setWeight(input, value) {
  const typed = document.activeElement === input;
  if (typed && (input.value === "" || Number(input.value) === value)) return;
  input.value = String(Number(value.toFixed(3)));
}

/** @type {(i: number, tell: (value: number) => void) => { node: HTMLElement,
 *   input: HTMLInputElement, show: (tap: Tap, weight: number) => void }} */
export function makeCard(i, tell) {
  const place = `row ${Math.floor(i / 3) + 1}, column ${(i % 3) + 1}`;
  const input = makeWeight(`Weight in ${place}`, tell);
  const [pixel, product] = ["pixel", "product"].map((name) =>
    make("span", { class: name }),
  );
  const factors = make("span", { class: "factors" }, [pixel, "\u00d7", input]);
  return {
    node: make("div", { class: "card" }, [factors, product]),
    input,
    show({ value, beyond }, weight) {
      const gray = grayOf(value, 0.5);
      pixel.textContent = numberOf(value);
      pixel.style.background = `rgb(${gray} ${gray} ${gray})`;
      pixel.style.color = gray > MIDDLE ? "#000" : "#fff";
      pixel.classList.toggle("beyond", beyond);
      product.textContent = `= ${numberOf(weight * value)}`;
    },
  };
}
