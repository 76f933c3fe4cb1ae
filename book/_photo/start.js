// Where the reader chooses a photo: a file, a dropped one, or one of the old ones.

import { make } from "../../colorlab/widgets/page.js";
import { HERE, load } from "./loader.js";
import { SAMPLES } from "./samples.js";

/** @typedef {(blob: Blob, name: string, sample?: string) => void} Open */

/** @type {(open: Open) => HTMLElement} */
function makePicker(open) {
  const input = make("input", { type: "file", accept: "image/*", hidden: "" });
  const button = make("button", { type: "button", class: "main" }, ["Choose a photo"]);
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    if (file) open(file, file.name);
    input.value = ""; // the same file may be chosen again
  });
  const told = make("p", {}, ["or drop or paste one anywhere on this page."]);
  return make("div", { class: "drop" }, [button, told, input]);
}

/** @type {(drop: HTMLElement, open: Open) => void} */
function listenToDrops(drop, open) {
  const held = (/** @type {DragEvent} */ event) =>
    Boolean(event.dataTransfer?.types.includes("Files"));
  /** @type {(event: DragEvent) => void} */
  const hover = (event) => {
    if (!held(event)) return;
    event.preventDefault();
    drop.classList.add("over");
  };
  document.addEventListener("dragenter", hover);
  document.addEventListener("dragover", hover);
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    const [file] = clipboardData?.files ?? [];
    if (file) open(file, "Pasted picture");
  });
  document.addEventListener("drop", (event) => {
    drop.classList.remove("over");
    if (!held(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) open(file, file.name);
  });
}

/** @type {(open: Open, complain: (error: Error) => void) => { node: HTMLElement,
 *   press: (sample?: string) => void }} */
export function makeStart(open, complain) {
  const names = Object.keys(SAMPLES);
  const samples = names.map((name) => {
    const thumbnail = { src: `${HERE}${name}.jpg`, alt: "", width: 150, height: 100 };
    const choice = make("button", { type: "button", "aria-pressed": "false" }, [
      make("img", thumbnail),
      SAMPLES[name],
    ]);
    choice.addEventListener("click", async () => {
      try {
        const letters = atob(await load(name));
        const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
        open(new Blob([bytes], { type: "image/jpeg" }), SAMPLES[name], name);
      } catch (error) {
        complain(/** @type {Error} */ (error));
      }
    });
    return choice;
  });
  const drop = makePicker(open);
  listenToDrops(drop, open);
  return {
    node: make("div", {}, [
      drop,
      make("p", {}, ["Or take an old one:"]),
      make("div", { class: "samples" }, samples),
    ]),
    press(chosen) {
      samples.forEach((choice, i) => {
        choice.setAttribute("aria-pressed", String(names[i] === chosen));
      });
    },
  };
}
