// The photo page's worker. The page never waits for it, and it never touches the page.

import { depend, inspect, open, paint, save, start } from "./tasks.js";

/** @import { Tell } from "./loader.js" */

/** @type {Record<string, (given: any, tell: Tell) => any>} */
const TASKS = { start, open, paint, inspect, depend, save };
let queue = Promise.resolve(); // one task at a time

/** @type {(data: { id: number, task: string, [name: string]: any }) =>
 *   Promise<void>} */
async function answer({ id, task, ...given }) {
  /** @type {Tell} */
  const tell = (text, share = null) => postMessage({ id, told: { text, share } });
  try {
    const result = await TASKS[task](given, tell);
    postMessage({ id, result }, { transfer: result.bitmap ? [result.bitmap] : [] });
  } catch (error) {
    postMessage({ id, error: String(/** @type {Error} */ (error).message ?? error) });
  }
}

addEventListener("message", ({ data }) => {
  queue = queue.then(() => answer(data));
});
