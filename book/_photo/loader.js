// What the page loads when it is asked for: the engine and the old photos.

import { make } from "../../colorlab/widgets/page.js";

/** @typedef {(text: string, share?: number | null) => void} Tell */
/** @typedef {{ T: number, size: number, centers: Float32Array }} Card */
/** @typedef {{ bitmap?: ImageBitmap, [name: string]: any }} Given */
/** @typedef {{ ask: (task: string, given?: Given) => Promise<any>,
 *   use: (network: string) => Promise<Card> }} Engine */

const script = /** @type {HTMLScriptElement} */ (document.currentScript);
export const HERE = script.src.replace(/[^/]*$/, "");
/** @type {Map<string, any>} */
const arrived = new Map();

// A page opened from a folder may read no file, but load a script: each hands over what
// it holds in an event on its own element.
/** @type {(name: string) => Promise<any>} */
export async function load(name) {
  if (arrived.has(name)) return arrived.get(name);
  const script = make("script", { src: `${HERE}${name}.js` });
  const told =
    `The file ${name}.js could not be loaded. Is the book\u2019s folder whole, or ` +
    "the connection lost? Try again.";
  await new Promise((resolve, reject) => {
    script.addEventListener("arrived", (event) => {
      arrived.set(name, /** @type {CustomEvent} */ (event).detail);
    });
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(told)));
    document.head.append(script);
  }).finally(() => script.remove());
  return arrived.get(name);
}

// A worker that answers: ask(task, given) promises the result, tell hears of progress.
// A bitmap is handed over: it is the worker's from then on.
/** @type {(tell: Tell) => Promise<Engine>} */
export async function startWorker(tell) {
  const { worker: source, ...parts } = await load("engine");
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url);
  /** @type {Map<number, { resolve: (result: any) => void,
   *   reject: (error: Error) => void }>} */
  const waiting = new Map();
  let last = 0;
  worker.onmessage = ({ data: { id, told, result, error } }) => {
    if (told) {
      tell(told.text, told.share);
      return;
    }
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(result);
    else asked?.reject(new Error(error));
  };
  worker.onerror = ({ message }) => {
    const error = new Error(message || "The worker does not start.");
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  /** @type {Engine["ask"]} */
  const ask = (task, more = {}) =>
    new Promise((resolve, reject) => {
      last++;
      waiting.set(last, { resolve, reject });
      worker.postMessage({ id: last, task, ...more }, more.bitmap ? [more.bitmap] : []);
    });
  return {
    ask,
    use: async (name) => ask("start", { ...parts, program: await load(name) }),
  };
}

// What the page needs of a browser, in words; empty if it has all.
export function missing() {
  const wanted = {
    Worker: "workers",
    WebAssembly: "WebAssembly",
    OffscreenCanvas: "offscreen canvases",
    createImageBitmap: "image bitmaps",
  };
  return Object.entries(wanted).flatMap(([name, told]) =>
    name in window ? [] : [told],
  );
}
